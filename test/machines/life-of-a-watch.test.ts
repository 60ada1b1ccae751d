import { describe, expect, test } from 'vitest'
import type { SnapshotFrom } from 'xstate'
import { createTestModel, type TestParam } from 'xstate/graph'
import { supervisorMachine } from '../../machines/index.ts'
import { EngineError, type FailureKind } from '../../src/domain/errors.ts'
import type { Listing } from '../../src/engine/port.ts'
import { createHarness } from '../support/harness.ts'
import { leavesIn, Recorder } from './support/chart.ts'
import {
  type EventStreamEvent,
  eventStreamModel,
  type EventStreamState,
} from './support/event-stream-model.ts'
import { type HealthEvent, healthModel, type HealthState } from './support/health-model.ts'
import { type PathOf, pathsOverEveryEdge, simplePathsUpTo } from './support/paths.ts'

type HealthSnapshot = SnapshotFrom<typeof healthModel>

const recorder = new Recorder(supervisorMachine)

/** The states of the supervisor's chart that correspond to each state seen from outside. */
const stateOfChart: Record<HealthState, readonly string[]> = {
  'not begun': ['running.scanning.scan', 'running.engine.unknown'],
  'first scan': ['running.scanning.scan', 'running.engine.unknown'],
  'waiting after a broken scan': ['running.scanning.idle.resting.faulted', 'running.engine.unknown'],
  'scanning while up': ['running.scanning.scan', 'running.engine.up.eventsDisabled'],
  'waiting while up': ['running.scanning.idle.resting', 'running.engine.up.eventsDisabled'],
  'scanning while down': ['running.scanning.scan', 'running.engine.down'],
  'waiting while down': ['running.scanning.idle.backingOff', 'running.engine.down'],
  settling: ['stopping.settling'],
  stopped: ['stopped'],
}

interface Pending {
  readonly resolve: (value: Listing | undefined) => void
  readonly reject: (error: Error) => void
}

/** A reconciler whose engine answers only when the model says so. */
function createDriver() {
  const { clock, engine, events, reconciler } = createHarness({
    inspect: recorder.inspect,
    recoveryGrace: '20s',
  })
  const leak = engine.add({ ageMs: 3_600_000 })
  let listing: Pending | undefined
  let removal: Pending | undefined
  const answerLater = (take: (pending: Pending) => void) =>
    new Promise((resolve, reject) => take({ resolve, reject }))
  engine.fault = (verb) => {
    if (verb === 'list') return () => answerLater((pending) => (listing = pending))
    return verb === 'remove' ? () => answerLater((pending) => (removal = pending)) : undefined
  }
  const asked: Promise<unknown>[] = []
  let ended: Promise<void> | undefined
  const wholeListing = (): Listing => ({
    containers: [...engine.containers.values()].map((container) => ({
      ...container,
      names: [container.name],
    })),
    engineNowMs: clock.wallNow(),
    bytes: 0,
  })
  const take = (pending: Pending | undefined): Pending => {
    if (!pending) throw new Error('no answer is awaited')
    return pending
  }
  const endScan = async (settle: (pending: Pending) => void) => {
    const pending = take(listing)
    listing = undefined
    settle(pending)
    await clock.settle()
  }
  const scanBegins = async () => {
    const before = engine.count('list')
    for (let seconds = 0; engine.count('list') === before && seconds < 600; seconds++)
      await clock.advance(1000)
    take(listing)
  }
  const does: Record<HealthEvent['type'], () => void | Promise<void>> = {
    start: async () => {
      reconciler.start()
      await clock.settle()
    },
    'a listing comes': () => endScan(({ resolve }) => resolve(wholeListing())),
    'the listing fails': () =>
      endScan(({ reject }) => reject(new EngineError('unavailable', 'connection refused'))),
    'the scan breaks': () => endScan(({ reject }) => reject(new TypeError('a fault of ours'))),
    'the next scan is due': scanBegins,
    'a scan is requested': async () => {
      asked.push(Promise.allSettled([reconciler.scan()]))
      await clock.advance(1)
    },
    'the process stalls': () => clock.stall(10_000),
    'the agent stops it': async () => {
      ended = reconciler.stop()
      // the port promises that an aborted call settles
      listing?.reject(new EngineError('timed-out', 'given up'))
      await clock.settle()
    },
    'the DELETE is answered': async () => {
      engine.containers.delete(leak.id)
      take(removal).resolve(undefined)
      await clock.settle()
    },
    'the DELETE fails, and another client removes it': async () => {
      engine.containers.delete(leak.id)
      take(removal).reject(new EngineError('refused', 'busy'))
      await clock.settle()
    },
    'the settle time passes': () => clock.advance(5000),
  }
  return { clock, does, engine, events, reconciler, asked, ended: () => ended }
}

function stateNameOf({ value }: HealthSnapshot): string {
  return leavesIn(value).map((leaf) => leaf.slice(leaf.lastIndexOf('.') + 1))[0] ?? ''
}

const eventTypes = Object.keys(createDriver().does) as HealthEvent['type'][]
const events = eventTypes.map((type) => ({ type }))
const stateNames = Object.keys(stateOfChart) as HealthState[]
const placeOf = ({ value, context }: HealthSnapshot) => JSON.stringify([value, context])

async function follow(path: PathOf<typeof healthModel>): Promise<void> {
  const driver = createDriver()
  const check = (name: HealthState) => {
    const { value, status } = driver.reconciler.actor.getSnapshot()
    for (const [at, leaf] of stateOfChart[name].entries())
      expect(leavesIn(value)[at]).toMatch(new RegExp(`^${leaf}`))
    expect(status).toBe(name === 'stopped' ? 'done' : 'active')
  }
  const params: TestParam<HealthSnapshot, HealthEvent> = {
    states: Object.fromEntries([
      ...stateNames.map((name) => [
        name === 'not begun' || name === 'settling' || name === 'stopped' ? name : `watching.${name}`,
        () => check(name),
      ]),
      ['*', ({ value }: HealthSnapshot) => expect.unreachable(`no mapping for ${JSON.stringify(value)}`)],
    ]),
    events: Object.fromEntries(eventTypes.map((type) => [type, () => driver.does[type]()])),
  }
  const { state } = await createTestModel(healthModel).testPath(path, params)
  expect(state.error).toBeFalsy()
  const reported = driver.events
    .map(({ type }) => type)
    .filter((type) => type === 'engineDown' || type === 'engineUp')
  expect(reported).toEqual(reported.map((_, at) => (at % 2 === 0 ? 'engineDown' : 'engineUp')))
  expect(driver.events.filter(({ type }) => type === 'stopped')).toHaveLength(
    path.state.status === 'done' ? 1 : 0,
  )
  expect(driver.events.map(({ type }) => type)).not.toContain('crashed')
  if (path.state.status === 'done') {
    const requests = driver.engine.requests.length
    await driver.ended()
    // No scan() is left waiting.
    await Promise.all(driver.asked)
    await driver.clock.advance(600_000)
    expect(driver.engine.requests).toHaveLength(requests)
    expect(driver.clock.pendingTimers).toBe(0)
  }
}

type EventStreamSnapshot = SnapshotFrom<typeof eventStreamModel>

/** The chart's state for each state of the event stream as the engine sees it. */
const healthOfChart: Record<EventStreamState, string> = {
  unseen: 'running.engine.unknown',
  followed: 'running.engine.up.following.open',
  'not followed': 'running.engine.up.resting',
  out: 'running.engine.down',
  'out, and to be left in peace': 'running.engine.down',
}

/** A reconciler that scans only when the model says so, or when the end of a stream makes it. */
function createListener() {
  const { clock, engine, events, reconciler } = createHarness({
    inspect: recorder.inspect,
    events: true,
    period: '24h',
    backoff: { min: '1h', max: '24h' },
  })
  let listing: FailureKind | 'hang' | undefined = 'hang'
  let stream: FailureKind | undefined
  engine.fault = (verb) => (verb === 'list' ? listing : verb === 'events' ? stream : undefined)
  const scan = async (fault: FailureKind | undefined) => {
    listing = fault
    const scanned = Promise.allSettled([reconciler.scan()])
    // The first scan hangs until its deadline.
    await clock.advance(15_000)
    await scanned
  }
  const listen = async (fault: FailureKind | undefined) => {
    stream = fault
    const before = engine.count('events')
    for (let hours = 0; engine.count('events') === before && hours < 48; hours++)
      await clock.advance(3_600_000)
    // A scan follows in either case.
    await clock.advance(15_000)
  }
  const does: Record<EventStreamEvent['type'], () => void | Promise<void>> = {
    'a listing comes': () => scan(undefined),
    'the listing fails': () => scan('unavailable'),
    'the stream ends': async () => {
      engine.endEvents()
      await clock.settle()
    },
    'the stream breaks': async () => {
      engine.endEvents(new EngineError('unavailable', 'cut'))
      await clock.settle()
    },
    'the pause passes': () => listen(undefined),
    'the pause passes, and no stream can be had': () => listen('misconfigured'),
  }
  return { clock, does, engine, events, reconciler }
}

const eventStreamTypes = Object.keys(createListener().does) as EventStreamEvent['type'][]
const eventStream = {
  model: eventStreamModel,
  events: eventStreamTypes.map((type) => ({ type })),
  placeOf: ({ value }: EventStreamSnapshot) => JSON.stringify(value),
}

async function listen(path: PathOf<typeof eventStreamModel>): Promise<void> {
  const { clock, does, engine, events, reconciler } = createListener()
  reconciler.start()
  await clock.settle()
  const check = (name: EventStreamState) => {
    expect(leavesIn(reconciler.actor.getSnapshot().value)).toContain(healthOfChart[name])
    expect(engine.listenerCount).toBe(name === 'followed' ? 1 : 0)
    expect(reconciler.status().engine.followsEvents).toBe(name === 'followed')
  }
  const params: TestParam<EventStreamSnapshot, EventStreamEvent> = {
    states: {
      ...Object.fromEntries(
        (Object.keys(healthOfChart) as EventStreamState[]).map((name) => [name, () => check(name)]),
      ),
      '*': ({ value }: EventStreamSnapshot) => expect.unreachable(`no mapping for ${JSON.stringify(value)}`),
    },
    events: Object.fromEntries(eventStreamTypes.map((type) => [type, () => does[type]()])),
  }
  const { state } = await createTestModel(eventStreamModel).testPath(path, params)
  expect(state.error).toBeFalsy()
  const stopped = reconciler.stop()
  await clock.advance(20_000)
  await stopped
  expect([engine.listenerCount, clock.pendingTimers]).toEqual([0, 0])
  expect(events.map(({ type }) => type)).not.toContain('crashed')
}

describe('the event stream seen by the engine and the chart agree at every step', () => {
  test('on each edge of the map', async () => {
    const paths = pathsOverEveryEdge(eventStream)
    expect(paths.length).toBeGreaterThan(8)
    for (const path of paths) await listen(path)
  }, 240_000)

  test('on all simple paths', async () => {
    const paths = simplePathsUpTo(7, eventStream)
    expect(paths.length).toBe(6)
    for (const path of paths) await listen(path)
  }, 240_000)
})

/** Transitions that these paths do not take; the transition tables take each of them. */
const unreached = [
  // A disabled one does nothing that could be seen.
  'starting -- [otherwise]--> disabled',
  'disabled --stop--> stopped',
  // No internal error is thrown where one is already caught and reported.
  'running.scanning.scan --xstate.error.actor.scan--> running.scanning.idle',
  'running.engine.up.following --xstate.error.actor.events--> running.engine.up.resting',
  'stopping.disbanding --xstate.error.actor.disband--> stopped',
  // Every requested scan here is urgent, and hints come after scans.
  'running.scanning.scan --scan.hinted--> no other state',
  'running.scanning.idle.resting.choosing -- [isHinted]--> running.scanning.idle.resting.hinted',
  'running.scanning.idle.resting.faulted --scan.hinted--> running.scanning.idle.resting.hinted',
  'running.scanning.idle.resting.hinted --scan.requested--> running.scanning.idle.resting.requested',
  // This engine never answers late, and no request finds out about an outage before a scan does.
  'running.verdicts --engine.listed [stoodStill]--> running.verdicts.recovering',
  'running.verdicts --verdicts.doubted--> running.verdicts.none',
  'running.verdicts.recovering --engine.listed [stoodStill]--> running.verdicts.recovering',
  'running.verdicts.recovering --verdicts.doubted--> no other state',
  'running.verdicts.recovering --scan.judged [isFresh]--> running.verdicts.standing',
  // Judging takes no time here.
  'running.verdicts.none --scan.judged [isRecovered]--> running.verdicts.expired',
  'running.verdicts.recovering --scan.judged [isRecovered]--> running.verdicts.expired',
  // Only a listing, an outage or a stop ends the asking.
  'running.tracker.asking --xstate.done.actor.asking--> running.tracker.silent',
  'running.tracker.asking --xstate.error.actor.asking--> running.tracker.silent',
  // It is the same engine all the time.
  'running.verdicts --engine.replaced--> running.verdicts.recovering',
  'running.verdicts.recovering --engine.replaced--> running.verdicts.recovering',
  'running.verdicts.held --engine.replaced--> no other state',
  'running.verdicts.held --process.stalled--> no other state',
  'running.verdicts.held --verdicts.doubted--> no other state',
]

describe('the health seen from outside and the chart agree at every step; a stopped supervisor is silent', () => {
  test('on each edge of the map', async () => {
    const paths = pathsOverEveryEdge({ model: healthModel, events, placeOf })
    expect(paths.length).toBeGreaterThan(40)
    for (const path of paths) await follow(path)
  }, 240_000)

  test('on all simple paths of seven steps', async () => {
    const paths = simplePathsUpTo(7, { model: healthModel, events, placeOf })
    expect(paths.length).toBeGreaterThan(100)
    for (const path of paths) await follow(path)
  }, 240_000)

  test('the map has every state and every event visible from outside', () => {
    const steps = pathsOverEveryEdge({ model: healthModel, events, placeOf }).flatMap((path) => path.steps)
    expect(new Set(steps.map(({ state }) => stateNameOf(state)))).toEqual(new Set(stateNames))
    expect(new Set(steps.map(({ event }) => event.type as string))).toEqual(
      new Set(['xstate.init', ...eventTypes]),
    )
  })

  test('those runs take every transition of the chart except those above, and enter every state', () => {
    expect(recorder.missedArrows.toSorted()).toEqual(unreached.toSorted())
    expect(recorder.missedLeaves).toEqual(['disabled'])
  })
})
