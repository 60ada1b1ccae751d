/**
 * Everything that the engine does waits here while it is frozen. Work that began before the engine went down is detected
 * by its `life`.
 */
export class Gate {
  #waiting: (() => void)[] | undefined
  #life = 0

  /** Grows each time the engine goes down. */
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

  /** The engine goes down: what waits never continues. */
  drop(): void {
    this.#waiting = undefined
    this.#life += 1
  }

  /** Resolves when the gate is open, in the order of the calls. */
  async pass(): Promise<void> {
    while (this.#waiting) {
      const waiting = this.#waiting
      await new Promise<void>((go) => waiting.push(go))
    }
  }
}
