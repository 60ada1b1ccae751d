import type { Failure } from '../../machines/failure-streaks.ts'
import type { Clock } from '../domain/clock.ts'
import type { ContainerSummary } from '../domain/container.ts'
import { messageOf } from '../domain/errors.ts'
import { show } from '../domain/show.ts'
import { firstWrongKey } from '../domain/tracked-keys.ts'
import { nothingTracked, type Tracked, type TrackedContainer, TrackerError } from '../domain/tracked.ts'
import { type TrackerAnswer, type TrackerFailure, isTrackerFailure } from '../domain/verdict.ts'

/** Why an answer is missing. */
export interface NoAnswer {
  readonly reason: TrackerFailure
  readonly message: string
}

/** The result of asking about one container. */
export type Answer = 'tracked' | 'untracked' | NoAnswer

/** The answer in the form that the judge expects. */
export function wordOf(answer: Answer): TrackerAnswer {
  return typeof answer === 'string' ? answer : answer.reason
}

/** Why there was no answer; undefined if there was one. */
export function failureOf(answer: Answer): Failure | undefined {
  return typeof answer === 'string'
    ? undefined
    : { about: 'tracker', kind: answer.reason, message: answer.message }
}

/** Asks the agent and turns every outcome, including errors, into an answer. Never throws. */
export interface Tracker {
  /** Synchronous if the agent's `has` is, so that nothing can run between the answer and its use. */
  ask(container: ContainerSummary): Answer | Promise<Answer>
  /** Whether the agent explicitly declared that it tracks nothing. */
  readonly tracksNothing: boolean
}

export function createTracker(tracked: Tracked, clock: Clock, deadlineMs: number): Tracker {
  const wrongKeys = createKeyCheck(tracked, clock)
  const takesIdOnly = tracked instanceof Map || tracked instanceof Set

  function withinDeadline(answer: PromiseLike<unknown>): Promise<Answer> {
    return new Promise((resolve) => {
      // The first answer counts; late or repeated answers are ignored.
      const settle = (answer: Answer) => {
        clock.clearTimeout(timer)
        resolve(answer)
      }
      const timer = clock.setTimeout(
        () => settle(noAnswer('tracker-timed-out', `has(id) gave no answer within ${deadlineMs} ms`)),
        deadlineMs,
      )
      try {
        answer.then(
          (value) => settle(readAnswer(value)),
          (thrown: unknown) => settle(failedBy(thrown)),
        )
      } catch (thrown) {
        settle(failedBy(thrown))
      }
    })
  }

  return {
    tracksNothing: (tracked as unknown) === nothingTracked,
    ask(container) {
      try {
        if (tracked.ready !== undefined && (tracked.ready() as unknown) !== true) {
          return noAnswer('tracker-not-ready', 'ready() did not answer true')
        }
        const wrong = wrongKeys()
        if (wrong) return wrong
        const answer = takesIdOnly
          ? tracked.has(container.id)
          : tracked.has(container.id, describe(container))
        return isPromiseLike(answer) ? withinDeadline(answer) : readAnswer(answer)
      } catch (thrown) {
        return failedBy(thrown)
      }
    },
  }
}

function noAnswer(reason: TrackerFailure, message: string): NoAnswer {
  return { reason, message }
}

function failedBy(thrown: unknown): NoAnswer {
  return noAnswer(reasonOf(thrown), messageOf(thrown))
}

function readAnswer(answer: unknown): Answer {
  if (answer === true) return 'tracked'
  if (answer === false) return 'untracked'
  if (answer === undefined) return noAnswer('tracker-unknown', 'has(id) answered undefined')
  return noAnswer('tracker-invalid', `has(id) answered ${typeof answer} instead of a boolean`)
}

/** The keys of a `Map` or `Set` are checked whenever its size changes, and at least once a second. */
const keysCheckedForMs = 1000

/** A `Map` or `Set` with keys other than full ids answers `false` for containers stored under another key. */
function createKeyCheck(tracked: Tracked, clock: Clock): () => NoAnswer | undefined {
  let checked:
    | { readonly size: unknown; readonly atMs: number; readonly found: NoAnswer | undefined }
    | undefined
  return () => {
    const { size } = tracked as { readonly size?: unknown }
    const nowMs = clock.now()
    if (checked && size === checked.size && nowMs - checked.atMs < keysCheckedForMs) return checked.found
    const wrong = firstWrongKey(tracked)
    const found =
      wrong &&
      noAnswer('tracker-wrong-keys', `its key ${show(wrong.key)} is not a full container id of 64 hex digits`)
    checked = { size, atMs: nowMs, found }
    return found
  }
}

function describe({
  id,
  name,
  names,
  image,
  state,
  labels,
  createdAtMs,
}: ContainerSummary): TrackedContainer {
  Object.freeze(labels)
  Object.freeze(names)
  return Object.freeze({ id, name, names, image, state, labels, createdAt: createdAtMs })
}

/** unknown-is-spared: an error is never an answer, whatever reason it claims. */
function reasonOf(thrown: unknown): TrackerFailure {
  return thrown instanceof TrackerError && isTrackerFailure(thrown.reason) ? thrown.reason : 'tracker-failed'
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
