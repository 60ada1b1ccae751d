import { describe, expect, test } from 'vitest'
import { nothingTracked } from '../src/index.ts'
import { createHarness, type Harness } from './support/harness.ts'

const secondMs = 1000
const old = { ageMs: 3_600_000 }

/** A reconciler that has just scanned, with one container that the agent tracks all the time, and one more. */
async function watching(options: Parameters<typeof createHarness>[0] = {}) {
  const harness = createHarness(options)
  const { clock, engine, reconciler, tracked } = harness
  const [kept, task] = [engine.add(old), engine.add(old)]
  tracked.add(kept.id).add(task.id)
  reconciler.start()
  await clock.advance(10 * secondMs)
  return { ...harness, kept, task, requests: () => engine.requests.length }
}

const reasonsOf = ({ of }: Pick<Harness, 'of'>, { id }: { readonly id: string }) =>
  of('classified').flatMap((event) => (event.id === id ? [event.reason] : []))

describe('eventually-removed: what the agent lets go of does not wait for the period', () => {
  test('its release grace begins within 5 s, and it is removed within 5 s of its end', async () => {
    const harness = await watching()
    const { clock, of, task, tracked } = harness
    tracked.delete(task.id)
    await clock.advance(5 * secondMs)
    expect(reasonsOf(harness, task)).toEqual(['tracked', 'release-grace'])
    await clock.advance(24 * secondMs)
    expect(of('removed')).toEqual([])
    await clock.advance(11 * secondMs)
    expect(of('removed').map(({ id }) => id)).toEqual([task.id])
  })

  test('nothing is requested of the engine while nothing changes', async () => {
    const { clock, requests } = await watching()
    const before = requests()
    await clock.advance(240 * secondMs)
    expect(requests()).toBe(before)
  })

  test('a change costs one scan, and its grace another', async () => {
    const { clock, engine, task, tracked } = await watching()
    const before = engine.count('list')
    tracked.delete(task.id)
    await clock.advance(20 * secondMs)
    expect(engine.count('list')).toBe(before + 1)
    await clock.advance(100 * secondMs)
    expect(engine.count('list')).toBe(before + 2)
  })

  test('a container that the agent has adopted since the last scan is known to it: letting go of it begins a release grace', async () => {
    const harness = await watching()
    const { clock, engine, of, reconciler, tracked } = harness
    const late = engine.add({ ageMs: 0 })
    await Promise.all([reconciler.scan(), clock.advance(10)])
    tracked.add(late.id)
    await clock.advance(50 * secondMs)
    tracked.delete(late.id)
    await clock.advance(29 * secondMs)
    expect(reasonsOf(harness, late)).toEqual(['creation-grace', 'release-grace'])
    expect(of('removed')).toEqual([])
    await clock.advance(11 * secondMs)
    expect(of('removed')).toMatchObject([{ id: late.id, wasTracked: true }])
  })

  test('unknown-is-spared: a tracker that suddenly tracks nothing is doubted as in a scan', async () => {
    const harness = await watching()
    const { clock, engine, kept, of, reconciler, task, tracked } = harness
    const young = engine.add({ ageMs: 0 })
    await Promise.all([reconciler.scan(), clock.advance(50 * secondMs)])
    tracked.clear()
    await clock.advance(5 * secondMs)
    expect(reasonsOf(harness, task).at(-1)).toBe('release-grace')
    // Its creation grace ends before that of the doubt.
    expect(reasonsOf(harness, young)).toEqual(['creation-grace', 'tracker-emptied'])
    expect(of('degraded')).toMatchObject([{ about: 'tracker', kind: 'tracker-emptied' }])
    tracked.add(kept.id)
    await clock.advance(60 * secondMs)
    expect(reasonsOf(harness, kept).at(-1)).toBe('tracked')
    expect(new Set(of('removed').map(({ id }) => id))).toEqual(new Set([task.id, young.id]))
  })

  test('a tracker that answers again is scanned for before it would be asked again', async () => {
    let answer: boolean | undefined
    const { clock, engine, of, reconciler } = createHarness({ tracked: { has: () => answer } })
    const leak = engine.add(old)
    reconciler.start()
    await clock.advance(10 * secondMs)
    answer = false
    await clock.advance(5 * secondMs)
    expect(of('removed').map(({ id }) => id)).toEqual([leak.id])
  })

  test('a tracker that fails between scans changes nothing, and is not reported', async () => {
    const {
      of: reported,
      clock,
      engine,
      reconciler,
      tracked,
    } = createHarness({
      tracked: { has: (id) => (isFailing ? fail() : tracked.has(id)) },
    })
    let isFailing = false
    const fail = () => {
      throw new Error('no answer')
    }
    tracked.add(engine.add(old).id)
    reconciler.start()
    await clock.advance(10 * secondMs)
    isFailing = true
    const before = engine.requests.length
    await clock.advance(120 * secondMs)
    expect([engine.requests.length, reported('degraded')]).toEqual([before, []])
  })

  test('a slow tracker is asked a twentieth of the time at most', async () => {
    const asked: number[] = []
    const { clock, engine, reconciler } = createHarness({
      tracked: {
        has: () => {
          asked.push(clock.now())
          return new Promise((resolve) => clock.setTimeout(() => resolve(true), secondMs))
        },
      },
    })
    engine.add(old)
    reconciler.start()
    await clock.advance(100 * secondMs)
    // The scan, 4 s after its answers, and then each time 20 s after the last answer.
    expect(asked.length).toBe(6)
  })

  test('an answer that a scan has overtaken is ignored', async () => {
    let answer: () => Promise<boolean> | boolean = () => true
    const harness = createHarness({ tracked: { has: () => answer() } })
    const { clock, engine, reconciler } = harness
    const task = engine.add(old)
    reconciler.start()
    await clock.advance(secondMs)
    let settle: (isTracked: boolean) => void = () => {}
    answer = () => new Promise((resolve) => (settle = resolve))
    await clock.advance(3500)
    answer = () => true
    await Promise.all([reconciler.scan(), clock.advance(10)])
    settle(false)
    await clock.advance(1000)
    expect(reasonsOf(harness, task)).toEqual(['tracked'])
  })

  test('where nothing is tracked by configuration, nothing is asked', async () => {
    const { clock, engine, reconciler } = createHarness({ tracked: nothingTracked, states: ['dead'] })
    engine.add(old)
    reconciler.start()
    await clock.advance(secondMs)
    await clock.advance(60 * secondMs)
    expect(reconciler.actor.getSnapshot().value).toMatchObject({ running: { tracker: 'silent' } })
  })

  test('quiet-stop: nothing is asked after the stop', async () => {
    let asked = 0
    const { clock, engine, reconciler } = createHarness({ tracked: { has: () => ++asked > 0 } })
    engine.add(old)
    reconciler.start()
    await clock.advance(10 * secondMs)
    await Promise.all([reconciler.stop(), clock.advance(secondMs)])
    const before = asked
    await clock.advance(600 * secondMs)
    expect(asked).toBe(before)
  })
})

describe('namespace-shared: a holder whose last guest is removed does not wait for the period', () => {
  test('a foreign guest: the engine is followed for it too', async () => {
    const { clock, engine, of, reconciler } = createHarness({ events: true })
    const holder = engine.add(old)
    const guest = engine.add({ ...old, labels: {}, namespaces: { network: `container:${holder.id}` } })
    reconciler.start()
    await clock.advance(10 * secondMs)
    expect(of('spared')).toMatchObject([{ id: holder.id, reason: 'namespace-shared' }])
    engine.containers.delete(guest.id)
    engine.emit('die', { id: guest.id })
    engine.emit('destroy', { id: guest.id })
    await clock.advance(5 * secondMs)
    expect(of('removed').map(({ id }) => id)).toEqual([holder.id])
  })
})
