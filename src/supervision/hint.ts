import type { ContainerSummary, EngineEvent } from '../engine/port.ts'
import { hasEnded } from '../namespaces.ts'
import type { Ownership } from '../owner.ts'

const begins: ReadonlySet<string> = new Set(['create', 'start', 'restart', 'unpause', 'rename'])
/** In the words of dockerd and of Podman. */
const ends: ReadonlySet<string> = new Set(['die', 'died', 'stop', 'destroy', 'remove'])
const removes: ReadonlySet<string> = new Set(['destroy', 'remove'])

/**
 * Whether an event says something that the last listing did not show, so that another one is worth while. Most events of
 * a busy host do not: health checks, what foreign containers do, and what is known already.
 */
export function isNews(
  { action, labels, name }: EngineEvent,
  known: ContainerSummary | undefined,
  ownership: Ownership,
): boolean {
  // What is mounted is not told: of those that only their mounts give away, nothing is heard before the next look.
  if (!known) return begins.has(action) && ownership.owns({ labels, names: [name], mountTargets: [] })
  if (removes.has(action)) return true
  if (ends.has(action)) return !hasEnded(known)
  if (action === 'pause') return known.state !== 'paused'
  return begins.has(action) && action !== 'create' && known.state !== 'running'
}
