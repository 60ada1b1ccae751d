/** A stream of numbers that one seed determines. */
export class Random {
  #state: number

  constructor(seed: number, stream = 0) {
    this.#state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b)) >>> 0
    // Neighbouring seeds begin alike; a few rounds part them.
    for (let round = 0; round < 4; round++) this.next()
  }

  /** A number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  between(low: number, high: number): number {
    return Math.round(low + (high - low) * this.next())
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<TItem>(items: readonly TItem[]): TItem {
    if (items.length === 0) throw new RangeError('there is nothing to pick from')
    return items[Math.floor(this.next() * items.length)] as TItem
  }

  /** One of the items, each as likely as its weight says. */
  weighted<TItem>(items: readonly (readonly [number, TItem])[]): TItem {
    let at = this.next() * items.reduce((sum, [weight]) => sum + weight, 0)
    for (const [weight, item] of items) {
      at -= weight
      if (at < 0) return item
    }
    return (items.at(-1) as readonly [number, TItem])[1]
  }
}
