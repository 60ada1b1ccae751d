import type { LeaseStore, Session } from '../../src/domain/session.ts'
import type { StoreMood } from './plan.ts'
import type { Random } from './random.ts'
import { ownerValue } from './setting.ts'
import type { Process } from './timeline.ts'
import type { Word } from './vocabulary.ts'

export interface SessionsOptions {
  readonly random: Random
  readonly note: (word: Word) => void
  /** Called with each answer as it is given, and with `undefined` where there is none. */
  readonly said: (process: Process, id: string, isHeld: boolean | undefined) => void
}

/** The other agents of the engine, each one life of a process, and the store that keeps their leases. */
export class SimulatedSessions {
  mood: StoreMood | undefined
  readonly #options: SessionsOptions
  readonly #alive = new Set<string>()
  #questions = 0
  /** The last question about each session that had a clear answer. */
  readonly #lastClear = new Map<string, number>()

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  get alive(): readonly string[] {
    return [...this.#alive]
  }

  isAlive(id: string | undefined): boolean {
    return id !== undefined && this.#alive.has(id)
  }

  start(): string {
    const { random } = this.#options
    const id = Array.from({ length: 4 }, () =>
      random.between(0, 0xffff_ffff).toString(16).padStart(8, '0'),
    ).join('')
    this.#alive.add(id)
    return id
  }

  /** Its process is gone, and whatever it has started is left. */
  end(id: string): void {
    this.#alive.delete(id)
  }

  /** The session of the agent under test, as that process sees the store. */
  sessionFor(process: Process): Session {
    const close = async () => {}
    const { signal: lost } = new AbortController()
    const leases = this.#storeFor(process)
    const session = { id: ownerValue, leases, lost, close, [Symbol.asyncDispose]: close }
    return session
  }

  #storeFor(process: Process): LeaseStore {
    return {
      hold: async () => ({ release: async () => {} }),
      isHeld: (id) => this.#isHeld(process, id),
    }
  }

  #isHeld(process: Process, id: string): Promise<boolean | undefined> {
    const { note, random, said } = this.#options
    const { mood } = this
    if (mood) note(`store:${mood}`)
    const question = ++this.#questions
    const say = <T>(isHeld: boolean | undefined, answer: T): T => {
      // No answer to an earlier question, such as one of a scan that was given up, is newer than this one.
      const isOld = isHeld === undefined && question < (this.#lastClear.get(id) ?? 0)
      if (isHeld !== undefined) this.#lastClear.set(id, question)
      if (!isOld) said(process, id, isHeld)
      return answer
    }
    const later = <T>(delayMs: number, answer: () => T): Promise<T> =>
      new Promise((resolve, reject) => {
        process.setTimeout(() => {
          try {
            resolve(answer())
          } catch (thrown) {
            reject(thrown)
          }
        }, delayMs)
      })
    // It decides when it is asked, and its answer is on its way.
    const isHeld = this.#alive.has(id) && mood !== 'flushed'
    switch (mood) {
      case 'throws':
        say(undefined, undefined)
        throw new Error('the store is broken')
      case 'fails':
        return later(random.between(1, 200), () => {
          say(undefined, undefined)
          throw new Error('no route to the store')
        })
      case 'hangs':
        say(undefined, undefined)
        return new Promise(() => {})
      case 'late':
        say(undefined, undefined)
        return later(random.between(2500, 8000), () => isHeld)
      case 'unknown':
        return later(random.between(1, 60), () => say(undefined, undefined))
      case 'not-a-boolean':
        return later(random.between(1, 60), () => say(undefined, random.pick(['', 0, null, {}]) as never))
      case 'flushed':
      case undefined:
        return later(random.between(1, 60), () => say(isHeld, isHeld))
    }
  }
}
