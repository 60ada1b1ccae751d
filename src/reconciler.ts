import type { Actor, SnapshotFrom } from 'xstate'

import type { supervisorMachine } from '../machines/supervisor.machine.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Surroundings } from './engine/address.ts'
import { createDockerodeEngine, watchOnly } from './engine/dockerode-engine.ts'
import type { Engine } from './engine/port.ts'
import { LifecycleError, messageOf, OptionError } from './errors.ts'
import { type EventName, eventNames } from './events.ts'
import { healthIn } from './health.ts'
import { readOptions, type ReconcilerOptions, type Settings } from './options.ts'
import { createReporter, type Listener, type Subscription } from './report/reporter.ts'
import type { Explanation } from './explain.ts'
import { type IsSelf, readSelfTraces, selfFrom } from './self.ts'
import { type Status, statusOf } from './status.ts'
import { explain } from './supervision/explainer.ts'
import { glance } from './supervision/glance.ts'
import type { LookReport } from './supervision/report-of-look.ts'
import { createSupervision, type EngineAccess, type Supervision } from './supervision/supervision.ts'

/** Watches one engine and removes the containers that the agent started and has lost track of. */
export interface Reconciler {
  /**
   * Begins to watch; the restore grace counts from here. Nothing has happened before: no file was read and no connection made.
   *
   * @throws LifecycleError on a second start, also after `stop()`
   */
  start(): void
  /**
   * Listens to one sort of event. What a listener throws is logged once and stops nothing.
   *
   * @throws OptionError for an event that there is none of
   */
  on<TName extends EventName>(name: TName, listener: Listener<TName>): Subscription
  /**
   * One look now: begins after this call, and resolves when it has been judged. Before `start()`, and while disabled, it
   * judges by the creation grace alone and changes nothing.
   *
   * @throws EngineError when the engine gave no whole listing
   * @throws LifecycleError after `stop()`
   */
  look(): Promise<LookReport>
  /**
   * The verdict on one container, rule by rule, by a listing of its own; changes nothing.
   *
   * @param container a full id, an unambiguous start of one, or a name
   * @throws EngineError when the engine gave no whole listing
   * @throws OptionError when the engine lists no such container, or several
   */
  explain(container: string): Promise<Explanation>
  /** Where everything stands, as plain JSON. Asks nobody. */
  status(): Status
  /**
   * The labels to put on a new container so that it is owned.
   *
   * @throws OptionError where the owner is no label with one value
   */
  labels(): Readonly<Record<string, string>>
  /** The supervisor's actor; the container actors are in its system. */
  readonly actor: Actor<typeof supervisorMachine>
  /**
   * Begins no new removal from this call on, gives those under way 5 s to settle, and ends everything. Idempotent.
   */
  stop(): Promise<void>
}

/** What the outside world is made of; tests hand in their own. */
export interface World {
  readonly clock: Clock
  readonly random: () => number
  readonly isSelf: (named: string | undefined) => Promise<IsSelf>
  /** An engine in the place of the one that the options name. */
  readonly engine?: Engine | undefined
  readonly surroundings?: Surroundings | undefined
  /** Keeps the process from ending for lack of work, until the returned function is called. */
  readonly holdProcess?: () => () => void
}

const realWorld: World = {
  clock: systemClock,
  random: Math.random,
  isSelf: async (named) => selfFrom(await readSelfTraces(), named),
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
 * @throws OptionError that names the option, its value and what is allowed
 */
export function createReconciler(options: ReconcilerOptions): Reconciler {
  return createReconcilerIn(realWorld, options)
}

/** The same in a world of the caller's. */
export function createReconcilerIn(world: World, options: ReconcilerOptions): Reconciler {
  return assemble({ ...world }, readOptions(options))
}

function assemble(world: World, settings: Settings): Reconciler {
  const { clock } = world
  const reporter = createReporter(clock, settings.logger)
  const access = accessEngine(world, settings)
  const supervision = createSupervision({
    settings,
    access,
    clock,
    random: world.random,
    report: reporter.report,
    isSelf: () => world.isSelf(settings.self),
  })
  const { actor, looker, memory, removals } = supervision
  let isStarted = false
  let ended: Promise<void> | undefined

  /** What a look beside the supervisor's own needs. */
  const aside = async () => ({
    surveyor: await supervision.surveyor(),
    engine: access.engine,
    creationGraceMs: settings.creationGraceMs,
    signal: new AbortController().signal,
  })

  return {
    actor,
    start() {
      if (isStarted || ended)
        throw new LifecycleError(
          `this reconciler was ${ended ? 'stopped' : 'started'} already; make a new one`,
        )
      isStarted = true
      actor.subscribe({
        complete: () => end(supervision, 'this reconciler was stopped before the look came back'),
        // An error that nobody observes is thrown at the host.
        error: (thrown) => {
          end(supervision, 'this reconciler has failed; it looks no more')
          reporter.report({ type: 'crashed', message: messageOf(thrown) })
        },
      })
      if (settings.isEnabled) {
        supervision.awake.start()
        reporter.report({ type: 'started', engine: access.engine.address, dryRun: settings.dryRun })
      }
      actor.start()
    },
    on: (name, listener) => {
      if (!eventNames.includes(name)) {
        throw new OptionError(
          'event',
          `there is no event ${JSON.stringify(name)}; there are ${eventNames.join(', ')}`,
        )
      }
      return reporter.on(name, listener)
    },
    async look() {
      if (ended) throw new LifecycleError('this reconciler was stopped; it looks no more')
      if (isStarted && settings.isEnabled) {
        const report = looker.wish()
        if (actor.getSnapshot().status === 'active') actor.send({ type: 'lookAsked' })
        return awaited(world, report)
      }
      return awaited(world, aside().then(glance))
    },
    async explain(container) {
      const { awake, window } = supervision
      const past =
        isStarted && settings.isEnabled && !ended && looker.restoreEndsMs !== undefined
          ? { memory, window, restoreEndsMs: looker.restoreEndsMs, nowMs: awake.now() }
          : undefined
      return awaited(world, explain(container, { ...(await aside()), past }))
    },
    status: () =>
      statusOf({
        ...standingOf(actor.getSnapshot(), isStarted, ended !== undefined),
        followsEvents: supervision.hearing.isOpen,
        address: access.engine.address,
        dryRun: settings.dryRun,
        memory,
        removals,
      }),
    labels() {
      const { labels } = settings.ownership
      if (!labels)
        throw new OptionError(
          'owner',
          'labels() needs an owner with one value; a preset, or anyValue, has none',
        )
      return labels
    },
    stop: () => (ended ??= isStarted ? awaited(world, stop(supervision)) : Promise.resolve()),
  }
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

function accessEngine({ clock, engine, surroundings }: World, settings: Settings): EngineAccess {
  const whole = engine ?? createDockerodeEngine({ engine: settings.engine, clock, surroundings })
  return settings.dryRun ? { dryRun: true, engine: watchOnly(whole) } : { dryRun: false, engine: whole }
}

async function stop({ actor, window }: Supervision): Promise<void> {
  // The actor may be in the middle of an admission, and hears of the stop only after it.
  window.quieten()
  if (actor.getSnapshot().status !== 'active') return
  const stopped = new Promise<void>((resolve) => {
    actor.subscribe({ complete: resolve, error: () => resolve() })
  })
  actor.send({ type: 'stop' })
  await stopped
}

/** The actor has ended, whoever ended it: nobody is left waiting. */
function end({ awake, looker, window }: Supervision, why: string): void {
  window.quieten()
  awake.stop()
  looker.stop(new LifecycleError(why))
}

type Standing = Pick<Parameters<typeof statusOf>[0], 'value' | 'health' | 'context'>

function standingOf(
  snapshot: SnapshotFrom<typeof supervisorMachine>,
  isStarted: boolean,
  isEnded: boolean,
): Standing {
  const { context, value } = snapshot
  if (!isStarted) return { value: isEnded ? 'stopped' : 'new', health: 'unknown', context }
  if (typeof value === 'string')
    return { value: value === 'disabled' ? 'disabled' : 'stopped', health: 'unknown', context }
  const health = healthIn(snapshot)
  return health
    ? { value: 'running', health, context }
    : { value: 'stopping', health: context.engineFailure ? 'down' : 'unknown', context }
}
