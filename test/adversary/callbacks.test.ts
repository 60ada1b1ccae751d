import { expect, test } from 'vitest'
import { createHarness } from '../support/harness.ts'

const minute = 60_000

test('an inspection callback that throws neither reaches the host nor ends the watch', async () => {
  let calls = 0
  const { clock, engine, reconciler, of } = createHarness({
    inspect: () => {
      calls++
      throw new Error('boom')
    },
  })
  const { id } = engine.add()
  reconciler.start()
  await clock.advance(2 * minute)
  expect(calls).toBeGreaterThan(0)
  expect(of('crashed')).toEqual([])
  expect(engine.containers.has(id)).toBe(false)
  await reconciler.stop()
})

test('one-line-per-change: an engine that answers filtered listings alone is one outage, retried with increasing backoff', async () => {
  const { clock, engine, reconciler, of } = createHarness({ filterListing: true })
  engine.add()
  let calls = 0
  const list = engine.list
  Object.assign(engine, {
    list: (call: Parameters<typeof list>[0]) => {
      calls++
      if (call.label !== undefined) return list(call)
      engine.fault = () => 'unavailable'
      const failing = list(call)
      engine.fault = () => undefined
      return failing
    },
  })
  reconciler.start()
  for (let minutes = 0; minutes < 60; minutes++) await clock.advance(minute)
  expect([of('engineDown').length, of('engineUp').length]).toEqual([1, 0])
  expect(calls).toBeGreaterThan(20)
  expect(calls).toBeLessThan(120)
  await reconciler.stop()
})
