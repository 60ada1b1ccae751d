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
import { LeftOut } from './left-out.ts'
import { Fleet } from './fleet.ts'
import { Hearing } from './hearing.ts'
import { createImageLabels } from './images.ts'
import { dueMs, type Known } from './known.ts'
import { Looker, type LookerOptions } from './look.ts'
import { createNetworkModes } from './networks.ts'
import { Removals } from './removals.ts'
import { supervisorBehaviour } from './supervisor-behaviour.ts'
import { createSurveyor, type Surveyor } from './survey.ts'
import { createTries, type TriesOptions } from './tries.ts'
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
  readonly hearing: Hearing
  readonly memory: ReadonlyMap<ContainerId, Known>
  readonly removals: Removals
  readonly window: VerdictWindow
  readonly surveyor: () => Promise<Surveyor>
}

/** Twice that, once at the look and once as the last question, is less than a verdict lives. */
const trackerDeadlineMs = 2000
const inspectDeadlineMs = 2000
const hookDeadlineMs = 60_000
/** How long removals under way may take to settle after a stop. */
const settleMs = 5000

/** A gap this long between two heartbeats is a stall: a quarter of the creation grace, between 1 and 3 s. */
const stallMsFor = (creationGraceMs: number) => Math.min(3000, Math.max(1000, creationGraceMs / 4))
/** A host that stands still again and again is told of once in this time. */
const stallRepeatMs = 3_600_000

type Tell = (event: SupervisorEvent) => void

/** Joins the parts. Starts nothing and asks nobody. */
export function createSupervision(options: SupervisionOptions): Supervision {
  const { settings, access, clock, report } = options
  /** Some answers come when nobody is left to hear them. */
  const tell: Tell = (event) => {
    if (actor.getSnapshot().status === 'active') actor.send(event)
  }
  const memory = new Map<ContainerId, Known>()
  const pacing = createPacing(options, tell)
  const { agenda, awake, removals, window } = pacing
  const { surveyor, tracker } = createSources(options)
  const leftOut = new LeftOut()
  const shared = { clock, awake, agenda, removals, window, memory, leftOut, report, engine: access.engine }
  const tries = access.dryRun
    ? undefined
    : createTries({
        ...shared,
        ...limitsOfTries(settings),
        engine: access.engine,
        tracker,
        ...triesTell(pacing, tell),
      })
  const fleet = new Fleet({
    ...shared,
    machine: containerBehaviour({ tries, ...hookAndEnd(settings, memory) }),
    dryRun: access.dryRun,
    refusalMs: settings.periodMs,
  })
  const looker = new Looker({
    ...shared,
    surveyor,
    fleet,
    graces: gracesOf(settings),
    filter: settings.filter,
    stallMs: stallMsFor(settings.creationGraceMs),
  })
  const hearing = new Hearing({
    ...shared,
    ownership: settings.ownership,
    isWanted: settings.hearsEvents,
    backoffMinMs: settings.backoffMinMs,
    longestPauseMs: Math.max(settings.backoffMaxMs, settings.periodMs),
  })
  const admission = new Admission({ ...shared, fleet })
  const actor = createActor(supervisorBehaviour({ ...shared, fleet, looker, hearing, admission, settleMs }), {
    id: 'supervisor',
    clock,
    input: { isEnabled: settings.isEnabled },
    ...(settings.inspect ? { inspect: inspectSafely(settings.inspect, report) } : {}),
  })
  return { actor, awake, looker, hearing, memory, removals, window, surveyor }
}

/** What says when something may happen: the counted time, the window of the verdicts, the next look and the places. */
function createPacing({ settings, clock, report, random }: SupervisionOptions, tell: Tell) {
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
  const { periodMs, backoffMinMs, backoffMaxMs } = settings
  const agenda = new Agenda({ clock, awake, periodMs, backoffMinMs, backoffMaxMs, random })
  return { agenda, awake, removals, window }
}

/** Whom a look asks besides the engine. What has to be found out first is found out once, by the first look that can. */
function createSources({ settings, access, clock, isSelf }: SupervisionOptions) {
  const tracker = createTracker(settings.tracked, clock, trackerDeadlineMs)
  const images = createImageLabels(access.engine, clock, inspectDeadlineMs)
  const networks = createNetworkModes(access.engine, inspectDeadlineMs)
  let found: Promise<Surveyor> | undefined
  const surveyor = () => {
    found ??= isSelf().then((isOurselves) =>
      createSurveyor({
        clock,
        ownership: settings.ownership,
        policy: { keepLabel: settings.keepLabel, states: settings.states },
        tracker,
        images,
        networks,
        isSelf: isOurselves,
        maxDanglingShare: settings.maxDanglingShare,
      }),
    )
    // what could not be found out is no answer to keep
    found.catch(() => (found = undefined))
    return found
  }
  return { surveyor, tracker }
}

function gracesOf({ creationGraceMs, restoreGraceMs, releaseGraceMs }: Settings): LookerOptions['graces'] {
  return { creationMs: creationGraceMs, restoreMs: restoreGraceMs, releaseMs: releaseGraceMs }
}

function limitsOfTries({ beforeRemove, releaseGraceMs, stopTimeoutMs, removeVolumes }: Settings) {
  return { beforeRemove, hookDeadlineMs, releaseGraceMs, stopTimeoutMs, removeVolumes }
}

function triesTell(
  { agenda, awake, removals }: ReturnType<typeof createPacing>,
  tell: Tell,
): Pick<TriesOptions, 'tellSent' | 'tellHook' | 'tellUnknown'> {
  return {
    tellUnknown: (known) => {
      agenda.due(dueMs(known, awake.now()) as number)
      tell({ type: 'dueChanged' })
    },
    tellSent: (id) => {
      removals.sent(id)
      if (removals.wantsNextBatch) tell({ type: 'placeFreed' })
    },
    tellHook: (failure) =>
      tell(
        failure ? { type: 'troubleMet', about: 'hook', ...failure } : { type: 'troubleOver', about: 'hook' },
      ),
  }
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
