import type { SnapshotFrom } from 'xstate'
import type { supervisorMachine } from '../machines/supervisor.machine.ts'
import type { SupervisorActor } from './containers/seal.ts'
import { type Clock, systemClock } from './domain/clock.ts'
import { ArgumentError, LifecycleError, OptionError } from './domain/errors.ts'
import { type DegradedSubject, type EventName, eventNames } from './domain/events.ts'
import { show } from './domain/show.ts'
import { createDockerodeEngine, watchOnly } from './engine/dockerode-engine.ts'
import { noteCalls } from './engine/noted.ts'
import type { Engine } from './engine/port.ts'
import type { Surroundings } from './engine/surroundings.ts'
import { nameOfOwner } from './options/owner-label.ts'
import type { ReconcilerOptions } from './options/types.ts'
import type { Explanation } from './policy/explain.ts'
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
   * Begins to scan; the restore grace counts from here. Before that, no file is read and no connection made.
   *
   * @throws LifecycleError on a second start, also after `stop()`
   */
  start(): void
  /**
   * Calls the listener with each event of that name, or with every event for `*`. It is called at once, in the order in
   * which listeners were added; those for `*` come after those of the name. What it throws, or rejects with, is logged
   * once and stops nothing.
   *
   * @param name one of `eventNames`, or `*`
   * @throws ArgumentError for an event that does not exist, and for a listener that is no function
   */
  on<TName extends EventName | '*'>(name: TName, listener: Listener<TName>): Subscription
  /**
   * One scan now: it begins after this call, and the promise resolves when every container has its verdict. Before
   * `start()`, and while disabled, it judges by the creation grace alone and changes nothing; what it could not find out is
   * emitted as `degraded`, once for each subject.
   *
   * @throws EngineError when the engine gave no whole listing
   * @throws LifecycleError after `stop()`, also for a scan that the stop cut off
   */
  scan(): Promise<ScanReport>
  /**
   * The verdict on one container, rule by rule, by a listing of its own; changes nothing.
   *
   * @param container a full id, an unambiguous start of one, or a name
   * @throws EngineError when the engine gave no whole listing
   * @throws ArgumentError when the engine lists no such container, or several
   * @throws LifecycleError when the reconciler is stopped before the answer
   */
  explain(container: string): Promise<Explanation>
  /** The present state, as plain JSON. No request is made. */
  status(): Status
  /**
   * The labels to put on a new container so that it is owned.
   *
   * @throws OptionError where the owner is no label with one value
   */
  labels(): Readonly<Record<string, string>>
  /**
   * The supervisor's actor, for subscribers and inspectors; the container actors are in its system. It takes the events of
   * `SupervisorCommand` and ignores whatever else is sent to it or to another actor of its system. Its `start()` is the
   * reconciler's. Its own `stop()` ends everything at once: no further removal is sent, and those under way are given up.
   */
  readonly actor: SupervisorActor
  /**
   * Begins no new removal from this call on, gives those under way 5 s to settle, and ends everything. Idempotent; never
   * rejects. Scans and explanations that are not answered by then are rejected with a LifecycleError.
   */
  stop(): Promise<void>
  /** The same as `stop()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** What the outside world is made of; tests hand in their own. */
export interface World {
  readonly clock: Clock
  readonly random: () => number
  readonly self: (named: string | undefined) => Promise<SelfTest>
  /** An engine in the place of the one that the options name. */
  readonly engine?: Engine | undefined
  readonly surroundings?: Surroundings | undefined
  /** Keeps the process from ending for lack of work, until the returned function is called. */
  readonly holdProcess?: () => () => void
  /** Called with each call to the engine, and each search for our own container, that begins. */
  readonly noteWork?: ((work: Promise<unknown>) => void) | undefined
}

/** What a test puts in the place of the machine's own. */
export interface ReconcilerDependencies {
  /** All that is known of time: `createTestClock()` of `flotsam/testing`. Default: the machine's clocks. */
  readonly clock?: Clock | undefined
  /** Numbers from 0 up to 1, for the jitter of pauses. Default: `Math.random`. */
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
 * Makes a reconciler. Nothing happens before `start()`.
 *
 * @example
 * ```ts
 * const tasks = new Map<string, Task>()
 * const reconciler = createReconciler({ owner: { label: 'com.example.agent', value: 'agent-7' }, tracked: tasks })
 * reconciler.on('removed', ({ id, name }) => console.log(`removed ${name} ${id}`))
 * reconciler.start()
 * ```
 *
 * @param options what to reconcile and how
 * @param dependencies for tests: a clock that the test moves, and a random that it knows
 * @throws OptionError that names the option, its value and what is required
 * @throws ArgumentError where the options are no object
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
    report: reporter.report,
    self: () => {
      const found = world.self(settings.self)
      world.noteWork?.(found)
      return found
    },
    onStart: () => {
      if (!isStarted || supervision.isOver()) start()
    },
  })
  const { actor, fleet, graces, queue, scanner } = supervision
  let isStarted = false
  let ended: Promise<void> | undefined

  function start(): void {
    const isEnded = ended !== undefined || supervision.isOver()
    if (isStarted || isEnded)
      throw new LifecycleError(
        `this reconciler was ${isEnded ? 'stopped' : 'started'} already; make a new one`,
      )
    isStarted = true
    if (settings.enabled) {
      supervision.awake.start()
      reporter.report({ type: 'started', engine: address, dryRun: settings.dryRun })
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
      if (ended) throw new LifecycleError('this reconciler was stopped; it scans no more')
      // Rejects with why it ended.
      if (supervision.isOver()) return scanner.nextReport()
      if (isStarted && settings.enabled) {
        const report = scanner.nextReport()
        supervision.toSupervisor({ type: 'scan.requestedNow' })
        return awaited(world, report)
      }
      const { creationGraceMs } = settings
      return awaited(
        world,
        aside(supervision, async (means) => {
          // No supervisor counts what such a scan could not find out.
          const { report, failures } = await scanWithoutHistory({
            ...(await withSources(means)),
            creationGraceMs,
          })
          for (const { about, kind, message } of failures)
            reporter.report({ type: 'degraded', about: about as DegradedSubject, kind, message })
          return report
        }),
      )
    },
    async explain(container) {
      if (typeof container !== 'string')
        throw new ArgumentError(
          `the container is ${show(container)}; give a full id, the start of one, or a name`,
        )
      const isScanning = isStarted && settings.enabled && !ended && !supervision.isOver()
      const hasBegun = isScanning && graces.restoreEndsMs !== undefined
      const past = hasBegun ? { fleet, graces, nowMs: supervision.awake.now() } : undefined
      const { creationGraceMs } = settings
      return awaited(
        world,
        aside(supervision, async (means) =>
          explain(container, { ...(await withSources(means)), creationGraceMs, past }),
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
      }),
    labels() {
      const { owner, ownership } = settings
      if (ownership.labels) return { ...ownership.labels }
      throw new OptionError(
        'owner',
        owner,
        'labels() needs an owner with one value; a preset, or anyValue, has none',
      )
    },
    stop: end,
    [Symbol.asyncDispose]: end,
  }
}

function checkListener(name: unknown, listener: unknown): void {
  if (name !== '*' && !eventNames.includes(name as EventName))
    throw new ArgumentError(
      `there is no event ${show(name)}; there are ${eventNames.join(', ')}, and * for all`,
    )
  if (typeof listener !== 'function')
    throw new ArgumentError(`the listener for "${String(name)}" is ${show(listener)}; it must be a function`)
}

/** Nothing of ours holds the process, but whoever waits for an answer must get it. */
async function awaited<T>({ holdProcess }: World, answer: Promise<T>): Promise<T> {
  const release = holdProcess?.()
  try {
    return await answer
  } finally {
    release?.()
  }
}

function accessEngine({ clock, engine, noteWork, surroundings }: World, settings: Settings): EngineAccess {
  const made = engine ?? createDockerodeEngine({ engine: settings.engine, clock, surroundings })
  const whole = noteWork ? noteCalls(made, noteWork) : made
  return settings.dryRun ? { dryRun: true, engine: watchOnly(whole) } : { dryRun: false, engine: whole }
}

/** A question beside the supervisor's own scans. It ends with everything else, and the caller's promise is rejected with the reason. */
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
  // What failed, or was stopped in the middle, has the value that it had.
  if (isOver) return { value: 'stopped', health: 'unknown', context }
  if (!isStarted) return { value: 'new', health: 'unknown', context }
  if (typeof value === 'string')
    return { value: value === 'disabled' ? 'disabled' : 'stopped', health: 'unknown', context }
  const health = healthIn(snapshot)
  return health
    ? { value: 'running', health, context }
    : { value: 'stopping', health: context.engineFailure ? 'down' : 'unknown', context }
}
