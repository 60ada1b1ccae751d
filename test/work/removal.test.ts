import { describe, expect, test } from 'vitest'
import { createCensus, oldMs } from './census.ts'

const batch = 50

/** So many leaks whose restore grace ends all at once, just before it does. */
async function withLeaks(count: number) {
  const census = createCensus({ restoreGrace: '60s', maxRemovalsPerScan: batch })
  for (let made = 0; made < count; made++) census.engine.add({ ageMs: oldMs })
  census.reconciler.start()
  await census.clock.advance(59_000)
  census.take()
  return census
}

describe.each([1, 7, batch])('%i leaks of one scan', (count) => {
  test('each removal is one inspection, one request, two questions and six events of its actor', async () => {
    const { clock, engine, take } = await withLeaks(count)
    await clock.advance(10_000)
    expect(engine.containers.size).toBe(0)
    expect(take()).toEqual({
      containerActors: 0,
      // its grace is over, dangling, admitted, inspected, sent, answered
      containerEvents: 6 * count,
      containerSnapshots: 6 * count,
      // the scan, what asks after it, and the request of each
      otherActors: 2 + count,
      otherEvents: expect.any(Number),
      otherSnapshots: expect.any(Number),
      // between scans, at the scan, and as the last thing before the request
      questions: 3 * count,
      calls: { list: 1, inspect: count, remove: count },
      // and that the tracker has never said that it tracks anything
      lines: count + 1,
      timers: 3,
    })
  })
})

describe.each([120, 500])('%i leaks', (count) => {
  test('each is removed with the same work, and there is one scan for each batch', async () => {
    const { clock, engine, take } = await withLeaks(count)
    await clock.advance(60_000)
    expect(engine.containers.size).toBe(0)
    const { containerActors, containerEvents, containerSnapshots, calls, lines, timers } = take()
    expect({ containerActors, containerEvents, containerSnapshots, calls, lines, timers }).toEqual({
      containerActors: 0,
      containerEvents: 6 * count,
      containerSnapshots: 6 * count,
      calls: { list: Math.ceil(count / batch), inspect: count, remove: count },
      lines: count + 1,
      timers: 3,
    })
  })
})

test('with slow listings and removals there is one scan for each batch, and the engine is never idle', async () => {
  const { clock, engine, take } = await withLeaks(200)
  const after = (delayMs: number) =>
    new Promise((resolve) => clock.setTimeout(() => resolve(undefined), delayMs))
  const [listingMs, removalMs] = [60, 20]
  let underWay = 0
  let idleFrom = Number.NaN
  let idleMs = 0
  engine.fault = (verb, id) => {
    if (verb === 'list')
      return async () => {
        await after(listingMs)
        const containers = [...engine.containers.values()].map((one) => ({ ...one, names: [one.name] }))
        return { containers, engineNowMs: clock.wallNow(), bytes: 0 }
      }
    if (verb !== 'remove') return undefined
    if (underWay++ === 0 && !Number.isNaN(idleFrom)) idleMs += clock.now() - idleFrom
    return async () => {
      await after(removalMs)
      engine.containers.delete(id as string)
      if (--underWay === 0) idleFrom = clock.now()
    }
  }
  await clock.advance(10_000)
  expect(engine.containers.size).toBe(0)
  // 38 removals, those that go on while the engine lists, and so on
  expect({ ...take().calls, idleMs }).toEqual({ list: 5, inspect: 200, remove: 200, idleMs: 0 })
})

test('a leak that the engine will not remove costs one request per attempt, and none in between', async () => {
  const { clock, engine, take } = await withLeaks(1)
  engine.fault = (verb) => (verb === 'remove' ? 'refused' : undefined)
  await clock.advance(60_000)
  // tried at once, and 1, 5 and 30 s after
  expect(take().calls).toEqual({ list: 4, inspect: 4, remove: 4 })
})
