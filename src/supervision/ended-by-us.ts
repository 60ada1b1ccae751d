import type { ContainerId } from '../ids.ts'

/** More than an engine leaves out of one listing by mistake; the oldest goes first. */
const remembered = 1000

/**
 * Containers whose processes a removal of ours may have ended, and that a look then did not show. Should a later one show
 * them after all, stopped, they are still ours to remove, whatever states the owner wants covered.
 */
export class EndedByUs {
  readonly #ids = new Set<ContainerId>()

  remember(id: ContainerId): void {
    this.#ids.delete(id)
    this.#ids.add(id)
    if (this.#ids.size > remembered) this.#ids.delete(this.#ids.values().next().value as ContainerId)
  }

  /** Whether it is one of them; it is forgotten here, since it is known again. */
  take(id: ContainerId): boolean {
    return this.#ids.delete(id)
  }
}
