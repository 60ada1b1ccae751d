interface Round {
  readonly fromMs: number
  readonly untilMs: number
}

/**
 * The time in which engine and machine were quick, as the witness saw them on a connection of its own. What Flotsam must have
 * done after so long counts by this: a machine that others keep busy lengthens the run, and convicts no container.
 */
export class WellTime {
  readonly #rounds: Round[] = []
  readonly #longestMs: number

  /** A round of the witness that took longer than `longestMs` is none of this time. */
  constructor(longestMs: number) {
    this.#longestMs = longestMs
  }

  note(round: Round): void {
    if (round.untilMs - round.fromMs <= this.#longestMs) this.#rounds.push(round)
  }

  since(atMs: number): number {
    return this.#rounds.reduce(
      (sum, { fromMs, untilMs }) => sum + Math.max(0, untilMs - Math.max(fromMs, atMs)),
      0,
    )
  }
}
