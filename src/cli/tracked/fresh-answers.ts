import type { TrackerError } from '../../index.ts'

export type Ids = ReadonlySet<string>

export interface FreshAnswersOptions {
  /** Reads all ids. Should end early when the signal says so, and need not. */
  readonly read: (signal: AbortSignal) => Promise<Ids>
  /** No question waits longer than this. */
  readonly deadlineMs: number
  /** The answer to a question that waited too long. */
  readonly late: () => TrackerError
}

/** Questions that share one reading. */
class Batch {
  readonly answer: Promise<Ids>
  readonly given = new AbortController()
  resolve: (ids: Ids) => void = () => {}
  reject: (error: unknown) => void = () => {}

  constructor() {
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }
}

/**
 * Answers each question from a reading that began after it was asked. Questions of one turn of the event loop share a
 * reading. Only one is ever under way, so that a hanging source ties up one reading and no more: a caller that asks
 * meanwhile shares the next one.
 */
export class FreshAnswers {
  readonly #options: FreshAnswersOptions
  #next: Batch | undefined
  #isReading = false

  constructor(options: FreshAnswersOptions) {
    this.#options = options
  }

  ask(): Promise<Ids> {
    this.#next ??= this.#gather()
    return this.#next.answer
  }

  #gather(): Batch {
    const { deadlineMs, late } = this.#options
    const batch = new Batch()
    const timer = setTimeout(() => {
      batch.reject(late())
      batch.given.abort()
      // Later questions get a deadline of their own.
      if (this.#next === batch) this.#next = undefined
    }, deadlineMs).unref()
    const settled = () => clearTimeout(timer)
    batch.answer.then(settled, settled)
    setImmediate(() => void this.#readNext())
    return batch
  }

  async #readNext(): Promise<void> {
    const batch = this.#next
    if (!batch || this.#isReading) return
    this.#next = undefined
    this.#isReading = true
    try {
      batch.resolve(await this.#options.read(batch.given.signal))
    } catch (error) {
      batch.reject(error)
    } finally {
      this.#isReading = false
      void this.#readNext()
    }
  }
}
