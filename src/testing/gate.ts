/**
 * Where everything that the engine does waits while it is frozen; and how work that began before the engine went down
 * knows that it is no longer wanted.
 */
export class Gate {
  #waiting: (() => void)[] | undefined
  #life = 0

  /** Another number after each time the engine went down. */
  get life(): number {
    return this.#life
  }

  shut(): void {
    this.#waiting ??= []
  }

  open(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const go of waiting) go()
  }

  /** The engine dies: what waits will never go on. */
  drop(): void {
    this.#waiting = undefined
    this.#life += 1
  }

  /** Resolves when the gate is open; those who waited go in the order they came. */
  async pass(): Promise<void> {
    while (this.#waiting) {
      const waiting = this.#waiting
      await new Promise<void>((go) => waiting.push(go))
    }
  }
}
