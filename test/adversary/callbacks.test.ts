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

test('one-line-per-change: a removal that keeps failing is one streak, whatever stalls come in between', async () => {
  const { clock, engine, reconciler, of } = createHarness()
  engine.add()
  engine.fault = (verb) => (verb === 'remove' ? 'refused' : undefined)
  reconciler.start()
  await clock.advance(2 * minute)
  for (let times = 0; times < 10; times++) {
    await clock.advance(20 * minute)
    await clock.stall(10_000)
  }
  expect(of('trouble').filter(({ about }) => about === 'removal')).toHaveLength(1)
  expect(of('stuck')).toHaveLength(1)
  await reconciler.stop()
})

test('one-line-per-change: an engine that answers filtered listings alone costs few lines', async () => {
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
  expect(calls).toBeGreaterThan(2)
  expect({ down: of('engineDown').length, up: of('engineUp').length, calls }).toEqual({ down: 1, up: 0, calls: 0 })
  await reconciler.stop()
})

test('one-line-per-change: a host that stalls every 20 s is told few times', async () => {
  const { clock, reconciler, of } = createHarness()
  reconciler.start()
  for (let times = 0; times < 180; times++) {
    await clock.advance(20_000)
    await clock.stall(4000)
  }
  expect(of('stalled').length).toBeLessThan(20)
  await reconciler.stop()
})
