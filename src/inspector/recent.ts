/** One event that was sent from actor to actor. */
export interface RecentEvent {
  readonly sessionId: string
  readonly rootId: string
  readonly sourceId: string | undefined
  readonly createdAt: number
  readonly type: string
  /** The whole message; undefined if no tab was connected when it happened, and only its type was kept. */
  readonly text: string | undefined
}

/** The last events, in a ring of fixed size. Each has a number that is never used again. */
export class Recent {
  readonly #ring: (RecentEvent | undefined)[]
  #next = 0

  constructor(most: number) {
    this.#ring = Array.from({ length: most })
  }

  /** The number that the next event will have. */
  get next(): number {
    return this.#next
  }

  /** The number of the oldest event that is still there. */
  get oldest(): number {
    return Math.max(0, this.#next - this.#ring.length)
  }

  add(event: RecentEvent): void {
    if (this.#ring.length > 0) this.#ring[this.#next % this.#ring.length] = event
    this.#next++
  }

  at(number: number): RecentEvent | undefined {
    return number < this.oldest || number >= this.#next ? undefined : this.#ring[number % this.#ring.length]
  }

  clear(): void {
    this.#ring.fill(undefined)
  }
}
