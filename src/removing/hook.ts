import type { HookAnswer } from '../../machines/types.ts'
import type { Fleet } from '../containers/fleet.ts'
import type { KnownContainer } from '../containers/known-container.ts'
import type { ToSupervisor } from '../containers/seal.ts'
import type { AwakeClock } from '../domain/awake.ts'
import type { Clock } from '../domain/clock.ts'
import { messageOf } from '../domain/errors.ts'
import type { BeforeRemove, DanglingContainer } from '../domain/hook.ts'
import type { ContainerId } from '../domain/ids.ts'
import type { HookRefusal, Verdict } from '../domain/verdict.ts'
import { judgeAgain } from '../policy/judge.ts'

export interface HookOptions {
  readonly clock: Clock
  readonly awake: AwakeClock
  readonly fleet: Fleet
  readonly beforeRemove: BeforeRemove | undefined
  /** How long a refusal by the hook is valid. */
  readonly refusalMs: number
  readonly toSupervisor: ToSupervisor
}

const hookDeadlineMs = 60_000

/** Asks the owner's hook about a dangling container. Whatever is no clear approval is a refusal. */
export async function askHook(id: ContainerId, options: HookOptions): Promise<HookAnswer> {
  const { awake, beforeRemove, clock, fleet, refusalMs, toSupervisor } = options
  const known = fleet.get(id)
  if (!known || !beforeRemove) return { answer: 'approved' }
  const refuse = (refusal: HookRefusal): HookAnswer => {
    const verdict = judgeAgain({ stage: 'hook', refusal }) as Verdict
    const { scan } = fleet.get(id) ?? known
    return { answer: 'refused', judgement: { verdict, scan, atMs: awake.now(), recheckMs: refusalMs } }
  }
  const fail = (refusal: HookRefusal, message: string): HookAnswer => {
    toSupervisor({ type: 'degraded', about: 'hook', kind: refusal, message, atMs: clock.now() })
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
    toSupervisor({ type: 'recovered', about: 'hook', atMs: clock.now() })
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
