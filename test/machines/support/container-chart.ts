import {
  createActor,
  fromPromise,
  initialTransition,
  type InspectionEvent,
  SimulatedClock,
  type SnapshotFrom,
  transition,
} from 'xstate'
import {
  type AttemptAnswer,
  type ContainerEvent,
  containerMachine,
  type ContainerPolicy,
  type ContainerRecord,
  type HookAnswer,
  type Judgement,
  type VerdictLike,
} from '../../../machines/index.ts'
import { leavesIn } from './chart.ts'

export type ContainerSnapshot = SnapshotFrom<typeof containerMachine>

export const graceMs = 600_000
export const id = 'a'.repeat(64)

const removesAtOnce: ContainerPolicy = {
  dryRun: false,
  hasHook: false,
  stopsGracefully: false,
  creationGraceMs: graceMs,
  releaseGraceMs: 30_000,
}
export const policyOf = (policy: Partial<ContainerPolicy> = {}): ContainerPolicy => ({
  ...removesAtOnce,
  ...policy,
})

export function recordOf(record: Partial<ContainerRecord> = {}): ContainerRecord {
  return {
    listed: { id, name: 'task', state: 'running' },
    firstSeenMs: 0,
    newSinceMs: 0,
    creationGraceEndsMs: 0,
    startId: undefined,
    notStartedUntil: undefined,
    wasTracked: false,
    releaseGraceEndsMs: undefined,
    isLossReported: false,
    stop: undefined,
    gracefulStopAttempted: false,
    refusal: undefined,
    objection: undefined,
    disagreements: 0,
    confirmedAs: undefined,
    ...record,
  }
}

export const verdicts = {
  graced: { verdict: 'graced', reason: 'creation-grace', endsAtMs: 60_000 },
  tracked: { verdict: 'tracked', reason: 'tracked' },
  spared: { verdict: 'spared', reason: 'keep-label' },
  dangling: { verdict: 'dangling', reason: 'untracked' },
} as const satisfies Record<string, VerdictLike>

export function judgementOf(verdict: VerdictLike, more: Partial<Judgement> = {}): Judgement {
  return { verdict, atMs: 0, scan: 1, recheckMs: undefined, ...more }
}

export const judged = (verdict: VerdictLike, more: Partial<Judgement> = {}): ContainerEvent => ({
  type: 'judged',
  judgement: judgementOf(verdict, more),
})

export const admitted: ContainerEvent = { type: 'admitted', judgement: judgementOf(verdicts.dangling) }

/** The ways in which the world answers a container's chart, beside its own events: XState's. */
export type WorldEvent =
  | ContainerEvent
  | { readonly type: `xstate.done.actor.${Invoked}`; readonly output: unknown }
  | { readonly type: `xstate.error.actor.${Invoked}`; readonly error: unknown }
  | { readonly type: `xstate.after.${string}` }

export type Invoked = 'hook' | 'stop' | 'removal' | 'unpause'

export const answers = (from: Invoked, output: AttemptAnswer | HookAnswer): WorldEvent => ({
  type: `xstate.done.actor.${from}`,
  output,
})
export const throws = (from: Invoked): WorldEvent => ({
  type: `xstate.error.actor.${from}`,
  error: new Error('boom'),
})

export const failureOf = (kind: string) => ({ kind, message: `${kind}!` })
const cancelled = (verdict: VerdictLike): AttemptAnswer => ({
  answer: 'cancelled',
  judgement: judgementOf(verdict, { scan: 2 }),
})
const unsettled = (kind: string, isOurs: boolean): AttemptAnswer => ({
  answer: 'unsettled',
  isOurs,
  failure: failureOf(kind),
  stop: isOurs ? { failedAtMs: undefined } : undefined,
})

export const attemptAnswers = {
  done: { answer: 'done' },
  'cancelled: tracked': cancelled(verdicts.tracked),
  'cancelled: graced': cancelled(verdicts.graced),
  'cancelled: spared': cancelled(verdicts.spared),
  stale: { answer: 'stale' },
  ended: unsettled('ended', false),
  gone: unsettled('gone', false),
  'in progress': unsettled('in-progress', false),
  'timed out': unsettled('timed-out', true),
  'unavailable, sent': unsettled('unavailable', true),
  'unavailable, not sent': unsettled('unavailable', false),
  refused: { answer: 'failed', failure: failureOf('refused'), stop: undefined },
  'failed at it': { answer: 'failed', failure: failureOf('refused'), stop: { failedAtMs: 7 } },
} as const satisfies Record<string, AttemptAnswer>

export const hookAnswers = {
  approved: { answer: 'approved' },
  refused: {
    answer: 'refused',
    judgement: judgementOf(
      { verdict: 'spared', reason: 'hook-refused' },
      { atMs: 100, scan: 2, recheckMs: 300_000 },
    ),
  },
} as const satisfies Record<string, HookAnswer>

export interface Setting {
  readonly policy?: Partial<ContainerPolicy>
  readonly record?: Partial<ContainerRecord>
}

/** Where it stands, by its leaves: `classified.queued`, or a request and its slot. */
export function stateOf({ value }: Pick<ContainerSnapshot, 'value'>): string {
  const inside = 'removing.attempting.'
  return leavesIn(value)
    .map((leaf) => (leaf.startsWith(inside) ? leaf.slice(leaf.lastIndexOf('.') + 1) : leaf))
    .toReversed()
    .join('+')
}

/** An effect by its name; what XState does itself in the words of the tables. */
function wordFor({ type, params }: { readonly type: string; readonly params?: unknown }): string {
  const about = params as { readonly id?: string } | undefined
  switch (type) {
    case 'xstate.raise':
      return 'timer'
    case 'xstate.cancel':
      return 'no-timer'
    case 'xstate.spawnChild':
      return `ask-${about?.id}`
    case 'xstate.stopChild':
      return 'end-ask'
    default:
      return type
  }
}

/** Steps the exported chart, without an actor and with nothing provided; `does` names what would be carried out. */
export const pure = {
  initial({ policy, record }: Setting = {}): ContainerSnapshot {
    return initialTransition(containerMachine, {
      id,
      policy: policyOf(policy),
      record: recordOf(record),
    })[0]
  },
  step(before: ContainerSnapshot, event: WorldEvent) {
    const [after, actions] = transition(containerMachine, before, event as ContainerEvent)
    return { after, does: actions.map(wordFor) }
  },
  after(events: readonly WorldEvent[], setting: Setting = {}): ContainerSnapshot {
    return events.reduce((snapshot, event) => pure.step(snapshot, event).after, pure.initial(setting))
  },
}

const never = () => new Promise<never>(() => {})
const silent = {
  askHook: fromPromise<HookAnswer, { readonly id: string; readonly failures: number }>(never),
  stopGracefully: fromPromise<AttemptAnswer, { readonly id: string; readonly failures: number }>(never),
  unpauseContainer: fromPromise<AttemptAnswer, { readonly id: string; readonly failures: number }>(never),
  removeContainer: fromPromise<AttemptAnswer, { readonly id: string; readonly failures: number }>(never),
}
const effects = Object.keys(containerMachine.implementations.actions).filter(
  (name) => typeof containerMachine.implementations.actions[name as never] === 'function',
)

/** The chart in a running actor whose questions the test answers, on a clock that the test moves; `did` is every effect. */
export function running({
  policy,
  record,
  inspect = () => {},
}: Setting & { readonly inspect?: (event: InspectionEvent) => void } = {}) {
  const clock = new SimulatedClock()
  const did: string[] = []
  const note = (event: InspectionEvent) => {
    if (event.type === '@xstate.action' && effectNames.has(event.action.type)) did.push(event.action.type)
    inspect(event)
  }
  const actor = createActor(containerMachine.provide({ actors: silent }), {
    input: { id, policy: policyOf(policy), record: recordOf(record) },
    clock,
    inspect: note,
  })
  actor.start()
  return {
    actor,
    clock,
    did,
    send: (...events: readonly WorldEvent[]) => {
      for (const event of events) actor.send(event as ContainerEvent)
    },
    get state() {
      return stateOf(actor.getSnapshot())
    },
  }
}

/** Effects are plain functions; what only changes the record is an assign. */
const effectNames = new Set(
  effects.filter((name) => !('type' in (containerMachine.implementations.actions[name as never] as object))),
)
