import { type Actor, createActor, type InspectionEvent } from 'xstate'

import type { supervisorMachine, SupervisorEvent } from '../../machines/supervisor.machine.ts'
import { AwakeClock } from '../awake.ts'
import type { Clock } from '../clock.ts'
import type { Engine, WatchingEngine } from '../engine/port.ts'
import { messageOf } from '../errors.ts'
import type { Report } from '../events.ts'
import type { ContainerId } from '../ids.ts'
import type { Settings } from '../options.ts'
import type { IsSelf } from '../self.ts'
import { createTracker } from '../tracker.ts'
import { Admission } from './admission.ts'
import { Agenda } from './agenda.ts'
import { containerBehaviour } from './container-behaviour.ts'
import { Fleet } from './fleet.ts'
import { Hearing } from './hearing.ts'
import { createImageLabels } from './images.ts'
import type { Known } from './known.ts'
import { Looker } from './look.ts'
import { createNetworkModes } from './networks.ts'
import { Removals } from './removals.ts'
import { supervisorBehaviour } from './supervisor-behaviour.ts'
import type { SurveyOptions } from './survey.ts'
import { createTries } from './tries.ts'
import { VerdictWindow } from './verdict-window.ts'

/** An engine to look at, and, unless this is a dry run, the same with its hands free. */
export type EngineAccess =
  | { readonly dryRun: true; readonly engine: WatchingEngine }
  | { readonly dryRun: false; readonly engine: Engine }

export interface SupervisionOptions {
  readonly settings: Settings
  readonly access: EngineAccess
  readonly clock: Clock
  readonly report: Report
  readonly isSelf: () => Promise<IsSelf>
  readonly random: () => number
}

/** Everything that works together behind one reconciler. */
export interface Supervision {
  readonly actor: Actor<typeof supervisorMachine>
  readonly awake: AwakeClock
  readonly looker: Looker
  readonly memory: ReadonlyMap<ContainerId, Known>
  readonly removals: Removals
  readonly window: VerdictWindow
  readonly surveyor: () => Promise<SurveyOptions>
}

/** Twice that, once at the look and once as the last question, is less than a verdict lives. */
const trackerDeadlineMs = 2000
const inspectDeadlineMs = 2000
const hookDeadlineMs = 60_000
/** How long removals under way may take to settle after a stop. */
const settleMs = 5000

/** A gap this long between two heartbeats is a stall: a quarter of the creation grace, between 1 and 3 s. */
/** A host that stands still again and again is told of once in this time. */
const stallRepeatMs = 3_600_000

const stallMsFor = (creationGraceMs: number) => Math.min(3000, Math.max(1000, creationGraceMs / 4))

/** Joins the parts. Starts nothing and asks nobody. */
export function createSupervision(options: SupervisionOptions): Supervision {
  const { settings, access, clock, report, random } = options
  const memory = new Map<ContainerId, Known>()
  /** Some answers come when nobody is left to hear them. */
  const tell = (event: SupervisorEvent) => {
    if (actor.getSnapshot().status === 'active') actor.send(event)
  }
  let stallToldMs: number | undefined
  const awake = new AwakeClock({
    clock,
    stallMs: stallMsFor(settings.creationGraceMs),
    onStall: (stalledMs) => {
      window.startRecovery()
      removals.startBatch()
      const isRepeat = stallToldMs !== undefined && clock.now() - stallToldMs < stallRepeatMs
      if (!isRepeat) stallToldMs = clock.now()
      report({ type: 'stalled', stalledMs, recoveryMs: settings.recoveryGraceMs, isRepeat })
      // Whatever waited in the queue is judged again when the recovery grace is over.
      agenda.due(window.recoveryEndsMs as number)
      tell({ type: 'dueChanged' })
    },
  })
  const window = new VerdictWindow(clock, awake, settings.recoveryGraceMs)
  const removals = new Removals(clock, {
    maxConcurrent: settings.maxConcurrentRemovals,
    maxPerLook: settings.maxRemovalsPerLook,
  })
  const agenda = new Agenda({
    clock,
    awake,
    periodMs: settings.periodMs,
    backoffMinMs: settings.backoffMinMs,
    backoffMaxMs: settings.backoffMaxMs,
    random,
  })
  const tracker = createTracker(settings.tracked, clock, trackerDeadlineMs)
  const images = createImageLabels(access.engine, clock, inspectDeadlineMs)
  const networks = createNetworkModes(access.engine, inspectDeadlineMs)
  const tries = access.dryRun
    ? undefined
    : createTries({
        clock,
        awake,
        engine: access.engine,
        memory,
        tracker,
        window,
        report,
        beforeRemove: settings.beforeRemove,
        hookDeadlineMs,
        releaseGraceMs: settings.releaseGraceMs,
        stopTimeoutMs: settings.stopTimeoutMs,
        removeVolumes: settings.removeVolumes,
        tellSent: (id) => {
          removals.sent(id)
          if (removals.wantsNextBatch) tell({ type: 'placeFreed' })
        },
        tellHook: (failure) =>
          tell(
            failure
              ? { type: 'troubleMet', about: 'hook', ...failure }
              : { type: 'troubleOver', about: 'hook' },
          ),
      })
  const fleet = new Fleet({
    clock,
    awake,
    agenda,
    removals,
    memory,
    report,
    machine: containerBehaviour({ tries, ...hookAndEnd(settings, memory) }),
    dryRun: access.dryRun,
    refusalMs: settings.periodMs,
  })
  let surveyOptions: Promise<SurveyOptions> | undefined
  const surveyor = () => {
    surveyOptions ??= options.isSelf().then((isSelf) => ({
      clock,
      ownership: settings.ownership,
      policy: { keepLabel: settings.keepLabel, states: settings.states },
      tracker,
      images,
      networks,
      isSelf,
      maxDanglingShare: settings.maxDanglingShare,
    }))
    return surveyOptions
  }
  const looker = new Looker({
    surveyor,
    engine: access.engine,
    awake,
    agenda,
    fleet,
    memory,
    removals,
    window,
    report,
    graces: {
      creationMs: settings.creationGraceMs,
      restoreMs: settings.restoreGraceMs,
      releaseMs: settings.releaseGraceMs,
    },
    filter: settings.filter,
    stallMs: stallMsFor(settings.creationGraceMs),
  })
  const hearing = new Hearing({
    clock,
    agenda,
    engine: access.engine,
    memory,
    removals,
    ownership: settings.ownership,
    isWanted: settings.hearsEvents,
    backoffMinMs: settings.backoffMinMs,
    longestPauseMs: Math.max(settings.backoffMaxMs, settings.periodMs),
  })
  const admission = new Admission({ clock, agenda, fleet, removals, window })
  const machine = supervisorBehaviour({
    clock,
    agenda,
    fleet,
    looker,
    hearing,
    removals,
    admission,
    window,
    report,
    settleMs,
  })
  const actor = createActor(machine, {
    id: 'supervisor',
    clock,
    input: { isEnabled: settings.isEnabled },
    ...(settings.inspect ? { inspect: inspectSafely(settings.inspect, report) } : {}),
  })
  return { actor, awake, looker, memory, removals, window, surveyor }
}

/** An inspection callback that throws would end the actor that it looks at. It is told once and goes on being called. */
function inspectSafely(
  inspect: NonNullable<Settings['inspect']>,
  report: Report,
): (event: InspectionEvent) => void {
  let isToldOf = false
  return (event) => {
    try {
      if (typeof inspect === 'function') inspect(event)
      else inspect.next?.(event)
    } catch (thrown) {
      if (isToldOf) return
      isToldOf = true
      report({ type: 'trouble', about: 'fault', kind: 'fault', message: `inspect: ${messageOf(thrown)}` })
    }
  }
}

type HookAndEnd = { readonly hasHook: boolean; readonly endsGracefully: (id: string) => boolean }

const running = new Set(['running', 'restarting'])

function hookAndEnd(settings: Settings, memory: ReadonlyMap<ContainerId, Known>): HookAndEnd {
  return {
    hasHook: settings.beforeRemove !== undefined,
    endsGracefully: (id) => {
      const known = memory.get(id as ContainerId)
      return (
        settings.stopTimeoutMs > 0 &&
        known !== undefined &&
        !known.hasHadItsTime &&
        running.has(known.summary.state)
      )
    },
  }
}
