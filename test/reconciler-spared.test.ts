import { describe, expect, test } from 'vitest'
import { ownerLabel, ownerValue } from './support/fake-engine.ts'
import { createHarness } from './support/harness.ts'

const kept = { labels: { [ownerLabel]: ownerValue, 'flotsam.keep': '' } }
const old = { ageMs: 3_600_000 }
const periodMs = 300_000

describe('how many containers are spared, and why', () => {
  test('is reported after the first scan, and then on each change', async () => {
    const { clock, engine, of, reconciler } = createHarness({ states: ['running'] })
    engine.add({ ...old, ...kept })
    const created = [engine.add({ ...old, state: 'created' }), engine.add({ ...old, state: 'created' })]
    reconciler.start()
    await clock.advance(1000)
    const first = { spared: 3, reasons: { 'state-not-covered': 2, 'keep-label': 1 } }
    expect(of('sparedTotals')).toMatchObject([first])
    await clock.advance(3 * periodMs)
    expect(of('sparedTotals')).toHaveLength(1)
    engine.containers.delete(created[0]?.id ?? '')
    await clock.advance(periodMs)
    const second = { spared: 2, reasons: { 'keep-label': 1, 'state-not-covered': 1 } }
    expect(of('sparedTotals')).toMatchObject([first, second])
    engine.containers.clear()
    await clock.advance(periodMs)
    expect(of('sparedTotals')).toMatchObject([first, second, { spared: 0, reasons: {} }])
  })

  test('the same containers for another reason are a change', async () => {
    let answer: boolean | undefined
    const { clock, engine, of, reconciler } = createHarness({
      states: ['running'],
      tracked: { has: () => answer },
    })
    engine.add({ ...old, state: 'exited' })
    reconciler.start()
    await clock.advance(1000)
    answer = false
    await clock.advance(periodMs)
    expect(of('sparedTotals').map(({ reasons }) => reasons)).toEqual([
      { 'tracker-unknown': 1 },
      { 'state-not-covered': 1 },
    ])
  })

  test('is not reported where none is', async () => {
    const { clock, engine, of, reconciler, tracked } = createHarness()
    tracked.add(engine.add(old).id)
    reconciler.start()
    await clock.advance(2 * periodMs)
    expect(of('sparedTotals')).toEqual([])
  })

  test('is reported once for a container that the hook refuses again and again', async () => {
    const { clock, engine, of, reconciler } = createHarness({ beforeRemove: () => false })
    engine.add(old)
    reconciler.start()
    await clock.advance(5 * periodMs)
    expect(of('classified').filter(({ verdict }) => verdict === 'dangling').length).toBeGreaterThan(2)
    expect(of('sparedTotals').map(({ reasons }) => reasons)).toEqual([{ 'hook-refused': 1 }])
  })
})
