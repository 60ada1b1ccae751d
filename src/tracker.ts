import type { Clock } from './clock.ts'
import { messageOf } from './errors.ts'
import type { ContainerId } from './ids.ts'
import { isTrackerTrouble, type TrackerAnswer, type TrackerTrouble } from './judge.ts'

/**
 * What the agent knows. Anything with `has(id)` will do, a `Map` or a `Set` among them.
 *
 * An answer is `true` (the agent knows this container), `false` (it does not) or `undefined` (it cannot say now, which
 * spares). A throw, a rejection, or no answer within the deadline spares as well.
 */
export interface Tracked {
  has(id: string): boolean | undefined | Promise<boolean | undefined>
  /** Whether the agent has restored what it knows. While this is not `true`, nothing is removed. */
  ready?(): boolean
}

/** Thrown by a tracker that knows why it cannot answer; the reason is told as the container's. */
export class TrackerTroubleError extends Error {
  readonly reason: TrackerTrouble
  constructor(reason: TrackerTrouble, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'TrackerTroubleError'
    this.reason = reason
  }
}

/** Why an answer is missing, for the log. */
export interface Trouble {
  readonly reason: TrackerTrouble
  readonly message: string
}

/** Asks the agent, and turns whatever happens into an answer. Never throws. */
export interface Tracker {
  /** Answers at once where the agent does, so that nothing can come in between. */
  ask(id: ContainerId): TrackerAnswer | Promise<TrackerAnswer>
  /** What went wrong since this was last called, and forgets it. */
  takeTrouble(): Trouble | undefined
}

export function createTracker(tracked: Tracked, clock: Clock, deadlineMs: number): Tracker {
  let trouble: Trouble | undefined

  function fail(reason: TrackerTrouble, message: string): TrackerTrouble {
    trouble = { reason, message }
    return reason
  }

  function failedBy(thrown: unknown): TrackerTrouble {
    return fail(reasonOf(thrown), messageOf(thrown))
  }

  function readAnswer(answer: unknown): TrackerAnswer {
    if (answer === true) return 'tracked'
    if (answer === false) return 'untracked'
    if (answer === undefined) return fail('tracker-unknown', 'has(id) answered undefined')
    return fail('tracker-invalid', `has(id) answered ${typeof answer} instead of a boolean`)
  }

  function withinDeadline(answer: PromiseLike<unknown>): Promise<TrackerAnswer> {
    return new Promise((resolve) => {
      let isSettled = false
      // The first answer counts; one that comes late, or twice, is not even a trouble.
      const settle = (read: () => TrackerAnswer) => {
        if (isSettled) return
        isSettled = true
        clock.clearTimeout(timer)
        resolve(read())
      }
      const timer = clock.setTimeout(
        () => settle(() => fail('tracker-timed-out', `has(id) gave no answer within ${deadlineMs} ms`)),
        deadlineMs,
      )
      try {
        answer.then(
          (value) => settle(() => readAnswer(value)),
          (thrown: unknown) => settle(() => failedBy(thrown)),
        )
      } catch (thrown) {
        settle(() => failedBy(thrown))
      }
    })
  }

  return {
    ask(id) {
      try {
        if (tracked.ready !== undefined && (tracked.ready() as unknown) !== true) {
          return fail('tracker-not-ready', 'ready() did not answer true')
        }
        const answer = tracked.has(id)
        return isPromiseLike(answer) ? withinDeadline(answer) : readAnswer(answer)
      } catch (thrown) {
        return failedBy(thrown)
      }
    },
    takeTrouble() {
      const taken = trouble
      trouble = undefined
      return taken
    },
  }
}

/** unknown-is-spared: whatever reason an error claims to have, none of them is an answer. */
function reasonOf(thrown: unknown): TrackerTrouble {
  return thrown instanceof TrackerTroubleError && isTrackerTrouble(thrown.reason)
    ? thrown.reason
    : 'tracker-failed'
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
