/** An event sent from one actor to another. */
export interface RecentEvent {
  readonly sessionId: string
  readonly rootId: string
  readonly sourceId: string | undefined
  readonly createdAt: number
  readonly type: string
  /** The whole message; undefined if no tab was connected at that time, so that only its type was kept. */
  readonly text: string | undefined
}

/** The last events, in a ring buffer of fixed size. Each has a number that is never used again. */
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

  /** The number of the oldest event that is kept. */
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
