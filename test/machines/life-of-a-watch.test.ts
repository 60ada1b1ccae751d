import { describe, expect, test } from 'vitest'
import type { SnapshotFrom } from 'xstate'
import { createTestModel, type TestParam } from 'xstate/graph'

import { supervisorMachine } from '../../machines/index.ts'
import type { Listing } from '../../src/engine/port.ts'
import { EngineError, type FailureKind } from '../../src/errors.ts'
import { createHarness } from '../support/harness.ts'
import { leavesIn, Recorder } from './support/chart.ts'
import { type HearingEvent, hearingModel, type HearingState } from './support/hearing-model.ts'
import { type HealthEvent, healthModel, type HealthState } from './support/health-model.ts'
import { type PathOf, pathsOverEveryEdge, simplePathsUpTo } from './support/paths.ts'

type HealthSnapshot = SnapshotFrom<typeof healthModel>

const recorder = new Recorder(supervisorMachine)

/** Where the supervisor's own chart stands when somebody outside would say this of it. */
const stateOfChart: Record<HealthState, readonly string[]> = {
  'not begun': ['running.looking.looking', 'running.health.unknown'],
  'first look': ['running.looking.looking', 'running.health.unknown'],
  'waiting after a broken look': ['running.looking.idle', 'running.health.unknown'],
  'looking while up': ['running.looking.looking', 'running.health.up.unhearing'],
  'waiting while up': ['running.looking.idle', 'running.health.up.unhearing'],
  'looking while down': ['running.looking.looking', 'running.health.down'],
  'waiting while down': ['running.looking.idle', 'running.health.down'],
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
    if (!pending) throw new Error('nobody waits for an answer')
    return pending
  }
  const endLook = async (settle: (pending: Pending) => void) => {
    const pending = take(listing)
    listing = undefined
    settle(pending)
    await clock.settle()
  }
  const lookBegins = async () => {
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
    'a listing comes': () => endLook(({ resolve }) => resolve(wholeListing())),
    'the listing fails': () =>
      endLook(({ reject }) => reject(new EngineError('unavailable', 'nobody answers'))),
    'the look breaks': () => endLook(({ reject }) => reject(new TypeError('a fault of ours'))),
    'the next look is due': lookBegins,
    'somebody asks for a look': async () => {
      asked.push(Promise.allSettled([reconciler.look()]))
      await clock.advance(1)
    },
    'the agent stops it': async () => {
      ended = reconciler.stop()
      // the port promises that a call that is given up settles
      listing?.reject(new EngineError('timed-out', 'given up'))
      await clock.settle()
    },
    'the DELETE is answered': async () => {
      engine.containers.delete(leak.id)
      take(removal).resolve(undefined)
      await clock.settle()
    },
    'the DELETE fails, and somebody else removes it': async () => {
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
    expect(leavesIn(value)).toEqual(stateOfChart[name])
    expect(status).toBe(name === 'stopped' ? 'done' : 'active')
  }
  const params: TestParam<HealthSnapshot, HealthEvent> = {
    states: Object.fromEntries([
      ...stateNames.map((name) => [
        name === 'not begun' || name === 'settling' || name === 'stopped' ? name : `watching.${name}`,
        () => check(name),
      ]),
      [
        '*',
        ({ value }: HealthSnapshot) => expect.unreachable(`nobody says what ${JSON.stringify(value)} is`),
      ],
    ]),
    events: Object.fromEntries(eventTypes.map((type) => [type, () => driver.does[type]()])),
  }
  const { state } = await createTestModel(healthModel).testPath(path, params)
  expect(state.error).toBeFalsy()
  const told = driver.events
    .map(({ type }) => type)
    .filter((type) => type === 'engineDown' || type === 'engineUp')
  expect(told).toEqual(told.map((_, at) => (at % 2 === 0 ? 'engineDown' : 'engineUp')))
  expect(driver.events.filter(({ type }) => type === 'stopped')).toHaveLength(
    path.state.status === 'done' ? 1 : 0,
  )
  expect(driver.events.map(({ type }) => type)).not.toContain('crashed')
  if (path.state.status === 'done') {
    const requests = driver.engine.requests.length
    await driver.ended()
    // No look() is left waiting.
    await Promise.all(driver.asked)
    await driver.clock.advance(600_000)
    expect(driver.engine.requests).toHaveLength(requests)
    expect(driver.clock.pendingTimers).toBe(0)
  }
}

type HearingSnapshot = SnapshotFrom<typeof hearingModel>

/** Where the chart's idea of the engine stands when the engine would say this of who follows its events. */
const healthOfChart: Record<HearingState, string> = {
  unheard: 'running.health.unknown',
  followed: 'running.health.up.listening',
  'not followed': 'running.health.up.deaf',
  out: 'running.health.down',
  'out, and to be left in peace': 'running.health.down',
}

/** A reconciler that looks only when the model says so, or when the end of a stream makes it. */
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
  const look = async (fault: FailureKind | undefined) => {
    listing = fault
    const looked = Promise.allSettled([reconciler.look()])
    // The first look hangs until its deadline.
    await clock.advance(15_000)
    await looked
  }
  const listen = async (fault: FailureKind | undefined) => {
    stream = fault
    const before = engine.count('events')
    for (let hours = 0; engine.count('events') === before && hours < 48; hours++)
      await clock.advance(3_600_000)
    // Whichever way it went, a look follows.
    await clock.advance(15_000)
  }
  const does: Record<HearingEvent['type'], () => void | Promise<void>> = {
    'a listing comes': () => look(undefined),
    'the listing fails': () => look('unavailable'),
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

const hearingTypes = Object.keys(createListener().does) as HearingEvent['type'][]
const hearing = {
  model: hearingModel,
  events: hearingTypes.map((type) => ({ type })),
  placeOf: ({ value }: HearingSnapshot) => JSON.stringify(value),
}

async function listen(path: PathOf<typeof hearingModel>): Promise<void> {
  const { clock, does, engine, events, reconciler } = createListener()
  reconciler.start()
  await clock.settle()
  const check = (name: HearingState) => {
    expect(leavesIn(reconciler.actor.getSnapshot().value)).toContain(healthOfChart[name])
    expect(engine.listenerCount).toBe(name === 'followed' ? 1 : 0)
    expect(reconciler.status().engine.followsEvents).toBe(name === 'followed')
  }
  const params: TestParam<HearingSnapshot, HearingEvent> = {
    states: {
      ...Object.fromEntries(
        (Object.keys(healthOfChart) as HearingState[]).map((name) => [name, () => check(name)]),
      ),
      '*': ({ value }: HearingSnapshot) => expect.unreachable(`nobody says what ${JSON.stringify(value)} is`),
    },
    events: Object.fromEntries(hearingTypes.map((type) => [type, () => does[type]()])),
  }
  const { state } = await createTestModel(hearingModel).testPath(path, params)
  expect(state.error).toBeFalsy()
  const stopped = reconciler.stop()
  await clock.advance(20_000)
  await stopped
  expect([engine.listenerCount, clock.pendingTimers]).toEqual([0, 0])
  expect(events.map(({ type }) => type)).not.toContain('crashed')
}

describe('who follows the engine’s events, as the engine sees it, and the chart inside agree at every step', () => {
  test('on each edge of the map', async () => {
    const paths = pathsOverEveryEdge(hearing)
    expect(paths.length).toBeGreaterThan(8)
    for (const path of paths) await listen(path)
  }, 120_000)

  test('on all simple paths', async () => {
    const paths = simplePathsUpTo(7, hearing)
    expect(paths.length).toBe(6)
    for (const path of paths) await listen(path)
  }, 120_000)
})

/** What cannot be brought about, or not be seen, from outside. */
const unreached = [
  // a disabled watch does nothing that could be seen
  'starting -- [otherwise]--> disabled',
  'disabled --stop--> stopped',
  // stopping the container actors cannot fail, whatever the engine does
  'stopping.disbanding --xstate.error.actor.disband--> stopped',
]

describe('a watch as it is seen from outside, and the chart inside, agree at every step; a stopped one is silent', () => {
  test('on each edge of the map', async () => {
    const paths = pathsOverEveryEdge({ model: healthModel, events, placeOf })
    expect(paths.length).toBeGreaterThan(40)
    for (const path of paths) await follow(path)
  }, 120_000)

  test('on all simple paths of seven steps', async () => {
    const paths = simplePathsUpTo(7, { model: healthModel, events, placeOf })
    expect(paths.length).toBeGreaterThan(100)
    for (const path of paths) await follow(path)
  }, 120_000)

  test('the map holds every state and every event that somebody outside can name', () => {
    const steps = pathsOverEveryEdge({ model: healthModel, events, placeOf }).flatMap((path) => path.steps)
    expect(new Set(steps.map(({ state }) => stateNameOf(state)))).toEqual(new Set(stateNames))
    expect(new Set(steps.map(({ event }) => event.type as string))).toEqual(
      new Set(['xstate.init', ...eventTypes]),
    )
  })

  test('those watches take every arrow of the chart, but what is named above, and enter every state', () => {
    expect(recorder.missedArrows).toEqual(unreached)
    expect(recorder.missedLeaves).toEqual(['disabled'])
  })
})
