import type { AttemptAnswer } from '../../machines/types.ts'
import type { Clock } from '../domain/clock.ts'

/** An inspection older than this is repeated before a request is sent. */
const lifeMs = 500

/**
 * The inspection that a request relies on. Between it and the request the agent may start the container, so it must be recent
 * when the request is sent.
 */
export class LastInspection {
  readonly #clock: Clock
  readonly #inspect: () => Promise<AttemptAnswer | undefined>
  #lifeMs = lifeMs
  #atMs = -Infinity

  /** `inspect` resolves with the reason against the request, if it found one. */
  constructor(clock: Clock, inspect: () => Promise<AttemptAnswer | undefined>) {
    this.#clock = clock
    this.#inspect = inspect
  }

  get isFresh(): boolean {
    return this.#clock.now() - this.#atMs <= this.#lifeMs
  }

  async repeat(): Promise<AttemptAnswer | undefined> {
    const against = await this.#inspect()
    this.#atMs = this.#clock.now()
    return against
  }

  /**
   * Waits for a slow answer and repeats the inspection meanwhile. Resolves with the first reason against the request,
   * otherwise in the same turn as the answer.
   */
  async keepFreshDuring(answer: Promise<AttemptAnswer | undefined>): Promise<AttemptAnswer | undefined> {
    const clock = this.#clock
    let timer: unknown
    let isOver = false
    const over = answer.finally(() => {
      isOver = true
      clock.clearTimeout(timer)
    })
    for (;;) {
      const aging = new Promise<void>((resolve) => {
        timer = clock.setTimeout(resolve, this.#lifeMs / 2)
      })
      const against = await Promise.race([over, aging.then(async () => this.repeat())])
      if (against) return against
      if (isOver) break
    }
    return undefined
  }

  /** For an engine that inspects too slowly: without this, it would prevent every removal together with a slow tracker. */
  allowTwiceTheAge(): void {
    this.#lifeMs *= 2
  }
}
