import type { AttemptAnswer, FailureLike, HookAnswer, StopEffect } from '../../machines/types.ts'
import type { Freshness } from '../containers/freshness.ts'
import type { KnownContainer } from '../containers/known-container.ts'
import { EngineError } from '../domain/errors.ts'
import type { ContainerId } from '../domain/ids.ts'
import { coveredAs } from '../domain/states.ts'
import type { ChangeOptions, ChangeOutcome, Engine } from '../engine/port.ts'
import { judgeAgain } from '../policy/judge.ts'
import type { Inspections } from '../scanning/inspections.ts'
import type { SelfTest } from '../self/self-test.ts'
import { askHook, type HookOptions } from './hook.ts'
import { LastInspection } from './last-inspection.ts'
import { askLast, type Candidate, cancelled, type LastQuestionOptions, stale } from './last-question.ts'

export interface AttemptOptions extends HookOptions, LastQuestionOptions {
  readonly engine: Engine
  readonly inspections: Inspections
  readonly selfTest: () => Promise<SelfTest>
  readonly freshness: Freshness
  readonly stopTimeoutMs: number
  readonly removeVolumes: boolean
}

/** The attempts to change a dangling container. Each repeats all checks before it acts. */
export interface Attempts {
  askHook(id: ContainerId): Promise<HookAnswer>
  stopGracefully(id: ContainerId, signal: AbortSignal): Promise<AttemptAnswer>
  unpause(id: ContainerId, signal: AbortSignal): Promise<AttemptAnswer>
  remove(id: ContainerId, failures: number, signal: AbortSignal): Promise<AttemptAnswer>
}

const secondMs = 1000
/** How long a stop request may take in addition to the container's stop timeout. */
const stopMarginMs = 15 * secondMs
const unpauseDeadlineMs = 10 * secondMs

/** The deadline of a removal. It is generous, because the engine continues after the client disconnects. */
export function removalDeadlineMs(failures: number): number {
  return Math.min(120 * secondMs, 30 * secondMs * 2 ** failures)
}

export function createAttempts(options: AttemptOptions): Attempts {
  const { engine, removeVolumes, stopTimeoutMs } = options
  const attempt = createAttempt(options)
  return {
    askHook: (id) => askHook(id, options),
    stopGracefully: (id, signal) =>
      attempt(id, signal, (target, sending) =>
        engine.stop(target, {
          graceSeconds: Math.ceil(stopTimeoutMs / secondMs),
          deadlineMs: stopTimeoutMs + stopMarginMs,
          signal,
          ...sending,
        }),
      ),
    unpause: (id, signal) =>
      attempt(id, signal, (target, sending) =>
        engine.unpause(target, { deadlineMs: unpauseDeadlineMs, signal, ...sending }),
      ),
    remove: (id, failures, signal) =>
      attempt(id, signal, (target, sending) =>
        engine.remove(target, {
          deadlineMs: removalDeadlineMs(failures),
          signal,
          volumes: removeVolumes,
          force: mustForce(target, failures, options),
          ...sending,
        }),
      ),
  }
}

/**
 * new-again: without force, the engine refuses to remove a container that was started after its inspection. After a
 * failure, force is used, because it may be required; the container has been judged again by then.
 */
function mustForce(id: ContainerId, failures: number, { fleet }: AttemptOptions): boolean {
  const known = fleet.get(id)
  return failures > 0 || known === undefined || !rests.has(coveredAs(known.listed.state))
}

/** States in which every engine removes a container without force. */
const rests: ReadonlySet<string> = new Set(['created', 'exited'])

/** Sends one request to the engine. */
type Send = (id: ContainerId, sending: Pick<ChangeOptions, 'maySend' | 'onSent'>) => Promise<ChangeOutcome>

/** One request that changes a container, with all checks that precede it. */
type Attempt = (id: ContainerId, signal: AbortSignal, send: Send) => Promise<AttemptAnswer>

/** not-ours-to-stop: the engine had nothing to stop, so the container has ended by itself. */
const alreadyEnded: AttemptAnswer = {
  answer: 'unsettled',
  isOurs: false,
  failure: { kind: 'ended', message: 'it had already ended' },
  stop: undefined,
}

/**
 * Makes one request, in this order: inspect the container, establish the connection, check that the verdict is still
 * fresh, ask the tracker about the ended guests, and finally about the container itself. The inspection is repeated while
 * it is not fresh. Between the last answer and the request only the charts learn of it, and an inspection callback; whether
 * the verdict stands is checked after that.
 */
function createAttempt(options: AttemptOptions): Attempt {
  const { clock, fleet, freshness } = options

  return async (id, signal, send) => {
    const known = fleet.get(id)
    if (!known?.verdict || !freshness.stands(known.scan)) return stale
    const { scan, verdict } = known
    if (verdict.verdict !== 'dangling') return cancelled(id, verdict, options)
    const candidate: Candidate = { id, known, endedGuests: verdict.endedGuests() }
    const mayAct = () => freshness.stands(scan) && !signal.aborted
    const inspection = new LastInspection(clock, async () =>
      mayAct() ? inspect(candidate, options, signal) : stale,
    )
    let wasSent = false
    let objection: AttemptAnswer | undefined
    const decide = (found: AttemptAnswer | undefined): boolean => {
      // A scan may have completed while the tracker was answering; only the scan that admitted the container counts.
      objection = found ?? (mayAct() ? undefined : stale)
      if (objection) return false
      fleet.send(id, { type: 'request.sent' })
      // quiet-stop: an inspection callback may have ended everything when it saw that event.
      const isAllowed = mayAct()
      if (!isAllowed) objection = stale
      return isAllowed
    }
    const lastQuestion = (): boolean | Promise<boolean> => {
      if (!freshness.stands(scan)) return decide(stale)
      const found = askLast(candidate, options)
      return found instanceof Promise ? slowly(found) : decide(found)
    }
    const slowly = async (pending: Promise<AttemptAnswer | undefined>): Promise<boolean> => {
      const found = await inspection.keepFreshDuring(pending)
      if (found || inspection.isFresh) return decide(found)
      inspection.allowTwiceTheAge()
      return inspectAndAsk()
    }
    const inspectAndAsk = async (): Promise<boolean> => {
      const against = await inspection.repeat()
      return against ? decide(against) : lastQuestion()
    }
    try {
      const against = await inspection.repeat()
      if (against) return against
      const outcome = await send(id, {
        maySend: () => (inspection.isFresh ? lastQuestion() : inspectAndAsk()),
        onSent: () => (wasSent = true),
      })
      if (outcome === 'withheld') return objection ?? stale
      return outcome === 'done' ? { answer: 'done' } : alreadyEnded
    } catch (thrown) {
      if (!(thrown instanceof EngineError)) throw thrown
      return answerTo(thrown, wasSent, options)
    }
  }
}

/** second-source: checks the request against inspections of the container and its ended guests. */
async function inspect(
  { id, known, endedGuests }: Candidate,
  options: AttemptOptions,
  signal: AbortSignal,
): Promise<AttemptAnswer | undefined> {
  const { fleet, inspections, selfTest } = options
  const objection = await inspections.confirm(id, await selfTest(), signal)
  const judge = (haveGuestsEnded: boolean) =>
    judgeAgain({
      stage: 'inspection',
      objection,
      creationGraceEndsMs: fleet.get(id)?.creationGraceEndsMs ?? Infinity,
      judgedAtMs: known.judgedAtMs,
      haveGuestsEnded,
    })
  const against = judge(true) ?? judge(await inspections.haveEnded(endedGuests, signal))
  if (against) return cancelled(id, against, options)
  return hasBegunAgain(known, fleet.get(id)) ? stale : undefined
}

/** new-again: the hook's approval and the graceful stop were for its last life, so that this one gets its own. */
function hasBegunAgain(before: KnownContainer, now: KnownContainer | undefined): boolean {
  return (
    now !== undefined &&
    ((before.isApproved && !now.isApproved) || (before.gracefulStopAttempted && !now.gracefulStopAttempted))
  )
}

/** Statuses by which a proxy says that it waits no longer; the engine may still be executing the request. */
const gatewayGaveUp: ReadonlySet<number | undefined> = new Set([502, 504])

/** Whether the engine, or a proxy before it, said that it will not execute the request. */
function isRefusal({ kind, status = 0 }: EngineError): boolean {
  if (kind === 'in-progress') return false
  return kind === 'misconfigured' || kind === 'gone' || (status >= 400 && status < 500)
}

/**
 * not-ours-to-stop: the effect of a failed request. A request that was refused changes nothing; an engine that failed
 * while executing it may have stopped the container first. Without an answer it may do so at any time.
 */
function stopAfter(thrown: EngineError, { clock }: AttemptOptions): StopEffect | undefined {
  const { kind, status } = thrown
  if (isRefusal(thrown)) return undefined
  const mayGoOn = status === undefined || kind === 'in-progress' || gatewayGaveUp.has(status)
  return { failedAtMs: mayGoOn ? undefined : clock.now() }
}

/** Maps a failure to the result of the attempt. */
function answerTo(thrown: EngineError, wasSent: boolean, options: AttemptOptions): AttemptAnswer {
  const failure: FailureLike = { kind: thrown.kind, message: thrown.message }
  const stop = wasSent ? stopAfter(thrown, options) : undefined
  switch (thrown.kind) {
    case 'gone':
    case 'in-progress':
      return { answer: 'unsettled', isOurs: false, failure, stop }
    case 'unavailable':
      // Holds back other requests until the next scan shows whether the engine is up.
      options.toSupervisor({ type: 'verdicts.doubted' })
      return { answer: 'unsettled', isOurs: wasSent && !isRefusal(thrown), failure, stop }
    case 'timed-out':
    case 'invalid-answer':
      return { answer: 'unsettled', isOurs: wasSent, failure, stop }
    case 'half-removed':
    case 'refused':
      // Podman refuses to inspect a container that is being removed; the next scan shows the result.
      return wasSent
        ? { answer: 'failed', failure, stop }
        : { answer: 'unsettled', isOurs: false, failure, stop }
    case 'misconfigured':
      return { answer: 'failed', failure, stop }
  }
}
