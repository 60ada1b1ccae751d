import type { Clock } from '../domain/clock.ts'
import type { Container } from './model.ts'

interface Past {
  readonly container: Container
  readonly untilMs: number
}

/** Past states of containers, for outdated listings. */
export class ListingHistory {
  readonly #clock: Clock
  readonly #delayMs: number
  readonly #pasts = new Map<string, Past[]>()

  constructor(clock: Clock, delayMs: number) {
    this.#clock = clock
    this.#delayMs = delayMs
  }

  note(container: Container): void {
    const pasts = this.#within(container.id)
    this.#pasts.set(container.id, [...pasts, { container, untilMs: this.#clock.now() }])
  }

  forget(id: string): void {
    this.#pasts.delete(id)
  }

  /** The container as it was that long ago, or as it was created since. */
  past(now: Container): Container {
    const pasts = this.#within(now.id)
    if (pasts.length === 0) this.#pasts.delete(now.id)
    return pasts[0]?.container ?? now
  }

  #within(id: string): Past[] {
    const sinceMs = this.#clock.now() - this.#delayMs
    return (this.#pasts.get(id) ?? []).filter(({ untilMs }) => untilMs > sinceMs)
  }
}
