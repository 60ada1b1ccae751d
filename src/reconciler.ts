import type { SnapshotFrom } from 'xstate'
import type { supervisorMachine } from '../machines/supervisor.machine.ts'
import type { SupervisorActor } from './containers/seal.ts'
import { type Clock, systemClock } from './domain/clock.ts'
import { ArgumentError, LifecycleError, OptionError } from './domain/errors.ts'
import { type DegradedSubject, type EventName, eventNames } from './domain/events.ts'
import { parseImageId } from './domain/ids.ts'
import { show } from './domain/show.ts'
import { createDockerodeEngine, watchOnly } from './engine/dockerode-engine.ts'
import { noteCalls } from './engine/noted.ts'
import type { Engine } from './engine/port.ts'
import type { Surroundings } from './engine/surroundings.ts'
import { nameOfOwner, shownOwner } from './options/owner-label.ts'
import type { ReconcilerOptions } from './options/types.ts'
import type { Explanation } from './policy/explain.ts'
import { labelsToKeep } from './policy/ownership.ts'
import { type AnyListener, createReporter, type Listener, type Subscription } from './report/reporter.ts'
import type { ScanReport } from './scanning/scan-report.ts'
import { scanWithoutHistory } from './scanning/stateless-scan.ts'
import { selfFrom, type SelfTest } from './self/self-test.ts'
import { readSelfTraces } from './self/traces.ts'
import { explain } from './supervision/explainer.ts'
import { readSettings, type Settings } from './supervision/settings.ts'
import type { EngineAccess } from './supervision/shutdown.ts'
import { followsEvents, healthIn, type Status, statusOf } from './supervision/status.ts'
import { createSupervision, type Means, type Supervision } from './supervision/supervision.ts'

/** Scans one engine and removes the containers that the agent started and has lost track of. */
export interface Reconciler {
  /**
   * Starts scanning; the restore grace begins now. Before that, no file is read and no connection is made.
   *
   * @throws LifecycleError if it was started or stopped before
   */
  start(): void
  /**
   * Adds a listener for one event, or for all events with `*`. Listeners are called synchronously in the order in which
   * they were added, those for `*` last. An error that a listener throws, or rejects with, is logged once and has no
   * other effect.
   *
   * @param name one of `eventNames`, or `*`
   * @throws ArgumentError for an unknown event, or a listener that is not a function
   */
  on<TName extends EventName | '*'>(name: TName, listener: Listener<TName>): Subscription
  /**
   * Starts a scan after this call, and resolves when every container has its verdict. Before `start()`, and while
   * disabled, such a scan applies only the creation grace and changes nothing. What it cannot determine is emitted as
   * `degraded`, once for each subject.
   *
   * @throws EngineError if the engine returned no complete listing
   * @throws LifecycleError after `stop()`, also for a scan that the stop interrupted
   */
  scan(): Promise<ScanReport>
  /**
   * Explains the verdict on one container rule by rule, based on a separate listing. Changes nothing.
   *
   * @param container a full id, an unambiguous id prefix, or a name
   * @throws EngineError if the engine returned no complete listing
   * @throws ArgumentError if the engine lists no such container, or several
   * @throws LifecycleError if the reconciler is stopped meanwhile
   */
  explain(container: string): Promise<Explanation>
  /** The current state, as plain JSON. Sends no request. */
  status(): Status
  /**
   * The labels to set on a new container so that it is owned. With a session the value is its id.
   *
   * With the id of its image there is one more, `<owner label>.image`. It proves that the labels are the container's own,
   * also when the image is gone or carries the owner label itself. It proves nothing for a container of another image.
   *
   * @throws OptionError if the owner is not a label with one value
   * @throws ArgumentError if something else than the full id of an image is given
   */
  labels(container?: NewContainer): Readonly<Record<string, string>>
  /**
   * The supervisor's actor, for subscribers and inspectors. Its system contains the container actors. It accepts the
   * events of `SupervisorCommand`; all other events to actors of its system are ignored. Its `start()` is the
   * reconciler's. Its `stop()` ends everything immediately: no further removal is sent, and pending ones are abandoned.
   * `getPersistedSnapshot()` includes the container actors, as children of its child `fleet`; after `crashed`, as they were
   * at that moment. It is for inspection and cannot be restored.
   */
  readonly actor: SupervisorActor
  /**
   * Starts no further removal, gives those in progress 5 s to settle, and ends everything. Idempotent; never rejects.
   * Pending scans and explanations are rejected with a LifecycleError.
   */
  stop(): Promise<void>
  /** Same as `stop()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** What the agent knows of a container before it creates it. */
export interface NewContainer {
  /** The full id of its image, as the engine returns it: `(await docker.getImage(name).inspect()).Id`. */
  readonly imageId: string
}

/** The reconciler's dependencies on the outside; tests provide their own. */
export interface World {
  readonly clock: Clock
  readonly random: () => number
  readonly self: (named: string | undefined) => Promise<SelfTest>
  /** Used instead of the engine in the options. */
  readonly engine?: Engine | undefined
  readonly surroundings?: Surroundings | undefined
  /** Keeps the process alive until the returned function is called. */
  readonly holdProcess?: () => () => void
  /** Called with each engine call, and each search for our own container, when it begins. */
  readonly noteWork?: ((work: Promise<unknown>) => void) | undefined
}

/** Dependencies that tests can replace. */
export interface ReconcilerDependencies {
  /** The clock, for example `createTestClock()` of `flotsam/testing`. Default: the system clocks. */
  readonly clock?: Clock | undefined
  /** Returns a number in [0, 1), for the jitter of delays. Default: `Math.random`. */
  readonly random?: (() => number) | undefined
}

const realWorld: World = {
  clock: systemClock,
  random: Math.random,
  self: async (named) => selfFrom(await readSelfTraces(), named),
  holdProcess: () => {
    const timer = setInterval(() => {}, 2 ** 30)
    return () => clearInterval(timer)
  },
}

/**
 * Creates a reconciler. It does nothing before `start()`.
 *
 * @example
 * ```ts
 * const tasks = new Map<string, Task>()
 * const reconciler = createReconciler({ owner: { label: 'com.example.agent', value: 'agent-7' }, tracked: tasks })
 * reconciler.on('removed', ({ id, name }) => console.log(`removed ${name} ${id}`))
 * reconciler.start()
 * ```
 *
 * @param options what to reconcile, and how
 * @param dependencies for tests: a clock that the test controls, and a deterministic random function
 * @throws OptionError for an invalid option
 * @throws ArgumentError if the options are not an object
 */
export function createReconciler(
  options: ReconcilerOptions,
  dependencies: ReconcilerDependencies = {},
): Reconciler {
  const { clock = realWorld.clock, random = realWorld.random } = dependencies
  return createReconcilerIn({ ...realWorld, clock, random, noteWork: clock.waitFor?.bind(clock) }, options)
}

/** With injected dependencies. */
export function createReconcilerIn(world: World, options: ReconcilerOptions): Reconciler {
  return assemble({ ...world }, readSettings(options))
}

function assemble(world: World, settings: Settings): Reconciler {
  const { clock } = world
  const access = accessEngine(world, settings)
  const { address } = access.engine
  const owner = nameOfOwner(settings.owner, settings.preset)
  const reporter = createReporter(clock, { engine: address, owner }, settings.logger)
  const supervision = createSupervision({
    settings,
    access,
    clock,
    random: world.random,
    emit: reporter.emit,
    self: () => {
      const found = world.self(settings.self)
      world.noteWork?.(found)
      return found
    },
    onStart: () => {
      if (!isStarted || supervision.isOver()) start()
    },
  })
  const { actor, fleet, graces, queue, scanner, sessions } = supervision
  let isStarted = false
  let ended: Promise<void> | undefined

  function start(): void {
    const isEnded = ended !== undefined || supervision.isOver()
    if (isStarted || isEnded)
      throw new LifecycleError(
        `this reconciler was already ${isEnded ? 'stopped' : 'started'}; create a new one`,
      )
    isStarted = true
    if (settings.enabled) {
      supervision.awake.start()
      reporter.emit({ type: 'started', engine: address, dryRun: settings.dryRun })
    }
    supervision.start()
  }

  const end = () => (ended ??= awaited(world, stop(supervision, isStarted)))

  return {
    actor,
    start,
    on: (name, listener) => {
      checkListener(name, listener)
      return reporter.on(name, listener as AnyListener)
    },
    async scan() {
      if (ended) throw new LifecycleError('this reconciler was stopped and no longer scans')
      // Rejects with the reason for the end.
      if (supervision.isOver()) return scanner.nextReport()
      if (isStarted && settings.enabled) {
        const report = scanner.nextReport()
        supervision.toSupervisor({ type: 'scan.requestedNow' })
        return awaited(world, report)
      }
      const { creationGraceMs, sessionGraceMs } = settings
      return awaited(
        world,
        aside(supervision, async (means) => {
          // Without a supervisor, failures are reported here.
          const { report, failures } = await scanWithoutHistory({
            ...(await withSources(means)),
            creationGraceMs,
            sessionGraceMs,
          })
          for (const { about, kind, message } of failures)
            reporter.emit({ type: 'degraded', about: about as DegradedSubject, kind, message })
          return report
        }),
      )
    },
    async explain(container) {
      if (typeof container !== 'string')
        throw new ArgumentError(
          `the container is ${show(container)}; give a full id, an id prefix, or a name`,
        )
      const isScanning = isStarted && settings.enabled && !ended && !supervision.isOver()
      const hasBegun = isScanning && graces.restoreEndsMs !== undefined
      const past = hasBegun ? { fleet, graces, sessions, nowMs: supervision.awake.now() } : undefined
      const { creationGraceMs, sessionGraceMs } = settings
      return awaited(
        world,
        aside(supervision, async (means) =>
          explain(container, { ...(await withSources(means)), creationGraceMs, sessionGraceMs, past }),
        ),
      )
    },
    status: () =>
      statusOf({
        ...standingOf(actor.getSnapshot(), isStarted, supervision.isOver()),
        followsEvents: followsEvents(actor.getSnapshot()) && !supervision.isOver(),
        address,
        dryRun: settings.dryRun,
        fleet,
        queue,
        sessions: settings.leases && sessions.counts,
      }),
    labels: (container) => labelsFor(settings, container),
    stop: end,
    [Symbol.asyncDispose]: end,
  }
}

function labelsFor({ owner, ownership }: Settings, container: NewContainer | undefined) {
  const { labels } = ownership
  if (!labels)
    throw new OptionError(
      'owner',
      owner,
      owner?.leases
        ? 'labels() needs a session, whose id is the value; leases alone have none'
        : 'labels() needs an owner with one value, which a preset or anyValue does not have',
      { shown: shownOwner(owner) },
    )
  if (container === undefined) return { ...labels }
  const given: unknown = (container as NewContainer | null)?.imageId
  const imageId = parseImageId(given)
  if (imageId !== undefined) return { ...labels, ...ownership.proofFor(imageId) }
  throw new ArgumentError(
    `the imageId is ${show(given)}; give the full id of the image, sha256: and 64 digits, as its inspection returns it`,
  )
}

function checkListener(name: unknown, listener: unknown): void {
  if (name !== '*' && !eventNames.includes(name as EventName))
    throw new ArgumentError(
      `there is no event ${show(name)}; the events are ${eventNames.join(', ')}, and * for all of them`,
    )
  if (typeof listener !== 'function')
    throw new ArgumentError(`the listener for "${String(name)}" is ${show(listener)}; it must be a function`)
}

/** Keeps the process alive while a caller waits; otherwise nothing in a reconciler does. */
async function awaited<T>({ holdProcess }: World, answer: Promise<T>): Promise<T> {
  const release = holdProcess?.()
  try {
    return await answer
  } finally {
    release?.()
  }
}

function accessEngine({ clock, engine, noteWork, surroundings }: World, settings: Settings): EngineAccess {
  const made =
    engine ??
    createDockerodeEngine({
      engine: settings.engine,
      clock,
      surroundings,
      labelsOf: labelsToKeep(settings.ownership),
    })
  const whole = noteWork ? noteCalls(made, noteWork) : made
  return settings.dryRun ? { dryRun: true, engine: watchOnly(whole) } : { dryRun: false, engine: whole }
}

/** Runs a query outside the supervisor's own scans. When the reconciler ends, it is rejected with the reason. */
function aside<T>({ means }: Supervision, ask: (means: Means) => Promise<T>): Promise<T> {
  const own = means()
  const { signal } = own
  return new Promise<T>((resolve, reject) => {
    const giveUp = () => reject(signal.reason as Error)
    signal.addEventListener('abort', giveUp, { once: true })
    ask(own)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', giveUp))
  })
}

async function withSources({ sources, ...means }: Means) {
  return { ...means, sources: await sources() }
}

async function stop({ actor, end, toSupervisor }: Supervision, isStarted: boolean): Promise<void> {
  if (!isStarted) return end()
  if (actor.getSnapshot().status !== 'active') return
  const stopped = new Promise<void>((resolve) => {
    actor.subscribe({ complete: resolve, error: () => resolve() })
  })
  toSupervisor({ type: 'stop' })
  await stopped
}

type Standing = Pick<Parameters<typeof statusOf>[0], 'value' | 'health' | 'context'>

function standingOf(
  snapshot: SnapshotFrom<typeof supervisorMachine>,
  isStarted: boolean,
  isOver: boolean,
): Standing {
  const { context, value } = snapshot
  // A failed or interrupted actor keeps its last state value.
  if (isOver) return { value: 'stopped', health: 'unknown', context }
  if (!isStarted) return { value: 'new', health: 'unknown', context }
  if (typeof value === 'string')
    return { value: value === 'disabled' ? 'disabled' : 'stopped', health: 'unknown', context }
  const health = healthIn(snapshot)
  return health
    ? { value: 'running', health, context }
    : { value: 'stopping', health: context.engineFailure ? 'down' : 'unknown', context }
}
