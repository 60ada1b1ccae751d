import type { CliWorld } from '../world.ts'

/** What the user asks of a command that takes its time to end. */
export class EndRequests {
  /** In order. */
  readonly first: Promise<void>
  /** At once: what is left is not waited for. Only a signal asks for this. */
  readonly second: Promise<void>
  /** Unsubscribes from the signals. */
  readonly forget: () => void
  #isAsked = false
  #askFirst: () => void = () => {}

  constructor({ onSignal }: Pick<CliWorld, 'onSignal'>) {
    let askSecond: () => void = () => {}
    this.first = new Promise((resolve) => (this.#askFirst = resolve))
    this.second = new Promise((resolve) => (askSecond = resolve))
    this.forget = onSignal(() => (this.#isAsked ? askSecond() : this.ask()))
  }

  /** Asks for an end in order, as the first signal does. */
  ask(): void {
    this.#isAsked = true
    this.#askFirst()
  }
}
