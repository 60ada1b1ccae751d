import type { ContainerSummary } from '../domain/container.ts'
import { type ContainerId, parseContainerId } from '../domain/ids.ts'
import type { ListingFault } from '../domain/verdict.ts'

/** exact-id: collects ids in a listing that could refer to more than one container, or whose entry could not be read. */
export class ListingFaults {
  readonly #seen = new Set<ContainerId>()
  readonly #twice = new Set<ContainerId>()
  readonly #unread = new Set<ContainerId>()
  /** Containers whose name is the id of another one, keyed by that id. */
  readonly #bearers = new Map<ContainerId, ContainerId>()

  note({ id, names, unreadable }: ContainerSummary): void {
    if (unreadable !== undefined) this.#unread.add(id)
    if (this.#seen.has(id)) this.#twice.add(id)
    this.#seen.add(id)
    for (const name of names) {
      const called = parseContainerId(name)
      if (called) this.#bearers.set(called, id)
    }
  }

  /** Returns the fault of each affected container, after every entry has been added. */
  found(): ReadonlyMap<ContainerId, ListingFault> {
    const faults = new Map<ContainerId, ListingFault>()
    for (const [called, bearer] of this.#bearers) {
      // Only the id of a listed container is ambiguous; the bearer's own id never is.
      if (called === bearer || !this.#seen.has(called)) continue
      faults.set(called, 'id-is-a-name')
      faults.set(bearer, 'id-is-a-name')
    }
    for (const id of this.#unread) faults.set(id, 'entry-unreadable')
    for (const id of this.#twice) faults.set(id, 'listed-twice')
    return faults
  }
}
