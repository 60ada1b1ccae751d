import type { AttemptAnswer, FailureLike, HookAnswer } from '../../machines/types.ts'
import type { KnownContainer } from '../containers/record.ts'
import { messageOf } from '../domain/errors.ts'
import type { BeforeRemove, DanglingContainer } from '../domain/hook.ts'
import type { ContainerId } from '../domain/ids.ts'
import { coveredAs } from '../domain/states.ts'
import type { HookRefusal, Verdict } from '../domain/verdict.ts'
import type { Engine } from '../engine/port.ts'
import { judgeAgain } from '../policy/judge.ts'
import { type AttemptOptions, createAttempt } from './attempt.ts'

export interface AttemptsOptions extends AttemptOptions {
  readonly engine: Engine
  readonly beforeRemove: BeforeRemove | undefined
  /** How long a refusal by the hook is valid. */
  readonly refusalMs: number
  readonly stopTimeoutMs: number
  readonly removeVolumes: boolean
  /** Records how the hook failed; undefined after a success. */
  readonly noteHook: (failure: FailureLike | undefined) => void
}

/** The attempts to change a dangling container. Each repeats all checks before it acts. */
export interface Attempts {
  askHook(id: ContainerId): Promise<HookAnswer>
  stopGracefully(id: ContainerId, signal: AbortSignal): Promise<AttemptAnswer>
  unpause(id: ContainerId, signal: AbortSignal): Promise<AttemptAnswer>
  remove(id: ContainerId, failures: number, signal: AbortSignal): Promise<AttemptAnswer>
}

const secondMs = 1000
const hookDeadlineMs = 60 * secondMs
/** How long a stop request may take in addition to the container's stop timeout. */
const stopMarginMs = 15 * secondMs
const unpauseDeadlineMs = 10 * secondMs

/** The deadline of a removal. It is generous, because the engine continues after the client disconnects. */
export function removalDeadlineMs(failures: number): number {
  return Math.min(120 * secondMs, 30 * secondMs * 2 ** failures)
}

export function createAttempts(options: AttemptsOptions): Attempts {
  const { engine, removeVolumes, stopTimeoutMs } = options
  const attempt = createAttempt(options)
  return {
    askHook: (id) => askHook(id, options),
    stopGracefully: (id, signal) =>
      attempt(id, signal, (target, mayLeave) =>
        engine.stop(target, {
          graceSeconds: Math.ceil(stopTimeoutMs / secondMs),
          deadlineMs: stopTimeoutMs + stopMarginMs,
          signal,
          mayLeave,
        }),
      ),
    unpause: (id, signal) =>
      attempt(id, signal, (target, mayLeave) =>
        engine.unpause(target, { deadlineMs: unpauseDeadlineMs, signal, mayLeave }),
      ),
    remove: (id, failures, signal) =>
      attempt(id, signal, (target, mayLeave) =>
        engine.remove(target, {
          deadlineMs: removalDeadlineMs(failures),
          signal,
          volumes: removeVolumes,
          force: mustForce(target, failures, options),
          mayLeave,
        }),
      ),
  }
}

/**
 * new-again: without force, the engine refuses to remove a container that was started after its inspection. After a
 * failure, force is used, because it may be required; the container has been judged again by then.
 */
function mustForce(id: ContainerId, failures: number, { fleet }: AttemptsOptions): boolean {
  const known = fleet.get(id)
  return failures > 0 || known === undefined || !rests.has(coveredAs(known.listed.state))
}

/** States in which every engine removes a container without force. */
const rests: ReadonlySet<string> = new Set(['created', 'exited'])

async function askHook(id: ContainerId, options: AttemptsOptions): Promise<HookAnswer> {
  const { awake, beforeRemove, clock, fleet, noteHook, refusalMs } = options
  const known = fleet.get(id)
  if (!known || !beforeRemove) return { answer: 'approved' }
  const refuse = (refusal: HookRefusal): HookAnswer => {
    const verdict = judgeAgain({ stage: 'hook', refusal }) as Verdict
    const { scan } = fleet.get(id) ?? known
    return { answer: 'refused', judgement: { verdict, scan, atMs: awake.now(), recheckMs: refusalMs } }
  }
  const fail = (refusal: HookRefusal, message: string): HookAnswer => {
    noteHook({ kind: refusal, message })
    return refuse(refusal)
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
    noteHook(undefined)
    return answer ? { answer: 'approved' } : refuse('hook-refused')
  } catch (thrown) {
    return fail('hook-failed', messageOf(thrown))
  } finally {
    clock.clearTimeout(timer)
  }
}

function describe({ listed }: KnownContainer): DanglingContainer {
  const { id, name, image, state, labels, createdAtMs } = listed
  return { id, name, image, state, labels, createdAt: createdAtMs }
}
