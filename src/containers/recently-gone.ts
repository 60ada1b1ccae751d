import { wasEverTracked } from '../../machines/container.record.ts'
import type { StoppedByUs } from '../../machines/types.ts'
import type { ContainerId } from '../domain/ids.ts'
import type { KnownContainer } from './known-container.ts'

/** The maximum number of entries, evicted oldest first; most missing containers never reappear. */
const remembered = 4096

/** The state that is restored if a container missing from one scan reappears in a later one. */
export interface Recalled {
  /** Set if one of our requests may have stopped it: it may then be removed in any state. */
  readonly stop: StoppedByUs | undefined
  /** Set if one of our removals may have reached the engine: what it has left is ours to remove. */
  readonly wasRemovalSent: boolean
  /** When it was first seen, on the clock that counts graces; undefined if the agent has tracked it since. */
  readonly firstSeenMs: number | undefined
  /** When its creation grace began and ends: a detected start or unpause remains in effect. */
  readonly newSinceMs: number
  readonly creationGraceEndsMs: number
  /** It was last listed as paused: if it reappears running, it was unpaused in the meantime. */
  readonly wasPaused: boolean
  /** Its disappearance was reported, and is not reported again. */
  readonly isVanishReported: boolean
}

/**
 * Remembers containers that went missing from a listing, in case the listing was incomplete. Otherwise a container listed
 * only intermittently would restart its creation grace each time and never be removed.
 */
export class RecentlyGone {
  readonly #recalled = new Map<ContainerId, Recalled>()

  remember(known: KnownContainer): void {
    const { id, stop, firstSeenMs, newSinceMs, creationGraceEndsMs, isVanishReported, listed } = known
    this.#recalled.delete(id)
    this.#recalled.set(id, {
      stop,
      wasRemovalSent: known.wasRemovalSent === true,
      firstSeenMs: wasEverTracked(known) ? undefined : firstSeenMs,
      newSinceMs,
      creationGraceEndsMs,
      wasPaused: listed.state === 'paused',
      isVanishReported: isVanishReported === true,
    })
    if (this.#recalled.size > remembered) {
      this.#recalled.delete(this.#recalled.keys().next().value as ContainerId)
    }
  }

  /** Returns and deletes the entry of a container that reappeared. */
  take(id: ContainerId): Recalled | undefined {
    const recalled = this.#recalled.get(id)
    this.#recalled.delete(id)
    return recalled
  }
}
