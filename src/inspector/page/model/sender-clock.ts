/**
 * Estimates the offset of the sender's clock, which may be on another machine. The first messages of a connection may
 * be old, so only later ones are used.
 */
export class SenderClock {
  #joinedAt = 0
  #offsetMs = 0
  #isMeasured = false

  /** A connection was opened. Messages of the next second may be old. */
  joined(nowMs: number): void {
    this.#joinedAt = nowMs
    this.#offsetMs = 0
    this.#isMeasured = false
  }

  /** A message arrived. The smallest difference is the best estimate, since messages take time to arrive. */
  received(createdAt: number, nowMs: number): void {
    const differenceMs = nowMs - createdAt
    if (nowMs - this.#joinedAt > settlingMs && !this.#isMeasured) {
      this.#isMeasured = true
      this.#offsetMs = differenceMs
    } else if (differenceMs < this.#offsetMs) this.#offsetMs = differenceMs
  }

  /** The page's time minus the sender's time. */
  get offsetMs(): number {
    return this.#offsetMs
  }
}

const settlingMs = 1000
