import { describe, expect, test } from 'vitest'
import { EngineError } from '../src/domain/errors.ts'
import { actionsFollowed } from '../src/scanning/hint.ts'
import { fakeId, ownerLabel, ownerValue } from './support/fake-engine.ts'
import { createHarness } from './support/harness.ts'

const labels = { [ownerLabel]: ownerValue }
const secondMs = 1000

/** A watch whose first scans are over, on an engine that emits events. */
async function listening(options: Parameters<typeof createHarness>[0] = {}) {
  const harness = createHarness({ events: true, ...options })
  harness.reconciler.start()
  await harness.clock.advance(10 * secondMs)
  expect(harness.engine.listenerCount).toBe(1)
  const scans = () => harness.engine.count('list')
  return { ...harness, scans, scansBefore: scans() }
}

describe('the engine’s events ask for early scans', () => {
  test('what happened between the first listing and the opening of the stream is looked for once, then there is peace', async () => {
    const { clock, scans, scansBefore } = await listening()
    expect(scansBefore).toBe(2)
    await clock.advance(200 * secondMs)
    expect(scans()).toBe(2)
  })

  test('a leak is known within a second of its start', async () => {
    const { clock, engine, of } = await listening()
    const leak = engine.add()
    engine.emit('start', { id: leak.id, labels })
    await clock.advance(secondMs)
    expect(of('discovered').map(({ id }) => id)).toEqual([leak.id])
  })

  test('a container that ended on its own is forgotten within a second', async () => {
    const { clock, engine, of } = await listening()
    const leak = engine.add()
    engine.emit('start', { id: leak.id, labels })
    await clock.advance(secondMs)
    engine.containers.delete(leak.id)
    engine.emit('die', { id: leak.id })
    engine.emit('destroy', { id: leak.id })
    await clock.advance(secondMs)
    expect(of('vanished').map(({ id }) => id)).toEqual([leak.id])
  })

  test('lost is told within a second', async () => {
    const { clock, engine, of, reconciler, tracked } = createHarness({ events: true })
    const task = engine.add({ ageMs: 3_600_000 })
    tracked.add(task.id)
    reconciler.start()
    await clock.advance(10 * secondMs)
    task.state = 'exited'
    engine.emit('die', { id: task.id })
    await clock.advance(secondMs)
    expect(of('lost').map(({ id, how }) => [id, how])).toEqual([[task.id, 'exited']])
  })

  test('events: false follows none', async () => {
    const { clock, engine, reconciler } = createHarness({ events: false })
    reconciler.start()
    await clock.advance(600 * secondMs)
    expect(engine.count('events')).toBe(0)
    expect(reconciler.status().engine.followsEvents).toBe(false)
  })

  test('the engine is asked only for actions that may be news, of foreign containers too', async () => {
    const { engine } = await listening()
    expect(engine.requests.filter(({ verb }) => verb === 'events').map(({ actions }) => actions)).toEqual([
      actionsFollowed,
    ])
  })
})

describe('events are hints and nothing more', () => {
  test('owned-only, fresh-scan: an invented start of a container that is tracked, foreign or not there removes nothing', async () => {
    const { clock, engine, tracked, of } = await listening()
    const task = engine.add()
    tracked.add(task.id)
    const foreign = engine.add({ labels: {} })
    for (const id of [task.id, foreign.id, fakeId(999)]) {
      for (const action of ['start', 'die', 'destroy', 'start']) engine.emit(action, { id, labels })
    }
    await clock.advance(600 * secondMs)
    expect(engine.count('remove')).toBe(0)
    expect(of('vanished')).toEqual([])
    expect([...engine.containers.keys()]).toEqual([task.id, foreign.id])
  })

  test('a destroy that never happened forgets nobody', async () => {
    const { clock, engine, of, reconciler } = await listening()
    const leak = engine.add()
    engine.emit('start', { id: leak.id, labels })
    await clock.advance(secondMs)
    engine.emit('destroy', { id: leak.id })
    await clock.advance(secondMs)
    expect(of('vanished')).toEqual([])
    expect(reconciler.status().containers.total).toBe(1)
  })

  test('lost hints: what no event tells of is found a period later', async () => {
    const { clock, engine, of } = await listening()
    const leak = engine.add()
    await clock.advance(299 * secondMs)
    expect(of('discovered').map(({ id }) => id)).toEqual([leak.id])
  })

  test('a hundred events a second are no hundred scans: of foreign containers none, of owned ones a few', async () => {
    const { clock, engine, scans, scansBefore } = await listening()
    for (let tenths = 0; tenths < 100; tenths++) {
      for (let n = 0; n < 10; n++) engine.emit('start', { id: fakeId(1000 + n), labels: {} })
      await clock.advance(100)
    }
    expect(scans()).toBe(scansBefore)
    for (let tenths = 0; tenths < 100; tenths++) {
      for (let n = 0; n < 10; n++) engine.emit('start', { id: fakeId(1000 + n), labels })
      await clock.advance(100)
    }
    // Ten seconds at a pause of half a second.
    expect(scans() - scansBefore).toBeGreaterThan(10)
    expect(scans() - scansBefore).toBeLessThanOrEqual(21)
  })

  test('what our own removals bring about asks for no scan', async () => {
    const { clock, engine, scans, of } = createLeaky()
    await clock.advance(10 * secondMs)
    const before = scans()
    const leak = engine.add()
    engine.emit('start', { id: leak.id, labels })
    let removed = 0
    engine.fault = (verb, id) => {
      if (verb !== 'remove') return undefined
      return async () => {
        engine.containers.delete(id as string)
        for (const action of ['kill', 'die', 'destroy']) engine.emit(action, { id: leak.id, labels })
        removed++
      }
    }
    await clock.advance(120 * secondMs)
    expect([removed, of('removed').length]).toEqual([1, 1])
    // One for the start, one for the end of the grace.
    expect(scans() - before).toBe(2)
  })
})

function createLeaky() {
  const harness = createHarness({ events: true })
  harness.reconciler.start()
  return { ...harness, scans: () => harness.engine.count('list') }
}

describe('survives-outage: the stream of events', () => {
  test('its end is the first sign of an outage, which is found at once', async () => {
    const { clock, engine, of } = await listening()
    engine.fault = () => 'unavailable'
    engine.endEvents(new EngineError('unavailable', 'the connection closed'))
    await clock.advance(secondMs)
    expect(of('engineDown')).toHaveLength(1)
    expect(of('degraded')).toEqual([])
  })

  test('is followed again as soon as the engine is back, and a scan finds what was missed', async () => {
    const { clock, engine, of, reconciler } = await listening()
    engine.fault = () => 'unavailable'
    engine.endEvents(new EngineError('unavailable', 'cut'))
    await clock.advance(60 * secondMs)
    expect([engine.listenerCount, reconciler.status().engine.health]).toEqual([0, 'down'])
    engine.fault = () => undefined
    await clock.advance(60 * secondMs)
    expect([engine.listenerCount, of('engineUp').length]).toEqual([1, 1])
    expect(reconciler.status().engine).toMatchObject({ health: 'up', followsEvents: true })
    const leak = engine.add()
    engine.emit('start', { id: leak.id, labels })
    await clock.advance(secondMs)
    expect(of('discovered').map(({ id }) => id)).toEqual([leak.id])
  })

  test('one that was steady is opened again a second after it ends', async () => {
    const { clock, engine } = await listening()
    await clock.advance(100 * secondMs)
    engine.endEvents()
    await clock.advance(2 * secondMs)
    expect([engine.listenerCount, engine.count('events')]).toEqual([1, 2])
  })

  test('one that ends again and again is opened ever more rarely, and asks for few scans', async () => {
    const { clock, engine, scans, scansBefore } = await listening({ period: '1h' })
    for (let seconds = 0; seconds < 1800; seconds++) {
      if (engine.listenerCount > 0) engine.endEvents()
      await clock.advance(secondMs)
    }
    // 1, 2, 4 … 1024 s apart
    expect(engine.count('events')).toBeLessThanOrEqual(12)
    expect(engine.count('events')).toBeGreaterThan(8)
    expect(scans() - scansBefore).toBeLessThanOrEqual(2 * engine.count('events'))
  })

  test('one-line-per-change: a stream that cannot be opened is reported once, and again when it opens; scans go on', async () => {
    const harness = createHarness({ events: true })
    const { clock, engine, events, reconciler } = harness
    engine.fault = (verb) => (verb === 'events' ? 'misconfigured' : undefined)
    reconciler.start()
    const leak = engine.add()
    await clock.advance(50 * secondMs)
    const reported = () =>
      events.filter(
        ({ type }) => ['degraded', 'stillDegraded', 'recovered'].includes(type) || type.startsWith('engine'),
      )
    expect(reported().map(({ type }) => type)).toEqual(['degraded'])
    expect(reported()[0]).toMatchObject({ about: 'events', kind: 'misconfigured' })
    await clock.advance(400 * secondMs)
    expect(harness.of('removed').map(({ id }) => id)).toEqual([leak.id])
    engine.fault = () => undefined
    await clock.advance(400 * secondMs)
    expect(reported().at(-1)).toMatchObject({ type: 'recovered', about: 'events' })
    expect(engine.listenerCount).toBe(1)
  })

  test('every-call-ends: a server that never begins to answer it is given up after 10 s, told of once, and holds nothing up', async () => {
    const { clock, engine, of, reconciler } = createHarness({ events: true })
    engine.fault = (verb) => (verb === 'events' ? 'hang' : undefined)
    reconciler.start()
    const leak = engine.add()
    await clock.advance(400 * secondMs)
    expect(of('removed').map(({ id }) => id)).toEqual([leak.id])
    expect(of('degraded').map(({ about, kind }) => [about, kind])).toEqual([
      ['events', 'timed-out'],
      ['tracking', 'tracker-never-true'],
    ])
    expect(reconciler.status().engine.followsEvents).toBe(false)
    // 1, 2, 4 … s apart, and 10 s each
    expect(engine.count('events')).toBeLessThan(10)
  })

  test('quiet-stop: it ends with stop(), and leaves no timer', async () => {
    const { clock, engine, reconciler } = await listening()
    const stopped = reconciler.stop()
    await clock.advance(secondMs)
    await stopped
    expect([engine.listenerCount, clock.pendingTimers]).toEqual([0, 0])
    engine.emit('start', { id: fakeId(5), labels })
    await clock.advance(600 * secondMs)
    expect(engine.count('list')).toBe(2)
  })
})
