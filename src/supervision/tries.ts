import type { FailureLike, HookAnswer, TryAnswer } from '../../machines/types.ts'
import type { AwakeClock } from '../awake.ts'
import type { Clock } from '../clock.ts'
import type { CallOptions, Engine } from '../engine/port.ts'
import { EngineError, mayHaveArrived, messageOf } from '../errors.ts'
import type { Report } from '../events.ts'
import type { BeforeRemove, DanglingContainer } from '../hook.ts'
import type { ContainerId } from '../ids.ts'
import { isUnknown, type TrackerAnswer, type Verdict } from '../judge.ts'
import type { Tracker } from '../tracker.ts'
import { changeVerdict, type HookRefusal, type Known, noteAnswer } from './known.ts'
import { removalDeadlineMs } from './retries.ts'
import type { VerdictWindow } from './verdict-window.ts'

export interface TriesOptions {
  readonly clock: Clock
  readonly awake: AwakeClock
  readonly engine: Engine
  readonly memory: ReadonlyMap<ContainerId, Known>
  readonly tracker: Tracker
  readonly window: VerdictWindow
  readonly report: Report
  readonly beforeRemove: BeforeRemove | undefined
  readonly hookDeadlineMs: number
  readonly releaseGraceMs: number
  readonly stopTimeoutMs: number
  readonly removeVolumes: boolean
  readonly tellHook: (failure: FailureLike | undefined) => void
  /** The last question spared it for want of an answer, which may come soon. */
  readonly tellUnknown: (known: Known) => void
  /** The request for a removal has left. */
  readonly tellSent: (id: ContainerId) => void
}

/** The three things that can be tried on a container that dangles. Each asks everything once more before it acts. */
export interface Tries {
  askHook(id: string): Promise<HookAnswer>
  endGracefully(id: string, signal: AbortSignal): Promise<TryAnswer>
  remove(id: string, failures: number, signal: AbortSignal): Promise<TryAnswer>
}

/** How long a stop may take the engine beyond the time that it gives the container. */
const stopMarginMs = 15_000
const unpauseDeadlineMs = 10_000

const stale: TryAnswer = { answer: 'stale' }
const done: TryAnswer = { answer: 'done' }

export function createTries(options: TriesOptions): Tries {
  const { engine, memory, window } = options

  /** Sends one request, unless asking once more says otherwise. Nothing comes between the last answer and the request. */
  async function attempt(id: string, send: (known: Known) => Promise<void>): Promise<TryAnswer> {
    const known = memory.get(id as ContainerId)
    if (!known) return stale
    const { lookNumber } = known
    const objection = askLast(known, options)
    const settled = objection instanceof Promise ? await objection : objection
    if (settled) return settled
    // A look that came back while the tracker thought may have said otherwise: only the one that admitted it counts.
    if (!window.stands(lookNumber)) return stale
    try {
      await send(known)
      return done
    } catch (thrown) {
      return answerTo(thrown, window)
    }
  }

  return {
    askHook: (id) => askHook(memory.get(id as ContainerId), options),

    async endGracefully(id, signal) {
      const { stopTimeoutMs } = options
      const answer = await attempt(id, (known) => {
        // Whatever becomes of the answer: the engine may carry it out.
        known.endedByUs = true
        return engine.stop(known.id, {
          graceSeconds: Math.ceil(stopTimeoutMs / 1000),
          deadlineMs: stopTimeoutMs + stopMarginMs,
          signal,
        })
      })
      if (answer.answer !== 'failed' && answer.answer !== 'unsettled') return answer
      const { failure } = answer
      const known = memory.get(id as ContainerId)
      // An engine that was there and did not end it will not do so next time: then it is removed as it is.
      if (known && failure.kind !== 'unavailable') known.hasHadItsTime = true
      // Gone or going: what is left is the removal's business, which asks everything anew.
      return failure.kind === 'gone' || failure.kind === 'in-progress' ? done : { answer: 'failed', failure }
    },

    async remove(id, failures, signal) {
      const call: CallOptions = { deadlineMs: removalDeadlineMs(failures), signal }
      const send = (known: Known) => {
        known.endedByUs = true
        const answer = engine.remove(known.id, { ...call, volumes: options.removeVolumes })
        options.tellSent(known.id)
        return answer
      }
      const answer = await attempt(id, send)
      const isPaused = memory.get(id as ContainerId)?.summary.state === 'paused'
      if (answer.answer !== 'failed' || !isPaused || answer.failure.kind !== 'refused') return answer
      // Old engines refuse to remove a paused container. The second request asks everything anew.
      const unpaused = await attempt(id, (known) =>
        engine.unpause(known.id, { ...call, deadlineMs: unpauseDeadlineMs }),
      )
      if (unpaused.answer === 'done') return attempt(id, send)
      // Whatever became of it: the removal was refused, and nothing of ours has removed the container.
      return unpaused.answer === 'unsettled' ? { ...unpaused, isOurs: false } : unpaused
    },
  }
}

/**
 * fresh-look: the last question before a request. Undefined means go; the container itself is asked after
 * everything else. Answers at once where the tracker does.
 */
function askLast(
  known: Known,
  options: TriesOptions,
): TryAnswer | undefined | Promise<TryAnswer | undefined> {
  const { tracker, window } = options
  const { verdict } = known
  if (!verdict || !window.stands(known.lookNumber)) return stale
  if (verdict.verdict !== 'dangling') return { answer: 'let-live', verdict }
  const guests = verdict.endedGuests.map((id) => tracker.ask(id))
  if (!guests.some((answer) => answer instanceof Promise))
    return askOwnLast(known, guests as TrackerAnswer[], options)
  // The guests all at once, and only then the container: its own answer must be no older than the request.
  return Promise.all(guests.map(async (answer) => answer)).then((answers) =>
    askOwnLast(known, answers, options),
  )
}

function askOwnLast(
  known: Known,
  guests: readonly TrackerAnswer[],
  options: TriesOptions,
): TryAnswer | undefined | Promise<TryAnswer | undefined> {
  const settle = (own: TrackerAnswer) => letLive(known, finalVerdict(guests, own), own, options)
  const own = options.tracker.ask(known.id)
  return own instanceof Promise ? own.then(settle) : settle(own)
}

function finalVerdict(guestAnswers: readonly TrackerAnswer[], ownAnswer: TrackerAnswer): Verdict | undefined {
  if (ownAnswer === 'tracked') return { verdict: 'tracked', reason: 'tracked' }
  if (ownAnswer !== 'untracked') return { verdict: 'spared', reason: ownAnswer }
  return guestAnswers.every((answer) => answer === 'untracked')
    ? undefined
    : { verdict: 'spared', reason: 'namespace-shared' }
}

function letLive(
  known: Known,
  verdict: Verdict | undefined,
  answer: TrackerAnswer,
  { awake, releaseGraceMs, report, tellUnknown }: TriesOptions,
): TryAnswer | undefined {
  if (!verdict) return undefined
  noteAnswer(known, answer, awake.now(), releaseGraceMs)
  changeVerdict(known, verdict, report, false)
  if (isUnknown(verdict)) tellUnknown(known)
  return { answer: 'let-live', verdict }
}

/** What the engine's refusal means for the removal. */
function answerTo(thrown: unknown, window: VerdictWindow): TryAnswer {
  if (!(thrown instanceof EngineError)) throw thrown
  const failure: FailureLike = { kind: thrown.kind, message: thrown.message }
  switch (thrown.kind) {
    case 'gone':
    case 'in-progress':
      return { answer: 'unsettled', isOurs: false, failure }
    case 'unavailable':
      // Nobody else's request need find that out: the next look tells how the engine is.
      window.close()
      return { answer: 'unsettled', isOurs: mayHaveArrived(thrown), failure }
    case 'timed-out':
    case 'invalid-answer':
      return { answer: 'unsettled', isOurs: true, failure }
    case 'misconfigured':
    case 'refused':
      return { answer: 'failed', failure }
  }
}

async function askHook(known: Known | undefined, options: TriesOptions): Promise<HookAnswer> {
  const { beforeRemove, clock, hookDeadlineMs, tellHook } = options
  if (!known || !beforeRemove) return { answer: 'approved' }
  const refuse = (reason: HookRefusal): HookAnswer => ({
    answer: 'refused',
    verdict: { verdict: 'spared', reason },
  })
  const fail = (reason: HookRefusal, message: string): HookAnswer => {
    tellHook({ kind: reason, message })
    return refuse(reason)
  }
  let timer: unknown
  const deadline = new Promise<'late'>((resolve) => {
    timer = clock.setTimeout(() => resolve('late'), hookDeadlineMs)
  })
  try {
    const answer: unknown = await Promise.race([beforeRemove(describe(known)), deadline])
    if (answer === 'late')
      return fail('hook-timed-out', `beforeRemove gave no answer within ${hookDeadlineMs} ms`)
    if (answer !== true && answer !== false) {
      return fail('hook-failed', `beforeRemove answered ${typeof answer} instead of a boolean`)
    }
    tellHook(undefined)
    return answer ? { answer: 'approved' } : refuse('hook-refused')
  } catch (thrown) {
    return fail('hook-failed', messageOf(thrown))
  } finally {
    clock.clearTimeout(timer)
  }
}

function describe({ summary }: Known): DanglingContainer {
  const { id, name, image, state, labels, createdAtMs } = summary
  return { id, name, image, state, labels, createdAt: createdAtMs }
}
