/** An answer is late when it took this many times what is usual. */
const lateFactor = 2
/** What is usual fades with each quicker answer, so that an engine that is now quick and now slow is not always late. */
const fading = 0.75
/** A duration beyond this is that of a process that stood still itself. */
const longestUsualMs = 60_000

/**
 * Tells an engine that is slow from one that stood still and answered late: between two looks nobody sees it stand still,
 * and what it created meanwhile is older than its agent knows.
 */
export class EnginePace {
  readonly #stallMs: number
  #usualMs = 0

  constructor(stallMs: number) {
    this.#stallMs = stallMs
  }

  /** Notes how long a whole listing took, and says whether it came so late that the engine must have stood still. */
  isStandstill(durationMs: number): boolean {
    const isLate = durationMs > this.#stallMs && durationMs > this.#usualMs * lateFactor
    this.#usualMs = Math.min(longestUsualMs, Math.max(durationMs, this.#usualMs * fading))
    return isLate
  }
}
