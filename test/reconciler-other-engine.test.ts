import { describe, expect, test } from 'vitest'
import { EngineError } from '../src/domain/errors.ts'
import type { FakeContainer } from './support/fake-engine.ts'
import { createHarness } from './support/harness.ts'

const secondMs = 1000
const old = { ageMs: 3_600_000 }

/** An address that leads to one of two engines, each with a tracked container and a leak. */
async function twoEngines(options: Parameters<typeof createHarness>[0] = {}) {
  const harness = createHarness({ recoveryGrace: '20s', ...options })
  const { clock, engine, reconciler, tracked } = harness
  const containersOf = { a: new Map<string, FakeContainer>(), b: new Map<string, FakeContainer>() }
  const add = (name: 'a' | 'b') => {
    const [task, leak] = [
      engine.add({ ...old, name: `task-${name}` }),
      engine.add({ ...old, name: `leak-${name}` }),
    ]
    for (const one of [task, leak]) {
      containersOf[name].set(one.id, one)
      engine.containers.delete(one.id)
    }
    tracked.add(task.id)
    return { task, leak }
  }
  const made = { a: add('a'), b: add('b') }
  let shown: 'a' | 'b' | undefined
  const show = (name: 'a' | 'b') => {
    if (shown) containersOf[shown] = new Map(engine.containers)
    shown = name
    engine.id = name
    engine.containers.clear()
    for (const [id, container] of containersOf[name]) engine.containers.set(id, container)
  }
  const scan = async () => {
    const [scanned] = await Promise.all([reconciler.scan(), clock.advance(10)])
    return scanned
  }
  show('a')
  reconciler.start()
  return { ...harness, ...made, show, scan }
}

describe('another engine at the same address', () => {
  test('is reported, and nothing is removed before the recovery grace has passed', async () => {
    const { b, clock, engine, of, scan, show } = await twoEngines()
    await clock.advance(10 * secondMs)
    expect(of('removed').map(({ name }) => name)).toEqual(['leak-a'])
    show('b')
    const { containers } = await scan()
    expect(containers.map(({ name, reason }) => [name, reason])).toEqual([
      ['task-b', 'tracked'],
      ['leak-b', 'creation-grace'],
    ])
    expect(of('degraded')).toMatchObject([
      { about: 'identity', kind: 'other-engine', message: 'it was a, and is b; nothing is removed for 20s' },
    ])
    await clock.advance(19 * secondMs)
    expect(of('recovered')).toEqual([])
    await clock.advance(5 * secondMs)
    expect(of('recovered')).toMatchObject([{ about: 'identity' }])
    await clock.advance(60 * secondMs)
    expect(engine.count('remove', b.leak.id)).toBe(1)
  })

  test('what dangles waits for the recovery grace, also where it dangled before', async () => {
    const { a, clock, of, scan, show } = await twoEngines({ dryRun: true })
    await clock.advance(10 * secondMs)
    show('b')
    await scan()
    await clock.advance(2 * secondMs)
    show('a')
    await scan()
    const reasons = () => of('classified').flatMap(({ id, reason }) => (id === a.leak.id ? [reason] : []))
    expect(reasons()).toEqual(['untracked', 'recovery-grace'])
    await clock.advance(19 * secondMs)
    expect(reasons()).toHaveLength(2)
    await clock.advance(5 * secondMs)
    expect(reasons()).toEqual(['untracked', 'recovery-grace', 'untracked'])
  })

  test('lost and vanished are not reported while the address alternates, and one warning is', async () => {
    const { clock, events, of, scan, show } = await twoEngines()
    await clock.advance(10 * secondMs)
    for (let turn = 0; turn < 12; turn++) {
      show(turn % 2 === 0 ? 'b' : 'a')
      await scan()
      await clock.advance(2 * secondMs)
    }
    expect([of('lost'), of('vanished')]).toEqual([[], []])
    expect(events.filter(({ type }) => type === 'degraded' || type === 'stillDegraded')).toHaveLength(1)
    expect(of('removed').map(({ name }) => name)).toEqual(['leak-a'])
    expect(of('discovered')).toHaveLength(4)
  })

  test('what is still gone after the grace is lost, once, however slowly the address alternates', async () => {
    const { clock, of, scan, show } = await twoEngines({ states: ['dead'] })
    await clock.advance(secondMs)
    for (let turn = 0; turn < 6; turn++) {
      show(turn % 2 === 0 ? 'b' : 'a')
      await scan()
      await clock.advance(120 * secondMs)
    }
    expect(of('lost').map(({ name, how }) => [name, how])).toEqual([
      ['task-a', 'vanished'],
      ['task-b', 'vanished'],
    ])
    expect(of('degraded').filter(({ about }) => about === 'identity')).toHaveLength(6)
  })

  test('an engine is asked who it is once, and then only when nothing that it listed is left', async () => {
    const { a, clock, engine, of, scan } = await twoEngines()
    await clock.advance(600 * secondMs)
    expect(engine.count('identity')).toBe(1)
    engine.containers.clear()
    await scan()
    expect(engine.count('identity')).toBe(2)
    expect(of('lost')).toMatchObject([{ id: a.task.id, how: 'vanished' }])
    expect(of('degraded').filter(({ about }) => about === 'identity')).toEqual([])
  })

  test('an engine that did not answer at first is asked again at the next scan, one that denied it is not', async () => {
    for (const [kind, more] of [
      ['timed-out', 1],
      ['misconfigured', 0],
    ] as const) {
      const { clock, engine, scan } = await twoEngines()
      engine.fault = (verb) => (verb === 'identity' ? kind : undefined)
      await clock.advance(secondMs)
      engine.fault = () => undefined
      const before = engine.count('identity')
      await scan()
      await scan()
      expect(engine.count('identity') - before).toBe(more)
    }
  })

  test.each([
    ['says nothing of itself', () => undefined],
    [
      'denies the question',
      () => {
        throw new EngineError('misconfigured', 'denied')
      },
    ],
    [
      'does not answer it',
      () => {
        throw new EngineError('timed-out', 'no answer')
      },
    ],
  ])('one that %s may be the same: nothing is reported, and nothing waits', async (_, identify) => {
    const { clock, engine, of, scan, show } = await twoEngines()
    engine.identity = async () => identify()
    await clock.advance(10 * secondMs)
    show('b')
    await scan()
    expect(of('lost').map(({ name }) => name)).toEqual(['task-a'])
    expect(of('degraded').filter(({ about }) => about === 'identity')).toEqual([])
    expect(of('scanFailed')).toEqual([])
  })
})
