import { describe, expect, test } from 'vitest'

import { createCensus, oldMs } from './census.ts'

const periodMs = 300_000
/** What a look costs whatever it finds: none of it may come to depend on how many containers there are. */
const perLook = { otherActors: 1, otherEvents: 9, otherSnapshots: 9 }
/** The heartbeat of the awake clock and the next look. */
const timers = 2
const nothingOfContainers = { containerActors: 0, containerEvents: 0, containerSnapshots: 0 }
const sizes = [0, 1, 50, 1000]

/** A census of so many containers that the agent tracks, after its first look. */
async function withTracked(count: number) {
  const census = createCensus()
  for (let made = 0; made < count; made++) census.tracked.add(census.engine.add({ ageMs: oldMs }).id)
  census.reconciler.start()
  await census.clock.advance(1000)
  return census
}

describe.each(sizes)('with %i containers', (count) => {
  test('the first look makes one actor, with one snapshot, and asks one question for each of them', async () => {
    const { take } = await withTracked(count)
    expect(take()).toEqual({
      containerActors: count,
      // its start is an event in XState
      containerEvents: count,
      containerSnapshots: count,
      // the supervisor, its fleet and the look
      otherActors: 3,
      otherEvents: 10,
      otherSnapshots: 10,
      questions: count,
      calls: { list: 1 },
      lines: 1,
      timers,
    })
  })

  test('a steady look asks one question for each of them and does nothing else for any', async () => {
    const { clock, take } = await withTracked(count)
    take()
    await clock.advance(periodMs)
    expect(take()).toEqual({
      ...nothingOfContainers,
      ...perLook,
      questions: count,
      calls: { list: 1 },
      lines: 0,
      timers,
    })
  })

  test('between two looks nothing is done', async () => {
    const { clock, take } = await withTracked(count)
    take()
    await clock.advance(periodMs - 2000)
    expect(take()).toEqual({
      ...nothingOfContainers,
      otherActors: 0,
      otherEvents: 0,
      otherSnapshots: 0,
      questions: 0,
      calls: {},
      lines: 0,
      timers,
    })
  })

  test('stop() sends nothing to any container and asks nobody, and leaves no timer', async () => {
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
      otherSnapshots: 5,
      questions: 0,
      calls: {},
      lines: 1,
      timers: 0,
    })
  })
})

describe.each(sizes.filter((count) => count > 0))('one change among %i containers', (count) => {
  test('a container that the agent lets go of costs one event and one snapshot', async () => {
    const { clock, engine, tracked, take } = await withTracked(count)
    take()
    tracked.delete([...engine.containers.keys()][0] as string)
    await clock.advance(periodMs)
    expect(take()).toEqual({
      containerActors: 0,
      containerEvents: 1,
      containerSnapshots: 1,
      ...perLook,
      questions: count,
      // the first untracked one of its image
      calls: { list: 1, imageLabels: 1 },
      lines: 0,
      timers,
    })
  })

  test('a container that comes costs one actor', async () => {
    const { clock, engine, tracked, take } = await withTracked(count)
    take()
    tracked.add(engine.add().id)
    await clock.advance(periodMs)
    expect(take()).toMatchObject({
      containerActors: 1,
      containerEvents: 1,
      containerSnapshots: 1,
      ...perLook,
      questions: count + 1,
    })
  })

  test('a container that goes costs its last event, and one more question: is it lost?', async () => {
    const { clock, engine, take } = await withTracked(count)
    take()
    engine.containers.delete([...engine.containers.keys()][0] as string)
    await clock.advance(periodMs)
    expect(take()).toMatchObject({
      containerActors: 0,
      containerEvents: 1,
      // the end of its story, and the end of the actor
      containerSnapshots: 2,
      otherActors: 1,
      questions: count,
      calls: { list: 1 },
    })
  })

  test('the end of all graces at once is one look, with one event for each container', async () => {
    const census = createCensus({ restoreGrace: '60s', dryRun: true })
    const { clock, engine, reconciler, take } = census
    for (let made = 0; made < count; made++) engine.add({ ageMs: oldMs })
    reconciler.start()
    await clock.advance(59_000)
    take()
    await clock.advance(2000)
    expect(take()).toEqual({
      containerActors: 0,
      containerEvents: count,
      containerSnapshots: count,
      ...perLook,
      questions: count,
      calls: { list: 1 },
      // "would remove …": each a change
      lines: count,
      timers,
    })
  })
})
