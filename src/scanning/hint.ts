import type { ContainerSummary } from '../domain/container.ts'
import type { EngineEvent } from '../engine/port.ts'
import { hasEnded } from '../policy/namespaces.ts'
import type { Ownership } from '../policy/ownership.ts'

const begins: ReadonlySet<string> = new Set(['create', 'start', 'restart', 'unpause', 'rename'])
/** Event actions of dockerd and Podman. */
const ends: ReadonlySet<string> = new Set(['die', 'died', 'stop', 'destroy', 'remove'])
const removes: ReadonlySet<string> = new Set(['destroy', 'remove'])

/** The actions that can be news. Foreign containers are followed too: a guest may be foreign to the owner of its holder. */
export const actionsFollowed: readonly string[] = [...begins, ...ends, 'pause']

/** What is known of the container that an event is about. */
interface Subject {
  /** Its entry in the last listing, if it is owned. */
  readonly known: ContainerSummary | undefined
  /** It depends on another container, which may have to be judged again once it is gone. */
  readonly isGuest: boolean
  readonly ownership: Ownership
}

/**
 * Whether an event reports something that the last listing did not show and therefore warrants a scan. Most events on a
 * busy host do not: health checks, foreign containers and changes that are already known.
 */
export function isNews(
  { action, labels, name }: EngineEvent,
  { known, isGuest, ownership }: Subject,
): boolean {
  if (isGuest && removes.has(action)) return true
  // Events do not include mounts, so containers owned only by their mounts are found by the next scan.
  if (!known) return begins.has(action) && ownership.owns({ labels, names: [name], mountTargets: [] })
  if (removes.has(action)) return true
  if (ends.has(action)) return !hasEnded(known)
  if (action === 'pause') return known.state !== 'paused'
  return begins.has(action) && action !== 'create' && known.state !== 'running'
}
