import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type AnyStateMachine, assign, setup } from 'xstate'
import { containerMachine } from '../../machines/index.ts'
import { createReconciler, type ReconcilerOptions } from '../../src/index.ts'
import type { RecordedEvent } from '../../src/recording/format.ts'
import { createEmbeddedEngine, createTestClock } from '../../src/testing/index.ts'
import { run } from '../simulation/run.ts'
import { createHarness } from '../support/harness.ts'
import { charts, replayed, Tape } from './support/tape.ts'

const minute = 60_000
const owner = { label: 'com.example.agent', value: 'agent-7' }
const labels = { [owner.label]: owner.value, 'private.note': 'hidden-from-files' }

/** A run on the embedded engine: leaks, tracked ones, an outage, and a removal that fails and is retried. */
async function recordedLife(options: Partial<ReconcilerOptions> = {}): Promise<Tape> {
  const tape = new Tape()
  const clock = createTestClock()
  const engine = createEmbeddedEngine({ clock })
  const address = await engine.listen()
  const tracked = new Set<string>()
  const reconciler = createReconciler(
    { owner, tracked, engine: address, inspect: tape.inspect, ...options },
    { clock },
  )
  try {
    for (const name of ['tracked-1', 'tracked-2']) tracked.add(engine.containers.create({ name, labels }))
    for (const name of ['leak-1', 'leak-2', 'paused']) engine.containers.create({ name, labels })
    engine.containers.create({ name: 'kept', labels: { ...labels, 'flotsam.keep': 'true' } })
    const stubborn = engine.containers.create({ name: 'stubborn', labels })
    engine.faults.add({
      kind: 'error',
      method: 'DELETE',
      container: stubborn,
      status: 500,
      message: 'busy',
      count: 5,
    })
    reconciler.start()
    await clock.advance(7 * minute)
    await engine.goDown()
    await clock.advance(10 * minute)
    await engine.comeUp()
    engine.containers.create({ name: 'late', labels })
    tracked.delete([...tracked][0] as string)
    await clock.advance(30 * minute)
    const stopping = reconciler.stop()
    await clock.advance(minute)
    await stopping
    expect(
      engine.containers
        .list()
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(options.dryRun ? expect.any(Array) : ['kept', 'tracked-2'])
    return tape
  } finally {
    await engine.close()
  }
}

let tape: Tape
beforeAll(async () => {
  tape = await recordedLife()
})

const typesIn = (events: readonly RecordedEvent[]) => new Set(events.map(({ event }) => event.type))
const statesIn = (events: readonly RecordedEvent[]) => JSON.stringify(events.map(({ state }) => state))

describe('a recorded run replays identically', () => {
  test('with leaks, tracked ones, an outage, and a removal that is retried', async () => {
    const { events } = tape
    expect([...typesIn(events)]).toEqual(
      expect.arrayContaining([
        'engine.failed',
        'events.opened',
        'admitted',
        'answered',
        'degraded',
        'xstate.done.actor.removal',
        'xstate.after.retryDelay.container.removing.backingOff',
        'xstate.after.recoveryGrace.supervisor.running.verdicts.recovering',
        'xstate.done.actor.disband',
      ]),
    )
    expect(statesIn(events)).toContain('"stuck"')
    expect(await replayed(tape.text)).toEqual({
      runs: 1,
      by: ['9.8.7'],
      events: events.length,
      containers: 8,
      hasSupervisor: true,
      cut: [],
      failures: [],
      divergence: undefined,
    })
    expect(events.length).toBeGreaterThan(150)
  })

  test.each<[string, Partial<ReconcilerOptions>]>([
    ['a dry run', { dryRun: true }],
    ['without events of the engine', { events: false }],
    ['with a hook that refuses', { beforeRemove: ({ name }) => name !== 'leak-1', dryRun: true }],
    ['with graceful stops', { stopTimeout: '3s' }],
  ])('%s', async (_what, options) => {
    const { text, events } = await recordedLife(options)
    expect(await replayed(text)).toMatchObject({ events: events.length, divergence: undefined })
  })

  test('any of the simulated worlds', { timeout: 60_000 }, async () => {
    let events = 0
    for (let seed = 1; seed <= 12; seed++) {
      const tapes: Tape[] = []
      const inspect = () => {
        const next = new Tape()
        tapes.push(next)
        return next.inspect
      }
      await run({ seed, inspect })
      for (const { text } of tapes) {
        const result = await replayed(text)
        expect(result.divergence, `seed ${seed}`).toBeUndefined()
        events += result.events
      }
    }
    expect(events).toBeGreaterThan(3000)
  })

  test('one container alone: by its full id, the start of one, or its name', async () => {
    const { event, name } = tape.events.find((one) => one.name.startsWith('stubborn')) as RecordedEvent
    const { id } = event.input as { readonly id: string }
    const own = tape.events.filter((one) => one.name === name)
    for (const only of [id, id.slice(0, 12), 'stubborn', '/stubborn']) {
      const result = await replayed(tape.text, { only })
      expect(result).toMatchObject({ events: own.length, containers: 1, hasSupervisor: false })
    }
    expect(own.length).toBeGreaterThan(20)
    await expect(replayed(tape.text, { only: 'nobody' })).rejects.toThrow(
      'run.jsonl has no container "nobody"; give a full id, the start of one, or a name',
    )
  })

  test('a time without an end stays one', async () => {
    const permanent = new Tape()
    const harness = createHarness({ inspect: permanent.inspect })
    const { id } = harness.engine.add({ ageMs: 10 * minute, name: 'infra' })
    Object.assign(harness.engine.containers.get(id) as object, { isInfra: true })
    harness.reconciler.start()
    await harness.clock.advance(20 * minute)
    onTestFinished(() => harness.reconciler.stop())
    expect(permanent.text).toContain('"untilMs":"Infinity"')
    expect(await replayed(permanent.text)).toMatchObject({ divergence: undefined })
  })
})

describe('what a recording holds', () => {
  test('each event has its time, its session, a readable name and the state afterwards', () => {
    expect(tape.events[0]).toMatchObject({
      time: '2026-11-29T12:00:00.000Z',
      actor: expect.stringMatching(/^x:\d+$/),
      name: 'supervisor',
      chart: 'supervisor',
      event: { type: 'xstate.init', input: { policy: { isEnabled: true, followsEvents: true } } },
      state: { running: { scanning: 'scan', engine: 'unknown', verdicts: 'none' } },
    })
    const removed = tape.events.find(({ status, name }) => status === 'done' && name.startsWith('leak-1'))
    expect(removed).toMatchObject({
      name: expect.stringMatching(/^leak-1 [0-9a-f]{12}$/),
      event: { type: 'xstate.done.actor.removal', output: { answer: 'done' } },
      state: 'gone',
      context: { outcome: 'removed', isByAnswer: true },
    })
  })

  test('only the facts that an event changed', () => {
    const admitted = tape.events.find(({ event }) => event.type === 'removals.changed')
    expect(Object.keys(admitted?.context ?? {})).toEqual(['inFlight'])
  })

  test('no label and no environment of a container', () => {
    expect(tape.text).not.toContain('hidden-from-files')
    expect(tape.text).not.toContain('"labels"')
  })
})

describe('a change is found where it first shows', () => {
  test('in the chart: another guard', async () => {
    const changed = containerMachine.provide({ guards: { isTracked: () => false } })
    const { divergence, events } = await replayed(tape.text, { charts: { ...charts, container: changed } })
    const line = tape.lineOf(({ state }) => JSON.stringify(state) === '{"classified":"tracked"}')
    expect(divergence).toMatchObject({
      line,
      actor: { chart: 'container', name: expect.stringMatching(/^tracked-/) },
      event: { type: 'judged' },
      expected: { status: 'active', state: { classified: 'tracked' } },
      reached: { status: 'active', state: { classified: 'queued' } },
    })
    expect(events).toBe(line - 2)
  })

  test('in the chart: a fact that no state shows', async () => {
    const changed = containerMachine.provide({
      actions: { endRemoved: assign({ outcome: 'removed', isByAnswer: false }) },
    })
    const { divergence } = await replayed(tape.text, { charts: { ...charts, container: changed } })
    expect(divergence).toMatchObject({
      line: tape.lineOf(({ context }) => context?.['isByAnswer'] === true),
      expected: { context: { isByAnswer: true } },
      reached: { context: { isByAnswer: false } },
    })
    expect(divergence?.reached.state).toEqual(divergence?.expected.state)
  })

  test('in the chart: it throws', async () => {
    const changed = containerMachine.provide({
      guards: {
        isDone: () => {
          throw new TypeError('out of order')
        },
      },
    })
    const { divergence } = await replayed(tape.text, { charts: { ...charts, container: changed } })
    expect(divergence).toMatchObject({
      event: { type: 'xstate.done.actor.removal' },
      reached: { status: 'error', error: { message: expect.stringContaining('out of order') } },
    })
  })

  test('in the chart: another one altogether', async () => {
    const other = setup({}).createMachine({ id: 'supervisor', initial: 'idle', states: { idle: {} } })
    const { divergence } = await replayed(tape.text, { charts: { ...charts, supervisor: other } })
    expect(divergence).toMatchObject({ line: 2, reached: { state: 'idle' } })
  })

  test.each<[string, (event: RecordedEvent) => boolean, (event: RecordedEvent) => object, object]>([
    [
      'an event: another verdict',
      ({ event, state }) => event.type === 'judged' && JSON.stringify(state).includes('tracked'),
      ({ event }) => ({ event: { ...event, judgement: { verdict: { verdict: 'spared', reason: 'self' } } } }),
      {
        expected: { state: { classified: 'tracked' } },
        reached: { state: { classified: { spared: 'settled' } } },
      },
    ],
    [
      'an event: what it is about is missing',
      ({ event }) => event.type === 'inspected',
      () => ({ event: { type: 'inspected' } }),
      // a guard reads it, so that XState wraps the TypeError
      { reached: { status: 'error', error: { name: 'Error' } } },
    ],
    [
      'a state',
      ({ event }) => event.type === 'engine.failed',
      () => ({ state: { running: 'elsewhere' } }),
      { expected: { state: { running: 'elsewhere' } }, reached: { status: 'active' } },
    ],
    [
      'a status',
      ({ status }) => status === 'done',
      () => ({ status: 'stopped' }),
      { expected: { status: 'stopped' }, reached: { status: 'done' } },
    ],
    [
      'a fact',
      ({ context, chart }) => context?.['inFlight'] !== undefined && chart === undefined,
      () => ({ context: { inFlight: 77 } }),
      { expected: { context: { inFlight: 77 } }, reached: { context: { inFlight: expect.any(Number) } } },
    ],
    [
      'a fact that the chart does not have',
      ({ event }) => event.type === 'scan.judged',
      ({ context }) => ({ context: { ...context, mood: 'good' } }),
      { expected: { context: { mood: 'good' } }, reached: { context: { mood: null } } },
    ],
    [
      'a fact that changed and is left out',
      ({ event }) => event.type === 'engine.failed',
      () => ({ context: {} }),
      { expected: { context: { failedScans: 0 } }, reached: { context: { failedScans: 1 } } },
    ],
  ])('in the recording: %s', async (_what, isIt, change, found) => {
    const line = tape.lineOf(isIt)
    const lines = [...tape.lines]
    const event = JSON.parse(lines[line - 1] as string) as RecordedEvent
    lines[line - 1] = `${JSON.stringify({ ...event, ...change(event) })}\n`
    const { divergence } = await replayed(lines.join(''))
    expect(divergence).toMatchObject({ line, time: event.time, ...found })
  })

  test('in the recording: an event that is missing', async () => {
    const line = tape.lineOf(({ event }) => event.type === 'admitted')
    const { divergence } = await replayed(tape.lines.toSpliced(line - 1, 1).join(''))
    expect(divergence?.line).toBeGreaterThanOrEqual(line)
  })
})

describe('an event that no actor can have received is an error that names its line', () => {
  // XState numbers all actors of a process
  const supervisor = () => tape.events[0]?.actor
  const own = (lines: readonly string[]) => lines.filter((line) => line.includes(`"actor":"${supervisor()}"`))

  test.each<[string, (lines: readonly string[]) => readonly string[]]>([
    ['before its first one', (lines) => [lines[0] as string, own(lines)[1] as string]],
    ['after its end', (lines) => [...lines, own(lines).at(-1) as string]],
    ['in the next run', (lines) => [...lines.slice(0, 2), lines[0] as string, own(lines)[1] as string]],
  ])('%s', async (_what, change) => {
    const lines = change(tape.lines)
    await expect(replayed(lines.join(''))).rejects.toThrow(
      `run.jsonl:${lines.length}: the actor ${supervisor()} (supervisor) is not running; its first event must come before, and none after its end`,
    )
  })
})

/** The next actor of that name fails at the first event of that type. */
function failing(name: string, type: string, inspect: Tape['inspect']): Tape['inspect'] {
  let isDone = false
  return (event) => {
    inspect(event)
    const actor = event.actorRef as unknown as { readonly id: string; readonly logic: AnyStateMachine }
    if (event.type !== '@xstate.actor' || isDone || !actor.id.startsWith(name)) return
    isDone = true
    const { logic } = actor
    const transition: AnyStateMachine['transition'] = (snapshot, received, scope) => {
      if (received.type === type) throw new RangeError('boom in an effect')
      return logic.transition(snapshot, received, scope)
    }
    const value = Object.assign(Object.create(logic) as object, { transition })
    Object.defineProperty(actor, 'logic', { value })
  }
}

describe('a failure in the recorded run', () => {
  test('of a container: it is named, and the actor that takes its place replays as well', async () => {
    const failed = new Tape()
    const harness = createHarness({ inspect: failing('web', 'admitted', failed.inspect) })
    harness.engine.add({ name: 'web' })
    harness.reconciler.start()
    await harness.clock.advance(20 * minute)
    expect(harness.engine.containers.size).toBe(0)
    expect(harness.of('degraded')).toMatchObject([{ about: 'tracking' }, { about: 'fault' }])
    const line = failed.lineOf(({ status }) => status === 'error')
    const result = await replayed(failed.text)
    expect(result).toMatchObject({ events: failed.events.length, containers: 1, divergence: undefined })
    expect(result.failures).toEqual([
      {
        line,
        time: '2026-11-29T12:00:00.000Z',
        name: expect.stringMatching(/^web /),
        event: 'admitted',
        error: { name: 'RangeError', message: 'boom in an effect' },
        isOfChart: false,
      },
    ])
    await harness.reconciler.stop()
  })

  test('of the supervisor: it is named by the event that it failed at', async () => {
    const failed = new Tape()
    const harness = createHarness({ inspect: failing('supervisor', 'scan.judged', failed.inspect) })
    harness.engine.add({ name: 'web' })
    harness.reconciler.start()
    await harness.clock.advance(minute)
    expect(harness.of('crashed')).toHaveLength(1)
    failed.recorder.settle()
    const { divergence, failures } = await replayed(failed.text)
    expect(divergence).toBeUndefined()
    expect(failures).toMatchObject([{ name: 'supervisor', event: 'scan.judged', isOfChart: false }])
  })

  test('that the chart repeats is told from one of an effect', async () => {
    const failed = new Tape()
    const harness = createHarness({ inspect: failing('supervisor', 'scan.judged', failed.inspect) })
    harness.reconciler.start()
    await harness.clock.advance(minute)
    failed.recorder.settle()
    const fails = () => {
      throw new Error('out of order')
    }
    const supervisor = charts.supervisor.provide({ guards: { isFresh: fails } })
    const { failures } = await replayed(failed.text, { charts: { ...charts, supervisor } })
    expect(failures).toMatchObject([{ event: 'scan.judged', isOfChart: true }])
  })
})
