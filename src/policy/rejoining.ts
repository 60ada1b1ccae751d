import type { ContainerSummary, HolderMarks, Shares } from '../domain/container.ts'
import { type ContainerId, parseContainerId } from '../domain/ids.ts'
import { existedAt, type Joining, type NameReference, namesIn, pathsIn, type Space } from './namespaces.ts'

/** What is known of a guest whose holder may be another one after each start. */
export interface Rejoined {
  readonly startedAtMs: number | undefined
  /** The holders at its last start, by the name that it refers to. Empty for an id prefix, which needs no memory. */
  readonly joined: ReadonlyMap<string, readonly ContainerId[]>
  /** All containers whose namespaces it uses, or would use if it were started now. */
  readonly holders: readonly ContainerId[]
  /** Set if it uses those of a container that is unknown. */
  readonly unknown: Joining | undefined
}

/** The listed containers by what they are called. */
export interface Named {
  byName(name: string): readonly ContainerSummary[]
  /** The oldest container whose id starts so. An id does not change, so its own guests are found by it. */
  oldestWithId(prefix: string): ContainerSummary | undefined
  /** Whether every listed container's name is known. */
  readonly areNamed: boolean
}

/**
 * protected: finds the holders of a guest that refers to them by name or by path. It uses the namespaces of what had the
 * name at its last start, and would use those of what has it now. If it is not running, a path or a name that no container
 * has does not say what it will use. Pure.
 *
 * @param before what was known of it after an earlier listing, if anything
 */
export function rejoined(
  guest: ContainerSummary,
  inspection: Shares,
  listed: Named,
  before: Rejoined | undefined,
): Rejoined {
  const { namespaces, selfMarks, startedAtMs } = inspection
  const names = namesIn(namespaces)
  const now = names.flatMap((name) => listed.byName(name.called).map(({ id }) => id))
  const isAtRest = (guest.unreadable !== undefined || isIdle(guest)) && isIdle(inspection)
  if (isAtRest && startedAtMs === undefined)
    return { startedAtMs, joined: new Map(), holders: now, unknown: undefined }
  const shown = holdersShown(selfMarks).filter((id) => id !== guest.id)
  const joined = new Map(before?.startedAtMs === startedAtMs ? before?.joined : undefined)
  const unknown = new Set<Space>(pathsIn(namespaces))
  for (const name of names) {
    const holders = isShown(name, shown)
      ? shown
      : (joined.get(name.called) ?? holdersAt(startedAtMs, name, listed))
    if (holders) joined.set(name.called, holders)
    else unknown.add(name.space)
  }
  return {
    startedAtMs,
    joined,
    holders: [...new Set([...now, ...[...joined.values()].flat()])],
    unknown:
      isAtRest || unknown.size === 0
        ? undefined
        : { guest: guest.id, spaces: [...unknown], beforeMs: startedAtMs },
  }
}

/** Podman's `stopped` is missing: a restart policy may be about to start it again. */
const idle: ReadonlySet<string> = new Set(['created', 'exited', 'dead'])

function isIdle({ state }: { readonly state: string }): boolean {
  return idle.has(state)
}

/** Undefined if they are unknown. A container that was created since cannot be the one that had the name. */
function holdersAt(
  startedAtMs: number | undefined,
  { called }: NameReference,
  listed: Named,
): readonly ContainerId[] | undefined {
  if (!listed.areNamed) return undefined
  const named = listed.byName(called).flatMap((one) => (existedAt(one, startedAtMs) ? [one.id] : []))
  const oldest = listed.oldestWithId(called)
  return named.length > 0 || (oldest && existedAt(oldest, startedAtMs)) ? named : undefined
}

function isShown({ space }: NameReference, shown: readonly ContainerId[]): boolean {
  return space === 'network' && shown.length > 0
}

const fileOfHolder = /\/containers\/([0-9a-f]{64})\/(?:hostname|hosts|resolv\.conf)$/

/** dockerd mounts these files of the network's holder, and writes their paths at each start of the guest. */
function holdersShown({ hostnamePath, hostsPath, resolvConfPath }: HolderMarks): readonly ContainerId[] {
  return [hostnamePath, hostsPath, resolvConfPath].flatMap((path) => {
    const id = parseContainerId(fileOfHolder.exec(path)?.[1])
    return id ? [id] : []
  })
}
