/** Something that is due at a time. */
export class Due {
  /** Its place in the queue, which keeps it up to date. */
  place = -1
  readonly dueMs: number
  /** Among those that are due at the same time, the one with the lower number comes first. */
  readonly number: number

  constructor(dueMs: number, number: number) {
    this.dueMs = dueMs
    this.number = number
  }
}

/** A binary heap with the earliest on top. Adding and removing take logarithmic time. */
export class DueQueue<TDue extends Due> {
  readonly #heap: TDue[] = []

  get first(): TDue | undefined {
    return this.#heap[0]
  }

  get size(): number {
    return this.#heap.length
  }

  add(due: TDue): void {
    this.#rise(due, this.#heap.length)
  }

  remove(due: TDue): void {
    const last = this.#heap.pop()
    if (!last || last === due) return
    this.#rise(last, this.#sink(last, due.place))
  }

  /** Puts it at this place, or above it while it is earlier than what is there. */
  #rise(due: TDue, place: number): void {
    for (; place > 0; place = parentOf(place)) {
      const parent = this.#heap[parentOf(place)] as TDue
      if (isBefore(parent, due)) break
      this.#put(parent, place)
    }
    this.#put(due, place)
  }

  /** Returns the place that it can have at or below this one, with everything earlier moved up. */
  #sink(due: TDue, place: number): number {
    for (;;) {
      const earlier = this.#earlierChild(place)
      if (!earlier || isBefore(due, earlier)) return place
      const next = earlier.place
      this.#put(earlier, place)
      place = next
    }
  }

  #earlierChild(place: number): TDue | undefined {
    const [left, right] = [this.#heap[2 * place + 1], this.#heap[2 * place + 2]]
    return left && right && isBefore(right, left) ? right : left
  }

  #put(due: TDue, place: number): void {
    this.#heap[place] = due
    due.place = place
  }
}

const parentOf = (place: number) => (place - 1) >> 1

function isBefore(one: Due, other: Due): boolean {
  return one.dueMs === other.dueMs ? one.number < other.number : one.dueMs < other.dueMs
}
