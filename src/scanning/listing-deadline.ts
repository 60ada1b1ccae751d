const shortestMs = 10_000
const longestMs = 60_000

/**
 * The deadline of a listing: 10 s, doubled after each consecutive timeout up to 60 s, and at least twice the duration of
 * the last successful one. This tolerates a slow engine but gives up on a hung one soon.
 */
export class ListingDeadline {
  #ms = shortestMs

  get ms(): number {
    return this.#ms
  }

  timedOut(): void {
    this.#ms = Math.max(this.#ms, Math.min(longestMs, this.#ms * 2))
  }

  took(durationMs: number): void {
    // A duration beyond the deadline means that this process stalled.
    this.#ms = Math.max(shortestMs, Math.min(durationMs, this.#ms) * 2)
  }
}
