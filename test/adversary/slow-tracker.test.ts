import { expect, test } from 'vitest'
import { createHarness, type Harness } from '../support/harness.ts'

const minute = 60_000

test.each([100, 1000, 1900, 2400, 3500])(
  'eventually-removed, or reported why not: the tracker takes %i ms for each answer',
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
    expect(engine.containers.size).toBe(answerMs > 2000 ? 1 : 0)
    expect(of('degraded').map(({ kind }) => kind)).toEqual([
      answerMs > 2000 ? 'tracker-timed-out' : 'tracker-never-true',
    ])
    expect(engine.count('list')).toBeLessThan(40)
    await reconciler.stop()
  },
)

test('so many containers that asking outlasts a verdict are reported', async () => {
  const harness: Harness = createHarness({
    tracked: { has: () => new Promise((resolve) => harness.clock.setTimeout(() => resolve(false), 1900)) },
  })
  const { clock, engine, reconciler, of } = harness
  for (let number = 0; number < 800; number++) engine.add()
  reconciler.start()
  for (let seconds = 0; seconds < 120; seconds++) await clock.advance(1000)
  expect(of('degraded').map(({ kind }) => kind)).toEqual(['tracker-too-slow', 'tracker-never-true'])
  expect(engine.count('list')).toBeLessThan(20)
  const stopped = reconciler.stop()
  await clock.advance(10_000)
  await stopped
})

test('every-call-ends: a scan without many tracked containers ends although the tracker hangs', async () => {
  let isHanging = false
  const { clock, engine, reconciler, of } = createHarness({
    tracked: { has: () => (isHanging ? new Promise(() => {}) : true) },
  })
  for (let number = 0; number < 300; number++) engine.add()
  reconciler.start()
  await clock.advance(1000)
  engine.containers.clear()
  isHanging = true
  const scans = of('scanned').length
  void reconciler.scan()
  await clock.advance(20_000)
  expect(of('scanned').length).toBeGreaterThan(scans)
  await reconciler.stop()
})
