import type { ContainerId } from '../ids.ts'
import type { Known } from './known.ts'

/** Most containers that a look does not show are gone, and nobody will ask for them; the oldest is forgotten first. */
const remembered = 4096

/** What still counts of a container that a look did not show, should a later one show it after all. */
export interface Recalled {
  /** A removal of ours may have ended its processes: it is ours to remove in whatever state it is. */
  readonly endedByUs: boolean
  /** When it was first seen, on the awake clock; undefined where the agent had tracked it since. */
  readonly firstSeenMs: number | undefined
}

/**
 * Remembers for a while those that a look left out, in case that was a mistake of the listing: one that is shown only now
 * and then would else begin its creation grace each time anew, and never come to its end.
 */
export class LeftOut {
  readonly #recalled = new Map<ContainerId, Recalled>()

  remember({ id, endedByUs, firstSeenMs, wasTracked, releaseGraceEndsMs }: Known): void {
    const wasEverTracked = wasTracked || releaseGraceEndsMs !== undefined
    this.#recalled.delete(id)
    this.#recalled.set(id, { endedByUs, firstSeenMs: wasEverTracked ? undefined : firstSeenMs })
    if (this.#recalled.size > remembered) {
      this.#recalled.delete(this.#recalled.keys().next().value as ContainerId)
    }
  }

  /** What is remembered of it; forgotten here, since it is known again. */
  take(id: ContainerId): Recalled | undefined {
    const recalled = this.#recalled.get(id)
    this.#recalled.delete(id)
    return recalled
  }
}
