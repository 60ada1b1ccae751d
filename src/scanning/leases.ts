import { unknownRecheckMs } from '../../machines/container.record.ts'
import type { Failure } from '../../machines/failure-streaks.ts'
import type { Clock } from '../domain/clock.ts'
import { messageOf } from '../domain/errors.ts'
import { isSessionId, type LeaseStore } from '../domain/session.ts'

/** What the store says of one lease. */
export type LeaseReading = 'held' | 'gone' | 'unknown'

export interface LeaseAnswer {
  readonly reading: LeaseReading
  /** Why it is unknown. */
  readonly failure: Failure | undefined
}

/** What the store says at one scan. */
export interface LeaseReadings {
  /** The sessions whose containers are listed. */
  readonly asked: readonly string[]
  /** Without those for which there was no time. */
  readonly of: ReadonlyMap<string, LeaseReading>
  /** The sessions that are known to be alive, also those without containers if the store lists them. */
  readonly living: ReadonlySet<string>
  readonly failure: Failure | undefined
}

export interface AskOptions {
  readonly deadlineMs?: number
  /** Called with each reading as it comes, also after an abort. */
  readonly note?: (session: string, reading: LeaseReading) => void
}

/** The maximum number of pending questions. */
const questionsAtOnce = 64
/**
 * How long a session is waited for that gave no clear answer within this time, such as one whose process is stopped. As soon as
 * a clear answer comes, however late, it is waited for as long as the others.
 */
const shortDeadlineMs = 250
const mostListed = 10_000
const longestMessage = 300

/** Asks a lease store, and turns every outcome, including errors, into an answer. Never rejects, unless it is aborted. */
export class Leases {
  readonly #store: LeaseStore
  readonly #clock: Clock
  readonly #deadlineMs: number
  #skipped: ReadonlySet<string> = new Set()
  /** The sessions that gave no clear answer within the short deadline, and none since. */
  readonly #late = new Set<string>()
  /** The last list, however late it was. */
  #listed: readonly string[] | undefined
  #isListLate = false
  #isAnyUnknown = false

  constructor(store: LeaseStore, clock: Clock, deadlineMs: number) {
    this.#store = store
    this.#clock = clock
    this.#deadlineMs = deadlineMs
  }

  /** For a query beside the scans. */
  aside(): Leases {
    return new Leases(this.#store, this.#clock, this.#deadlineMs)
  }

  /** What the store says of these sessions, and of those that it lists beside them. */
  async askAll(sessions: readonly string[], signal: AbortSignal): Promise<LeaseReadings> {
    const [listed, answers] = await Promise.all([this.#list(), this.askAbout(sessions, signal)])
    signal.throwIfAborted()
    const readings = new Map<string, LeaseReading>()
    let failure = listed.failure
    for (const [id, answer] of answers) {
      readings.set(id, answer.reading)
      failure = answer.failure ?? failure
    }
    const held = sessions.filter((id) => readings.get(id) === 'held')
    return { asked: sessions, of: readings, living: new Set([...listed.ids, ...held]), failure }
  }

  /**
   * Asks about each session once. However many there are, all of it takes no longer than one deadline. Those for which there
   * is no time are the first of the next call.
   */
  async askAbout(
    sessions: readonly string[],
    signal: AbortSignal,
    { deadlineMs = this.#deadlineMs, note = () => {} }: AskOptions = {},
  ): Promise<ReadonlyMap<string, LeaseAnswer>> {
    const answers = new Map<string, LeaseAnswer>()
    const take = (id: string, answer: LeaseAnswer) => {
      answers.set(id, answer)
      note(id, answer.reading)
    }
    await this.#askEach(sessions, take, deadlineMs)
    signal.throwIfAborted()
    this.#skipped = new Set(sessions.filter((id) => !answers.has(id)))
    this.#isAnyUnknown = sessions.some((id) => (answers.get(id)?.reading ?? 'unknown') === 'unknown')
    return answers
  }

  /** Whether the lease is held. Anything but a clear and timely `true` or `false` is unknown. */
  async ask(session: string, deadlineMs = this.#deadlineMs): Promise<LeaseAnswer> {
    try {
      const ask = async () => {
        const isHeld: unknown = await this.#store.isHeld(session)
        if (typeof isHeld === 'boolean') this.#late.delete(session)
        return isHeld
      }
      const answer = await this.#inTime<unknown>(ask, 'isHeld(id)', deadlineMs)
      if (answer === true) return { reading: 'held', failure: undefined }
      if (answer === false) return { reading: 'gone', failure: undefined }
      return unknown(
        answer === undefined
          ? failed('lease-unknown', 'isHeld(id) answered undefined')
          : failed('lease-invalid', `isHeld(id) answered ${typeof answer} instead of a boolean`),
      )
    } catch (thrown) {
      return unknown(failureIn(thrown))
    }
  }

  /** The delay until a session without an answer is asked about again; undefined if there is none. */
  untilAskedAgainMs(): number | undefined {
    return this.#isAnyUnknown ? unknownRecheckMs : undefined
  }

  async #askEach(
    sessions: readonly string[],
    take: (id: string, answer: LeaseAnswer) => void,
    deadlineMs: number,
  ): Promise<void> {
    const untilMs = this.#clock.now() + deadlineMs
    const isFirst = (id: string) => this.#skipped.has(id)
    const inTurn = [...sessions.filter(isFirst), ...sessions.filter((id) => !isFirst(id))]
    const rest = inTurn.values()
    const askOneByOne = async () => {
      for (const id of rest) {
        const leftMs = untilMs - this.#clock.now()
        if (leftMs <= 0) return
        take(id, await this.#askInTime(id, leftMs))
      }
    }
    await Promise.all(Array.from({ length: Math.min(questionsAtOnce, sessions.length) }, askOneByOne))
    const present = new Set(sessions)
    for (const id of this.#late) if (!present.has(id)) this.#late.delete(id)
  }

  async #askInTime(session: string, leftMs: number): Promise<LeaseAnswer> {
    const beganMs = this.#clock.now()
    const answer = await this.ask(
      session,
      this.#late.has(session) ? Math.min(leftMs, shortDeadlineMs) : leftMs,
    )
    const isLate = answer.reading === 'unknown' && this.#clock.now() - beganMs >= shortDeadlineMs
    if (isLate) this.#late.add(session)
    return answer
  }

  /** A list that is late is the last one: it only decides whose turn it is. */
  async #list(): Promise<{ readonly ids: readonly string[]; readonly failure: Failure | undefined }> {
    if (this.#store.list === undefined) return { ids: [], failure: undefined }
    const beganMs = this.#clock.now()
    const deadlineMs = this.#isListLate ? shortDeadlineMs : this.#deadlineMs
    try {
      const ids = await this.#inTime(() => this.#readList(), 'list()', deadlineMs)
      this.#isListLate = this.#clock.now() - beganMs >= shortDeadlineMs
      return { ids, failure: undefined }
    } catch (thrown) {
      this.#isListLate = thrown instanceof LateAnswer
      const failure = this.#isListLate && this.#listed ? undefined : failureIn(thrown)
      return { ids: this.#listed ?? [], failure }
    }
  }

  async #readList(): Promise<readonly string[]> {
    const listed: unknown = await this.#store.list?.()
    if (!Array.isArray(listed)) throw new InvalidAnswer(`list() answered ${typeof listed}`)
    const isId = (id: unknown) => typeof id === 'string' && isSessionId(id)
    this.#listed = listed.slice(0, mostListed).filter(isId) as readonly string[]
    return this.#listed
  }

  /** every-call-ends: the first answer counts; late ones are ignored. */
  #inTime<T>(ask: () => Promise<T>, called: string, deadlineMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimeout(
        () => reject(new LateAnswer(`${called} gave no answer within ${Math.round(deadlineMs)} ms`)),
        deadlineMs,
      )
      const settled = () => this.#clock.clearTimeout(timer)
      // A store that throws at once is one that rejects.
      void new Promise<T>((answer) => answer(ask())).then(resolve, reject).finally(settled)
    })
  }
}

class LateAnswer extends Error {}
class InvalidAnswer extends Error {}

function unknown(failure: Failure): LeaseAnswer {
  return { reading: 'unknown', failure }
}

function failed(kind: string, message: string): Failure {
  return { about: 'sessions', kind, message }
}

function failureIn(thrown: unknown): Failure {
  const isInvalid = thrown instanceof InvalidAnswer
  const kind = thrown instanceof LateAnswer ? 'lease-timed-out' : isInvalid ? 'lease-invalid' : 'lease-failed'
  return failed(kind, messageOf(thrown).slice(0, longestMessage))
}
