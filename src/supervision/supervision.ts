import { type AnyActorRef, createActor, type InspectionEvent, type SnapshotFrom } from 'xstate'
import type { ContainerPolicy } from '../../machines/container.machine.ts'
import type { supervisorMachine } from '../../machines/supervisor.machine.ts'
import { Fleet } from '../containers/fleet.ts'
import { Freshness } from '../containers/freshness.ts'
import { RecentlyGone } from '../containers/recently-gone.ts'
import { Recreations } from '../containers/recreations.ts'
import { RemovalQueue } from '../containers/removal-queue.ts'
import { Seal, stopChildren, type SupervisorActor, type ToSupervisor } from '../containers/seal.ts'
import { AwakeClock } from '../domain/awake.ts'
import type { Clock } from '../domain/clock.ts'
import { LifecycleError, messageOf } from '../domain/errors.ts'
import type { Emit } from '../domain/events.ts'
import type { WatchingEngine } from '../engine/port.ts'
import type { Policy } from '../policy/judge.ts'
import { type Attempts, createAttempts } from '../removing/attempt.ts'
import { Asking } from '../scanning/asking.ts'
import { EngineIdentity } from '../scanning/engine-identity.ts'
import { EventWatcher } from '../scanning/event-watcher.ts'
import { evidenceSources } from '../scanning/evidence.ts'
import { Graces } from '../scanning/graces.ts'
import { createImageLabels } from '../scanning/images.ts'
import { Inspections } from '../scanning/inspections.ts'
import { Leases } from '../scanning/leases.ts'
import { createNamespaceFacts } from '../scanning/namespace-facts.ts'
import { type EvidenceSources } from '../scanning/scan-context.ts'
import { Scanner } from '../scanning/scanner.ts'
import { type AskSessions, askSessionsBy, Sessions } from '../scanning/sessions.ts'
import { createTracker } from '../scanning/tracker.ts'
import type { SelfTest } from '../self/self-test.ts'
import { containerBehaviour } from './container-behaviour.ts'
import type { Settings } from './settings.ts'
import { type EngineAccess, Ending } from './shutdown.ts'
import { healthIn } from './status.ts'
import { supervisorBehaviour } from './supervisor-behaviour.ts'

type SupervisorSnapshot = SnapshotFrom<typeof supervisorMachine>

export interface SupervisionOptions {
  readonly settings: Settings
  readonly access: EngineAccess
  readonly clock: Clock
  readonly emit: Emit
  readonly self: () => Promise<SelfTest>
  readonly random: () => number
  /** Called when the host starts the actor itself. */
  readonly onStart: () => void
}

/** Dependencies for queries to the engine outside the supervisor's own scans. */
export interface Means {
  readonly sources: () => Promise<EvidenceSources>
  readonly engine: WatchingEngine
  readonly signal: AbortSignal
}

/** The components behind one reconciler. */
export interface Supervision {
  readonly actor: SupervisorActor
  readonly awake: AwakeClock
  readonly scanner: Scanner
  readonly graces: Graces
  readonly sessions: Sessions
  readonly fleet: Fleet
  readonly queue: RemovalQueue
  /** Dependencies that end with the supervision; later queries create their own. */
  readonly means: () => Means
  /** Sends an internal event to the supervisor. */
  readonly toSupervisor: ToSupervisor
  readonly start: () => void
  /** Ends everything immediately: no timer, request or actor remains. Idempotent. */
  readonly end: () => void
  readonly isOver: () => boolean
}

/** Applies once at the scan and once before the removal; both together must be shorter than a verdict's lifetime. */
const trackerDeadlineMs = 2000
/** Asked beside the tracker, each time. */
const leaseDeadlineMs = 2000
/** Must be shorter than a verdict's lifetime: a scan that waits longer for one inspection could remove nothing. */
const inspectDeadlineMs = 2000

/** A gap this long between two heartbeats is a stall: a quarter of the creation grace, between 1 and 3 s. */
const stallMsFor = (creationGraceMs: number) => Math.min(3000, Math.max(1000, creationGraceMs / 4))
/** Repeated stalls of the process are reported at most once in this interval. */
const stallRepeatMs = 3_600_000

/** Connects the components. Starts nothing and sends no request. */
export function createSupervision(options: SupervisionOptions): Supervision {
  const { settings } = options
  const ending = new Ending(options.clock)
  const emit: Emit = (event) => {
    if (!ending.isOver) options.emit(event)
  }
  const access = ending.guard(options.access)
  const inside: SupervisionOptions = { ...options, clock: ending.clock, access, emit }
  const snapshot = (): SupervisorSnapshot => actor.getSnapshot()
  let isMade = false
  let isStarted = false
  const seal = new Seal({
    clock: ending.clock,
    isOver: () => ending.isOver,
    onStart: options.onStart,
    onStop: (stop) => {
      stop()
      if (!isStarted) end(stoppedEarly())
    },
    contain: (inspect) => inspectSafely(inspect, emit),
  })
  const { toSupervisor } = seal
  const parts = createParts(inside, snapshot, seal)
  const { asking, awake, fleet, graces, queue, scanner, sessions, sources, watcher } = parts
  const { backoffMaxMs, backoffMinMs, periodMs } = settings
  const machine = supervisorBehaviour({
    clock: ending.clock,
    random: options.random,
    emit,
    fleet,
    scanner,
    watcher,
    asking,
    periodMs,
    backoffMinMs,
    backoffMaxMs,
  })
  const actor = createActor(machine, {
    id: 'supervisor',
    clock: ending.clock,
    input: {
      policy: {
        isEnabled: settings.enabled,
        followsEvents: settings.events,
        asksTracker: !parts.tracker.tracksNothing,
        recoveryGraceMs: settings.recoveryGraceMs,
      },
    },
    ...(settings.inspect ? { inspect: inspectSealed(settings.inspect, emit, seal) } : {}),
  })
  isMade = true
  seal.close(actor)

  /** Cleans up however the supervisor ended: nothing keeps running and no promise stays pending. */
  function end(reason: LifecycleError): void {
    if (ending.isOver) return
    ending.end(reason)
    // An inspection callback may end the supervision before it is complete.
    if (isMade) stopChildren(actor)
    queue.clear()
    scanner.stop(reason)
  }
  // XState throws unobserved actor errors globally.
  actor.subscribe({
    complete: () => end(stoppedEarly()),
    error: (thrown) => {
      end(new LifecycleError('this reconciler has failed and no longer scans'))
      options.emit({ type: 'crashed', message: messageOf(thrown) })
    },
  })
  return {
    actor,
    awake,
    scanner,
    graces,
    sessions,
    fleet,
    queue,
    means: () =>
      ending.isOver
        ? { ...createSources(options), engine: options.access.engine, signal: new AbortController().signal }
        : { sources, engine: access.engine, signal: ending.signal },
    toSupervisor,
    start: () => {
      // The `onStart` callback may have ended the supervision.
      if (ending.isOver) return
      isStarted = true
      seal.start()
    },
    end: () => end(stoppedEarly()),
    isOver: () => ending.isOver,
  }
}

function stoppedEarly(): LifecycleError {
  return new LifecycleError('this reconciler was stopped before it completed the scan')
}

/** Creates the components, each with its dependencies. */
function createParts(options: SupervisionOptions, snapshot: () => SupervisorSnapshot, seal: Seal) {
  const { toSupervisor } = seal
  const { access, clock, emit, settings } = options
  const { leases, sources, tracker, namespaces } = createSources(options)
  const isEngineDown = () => healthIn(snapshot()) === 'down'
  const awake = createAwakeClock(options, toSupervisor, isEngineDown)
  const freshness = new Freshness({ clock, awake, supervisor: snapshot })
  const queue = new RemovalQueue(clock, {
    maxConcurrent: settings.maxConcurrentRemovals,
    maxPerScan: settings.maxRemovalsPerScan,
  })
  const sessions = new Sessions({
    sessionGraceMs: settings.sessionGraceMs,
    ownId: settings.owner?.session?.id,
  })
  const shared = { clock, awake, freshness, queue, emit, toSupervisor, engine: access.engine }
  const recentlyGone = new RecentlyGone()
  const fleet: Fleet = new Fleet({
    ...shared,
    seal,
    recentlyGone,
    recreations: new Recreations(clock, emit),
    isScanning: () => snapshot().matches({ running: { scanning: 'scan' } }),
    machine: () => machine,
    policy: containerPolicyOf(settings),
    isGuest: (id) => namespaces.isGuest(id),
  })
  const graces = new Graces({
    fleet,
    recentlyGone,
    creationGraceMs: settings.creationGraceMs,
    restoreGraceMs: settings.restoreGraceMs,
    releaseGraceMs: settings.releaseGraceMs,
    recoveryEndsMs: () => snapshot().context.recoveryEndsMs,
  })
  const inspections = new Inspections({ ...shared, fleet, graces, policy: policyOf(settings) })
  const askSessions: AskSessions = leases
    ? askSessionsBy({ awake, leases, ownership: settings.ownership, sessions })
    : () => undefined
  const attempts: Attempts | undefined = access.dryRun
    ? undefined
    : createAttempts({
        ...shared,
        engine: access.engine,
        fleet,
        inspections,
        tracker,
        askSessions,
        selfTest: async () => (await sources()).self,
        beforeRemove: settings.beforeRemove,
        refusalMs: settings.periodMs,
        stopTimeoutMs: settings.stopTimeoutMs,
        removeVolumes: settings.removeVolumes,
      })
  const isScanRequested = () => {
    const now = snapshot()
    return (
      now.matches({ running: { scanning: { idle: { resting: 'requested' } } } }) ||
      now.context.wanted === 'soon'
    )
  }
  const machine = containerBehaviour({ ...shared, attempts, fleet, isScanRequested, dryRun: access.dryRun })
  const { recoveryGraceMs } = settings
  const scanner = new Scanner({
    ...shared,
    identity: new EngineIdentity({ ...shared, recoveryGraceMs }),
    sources,
    fleet,
    graces,
    sessions,
    inspections,
    isEngineDown,
    failedScans: () => snapshot().context.failedScans,
    dryRun: access.dryRun,
    filter: settings.filter,
    stallMs: stallMsFor(settings.creationGraceMs),
  })
  const watcher = new EventWatcher({
    ...shared,
    fleet,
    ownership: settings.ownership,
    isGuest: (id) => namespaces.isGuest(id),
  })
  const asking = new Asking({ ...shared, fleet, graces, leases, sessions, tracker })
  return { asking, awake, fleet, graces, queue, scanner, sessions, sources, tracker, watcher }
}

function createAwakeClock(
  { settings, clock, emit }: SupervisionOptions,
  toSupervisor: ToSupervisor,
  isEngineDown: () => boolean,
): AwakeClock {
  let stallReportedMs: number | undefined
  return new AwakeClock({
    clock,
    isEngineDown,
    stallMs: stallMsFor(settings.creationGraceMs),
    onStall: (stalledMs, awakeMs) => {
      toSupervisor({ type: 'process.stalled', awakeMs })
      const isRepeat = stallReportedMs !== undefined && clock.now() - stallReportedMs < stallRepeatMs
      if (!isRepeat) stallReportedMs = clock.now()
      emit({ type: 'stalled', stalledMs, recoveryMs: settings.recoveryGraceMs, isRepeat })
    },
  })
}

/** The sources that a scan consults besides the engine. The first scan that succeeds initializes them. */
function createSources({ settings, access, clock, self }: SupervisionOptions) {
  const tracker = createTracker(settings.tracked, clock, trackerDeadlineMs)
  const leases = settings.leases && new Leases(settings.leases, clock, leaseDeadlineMs)
  const { marks } = settings.ownership
  const images = createImageLabels({ engine: access.engine, clock, deadlineMs: inspectDeadlineMs, marks })
  const namespaces = createNamespaceFacts(access.engine, clock, inspectDeadlineMs)
  let found: Promise<EvidenceSources> | undefined
  const sources = () => {
    found ??= self().then((selfTest) =>
      evidenceSources({
        clock,
        engine: access.engine,
        ownership: settings.ownership,
        policy: policyOf(settings),
        tracker,
        leases,
        images,
        namespaces,
        self: selfTest,
        maxDanglingShare: settings.maxDanglingShare,
      }),
    )
    // A failed initialization is not cached.
    found.catch(() => (found = undefined))
    return found
  }
  return { leases, sources, tracker, namespaces }
}

function policyOf({ keepLabel, states, orchestrated }: Settings): Policy {
  return { keepLabel, states, orchestrated }
}

function containerPolicyOf(settings: Settings): ContainerPolicy {
  const { beforeRemove, creationGraceMs, dryRun, releaseGraceMs, stopTimeoutMs } = settings
  const stopsGracefully = stopTimeoutMs > 0
  return { dryRun, hasHook: beforeRemove !== undefined, stopsGracefully, creationGraceMs, releaseGraceMs }
}

/** Inspection events expose an actor while it is being created, so its system must be sealed before that. */
function inspectSealed(inspect: NonNullable<Settings['inspect']>, emit: Emit, seal: Seal) {
  const observe = inspectSafely(inspect, emit)
  return (event: InspectionEvent) => {
    seal.close(event.actorRef as AnyActorRef)
    observe(event)
  }
}

/** An inspection callback that throws would stop the inspected actor. The error is reported once; calls continue. */
function inspectSafely(
  inspect: NonNullable<Settings['inspect']>,
  emit: Emit,
): (event: InspectionEvent) => void {
  let isReported = false
  return (event) => {
    try {
      if (typeof inspect === 'function') inspect(event)
      else inspect.next?.(event)
    } catch (thrown) {
      if (isReported) return
      isReported = true
      emit({ type: 'degraded', about: 'fault', kind: 'fault', message: `inspect: ${messageOf(thrown)}` })
    }
  }
}
