/** A response is late if it took this many times the usual duration. */
const lateFactor = 2
/** Decay of the usual duration after each faster response, so that an engine with varying latency is not always late. */
const fading = 0.75
/** Longer durations are attributed to a stall of this process. */
const longestUsualMs = 60_000

/**
 * Distinguishes a slow engine from one that stalled and then answered late. Containers created during an undetected stall
 * are older than the agent knows.
 */
export class EnginePace {
  readonly #stallMs: number
  #usualMs = 0

  constructor(stallMs: number) {
    this.#stallMs = stallMs
  }

  /** Records the duration of a complete listing; returns whether it was so late that the engine must have stalled. */
  isStandstill(durationMs: number): boolean {
    const isLate = durationMs > this.#stallMs && durationMs > this.#usualMs * lateFactor
    this.#usualMs = Math.min(longestUsualMs, Math.max(durationMs, this.#usualMs * fading))
    return isLate
  }
}
