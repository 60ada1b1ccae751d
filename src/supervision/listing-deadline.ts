const shortestMs = 10_000
const longestMs = 60_000

/**
 * How long a listing may take: 10 s, twice as long after each timeout in a row up to 60 s, and never less than twice what
 * the last good one took. A slow engine is waited for; a wedged one is given up soon.
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
    // Longer than its deadline it took only by the clock of a process that stood still.
    this.#ms = Math.max(shortestMs, Math.min(durationMs, this.#ms) * 2)
  }
}
