interface Unanswered {
  readonly failures: number
  readonly lastMs: number
}

/** An upper bound of the pauses in docs/reasons.md (2 s, 4 s, … a minute) with the time that a question itself may take. */
function askedAgainInMs(failures: number): number {
  return Math.min(5000 * 2 ** (failures - 1), 60_000)
}

/** What one life of Flotsam asked its engine about containers and images, as far as it was not answered. */
export class Questions {
  #unanswered = new Map<string, Unanswered>()
  readonly #failures = new Map<string, number>()
  readonly #spoiled = new Set<string>()

  asked(what: string, atMs: number): void {
    const failures = (this.#unanswered.get(what)?.failures ?? 0) + 1
    this.#unanswered.set(what, { failures, lastMs: atMs })
    this.#failures.set(what, (this.#failures.get(what) ?? 0) + 1)
  }

  /** The answer that is on its way will not come whole. */
  spoil(what: string): void {
    this.#spoiled.add(what)
  }

  answered(what: string): void {
    if (this.#spoiled.delete(what)) return
    this.#unanswered.delete(what)
    this.#failures.set(what, (this.#failures.get(what) ?? 1) - 1)
  }

  /** How often it was asked and not answered, since this life began. */
  failuresOf(what: string): number {
    return this.#failures.get(what) ?? 0
  }

  /** Until when something may be withheld because one of these could not be answered; undefined where all were. */
  withheldUntilMs(isStillThere: (what: string) => boolean): number | undefined {
    let untilMs: number | undefined
    for (const [what, { failures, lastMs }] of this.#unanswered) {
      if (isStillThere(what)) untilMs = Math.max(untilMs ?? -Infinity, lastMs + askedAgainInMs(failures))
    }
    return untilMs
  }
}
