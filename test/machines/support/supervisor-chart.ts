import {
  type ActorSystem,
  type ActorSystemInfo,
  createActor,
  fromTransition,
  initialTransition,
  type InspectionEvent,
  type SnapshotFrom,
  transition,
} from 'xstate'

import type {
  LookOutcome,
  supervisorMachine,
  SupervisorContext,
  SupervisorEvent,
  ToFleet,
} from '../../../machines/index.ts'
import type { FleetSnapshot, Parent } from '../../../machines/types.ts'
import type { Happening } from '../../../src/events.ts'
import {
  supervisorBehaviour,
  type SupervisorBehaviourOptions,
} from '../../../src/supervision/supervisor-behaviour.ts'
import { createFakeClock } from '../../support/fake-clock.ts'
import { leavesIn } from './chart.ts'

export type SupervisorSnapshot = SnapshotFrom<typeof supervisorMachine>

export const settleMs = 5000
export const waitMs = 300_000
export const deafMs = 2000

export const outcome: LookOutcome = {
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

/** The supervisor's surroundings, reduced to what the chart asks of them; `did` is everything that they were asked. */
export function createSurroundings({ hearsEvents = true } = {}) {
  const clock = createFakeClock()
  const did: string[] = []
  const reports: Happening[] = []
  const looks: { resolve: (outcome: LookOutcome) => void; reject: (error: unknown) => void }[] = []
  const disbandings: { resolve: () => void; reject: (error: unknown) => void }[] = []
  const streams: { resolve: () => void; reject: (error: unknown) => void }[] = []
  const world = { clock, did, reports, looks, disbandings, streams, underWayCount: 0, restMs: 0 }
  const fleetLogic = fromTransition<
    FleetSnapshot,
    ToFleet,
    ActorSystem<ActorSystemInfo>,
    { readonly supervisor: Parent<SupervisorEvent> }
  >((state) => state, {})
  const parts = {
    clock,
    settleMs,
    report: (happening: Happening) => reports.push(happening),
    agenda: { untilNextLookMs: () => waitMs },
    fleet: {
      logic: fleetLogic,
      tellEngine: ({ type }: { type: string }) => did.push(type),
      disband: () => new Promise<void>((resolve, reject) => disbandings.push({ resolve, reject })),
    },
    looker: { look: () => new Promise<LookOutcome>((resolve, reject) => looks.push({ resolve, reject })) },
    hearing: {
      isWanted: hearsEvents,
      get restMs() {
        return world.restMs
      },
      listen: () => new Promise<void>((resolve, reject) => streams.push({ resolve, reject })),
    },
    removals: world,
    admission: { admit: () => did.push('admit'), stop: () => did.push('stop admitting') },
    window: {
      hold: (isHeld: boolean) => did.push(isHeld ? 'hold' : 'release'),
      quieten: () => did.push('quieten'),
    },
  }
  return { ...world, world, machine: supervisorBehaviour(parts as unknown as SupervisorBehaviourOptions) }
}

/** Where it stands, in a word or two: `idle+up`. */
export function standing({ value }: Pick<SupervisorSnapshot, 'value'>): string {
  return leavesIn(value)
    .map((leaf) => leaf.slice(leaf.lastIndexOf('.') + 1))
    .join('+')
}

/** Steps the chart without an actor; `does` names what would be carried out, in order. */
export function pureSupervisor({ isEnabled = true, hearsEvents = true, underWayCount = 0 } = {}) {
  const { machine, world } = createSurroundings({ hearsEvents })
  world.underWayCount = underWayCount
  return {
    initial: () => initialTransition(machine, { isEnabled })[0],
    step(before: SupervisorSnapshot, event: SupervisorEvent) {
      const [after, actions] = transition(machine, before, event)
      const isUnchanged = standing(after) === standing(before) && after.context === before.context
      return {
        after,
        does: actions.map(wordsFor),
        changes: changesOf(before.context, after.context),
        isUnchanged,
      }
    },
  }
}

function wordsFor({ type, params }: { readonly type: string; readonly params?: unknown }): string {
  const about = params as { id?: string; sendId?: string } | undefined
  switch (type) {
    case 'xstate.raise':
      return 'set timer'
    case 'xstate.cancel':
      return 'drop timer'
    case 'xstate.spawnChild':
      return `begin ${about?.id}`
    case 'xstate.stopChild':
      return 'end child'
    default:
      return type
  }
}

function changesOf(before: SupervisorContext, after: SupervisorContext): readonly string[] {
  return (Object.keys(after) as (keyof SupervisorContext)[]).filter((key) => before[key] !== after[key])
}

/** The chart in a running actor. */
export function runningSupervisor({
  isEnabled = true,
  hearsEvents = true,
  inspect = () => {},
}: { isEnabled?: boolean; hearsEvents?: boolean; inspect?: (event: InspectionEvent) => void } = {}) {
  const surroundings = createSurroundings({ hearsEvents })
  const { clock, machine } = surroundings
  const actor = createActor(machine, { id: 'supervisor', clock, input: { isEnabled }, inspect })
  actor.start()
  return { ...surroundings, actor, stands: () => standing(actor.getSnapshot()) }
}
