import { describe, expect, onTestFinished, test } from 'vitest'
import { createReconciler, type ReconcilerOptions } from '../src/index.ts'
import { createEmbeddedEngine, createTestClock } from '../src/testing/index.ts'

const minuteMs = 60_000
const owner = { label: 'com.example.agent', value: 'agent-7' }

/** What a user has: an engine behind a real socket, and a clock that the test moves. */
async function made(options: Partial<ReconcilerOptions> = {}, patienceMs = 1000) {
  const clock = createTestClock({ patienceMs })
  const engine = createEmbeddedEngine({ clock })
  const address = await engine.listen()
  const given = { owner, tracked: new Set<string>(), engine: address, ...options } as ReconcilerOptions
  const reconciler = createReconciler(given, { clock, random: () => 0.5 })
  onTestFinished(async () => {
    await reconciler.stop()
    await engine.close()
  })
  const events: string[] = []
  reconciler.on('*', ({ type }) => events.push(type))
  return { clock, engine, reconciler, events }
}

describe('a reconciler on a clock of the user’s', () => {
  test('removes when its graces have ended on that clock, and not before', async () => {
    const { clock, engine, events, reconciler } = await made()
    engine.containers.create({ name: 'forgotten', labels: { ...reconciler.labels() } })
    reconciler.start()
    await clock.advance(4 * minuteMs)
    expect(engine.containers.list()).toHaveLength(1)
    await clock.advance(2 * minuteMs)
    expect(engine.containers.list()).toEqual([])
    expect(events).toContain('removed')
    expect(events).not.toContain('scanFailed')
  })

  test('time stands still while a request is under way: a day has no call that timed out, and no stall', async () => {
    const { clock, engine, events, reconciler } = await made({ period: '1h' })
    engine.containers.create({ name: 'task', labels: { ...reconciler.labels(), 'flotsam.keep': 'true' } })
    reconciler.start()
    await clock.advance(24 * 60 * minuteMs)
    expect(events.filter((type) => type === 'scanned').length).toBeGreaterThanOrEqual(24)
    expect(
      events.filter((type) => ['scanFailed', 'engineDown', 'stalled', 'degraded'].includes(type)),
    ).toEqual([])
  })

  test('what hangs is waited for once and then times out by that clock', async () => {
    const { clock, engine, events, reconciler } = await made({ events: false }, 50)
    engine.faults.add({ kind: 'no-answer', method: 'GET', path: '/containers/json', count: 1 })
    reconciler.start()
    await clock.advance(2 * minuteMs)
    expect(events.filter((type) => ['scanFailed', 'engineDown', 'engineUp'].includes(type))).toEqual([
      'engineDown',
      'scanFailed',
      'engineUp',
    ])
  })
})
