import { expect, test } from 'vitest'

import { createHarness, type Harness } from '../support/harness.ts'

const minute = 60_000

test.each([100, 1000, 2000, 2400, 3500])(
  'eventually-removed, or told why not: the tracker takes %i ms for each answer',
  async (answerMs) => {
    const harness: Harness = createHarness({
      tracked: {
        has: () => new Promise((resolve) => harness.clock.setTimeout(() => resolve(false), answerMs)),
      },
    })
    const { clock, engine, reconciler, of } = harness
    engine.add()
    reconciler.start()
    await clock.advance(30 * minute)
    expect(engine.containers.size).toBe(answerMs > 3000 ? 1 : 0)
    expect(of('trouble')).toHaveLength(answerMs > 3000 ? 1 : 0)
    expect(engine.count('list')).toBeLessThan(40)
    await reconciler.stop()
  },
)

test('every-call-ends: a look that misses many tracked containers ends although the tracker hangs', async () => {
  let isHanging = false
  const { clock, engine, reconciler, of } = createHarness({
    tracked: { has: () => (isHanging ? new Promise(() => {}) : true) },
  })
  for (let number = 0; number < 300; number++) engine.add()
  reconciler.start()
  await clock.advance(1000)
  engine.containers.clear()
  isHanging = true
  const looks = of('looked').length
  void reconciler.look()
  await clock.advance(20_000)
  expect(of('looked').length).toBeGreaterThan(looks)
  await reconciler.stop()
})
