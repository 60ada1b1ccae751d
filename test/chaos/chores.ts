import { setTimeout as elapse } from 'node:timers/promises'

/** What the agent has begun and not yet ended. */
export class Chores {
  readonly #underWay = new Set<Promise<unknown>>()

  /** The promise must not reject. */
  add(chore: Promise<unknown>): void {
    const done: Promise<unknown> = chore.finally(() => this.#underWay.delete(done))
    this.#underWay.add(done)
  }

  later(ms: number, run: () => void): void {
    this.add(elapse(ms).then(run))
  }

  /** Resolves when everything has ended, including work started meanwhile. */
  async ended(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }
}
