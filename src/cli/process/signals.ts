/** The signals that ask a process to end. */
export type EndSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

const endSignals: readonly EndSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** Further signals that a process can pass on. They are left to the system while nothing takes them. */
const otherSignals: readonly NodeJS.Signals[] = ['SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGCONT']

/** A command has this long to end by itself, of the ten seconds after which a container is killed. */
export const longestEndMs = 9000

export interface SignalsOptions {
  /** Calls back at each signal of that name. Returns a function that unsubscribes. */
  readonly listen: (signal: NodeJS.Signals, listener: () => void) => () => void
  readonly setTimeout: (run: () => void, delayMs: number) => unknown
  /** The command handles no signal now, or has had two of them. */
  readonly onUnhandled: (signal: EndSignal) => void
  /** The command has not ended in time. */
  readonly onOverdue: (signal: EndSignal) => void
}

/**
 * Every signal that asks the process to end, from its beginning to its end. A command handles two of them: the first asks it
 * to end in order, the second to end at once.
 */
export class Signals {
  /** Resolves at the first one that a command handles. */
  readonly first: Promise<void>
  readonly #options: SignalsOptions
  readonly #enders = new Set<() => void>()
  readonly #reloaders = new Set<() => void>()
  #taker: ((signal: NodeJS.Signals) => void) | undefined
  #noteFirst: () => void = () => {}
  #received: EndSignal | undefined
  #count = 0

  constructor(options: SignalsOptions) {
    this.#options = options
    this.first = new Promise((resolve) => (this.#noteFirst = resolve))
    for (const signal of endSignals) options.listen(signal, () => this.#receive(signal))
  }

  /** The first one that a command handles. */
  get received(): EndSignal | undefined {
    return this.#received
  }

  /** Returns a function that unsubscribes. */
  onEnd(listener: () => void): () => void {
    this.#enders.add(listener)
    return () => this.#enders.delete(listener)
  }

  /** With a listener SIGHUP ends nothing. Returns a function that unsubscribes. */
  onReload(listener: () => void): () => void {
    this.#reloaders.add(listener)
    return () => this.#reloaders.delete(listener)
  }

  /** Every signal goes to the listener alone. Returns a function that unsubscribes. */
  take(listener: (signal: NodeJS.Signals) => void): () => void {
    this.#taker = listener
    const forgetOthers = otherSignals.map((signal) => this.#options.listen(signal, () => listener(signal)))
    return () => {
      this.#taker = undefined
      for (const forget of forgetOthers) forget()
    }
  }

  #receive(signal: EndSignal): void {
    if (this.#taker) return this.#taker(signal)
    if (signal === 'SIGHUP' && this.#reloaders.size > 0) {
      for (const reload of this.#reloaders) reload()
      return
    }
    this.#count += 1
    if (this.#enders.size === 0 || this.#count > 2) return this.#options.onUnhandled(signal)
    if (this.#count === 1) {
      this.#options.setTimeout(() => this.#options.onOverdue(signal), longestEndMs)
      this.#received = signal
      this.#noteFirst()
    }
    for (const end of this.#enders) end()
  }
}
