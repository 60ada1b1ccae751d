import type { ContainerSummary, SharedNamespaces } from '../domain/container.ts'
import { type ContainerId, parseContainerId } from '../domain/ids.ts'

const shared = 'container:'
/** Podman can join a namespace by path. */
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
  /** Whether a guest has never run, and refers to a holder by a name that a start would resolve. */
  awaitsHolder(guest: ContainerSummary): boolean
  /**
   * Finds for each holder one of its guests, or of their guests, that is not harmless. Each guest is asked about once,
   * however many holders it has.
   */
  protection(
    isHarmless: (guest: ContainerSummary) => boolean,
  ): (holder: ContainerSummary) => ContainerId | undefined
}

/** How a guest refers to its holder: by id, id prefix or name; or by a name that may mean several containers. */
type Reference = string | symbol
/** Any reference that may be a name may mean a container for which the engine returned none. */
const byAnyName = Symbol('by any name')

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
  const awaiting = new Set(sharers.filter(isAwaitingHolder).map(({ container }) => container.id))

  function referencesTo({ id, names }: ContainerSummary): readonly Reference[] {
    const prefixes = [...lengths].map((length) => id.slice(0, length))
    const called: readonly Reference[] = names.length === 0 ? [byAnyName] : names
    return [id, ...called, ...prefixes].filter((reference) => guests.has(reference))
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
    awaitsHolder: ({ id }) => awaiting.has(id),
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
  awaitsHolder: () => false,
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

function isAwaitingHolder({ container, namespaces }: Sharer): boolean {
  return container.state === 'created' && namesIn(namespaces).length > 0
}

function referencesBy(namespaces: SharedNamespaces): readonly Reference[] {
  const holders = [...holdersOf(namespaces)]
  return [...holders, ...(holders.some((called) => called !== '' && called.length < 64) ? [byAnyName] : [])]
}

const spaces = ['network', 'pid', 'ipc', 'uts'] as const

/** What containers share; `other` is a cgroup or a dependency. */
export type Space = (typeof spaces)[number] | 'other'

const everySpace: readonly Space[] = [...spaces, 'other']

/** A guest whose holder is unknown. */
export interface Joining {
  readonly guest: ContainerId
  /** What it shares; everything if that is unknown too. */
  readonly spaces?: readonly Space[] | undefined
  /** The holder was created before. By the engine's clock; undefined if unknown. */
  readonly beforeMs: number | undefined
}

/** Creation times in listings have a resolution of one second. */
const creationErrorMs = 1000

/** Whether a container is old enough for a guest to have joined it at that time. */
export function existedAt({ createdAtMs = -Infinity }: ContainerSummary, atMs = Infinity): boolean {
  return createdAtMs <= atMs + creationErrorMs
}

/** Whether one of these guests may use a holder's namespaces, as far as the holder's age and its own namespaces say. */
export function mayHaveJoined(
  joinings: readonly Joining[],
): (holder: ContainerSummary, namespaces: SharedNamespaces | undefined) => boolean {
  const latest = new Map<Space, readonly Joining[]>()
  for (const joining of joinings)
    for (const space of joining.spaces ?? everySpace)
      latest.set(space, latestTwo([...(latest.get(space) ?? []), joining]))
  return (holder, namespaces) =>
    [...latest].some(
      ([space, guests]) =>
        hasItsOwn(space, namespaces) &&
        guests.some(({ beforeMs, guest }) => guest !== holder.id && existedAt(holder, beforeMs)),
    )
}

/** The two latest guests decide, since none is its own guest. */
function latestTwo(joinings: readonly Joining[]): readonly Joining[] {
  const sorted = joinings.toSorted((one, other) => (isLater(one, other) ? -1 : 1))
  return sorted.filter(({ guest }, at) => sorted.findIndex((one) => one.guest === guest) === at).slice(0, 2)
}

function isLater({ beforeMs: one = Infinity }: Joining, { beforeMs: other = Infinity }: Joining): boolean {
  return one > other
}

/** What a container shares with others is not its own, and exists without it. */
function hasItsOwn(space: Space, namespaces: SharedNamespaces | undefined): boolean {
  if (namespaces === undefined || space === 'other') return true
  return !namespaces[space].startsWith(shared) && !namespaces[space].startsWith(pathPrefix)
}

/** A reference to a holder by name or by an id prefix. */
export interface NameReference {
  readonly space: Space
  readonly called: string
}

/**
 * The references by name or id prefix. dockerd replaces a name by an id at creation, unless it is that of a network's
 * holder and no container has it. Such a name is resolved again at each start.
 */
export function namesIn(namespaces: SharedNamespaces): readonly NameReference[] {
  return [
    ...spaces
      .filter((space) => namespaces[space].startsWith(shared))
      .map((space) => ({ space, called: holderIn(namespaces[space]) })),
    ...namespaces.dependencies.map((called) => ({ space: 'other' as const, called })),
  ].filter(({ called }) => !parseContainerId(called))
}

/**
 * The namespaces that it joins by path. A path may lead to any container's, whatever it looks like: `ip netns attach` and
 * symbolic links give other names to a container's network. Podman follows it again at each start.
 */
export function pathsIn(namespaces: SharedNamespaces): readonly Space[] {
  return spaces.filter((space) => namespaces[space].startsWith(pathPrefix))
}

/** Whether its holder may be another one after each start. */
export function rejoins(namespaces: SharedNamespaces): boolean {
  return pathsIn(namespaces).length > 0 || namesIn(namespaces).length > 0
}

function holderIn(mode: string): string {
  return mode.slice(shared.length).replace(/^\//, '')
}

/** Returns its references to the containers that it depends on. */
export function holdersOf(namespaces: SharedNamespaces): ReadonlySet<string> {
  const modes = spaces.map((space) => namespaces[space]).filter((mode) => mode.startsWith(shared))
  return new Set([
    ...modes.map(holderIn),
    ...namespaces.dependencies,
    ...(namespaces.cgroupParent.match(/[0-9a-f]{64}/g) ?? []),
  ])
}

/** Whether it depends on another container at all. */
export function isGuest(namespaces: SharedNamespaces): boolean {
  return holdersOf(namespaces).size > 0 || pathsIn(namespaces).length > 0
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
 * kept and out of every grace does not protect its holder; any other guest does. One that never ran and refers to its
 * holder by name counts as ended: two such guests could be each other's holders, and neither would ever be removed.
 */
export function weighGuests(
  sharing: Sharing,
  isSurelyForgotten: (guest: ContainerSummary) => boolean,
): (holder: ContainerSummary) => Guests {
  const isNotRunning = (guest: ContainerSummary) => hasEnded(guest) || sharing.awaitsHolder(guest)
  const protectingOf = sharing.protection((guest) => isNotRunning(guest) && isSurelyForgotten(guest))
  return (holder) => {
    const protecting = protectingOf(holder)
    const hasEndedGuests = protecting === undefined && sharing.hasGuests(holder)
    return { protecting, ended: hasEndedGuests ? () => sharing.guestsOf(holder) : noGuests }
  }
}
