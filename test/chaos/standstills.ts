interface Standstill {
  readonly fromMs: number
  readonly untilMs: number
}

/** The times in which this whole process stood still: Flotsam, its agent, and all else that lives in it. */
export class Standstills {
  readonly #all: Standstill[] = []
  readonly #blocked = new Int32Array(new SharedArrayBuffer(4))

  /** Blocks the thread without keeping a core busy: no timer fires and nothing is read meanwhile. */
  standStill(ms: number): void {
    const fromMs = Date.now()
    Atomics.wait(this.#blocked, 0, 0, ms)
    this.note({ fromMs, untilMs: Date.now() })
  }

  note(standstill: Standstill): void {
    this.#all.push(standstill)
  }

  /** How much of the time since then nothing ran. */
  since(atMs: number): number {
    return this.#all.reduce(
      (sum, { fromMs, untilMs }) => sum + Math.max(0, untilMs - Math.max(fromMs, atMs)),
      0,
    )
  }

  get lastEndMs(): number {
    return this.#all.at(-1)?.untilMs ?? -Infinity
  }
}
