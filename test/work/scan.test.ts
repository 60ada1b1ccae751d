import { describe, expect, test } from 'vitest'
import { createCensus, oldMs } from './census.ts'

const periodMs = 300_000
/** What a scan costs whatever it finds: none of it may come to depend on how many containers there are. */
const perScan = { otherActors: 2, otherEvents: 17, otherSnapshots: 18 }
/** The heartbeat of the awake clock, the first of all delayed events, and the next time that the tracker is asked. */
const timers = 3
/** How often the tracker is asked about each container between scans. */
const askedEveryMs = 4000
const nothingOfContainers = { containerActors: 0, containerEvents: 0, containerSnapshots: 0 }
const sizes = [0, 1, 50, 1000]

/** A census of so many containers that the agent tracks, after its first scan. */
async function withTracked(count: number) {
  const census = createCensus()
  for (let made = 0; made < count; made++) census.tracked.add(census.engine.add({ ageMs: oldMs }).id)
  census.reconciler.start()
  // until the verdicts of the first scan have expired
  await census.clock.advance(6000)
  return census
}

describe.each(sizes)('with %i containers', (count) => {
  test('the first scan makes one actor, with one verdict, and asks one question for each of them', async () => {
    const { take } = await withTracked(count)
    expect(take()).toEqual({
      containerActors: count,
      // its start, which is an event in XState, and its verdict
      containerEvents: 2 * count,
      containerSnapshots: 2 * count,
      // the supervisor, its fleet, the scan and what asks after it
      otherActors: 4,
      otherEvents: 18,
      otherSnapshots: 18,
      questions: count + Math.floor(6000 / askedEveryMs) * count,
      // the image of all, after the scan
      calls: { list: 1, identity: 1, ...(count > 0 && { imageLabels: 1 }) },
      lines: 1,
      timers,
    })
  })

  test('a steady scan asks one question for each of them and does nothing else for any', async () => {
    const { clock, take } = await withTracked(count)
    take()
    await clock.advance(periodMs)
    expect(take()).toEqual({
      ...nothingOfContainers,
      ...perScan,
      questions: count + (periodMs / askedEveryMs) * count,
      calls: { list: 1 },
      lines: 0,
      timers,
    })
  })

  test('between two scans nothing is done but to ask one question for each of them every 4 s', async () => {
    const { clock, take } = await withTracked(count)
    take()
    await clock.advance(0.9 * periodMs - 7000)
    expect(take()).toEqual({
      ...nothingOfContainers,
      otherActors: 0,
      otherEvents: 0,
      otherSnapshots: 0,
      questions: Math.ceil((0.9 * periodMs - 7000) / askedEveryMs) * count,
      calls: {},
      lines: 0,
      timers,
    })
  })

  test('stop() sends nothing to any container, asks no question and leaves no timer', async () => {
    const { clock, reconciler, take } = await withTracked(count)
    take()
    const stopped = reconciler.stop()
    await clock.settle()
    await stopped
    expect(take()).toEqual({
      containerActors: 0,
      containerEvents: 0,
      // the last one that XState makes of whatever it stops
      containerSnapshots: count,
      otherActors: 1,
      otherEvents: 4,
      otherSnapshots: 6,
      questions: 0,
      calls: {},
      lines: 1,
      timers: 0,
    })
  })
})

describe.each(sizes.filter((count) => count > 0))('one change among %i containers', (count) => {
  test('a container that the agent stops tracking costs two events and its inspection', async () => {
    const { clock, engine, tracked, take } = await withTracked(count)
    take()
    tracked.delete([...engine.containers.keys()][0] as string)
    // Until the verdicts of the scan have expired.
    await clock.advance(7500)
    expect(take()).toEqual({
      containerActors: 0,
      // the answer and the verdict; and what all share
      containerEvents: 2 + count,
      containerSnapshots: 2 + count,
      ...perScan,
      // and the request of the scan
      otherEvents: perScan.otherEvents + 1,
      otherSnapshots: perScan.otherSnapshots + 1,
      // that which found it, the scan's, and the next
      questions: 3 * count,
      // what all share, each asked once in its life
      calls: { list: 1, inspect: count },
      lines: 0,
      // and the end of its release grace
      timers,
    })
  })

  test('a new container costs one actor', async () => {
    const { clock, engine, tracked, take } = await withTracked(count)
    take()
    tracked.add(engine.add().id)
    await clock.advance(periodMs)
    expect(take()).toMatchObject({
      containerActors: 1,
      containerEvents: 2,
      containerSnapshots: 2,
      ...perScan,
      questions: expect.any(Number),
    })
  })

  test('a container that disappears costs its last event, and one more question: is it lost?', async () => {
    const { clock, engine, take } = await withTracked(count)
    take()
    engine.containers.delete([...engine.containers.keys()][0] as string)
    await clock.advance(periodMs)
    expect(take()).toMatchObject({
      containerActors: 0,
      containerEvents: 1,
      containerSnapshots: 1,
      otherActors: 2,
      questions: expect.any(Number),
      calls: { list: 1, ...(count === 1 && { identity: 1 }) },
    })
  })

  test('the end of all graces at once is one scan, with three events for each container', async () => {
    const census = createCensus({ restoreGrace: '60s', dryRun: true })
    const { clock, engine, reconciler, take } = census
    for (let made = 0; made < count; made++) engine.add({ ageMs: oldMs })
    reconciler.start()
    await clock.advance(59_000)
    take()
    await clock.advance(2000)
    expect(take()).toEqual({
      containerActors: 0,
      // its timer, its verdict and its inspection
      containerEvents: 3 * count,
      containerSnapshots: 3 * count,
      otherActors: 2,
      otherEvents: 16,
      otherSnapshots: 17,
      questions: 2 * count,
      calls: { list: 1, inspect: count },
      // "would remove …": each a change
      // and that the tracker has never said that it tracks anything
      lines: count + 1,
      // until the verdicts of this scan have expired
      timers,
    })
  })
})
