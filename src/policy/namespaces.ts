import type { ContainerSummary, SharedNamespaces } from '../domain/container.ts'
import type { ContainerId } from '../domain/ids.ts'

const shared = 'container:'
/** A network created with `ip netns`, which belongs to no container: engines name theirs `netns-` or `cni-` and an id. */
const namedNetwork = /^ns:\/(?:var\/)?run\/netns\/(?!(?:netns|cni)-[0-9a-f-]+$)[\w-][\w.-]*$/
/** Podman can join a namespace by path. A path does not identify a container, because it has many spellings. */
const byPath = 'ns:'

/** A listed container and the namespaces it shares with others. */
export interface Sharer {
  readonly container: ContainerSummary
  readonly namespaces: SharedNamespaces
}

/** Which containers use a namespace or the cgroup of another one. */
export interface Sharing {
  /** All listed containers that would stop or lose a namespace without this one, including guests of its guests. */
  guestsOf(holder: ContainerSummary): readonly ContainerSummary[]
}

/**
 * Finds the dependencies among all containers of one unfiltered listing: a shared network, pid, ipc or uts namespace, a
 * nested cgroup, or a dependency reported by the engine. Depending on the engine, a guest refers to its holder by id, id
 * prefix or name; all are matched, because a false match only spares a container.
 */
export function sharingAmong(sharers: readonly Sharer[]): Sharing {
  const guests = new Map<string, ContainerSummary[]>()
  const pathSharers: ContainerSummary[] = []
  const prefixes: string[] = []
  for (const { container, namespaces } of sharers) {
    for (const holder of holdersOf(namespaces)) {
      const known = guests.get(holder)
      if (known) known.push(container)
      else {
        guests.set(holder, [container])
        if (holder.length < 64) prefixes.push(holder)
      }
    }
    if (joinsByPath(namespaces)) pathSharers.push(container)
  }
  if (guests.size === 0 && pathSharers.length === 0) return { guestsOf: () => noGuests }
  const directGuestsOf = ({ id, names }: ContainerSummary) => {
    // If the engine returned no name for it, any reference by name may mean it.
    const mayMean = (called: string) => called !== '' && (names.length === 0 || id.startsWith(called))
    const called = new Set([id, ...names, ...prefixes.filter(mayMean)])
    return [...[...called].flatMap((name) => guests.get(name) ?? []), ...pathSharers]
  }
  return {
    guestsOf: (holder) => {
      const met = new Set([holder.id])
      const hosts = [holder]
      // The loop also visits the guests added during the iteration.
      for (const host of hosts) {
        for (const guest of directGuestsOf(host)) {
          if (met.has(guest.id)) continue
          met.add(guest.id)
          hosts.push(guest)
        }
      }
      return hosts.slice(1)
    },
  }
}

function joinsByPath({ network, pid, ipc, uts }: SharedNamespaces): boolean {
  return [pid, ipc, uts, namedNetwork.test(network) ? '' : network].some((mode) => mode.startsWith(byPath))
}

/** Creation times in listings have a resolution of one second. */
const creationErrorMs = 1000

/** A container can only join the namespaces of an older one. */
export function mayHaveJoined(guest: ContainerSummary, holder: ContainerSummary): boolean {
  if (guest.id === holder.id) return false
  if (guest.createdAtMs === undefined || holder.createdAtMs === undefined) return true
  return holder.createdAtMs <= guest.createdAtMs + creationErrorMs
}

function modesOf({ network, pid, ipc, uts }: SharedNamespaces): readonly string[] {
  return [network, pid, ipc, uts]
}

/** Returns its references to the containers that it depends on. */
export function holdersOf(namespaces: SharedNamespaces): ReadonlySet<string> {
  const modes = modesOf(namespaces).filter((mode) => mode.startsWith(shared))
  return new Set([
    ...modes.map((mode) => mode.slice(shared.length).replace(/^\//, '')),
    ...namespaces.dependencies,
    ...(namespaces.cgroupParent.match(/[0-9a-f]{64}/g) ?? []),
  ])
}

/** Whether it depends on another container at all. */
export function isGuest(namespaces: SharedNamespaces): boolean {
  return holdersOf(namespaces).size > 0 || joinsByPath(namespaces)
}

const ended = new Set(['exited', 'dead', 'stopped'])

/** Whether a container's processes have exited, so that it uses no namespace. */
export function hasEnded({ state }: Pick<ContainerSummary, 'state'>): boolean {
  return ended.has(state)
}

const noGuests: readonly ContainerSummary[] = []
const unprotected: Guests = { protecting: undefined, ended: [] }

export interface Guests {
  readonly protecting: ContainerId | undefined
  readonly ended: readonly ContainerSummary[]
}

/**
 * Determines which guest protects the holder, and which ended guests do not. An ended guest that is owned, untracked, not
 * kept and out of every grace does not protect its holder; any other guest does.
 */
export function weighGuests(
  guests: readonly ContainerSummary[],
  isSurelyForgotten: (guest: ContainerSummary) => boolean,
): Guests {
  // The common case.
  if (guests.length === 0) return unprotected
  const isHarmless = (guest: ContainerSummary) => hasEnded(guest) && isSurelyForgotten(guest)
  return {
    protecting: guests.find((guest) => !isHarmless(guest))?.id,
    ended: guests.filter(isHarmless),
  }
}
