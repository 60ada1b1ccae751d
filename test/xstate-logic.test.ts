import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Actor, createActor, setup } from 'xstate'
import { OptionError } from '../src/domain/errors.ts'
import type { PartialOptions, ReconcilerOptions } from '../src/options/types.ts'
import { createReconcilerIn, type Reconciler } from '../src/reconciler.ts'
import {
  createReconcilerLogic,
  createReconcilerLogicWith,
  type ReconcilerActorEvent,
  type ReconcilerInput,
} from '../src/xstate-logic.ts'
import { createFakeClock, type FakeClock } from './support/fake-clock.ts'
import { createFakeEngine, type FakeEngine, ownerLabel, ownerValue } from './support/fake-engine.ts'
import { noSelf } from './support/self-tests.ts'

type HostEvent = { readonly type: 'work' } | { readonly type: 'rest' } | { readonly type: 'scan' }

let clock: FakeClock
let engine: FakeEngine
let made: Reconciler[]
let reported: ReconcilerActorEvent[]
let errors: unknown[]
let host: Actor<ReturnType<typeof hostMachine>>

const base: ReconcilerOptions = {
  owner: { label: ownerLabel, value: ownerValue },
  tracked: new Set(),
  creationGrace: '60s',
  restoreGrace: '0s',
  events: false,
}

/** An agent that wants its containers looked after while it works. */
function hostMachine(options: PartialOptions, input: ReconcilerInput) {
  const create = (given: ReconcilerOptions) => {
    const world = { clock, engine, random: () => 0.5, self: async () => noSelf }
    const reconciler = createReconcilerIn(world, given)
    made.push(reconciler)
    return reconciler
  }
  return setup({
    types: { events: {} as HostEvent | ReconcilerActorEvent },
    actors: { reconciler: createReconcilerLogicWith(create, options) },
    actions: {
      receive: ({ event }) => void reported.push(event as ReconcilerActorEvent),
      noteError: ({ event }) => void errors.push((event as unknown as { error: unknown }).error),
    },
  }).createMachine({
    id: 'agent',
    initial: 'resting',
    states: {
      resting: { on: { work: 'working' } },
      working: {
        invoke: {
          id: 'flotsam',
          src: 'reconciler',
          input: () => input,
          onError: { target: 'failed', actions: 'noteError' },
          onDone: 'ended',
        },
        on: { 'flotsam.*': { actions: 'receive' }, rest: 'resting' },
      },
      failed: {},
      ended: {},
    },
  })
}

function begin(options: PartialOptions = base, input?: ReconcilerInput): void {
  host = createActor(hostMachine(options, input))
  host.start()
  host.send({ type: 'work' })
}

const child = () => host.getSnapshot().children['flotsam']
const types = () => reported.map(({ type }) => type)

beforeEach(() => {
  clock = createFakeClock()
  engine = createFakeEngine(clock)
  made = []
  reported = []
  errors = []
})

afterEach(async () => {
  host.stop()
  const stopped = Promise.all(made.map((reconciler) => reconciler.stop()))
  await clock.advance(10_000)
  await stopped
})

describe('a reconciler as an actor of a host machine', () => {
  it('watches while the host is in the state that invokes it, and tells each event under a name of its own', async () => {
    const { id } = engine.add({ ageMs: 3_600_000, name: 'forgotten' })
    begin()
    await clock.advance(1000)
    expect(engine.count('remove', id)).toBe(1)
    expect(types().filter((type) => type !== 'flotsam.classified')).toEqual([
      'flotsam.started',
      'flotsam.discovered',
      'flotsam.degraded',
      'flotsam.scanned',
      'flotsam.removed',
    ])
    expect(reported.at(-1)).toMatchObject({
      id,
      name: 'forgotten',
      confirmedBy: 'answer',
      at: expect.any(Number),
    })
  })

  it('does nothing before that state is entered', async () => {
    host = createActor(hostMachine(base, undefined)).start()
    engine.add({ ageMs: 3_600_000 })
    await clock.advance(600_000)
    expect(made).toEqual([])
    expect(engine.requests).toEqual([])
  })

  it('quiet-stop: removes nothing more once the host leaves the state, and tells nothing more', async () => {
    begin()
    await clock.advance(1000)
    engine.add({ ageMs: 3_600_000 })
    host.send({ type: 'rest' })
    const reportedBefore = reported.length
    await clock.advance(600_000)
    expect(engine.count('remove')).toBe(0)
    expect(engine.count('list')).toBe(1)
    expect(reported.length).toBe(reportedBefore)
    expect(made[0]?.status().state).toBe('stopped')
    expect(clock.pendingTimers).toBe(0)
  })

  it('bounded: a removal that hangs when the host leaves is given up after its settle time', async () => {
    engine.add({ ageMs: 3_600_000 })
    engine.fault = (verb) => (verb === 'remove' ? 'hang' : undefined)
    begin()
    await clock.advance(1000)
    expect(engine.count('remove')).toBe(1)
    host.send({ type: 'rest' })
    await clock.advance(4000)
    expect(made[0]?.status().state).toBe('stopping')
    await clock.advance(2000)
    expect(made[0]?.status().state).toBe('stopped')
  })

  it('starts a new one each time that the state is entered', async () => {
    begin()
    await clock.advance(1000)
    host.send({ type: 'rest' })
    await clock.advance(1000)
    host.send({ type: 'work' })
    await clock.advance(1000)
    expect(made.map((reconciler) => reconciler.status().state)).toEqual(['stopped', 'running'])
    expect(types().filter((type) => type === 'flotsam.started')).toHaveLength(2)
  })

  it('scans on request', async () => {
    begin()
    await clock.advance(1000)
    expect(engine.count('list')).toBe(1)
    child()?.send({ type: 'scan' })
    await clock.advance(100)
    expect(engine.count('list')).toBe(2)
  })

  it('survives-outage: a scan that fails is an event, and no error of the actor', async () => {
    engine.fault = () => 'unavailable'
    begin()
    await clock.advance(100)
    child()?.send({ type: 'scan' })
    await clock.advance(100)
    expect(types()).toContain('flotsam.engineDown')
    expect(child()?.getSnapshot().status).toBe('active')
    expect(errors).toEqual([])
  })

  it('has the status in its snapshot, and a new snapshot when that has changed', async () => {
    const counted: number[] = []
    begin()
    await clock.settle()
    child()?.subscribe(({ context }) => counted.push(context.containers.total))
    expect(child()?.getSnapshot().context).toMatchObject({ state: 'running', containers: { total: 0 } })
    for (let number = 0; number < 50; number++) engine.add({ ageMs: 1000 })
    child()?.send({ type: 'scan' })
    await clock.advance(1000)
    expect(child()?.getSnapshot().context).toMatchObject({
      engine: { health: 'up' },
      containers: { total: 50, byVerdict: { graced: 50 } },
    })
    expect(child()?.getSnapshot().context).toEqual(made[0]?.status())
    expect(counted.at(-1)).toBe(50)
    // Events come in bursts, and a status is counted over all containers.
    expect(counted.length).toBeLessThan(10)
  })

  it('takes options from its input, before those of the logic', async () => {
    begin(
      { ...base, dryRun: true, creationGrace: '5m' },
      { dryRun: false, tracked: new Set(), creationGrace: '10s' },
    )
    engine.add({ ageMs: 60_000 })
    await clock.advance(1000)
    expect(engine.count('remove')).toBe(1)
  })

  it.each<[string, PartialOptions, string]>([
    ['an option that cannot be used', { ...base, creationGrace: '1s' }, 'creationGrace'],
    ['an option that is missing', { tracked: new Set<string>() }, 'owner'],
    ['nothing at all', {}, 'owner'],
  ])("%s is an error for the host's onError", async (_what, options, option) => {
    begin(options)
    expect(host.getSnapshot().value).toBe('failed')
    expect(errors).toHaveLength(1)
    expect(errors[0]).toBeInstanceOf(OptionError)
    expect((errors[0] as OptionError).option).toBe(option)
    expect(engine.requests).toEqual([])
  })

  it("a fault of the reconciler itself is an error for the host's onError, told before as an event", async () => {
    begin()
    await clock.advance(100)
    // No event of the public face can do it; only its own supervisor can fail.
    const supervisor = made[0]?.actor as unknown as {
      _process(event: object): void
      logic: { transition: unknown }
    }
    Object.defineProperty(supervisor, 'logic', {
      value: Object.assign(Object.create(supervisor.logic) as object, {
        transition: () => {
          throw new Error('a fault inside')
        },
      }),
    })
    made[0]?.actor.send({ type: 'scan.requested' })
    expect(types().at(-1)).toBe('flotsam.crashed')
    expect(host.getSnapshot().value).toBe('failed')
    expect(errors.map(String)).toEqual(['Error: a fault inside'])
  })

  it('told to stop, it is done when its removals have settled, with the last status', async () => {
    let answer = () => {}
    engine.add({ ageMs: 3_600_000 })
    engine.fault = (verb) =>
      verb === 'remove' ? () => new Promise<void>((resolve) => (answer = resolve)) : undefined
    begin()
    await clock.advance(1000)
    child()?.send({ type: 'stop' })
    await clock.advance(1000)
    expect(host.getSnapshot().value).toBe('working')
    answer()
    await clock.advance(100)
    expect(host.getSnapshot().value).toBe('ended')
    expect(types().at(-1)).toBe('flotsam.stopped')
  })

  it('begins again where a persisted host is restored', async () => {
    begin()
    await clock.advance(1000)
    const persisted: unknown = JSON.parse(JSON.stringify(host.getPersistedSnapshot()))
    host.stop()
    host = createActor(hostMachine(base, undefined), { snapshot: persisted as never })
    host.start()
    await clock.advance(1000)
    expect(made.map((reconciler) => reconciler.status().state)).toEqual(['stopped', 'running'])
    expect(child()?.getSnapshot().context.engine.health).toBe('up')
  })

  it('can be a root of its own, and emits what it would tell a parent', async () => {
    host = createActor(hostMachine(base, undefined))
    const removed: string[] = []
    const world = { clock, engine, random: () => 0.5, self: async () => noSelf }
    const root = createActor(
      createReconcilerLogicWith((options) => createReconcilerIn(world, options), base),
      { input: undefined },
    )
    root.on('flotsam.removed', ({ name }) => removed.push(name))
    const { name } = engine.add({ ageMs: 3_600_000 })
    root.start()
    await clock.advance(1000)
    expect(removed).toEqual([name])
    root.stop()
    await clock.advance(1000)
    expect(clock.pendingTimers).toBe(0)
  })

  it('is made by the public face without an effect', () => {
    host = createActor(hostMachine(base, undefined))
    const actor = createActor(createReconcilerLogic(base), { input: { dryRun: true } })
    expect(actor.getSnapshot().context).toMatchObject({ state: 'new', dryRun: true })
  })
})
