import type { Clock } from '../domain/clock.ts'
import type { ContainerSummary } from '../domain/container.ts'
import type { ContainerId } from '../domain/ids.ts'
import { inSlices } from '../domain/slices.ts'
import type { ListingFault } from '../domain/verdict.ts'
import { ListingFaults } from '../policy/listing-faults.ts'
import type { Ownership } from '../policy/ownership.ts'
import type { SelfTest } from '../self/self-test.ts'
import type { Groups, ListedGroups } from './groups.ts'

/** The facts that follow from a listing alone. */
export interface OwnedSet {
  /** The owned containers, without duplicates, in the engine's order. */
  readonly owned: readonly ContainerSummary[]
  /** All containers, including foreign ones. */
  readonly listed: readonly ContainerSummary[]
  /** Containers whose entry cannot be relied on. */
  readonly faults: ReadonlyMap<ContainerId, ListingFault>
  /** A container whose entry could not be read, if there is one. */
  readonly unread: ContainerSummary | undefined
  readonly groups: ListedGroups
  /** A container's index in `owned`; -1 if it is not owned. */
  readonly indexOf: (id: ContainerId) => number
}

export interface OwnedSetOptions {
  readonly clock: Clock
  readonly ownership: Ownership
  readonly groups: Groups
  readonly self: SelfTest
}

export async function readOwnedSet(
  containers: readonly ContainerSummary[],
  { clock, groups, ownership, self }: OwnedSetOptions,
  signal: AbortSignal,
): Promise<OwnedSet> {
  const owned = new Map<ContainerId, ContainerSummary>()
  const faults = new ListingFaults()
  const listedGroups = groups.in(containers)
  let unread: ContainerSummary | undefined
  await inSlices(containers, clock, signal, (container) => {
    faults.note(container)
    if (container.unreadable !== undefined) unread ??= container
    // A configured name is searched among all containers; once found, no other container is our own.
    self.suspects(container)
    const isOwned = ownership.owns(container) || listedGroups.ownsHelper(container)
    if (isOwned && !owned.has(container.id)) owned.set(container.id, container)
  })
  const ownedList = [...owned.values()]
  return {
    owned: ownedList,
    listed: containers,
    faults: faults.found(),
    unread,
    groups: listedGroups,
    indexOf: indexIn(ownedList),
  }
}

/** Built lazily, since it is rarely needed. */
function indexIn(owned: readonly ContainerSummary[]): OwnedSet['indexOf'] {
  let indexes: ReadonlyMap<ContainerId, number> | undefined
  return (id) => (indexes ??= new Map(owned.map((container, index) => [container.id, index]))).get(id) ?? -1
}
