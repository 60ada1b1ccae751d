import { expect, test } from 'vitest'
import { createHarness } from '../support/harness.ts'

const minute = 60_000

test('no-head-of-line: containers whose every removal is cut off delay no other removal, and are retried with increasing backoff', async () => {
  const { clock, engine, reconciler, of } = createHarness()
  const broken = [engine.add(), engine.add(), engine.add()].map(({ id }) => id as string)
  const others = Array.from({ length: 10 }, () => engine.add().id)
  engine.fault = (verb, id) => (verb === 'remove' && broken.includes(id ?? '') ? 'unavailable' : undefined)
  reconciler.start()
  await clock.advance(10 * minute)
  expect(others.filter((id) => engine.containers.has(id))).toEqual([])
  for (const id of broken) expect(engine.count('remove', id)).toBeLessThan(12)
  expect(
    of('stuck')
      .map(({ id }) => id)
      .toSorted(),
  ).toEqual(broken.toSorted())
  await reconciler.stop()
})

test('truthful: a container removed while a listing is in transit is not discovered again', async () => {
  const { clock, engine, events, reconciler } = createHarness()
  const { id } = engine.add()
  let finish = () => {}
  let isRemoving = false
  engine.fault = (verb) =>
    verb === 'remove' && !isRemoving
      ? () => {
          isRemoving = true
          return new Promise<void>((resolve) => (finish = () => (engine.containers.delete(id), resolve())))
        }
      : undefined
  reconciler.start()
  await clock.advance(62_000)
  expect(isRemoving).toBe(true)
  const listing = {
    containers: [...(await engine.list({ deadlineMs: 1 })).containers],
    engineNowMs: clock.wallNow(),
    bytes: 1,
  }
  let answer = () => {}
  engine.fault = (verb) =>
    verb === 'list' ? () => new Promise((resolve) => (answer = () => resolve(listing))) : undefined
  const scanning = reconciler.scan()
  await clock.advance(1000)
  finish()
  await clock.advance(100)
  engine.fault = () => undefined
  answer()
  await scanning
  await clock.advance(20 * minute)
  const story = events.filter((event) => 'id' in event && event.id === id).map(({ type }) => type)
  expect(story).toEqual(['discovered', 'classified', 'classified', 'removed'])
  await reconciler.stop()
})

test('truthful: a container removed while the tracker was asked about its loss is not reported vanished as well', async () => {
  const known = new Set<string>()
  let thinkMs = 0
  const harness = createHarness({
    releaseGrace: '0s',
    tracked: {
      has: (id) =>
        thinkMs === 0
          ? known.has(id)
          : new Promise((resolve) => harness.clock.setTimeout(() => resolve(known.has(id)), thinkMs)),
    },
  })
  const { clock, engine, events, reconciler } = harness
  const removed = engine.add()
  const lost = engine.add()
  known.add(lost.id)
  let finish = () => {}
  engine.fault = (verb, id) =>
    verb === 'remove' && id === removed.id
      ? () => new Promise<void>((resolve) => (finish = resolve))
      : undefined
  reconciler.start()
  await clock.advance(62_000)
  expect(engine.count('remove')).toBe(1)
  engine.containers.clear()
  thinkMs = 2000
  void reconciler.scan()
  await clock.advance(1000)
  finish()
  await clock.advance(10_000)
  const story = events.filter((event) => 'id' in event && event.id === removed.id).map(({ type }) => type)
  expect(story.slice(-2)).toEqual(['classified', 'removed'])
  await reconciler.stop()
})

test.each(['hang', 'unavailable'] as const)(
  'eventually-removed: a container ended by our graceful stop is removed, even if the answer was lost: %s',
  async (fault) => {
    const { clock, engine, reconciler } = createHarness({ stopTimeout: '5s' })
    const container = engine.add()
    engine.fault = (verb) => {
      if (verb !== 'stop') return undefined
      container.state = 'exited'
      return fault
    }
    reconciler.start()
    await clock.advance(30 * minute)
    expect(engine.count('stop')).toBe(1)
    expect(engine.containers.has(container.id)).toBe(false)
    await reconciler.stop()
  },
)

test.each(['gone', 'unavailable', 'refused', 'hang'] as const)(
  'no-head-of-line: containers whose every graceful stop fails (%s) delay no other removal',
  async (fault) => {
    const { clock, engine, reconciler } = createHarness({ stopTimeout: '5s' })
    const broken = [engine.add(), engine.add(), engine.add()].map(({ id }) => id as string)
    const others = Array.from({ length: 6 }, () => engine.add().id)
    engine.fault = (verb, id) => (verb === 'stop' && broken.includes(id ?? '') ? fault : undefined)
    reconciler.start()
    await clock.advance(20 * minute)
    expect(others.filter((id) => engine.containers.has(id))).toEqual([])
    for (const id of broken) expect(engine.count('stop', id)).toBeLessThan(12)
    if (fault !== 'unavailable') expect(broken.filter((id) => engine.containers.has(id))).toEqual([])
    await reconciler.stop()
  },
)

test('one-line-per-change: a removal that keeps failing is one streak and stuck once, whatever outages happen in between', async () => {
  const { clock, engine, reconciler, of } = createHarness()
  engine.add()
  const refuse: typeof engine.fault = (verb) => (verb === 'remove' ? 'refused' : undefined)
  engine.fault = refuse
  reconciler.start()
  await clock.advance(20 * minute)
  for (let times = 0; times < 5; times++) {
    engine.fault = () => 'unavailable'
    void reconciler.scan().catch(() => {})
    await clock.advance(minute)
    engine.fault = refuse
    await clock.advance(20 * minute)
  }
  expect(of('engineUp')).toHaveLength(5)
  expect(of('degraded').filter(({ about }) => about === 'removal')).toHaveLength(1)
  expect(of('recovered').filter(({ about }) => about === 'removal')).toHaveLength(0)
  expect(of('stuck')).toHaveLength(1)
  await reconciler.stop()
})
