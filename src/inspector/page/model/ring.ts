/** A ring buffer. Each item has a number; numbers count from 0 and are never used again. */
export class Ring<T> {
  readonly #kept: T[] = []
  readonly #limit: number
  #added = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** The number of all items ever added. */
  get added(): number {
    return this.#added
  }

  get size(): number {
    return this.#kept.length
  }

  /** Returns the item's number. */
  add(item: T): number {
    this.#kept[this.#added % this.#limit] = item
    this.#added += 1
    return this.#added - 1
  }

  get(number: number): T | undefined {
    return this.#holds(number) ? this.#kept[number % this.#limit] : undefined
  }

  /** Does nothing if that item is no longer kept. */
  replace(number: number, item: T): void {
    if (this.#holds(number)) this.#kept[number % this.#limit] = item
  }

  /** A copy, newest first. */
  newestFirst(): T[] {
    const items: T[] = []
    for (let number = this.#added - 1; this.#holds(number); number--) {
      items.push(this.#kept[number % this.#limit] as T)
    }
    return items
  }

  #holds(number: number): boolean {
    return number >= 0 && number < this.#added && number >= this.#added - this.#limit
  }
}
