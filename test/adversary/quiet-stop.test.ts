import { expect, test } from 'vitest'

import { LifecycleError } from '../../src/errors.ts'
import { createHarness, type Harness } from '../support/harness.ts'

const minute = 60_000

test('quiet-stop: a tracker that stops the reconciler when it is asked last sees no request leave', async () => {
  let askedToRemove = 0
  const harness: Harness = createHarness({
    maxConcurrentRemovals: 20,
    tracked: {
      has: () => {
        // Only the last question comes in the middle of an admission.
        if (harness.clock.now() >= 65_000) {
          askedToRemove++
          void harness.reconciler.stop()
        }
        return false
      },
    },
  })
  const { clock, engine, reconciler } = harness
  for (let number = 0; number < 10; number++) engine.add()
  reconciler.start()
  await clock.advance(2 * minute)
  expect(askedToRemove).toBeGreaterThan(0)
  expect(engine.count('remove')).toBe(0)
  await reconciler.stop()
})

test('quiet-stop: stop() within the last question of an admission', async () => {
  let lookIsOver = false
  const harness: Harness = createHarness({
    maxConcurrentRemovals: 20,
    tracked: {
      has: () => {
        if (lookIsOver) void harness.reconciler.stop()
        return false
      },
    },
  })
  const { clock, engine, reconciler } = harness
  reconciler.on('looked', ({ dangling }) => (lookIsOver = dangling > 0))
  for (let number = 0; number < 10; number++) engine.add()
  reconciler.start()
  await clock.advance(2 * minute)
  expect(lookIsOver).toBe(true)
  expect(engine.count('remove')).toBe(0)
  await reconciler.stop()
})

test.each(['discovered', 'classified', 'looked', 'stalled', 'engineDown', 'engineUp'] as const)(
  'quiet-stop: nothing is told after `stopped` where a listener for `%s` stops',
  async (name) => {
    const harness = createHarness()
    const { clock, engine, events, reconciler } = harness
    for (let number = 0; number < 100; number++) engine.add()
    let stopping: Promise<void> | undefined
    reconciler.on(name, () => {
      stopping ??= reconciler.stop()
    })
    reconciler.start()
    await clock.advance(minute)
    engine.fault = () => 'unavailable'
    void reconciler.look().catch(() => {})
    await clock.advance(10_000)
    engine.fault = () => undefined
    await clock.advance(minute)
    await clock.stall(10_000)
    await clock.advance(1000)
    expect(stopping).toBeDefined()
    await stopping
    await clock.advance(minute)
    expect(events.at(-1)?.type).toBe('stopped')
    expect(clock.pendingTimers).toBe(0)
  },
)

test('quiet-stop: no timer is left while the hook and the tracker still think', async () => {
  const { clock, engine, reconciler } = createHarness({ beforeRemove: () => new Promise(() => {}) })
  engine.add()
  reconciler.start()
  await clock.advance(2 * minute)
  const stopping = reconciler.stop()
  await clock.advance(10_000)
  await stopping
  expect(clock.pendingTimers).toBe(0)
})

test('a host that stops the actor itself leaves nobody waiting', async () => {
  const { clock, engine, reconciler } = createHarness()
  engine.add()
  reconciler.start()
  await clock.advance(1000)
  reconciler.actor.stop()
  const looked = Promise.race([reconciler.look().catch((error: unknown) => error), clock.advance(minute).then(() => 'waits')])
  expect(await looked).toBeInstanceOf(LifecycleError)
  const stopped = Promise.race([reconciler.stop().then(() => 'stopped'), clock.advance(minute).then(() => 'waits')])
  expect(await stopped).toBe('stopped')
  expect(clock.pendingTimers).toBe(0)
})

