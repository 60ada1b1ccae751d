import { expect, test } from 'vitest'

import { createHarness, type Harness } from '../support/harness.ts'

const minute = 60_000

function createSlow(delayMs: number, isKnown: (id: string) => boolean = () => false): Harness {
  const harness: Harness = createHarness({
    maxConcurrentRemovals: 4,
    tracked: { has: (id) => new Promise((resolve) => harness.clock.setTimeout(() => resolve(isKnown(id)), delayMs)) },
  })
  return harness
}

test.each([100, 1000, 2000, 2400, 2600, 2900, 3500])('eventually-removed, or said why not: a tracker that takes %i ms', async (delayMs) => {
  const { clock, engine, reconciler, of } = createSlow(delayMs)
  engine.add()
  reconciler.start()
  await clock.advance(30 * minute)
  expect(engine.containers.size === 0 || of('trouble').length > 0).toBe(true)
  expect(engine.count('list')).toBeLessThan(40)
  await reconciler.stop()
})

test('eventually-removed: a host so crowded that asking the tracker about all takes longer than a verdict lives', async () => {
  const known = new Set<string>()
  const { clock, engine, reconciler } = createSlow(500, (id) => known.has(id))
  for (let number = 0; number < 3000; number++) known.add(engine.add().id)
  const leak = engine.add()
  reconciler.start()
  await clock.advance(10 * minute)
  expect(engine.containers.has(leak.id)).toBe(false)
  await reconciler.stop()
})

test('survives-outage: a look that misses many tracked containers ends although the tracker hangs', async () => {
  let isHanging = false
  const harness: Harness = createHarness({ tracked: { has: () => (isHanging ? new Promise(() => {}) : true) } })
  const { clock, engine, reconciler, of } = harness
  for (let number = 0; number < 300; number++) engine.add()
  reconciler.start()
  await clock.advance(1000)
  engine.containers.clear()
  isHanging = true
  const looks = of('looked').length
  void reconciler.look()
  await clock.advance(20_000)
  expect(of('looked').length).toBeGreaterThan(looks)
  const stopping = reconciler.stop()
  await clock.advance(10_000)
  await stopping
})
