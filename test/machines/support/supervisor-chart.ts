import {
  type ActorSystem,
  type ActorSystemInfo,
  createActor,
  fromPromise,
  fromTransition,
  initialTransition,
  type InspectionEvent,
  SimulatedClock,
  type SnapshotFrom,
  transition,
} from 'xstate'
import {
  type FleetSnapshot,
  type ScanEnd,
  type ScanOutcome,
  type StreamEnd,
  supervisorMachine,
  type SupervisorEvent,
  type SupervisorPolicy,
  type ToFleet,
} from '../../../machines/index.ts'
import { leavesIn } from './chart.ts'

export type SupervisorSnapshot = SnapshotFrom<typeof supervisorMachine>

export const policy: SupervisorPolicy = {
  isEnabled: true,
  followsEvents: true,
  asksTracker: true,
  recoveryGraceMs: 30_000,
}

/** What can come to the supervisor's chart: its own events, and XState's. */
export type SupervisorInputEvent =
  | SupervisorEvent
  | { readonly type: `xstate.done.actor.${string}`; readonly output?: unknown }
  | { readonly type: `xstate.error.actor.${string}`; readonly error: unknown }
  | { readonly type: `xstate.after.${string}` }

export const failure = { kind: 'unavailable', message: 'connection refused' }

export const outcome: ScanOutcome = {
  number: 1,
  beganAt: 0,
  endedAt: 0,
  durationMs: 0,
  listed: 0,
  owned: 0,
  tracked: 0,
  graced: 0,
  dangling: 0,
  spared: 0,
}

export const scanEnds = (end: Partial<ScanEnd> = {}): SupervisorInputEvent => ({
  type: 'xstate.done.actor.scan',
  output: { endedMs: 0, tookMs: 0, outcome, fault: undefined, ...end } satisfies ScanEnd,
})
export const streamEnds = (end: Partial<StreamEnd> = {}): SupervisorInputEvent => ({
  type: 'xstate.done.actor.events',
  output: { atMs: 0, openForMs: 1000, failure: undefined, ...end } satisfies StreamEnd,
})
export const listed = (more: Partial<Extract<SupervisorEvent, { type: 'engine.listed' }>> = {}) =>
  ({ type: 'engine.listed', scan: 1, atMs: 0, awakeMs: 0, stoodStill: false, ...more }) as const
export const scanJudged = (more: { readonly atMs?: number; readonly beganAwakeMs?: number } = {}) =>
  ({ type: 'scan.judged', atMs: 0, beganAwakeMs: 0, ...more }) as const
export const engineFailed = (atMs = 0) => ({ type: 'engine.failed', failure, atMs }) as const

/** The last names of the leaves that it is in: `waiting open standing`. */
export function leavesOfState({ value }: Pick<SupervisorSnapshot, 'value'>): readonly string[] {
  return leavesIn(value).map((leaf) => leaf.slice(leaf.lastIndexOf('.') + 1))
}

function wordFor({ type, params }: { readonly type: string; readonly params?: unknown }): string {
  const about = params as
    | { readonly id?: string; readonly delay?: number; readonly event?: { readonly type: string } }
    | undefined
  switch (type) {
    case 'xstate.raise':
      return about?.delay === undefined ? `raise-${about?.event?.type}` : 'timer'
    case 'xstate.cancel':
      return 'no-timer'
    case 'xstate.spawnChild':
      return `begin-${about?.id}`
    case 'xstate.stopChild':
      return 'end'
    case 'xstate.sendTo':
      return `send-${about?.event?.type}`
    default:
      return type
  }
}

/** Steps the exported chart, without an actor and with nothing provided. */
export const pureSupervisor = {
  initial(more: Partial<SupervisorPolicy> = {}) {
    const [snapshot, actions] = initialTransition(supervisorMachine, { policy: { ...policy, ...more } })
    return { snapshot, does: actions.map(wordFor) }
  },
  step(before: SupervisorSnapshot, event: SupervisorInputEvent) {
    const [after, actions] = transition(supervisorMachine, before, event as SupervisorEvent)
    return { after, does: actions.map(wordFor) }
  },
  after(events: readonly SupervisorInputEvent[], more: Partial<SupervisorPolicy> = {}): SupervisorSnapshot {
    return events.reduce(
      (snapshot, event) => pureSupervisor.step(snapshot, event).after,
      pureSupervisor.initial(more).snapshot,
    )
  },
}

const effects = new Set(
  Object.entries(supervisorMachine.implementations.actions)
    .filter(([, action]) => typeof action === 'function' && !('type' in action))
    .map(([name]) => name),
)

/**
 * The chart in a running actor: what it asks of the world begins and is answered by the test; its clock is the test's.
 * `did` holds every effect, what is sent to the fleet, and what is started.
 */
export function runningSupervisor({
  inspect = () => {},
  ...more
}: Partial<SupervisorPolicy> & { readonly inspect?: (event: InspectionEvent) => void } = {}) {
  const clock = new SimulatedClock()
  const did: string[] = []
  const begin = <T>(what: string) =>
    fromPromise<T>(() => {
      did.push(what)
      return new Promise<never>(() => {})
    })
  const fleet = fromTransition<FleetSnapshot, ToFleet, ActorSystem<ActorSystemInfo>, undefined>(
    (snapshot, event) => {
      if (!event.type.startsWith('xstate.')) did.push(event.type)
      return snapshot
    },
    {},
  )
  const actor = createActor(
    supervisorMachine.provide({
      actors: {
        fleet,
        scan: begin<ScanEnd>('scan'),
        followEvents: begin<StreamEnd>('follow'),
        askTracker: begin<void>('ask'),
        disbandFleet: begin<void>('disband'),
      },
    }),
    {
      clock,
      input: { policy: { ...policy, ...more } },
      inspect: (event) => {
        if (event.type === '@xstate.action' && effects.has(event.action.type)) did.push(event.action.type)
        inspect(event)
      },
    },
  )
  actor.start()
  return {
    actor,
    clock,
    did,
    count: (what: string) => did.filter((one) => one === what).length,
    send: (...events: readonly SupervisorInputEvent[]) => {
      for (const event of events) actor.send(event as SupervisorEvent)
    },
    get leaves() {
      return leavesOfState(actor.getSnapshot())
    },
    get context() {
      return actor.getSnapshot().context
    },
  }
}
