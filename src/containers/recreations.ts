import type { Clock } from '../domain/clock.ts'
import type { Emit } from '../domain/events.ts'

/** A container with the same name that appears within this time after a removal counts as recreated. */
const soonMs = 60_000
/** A single recreation may be a coincidence. */
const suspicious = 2
/** The maximum number of names kept, evicted oldest first. */
const remembered = 1000

interface Story {
  readonly removedMs: number
  readonly returns: number
}

/** Detects containers that are recreated under the same name after each removal; reports each name once. */
export class Recreations {
  readonly #clock: Clock
  readonly #emit: Emit
  readonly #stories = new Map<string, Story>()

  constructor(clock: Clock, emit: Emit) {
    this.#clock = clock
    this.#emit = emit
  }

  removed(name: string): void {
    if (name === '') return
    const returns = this.#stories.get(name)?.returns ?? 0
    this.#stories.delete(name)
    this.#stories.set(name, { removedMs: this.#clock.now(), returns })
    if (this.#stories.size > remembered) this.#stories.delete(this.#stories.keys().next().value as string)
  }

  discovered(name: string): void {
    const story = this.#stories.get(name)
    if (!story) return
    const isSoon = this.#clock.now() - story.removedMs <= soonMs
    const returns = isSoon ? story.returns + 1 : 0
    this.#stories.set(name, { ...story, returns })
    if (returns !== suspicious) return
    const message = `${name} was recreated ${returns} times soon after its removal; stop what creates it, or set the keep label on it`
    this.#emit({ type: 'degraded', about: 'recreation', kind: 'recreated', message })
  }
}
