/**
 * Reads the sender's clock: it may be another machine's, behind a tunnel. What a tab is sent when it joins is old by an
 * unknown time, so only later messages show how far apart the clocks are.
 */
export class SenderClock {
  #joinedAt = 0
  #offsetMs = 0
  #isMeasured = false

  /** A connection is open; what comes within the next second may be old. */
  joined(nowMs: number): void {
    this.#joinedAt = nowMs
    this.#offsetMs = 0
    this.#isMeasured = false
  }

  /** A message arrived. Messages are under way for a while, so the least difference is the best guess. */
  received(createdAt: number, nowMs: number): void {
    const differenceMs = nowMs - createdAt
    if (nowMs - this.#joinedAt > settlingMs && !this.#isMeasured) {
      this.#isMeasured = true
      this.#offsetMs = differenceMs
    } else if (differenceMs < this.#offsetMs) this.#offsetMs = differenceMs
  }

  /** How far the page's clock is ahead of the sender's. */
  get offsetMs(): number {
    return this.#offsetMs
  }
}

const settlingMs = 1000
