import type { ContainerSummary, SharedNamespaces } from '../domain/container.ts'
import type { ContainerId } from '../domain/ids.ts'

const shared = 'container:'
/** A network created with `ip netns`, which belongs to no container: engines name theirs `netns-` or `cni-` and an id. */
const namedNetwork = /^ns:\/(?:var\/)?run\/netns\/(?!(?:netns|cni)-[0-9a-f-]+$)[\w-][\w.-]*$/
const pathPrefix = 'ns:'

/** A listed container and the namespaces it shares with others. */
export interface Sharer {
  readonly container: ContainerSummary
  readonly namespaces: SharedNamespaces
}

/** Which containers use a namespace or the cgroup of another one. Each answer takes time linear in the number of sharers. */
export interface Sharing {
  /** All listed containers that would stop or lose a namespace without this one, including guests of its guests. */
  guestsOf(holder: ContainerSummary): readonly ContainerSummary[]
  hasGuests(holder: ContainerSummary): boolean
  /**
   * Finds for each holder one of its guests, or of their guests, that is not harmless. Each guest is asked about once,
   * however many holders it has.
   */
  protection(
    isHarmless: (guest: ContainerSummary) => boolean,
  ): (holder: ContainerSummary) => ContainerId | undefined
}

/** How a guest refers to its holder: by id, id prefix or name; or in a way that may mean several containers. */
type Reference = string | symbol
/** Any reference that may be a name may mean a container for which the engine returned none. */
const byAnyName = Symbol('by any name')
/** Podman can join a namespace by path. A path does not identify a container, because it has many spellings. */
const byPath = Symbol('by path')

/**
 * Finds the dependencies among all containers of one unfiltered listing: a shared network, pid, ipc or uts namespace, a
 * nested cgroup, or a dependency reported by the engine. Depending on the engine, a guest refers to its holder by id, id
 * prefix or name; all are matched, because a false match only spares a container.
 */
export function sharingAmong(sharers: readonly Sharer[]): Sharing {
  const guests = new Map<Reference, ContainerSummary[]>()
  const lengths = new Set<number>()
  for (const { container, namespaces } of sharers) {
    for (const reference of referencesBy(namespaces)) {
      addTo(guests, reference, container)
      if (typeof reference === 'string' && reference !== '' && reference.length < 64)
        lengths.add(reference.length)
    }
  }
  if (guests.size === 0) return nothingShared

  function referencesTo({ id, names }: ContainerSummary): readonly Reference[] {
    const prefixes = [...lengths].map((length) => id.slice(0, length))
    const called: readonly Reference[] = names.length === 0 ? [byAnyName] : names
    return [id, ...called, ...prefixes, byPath].filter((reference) => guests.has(reference))
  }

  return {
    guestsOf(holder) {
      const met = new Set([holder.id])
      const followed = new Set<Reference>()
      const hosts = [holder]
      // The loop also visits the guests added during the iteration.
      for (const host of hosts) {
        for (const reference of referencesTo(host)) {
          if (followed.has(reference)) continue
          followed.add(reference)
          for (const guest of guests.get(reference) ?? []) {
            if (met.has(guest.id)) continue
            met.add(guest.id)
            hosts.push(guest)
          }
        }
      }
      return hosts.slice(1)
    },
    hasGuests: (holder) => referencesTo(holder).length > 0,
    protection(isHarmless) {
      const protectors = protectorsOf(sharers, referencesTo, isHarmless)
      return (holder) => {
        for (const reference of referencesTo(holder)) {
          const protecting = protectors.get(reference)?.find((id) => id !== holder.id)
          if (protecting) return protecting
        }
        return undefined
      }
    },
  }
}

const nothingShared: Sharing = {
  guestsOf: () => [],
  hasGuests: () => false,
  protection: () => () => undefined,
}

/**
 * Follows references from the guests that are not harmless to their holders, and on to the holders of these. Returns which
 * guests protect what a reference means: two of them are enough, since a guest in a cycle does not protect itself.
 */
function protectorsOf(
  sharers: readonly Sharer[],
  referencesTo: (holder: ContainerSummary) => readonly Reference[],
  isHarmless: (guest: ContainerSummary) => boolean,
): ReadonlyMap<Reference, readonly ContainerId[]> {
  const made = new Map<ContainerId, Set<Reference>>()
  const hosts = new Map<Reference, ContainerId[]>()
  const next: { readonly guest: ContainerId; readonly protecting: ContainerId }[] = []
  for (const { container, namespaces } of sharers) {
    const { id } = container
    if (!isHarmless(container)) next.push({ guest: id, protecting: id })
    const references = made.get(id) ?? new Set()
    made.set(id, references)
    for (const reference of referencesBy(namespaces)) references.add(reference)
    for (const reference of referencesTo(container)) addTo(hosts, reference, id)
  }
  const protectors = new Map<Reference, ContainerId[]>()
  const reached = new Map<ContainerId, ContainerId[]>()
  // The loop also visits the holders added during the iteration.
  for (const { guest, protecting } of next) {
    for (const reference of made.get(guest) ?? []) {
      if (!addUpToTwo(protectors, reference, protecting)) continue
      for (const host of hosts.get(reference) ?? [])
        if (host !== protecting && addUpToTwo(reached, host, protecting))
          next.push({ guest: host, protecting })
    }
  }
  return protectors
}

function addTo<TKey, TValue>(map: Map<TKey, TValue[]>, key: TKey, value: TValue): void {
  const known = map.get(key)
  if (known) known.push(value)
  else map.set(key, [value])
}

/** Whether the value is new to the key, which has room for two. */
function addUpToTwo<TKey, TValue>(map: Map<TKey, TValue[]>, key: TKey, value: TValue): boolean {
  const known = map.get(key)
  if (known && (known.length === 2 || known.includes(value))) return false
  addTo(map, key, value)
  return true
}

function referencesBy(namespaces: SharedNamespaces): readonly Reference[] {
  const holders = [...holdersOf(namespaces)]
  return [
    ...holders,
    ...(holders.some((called) => called !== '' && called.length < 64) ? [byAnyName] : []),
    ...(joinsByPath(namespaces) ? [byPath] : []),
  ]
}

function joinsByPath({ network, pid, ipc, uts }: SharedNamespaces): boolean {
  return [pid, ipc, uts, namedNetwork.test(network) ? '' : network].some((mode) =>
    mode.startsWith(pathPrefix),
  )
}

/** Creation times in listings have a resolution of one second. */
const creationErrorMs = 1000

/**
 * Whether one of these containers may use a holder's namespaces, as far as their ages say: a container can only join those
 * of an older one.
 */
export function mayHaveJoined(unknown: readonly ContainerSummary[]): (holder: ContainerSummary) => boolean {
  // The two youngest decide, since none is its own guest.
  let youngest: ContainerSummary | undefined
  let second: ContainerSummary | undefined
  for (const one of unknown) {
    if (one.id === youngest?.id) youngest = younger(one, youngest)
    else if (youngest === undefined || younger(one, youngest) === one) [youngest, second] = [one, youngest]
    else second = second === undefined ? one : younger(one, second)
  }
  return (holder) => {
    const guest = youngest?.id === holder.id ? second : youngest
    if (guest === undefined) return false
    return (holder.createdAtMs ?? -Infinity) <= createdAt(guest) + creationErrorMs
  }
}

function createdAt({ createdAtMs = Infinity }: ContainerSummary): number {
  return createdAtMs
}

function younger(one: ContainerSummary, other: ContainerSummary): ContainerSummary {
  return createdAt(one) > createdAt(other) ? one : other
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

/** The guests of one holder, weighed. */
export interface Guests {
  readonly protecting: ContainerId | undefined
  /**
   * All guests of a holder that none of them protects. Computed when called: those of a long chain would otherwise be
   * listed once for each of their holders.
   */
  readonly ended: () => readonly ContainerSummary[]
}

export const noGuests: Guests['ended'] = () => []

/**
 * Determines which guest protects each holder, and which ended guests do not. An ended guest that is owned, untracked, not
 * kept and out of every grace does not protect its holder; any other guest does.
 */
export function weighGuests(
  sharing: Sharing,
  isSurelyForgotten: (guest: ContainerSummary) => boolean,
): (holder: ContainerSummary) => Guests {
  const protectingOf = sharing.protection((guest) => hasEnded(guest) && isSurelyForgotten(guest))
  return (holder) => {
    const protecting = protectingOf(holder)
    const hasEndedGuests = protecting === undefined && sharing.hasGuests(holder)
    return { protecting, ended: hasEndedGuests ? () => sharing.guestsOf(holder) : noGuests }
  }
}
