import { askPauseMs } from '../../machines/scan-pace.ts'
import type { Fleet } from '../containers/fleet.ts'
import type { KnownContainer } from '../containers/known-container.ts'
import type { ToSupervisor } from '../containers/seal.ts'
import type { AwakeClock } from '../domain/awake.ts'
import type { Clock } from '../domain/clock.ts'
import type { ContainerSummary } from '../domain/container.ts'
import { inSlices } from '../domain/slices.ts'
import { isTrackerFailure, type TrackerAnswer } from '../domain/verdict.ts'
import type { Graces } from './graces.ts'
import type { LeaseReading, Leases } from './leases.ts'
import type { Sessions } from './sessions.ts'
import { askAboutEach } from './tracker-questions.ts'
import { type Answer, type Tracker, wordOf } from './tracker.ts'

/** A store that takes longer is asked by scans alone. */
const leaseDeadlineMs = 500

export interface AskingOptions {
  readonly tracker: Tracker
  readonly clock: Clock
  readonly awake: AwakeClock
  readonly fleet: Fleet
  readonly graces: Graces
  /** Undefined if the owner has no sessions. */
  readonly leases: Leases | undefined
  readonly sessions: Sessions
  readonly toSupervisor: ToSupervisor
}

/**
 * Asks the tracker about every known container, and the lease store about other sessions, between scans and without a request
 * to the engine. A release grace begins with the answer; a session grace begins with the scan that is then requested. Only a
 * scan judges.
 */
export class Asking {
  readonly #options: AskingOptions
  #tookMs = 0

  constructor(options: AskingOptions) {
    this.#options = options
  }

  /** Asks until it is aborted, since a scan that has begun to ask has newer answers. Then it rejects. */
  async follow(signal: AbortSignal): Promise<never> {
    const { clock, toSupervisor } = this.#options
    for (;;) {
      await pause(clock, askPauseMs(this.#tookMs), signal)
      const beganMs = clock.now()
      const type = await this.#askTracker(signal)
      this.#tookMs = clock.now() - beganMs
      if (await this.#hasAnyEnded(signal)) toSupervisor({ type: 'scan.requested' })
      else if (type) toSupervisor({ type })
    }
  }

  /** Passes the answers to the containers. Returns how a scan is to be requested, if one is. */
  async #askTracker(signal: AbortSignal): Promise<'scan.requested' | 'scan.hinted' | undefined> {
    const { awake, clock, fleet, graces } = this.#options
    let isAnyStillTracked = false
    const others: ContainerSummary[] = []
    const answers: Answer[] = []
    const take = (known: KnownContainer, answer: Answer) => {
      // Nothing is kept of these, which are most of all.
      if (answer === 'tracked' && isTracked(known)) isAnyStillTracked = true
      else {
        others.push(known.listed)
        answers.push(answer)
      }
    }
    await askAboutEach(fleet.all(), ({ listed }) => listed, take, this.#options, { signal })
    const atMs = awake.now()
    if (isAnyStillTracked) graces.noteTracked()
    else graces.noteAnswers(others, answers, { seenAwakeMs: atMs })
    let isReleased = false
    let isAnswered = false
    await inSlices(others, clock, signal, ({ id }, index) => {
      const word = wordOf(answers[index] as Answer)
      const known = fleet.get(id)
      if (!known) return
      isReleased ||= word === 'untracked' && known.wasTracked
      isAnswered ||= hasAnswer(known, word)
      fleet.noteAnswer(known, word, atMs)
    })
    return isReleased ? 'scan.requested' : isAnswered ? 'scan.hinted' : undefined
  }

  /** live-session: whether the lease of a session is gone that the last scan did not find gone. */
  async #hasAnyEnded(signal: AbortSignal): Promise<boolean> {
    const { awake, leases, sessions } = this.#options
    const { unended } = sessions
    if (!leases || unended.length === 0) return false
    // live-session: a scan may have read meanwhile that it is gone, and its grace lasts only while nothing else is read.
    const note = (id: string, reading: LeaseReading) => {
      if (reading !== 'gone') sessions.noteReading(id, reading, awake.now())
    }
    const answers = await leases.askAbout(unended, signal, { deadlineMs: leaseDeadlineMs, note })
    return [...answers.values()].some(({ reading }) => reading === 'gone')
  }
}

function isTracked({ wasTracked, verdict }: KnownContainer): boolean {
  return wasTracked && verdict?.verdict === 'tracked'
}

function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      clock.clearTimeout(timer)
      reject(signal.reason as Error)
    }
    const timer = clock.setTimeout(() => {
      signal.removeEventListener('abort', giveUp)
      resolve()
    }, delayMs)
    signal.addEventListener('abort', giveUp, { once: true })
  })
}

/** Whether the tracker answers about a container that is spared because it did not. */
function hasAnswer({ verdict }: KnownContainer, word: TrackerAnswer): boolean {
  return isTrackerFailure(verdict?.reason) && !isTrackerFailure(word)
}
