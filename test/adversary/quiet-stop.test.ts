import { expect, test } from 'vitest'
import { LifecycleError } from '../../src/domain/errors.ts'
import { createHarness, type Harness } from '../support/harness.ts'

const minute = 60_000

test('quiet-stop: after stop() within the last question the request does not leave', async () => {
  let scanIsOver = false
  const harness: Harness = createHarness({
    maxConcurrentRemovals: 20,
    tracked: {
      has: () => {
        if (scanIsOver) void harness.reconciler.stop()
        return false
      },
    },
  })
  const { clock, engine, reconciler } = harness
  reconciler.on('scanned', ({ dangling }) => (scanIsOver = dangling > 0))
  for (let number = 0; number < 10; number++) engine.add()
  reconciler.start()
  await clock.advance(2 * minute)
  expect(scanIsOver).toBe(true)
  expect(engine.count('remove')).toBe(0)
  await reconciler.stop()
})

test.each(['discovered', 'classified', 'scanned', 'stalled', 'engineDown', 'engineUp'] as const)(
  'quiet-stop: nothing is emitted after `stopped` when a listener for `%s` stops',
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
    void reconciler.scan().catch(() => {})
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

test('quiet-stop: no timer is left while the hook and the tracker are still pending', async () => {
  const { clock, engine, reconciler } = createHarness({ beforeRemove: () => new Promise(() => {}) })
  engine.add()
  reconciler.start()
  await clock.advance(2 * minute)
  const stopping = reconciler.stop()
  await clock.advance(10_000)
  await stopping
  expect(clock.pendingTimers).toBe(0)
})

test('a host that stops the actor itself leaves no promise pending', async () => {
  const { clock, engine, reconciler } = createHarness()
  engine.add()
  reconciler.start()
  await clock.advance(1000)
  reconciler.actor.stop()
  const settled: unknown[] = []
  void reconciler.scan().catch((error: unknown) => settled.push(error))
  void reconciler.stop().then(() => settled.push('stopped'))
  await clock.advance(minute)
  expect(settled).toHaveLength(2)
  expect(settled).toContain('stopped')
  expect(settled).toContainEqual(expect.any(LifecycleError))
  expect(clock.pendingTimers).toBe(0)
})
