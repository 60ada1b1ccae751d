import { describe, expect, test } from 'vitest'
import { nothingTracked } from '../../src/domain/tracked.ts'
import type { ReconcilerOptions } from '../../src/options/types.ts'
import { ownerLabel, ownerValue } from '../support/fake-engine.ts'
import { createHarness, type Harness } from '../support/harness.ts'

const minute = 60_000
const hour = 60 * minute
const label = 'com.hashicorp.nomad.alloc_id'
const allocation = '01234567-89ab-cdef-0123-456789abcdef'

const pause = { ageMs: hour, name: `nomad_init_${allocation}`, labels: { [label]: allocation } }
const node = { label: ownerLabel, value: ownerValue }

/** With the preset alone, and with an owner beside it, which a pause container does not bear. */
const owners: [string, Partial<ReconcilerOptions>, Record<string, string>][] = [
  ['the preset alone', { owner: undefined, preset: 'nomad' }, {}],
  ['an owner beside the preset', { owner: node, preset: 'nomad' }, { [ownerLabel]: ownerValue }],
]

async function verdictOf({ clock, reconciler }: Harness, id: string) {
  const scanning = reconciler.scan()
  await clock.advance(1000)
  const found = (await scanning).containers.find((container) => container.id === id)
  return found && `${found.verdict}: ${found.reason}`
}

async function stop({ clock, reconciler }: Harness): Promise<void> {
  const stopped = reconciler.stop()
  await clock.advance(6000)
  await stopped
}

describe.each(owners)('protected: the pause container of an allocation, with %s', (_, options, ownLabels) => {
  const start = (more: Partial<ReconcilerOptions> = {}) => {
    const harness = createHarness({ ...options, period: '5s', ...more } as Partial<ReconcilerOptions>)
    const holder = harness.engine.add(pause)
    const addTask = (fields: object = {}) =>
      harness.engine.add({ ageMs: hour, labels: { [label]: allocation, ...ownLabels }, ...fields })
    harness.reconciler.start()
    return { harness, holder, addTask }
  }

  test('lives while a task is between two restarts, and goes after the last task of the allocation', async () => {
    const { harness, holder, addTask } = start()
    const { clock, engine, tracked } = harness
    const first = addTask()
    tracked.add(first.id)
    await clock.advance(minute)
    engine.containers.delete(first.id)
    tracked.delete(first.id)
    await clock.advance(20 * minute)
    expect(engine.containers.has(holder.id)).toBe(true)
    const second = addTask()
    tracked.add(second.id)
    await clock.advance(minute)
    expect(await verdictOf(harness, holder.id)).toBe('spared: group-alive')
    tracked.delete(second.id)
    await clock.advance(20 * minute)
    const removed = engine.requests.filter(({ verb }) => verb === 'remove').map(({ id }) => id)
    expect(removed).toEqual([second.id, holder.id])
    await stop(harness)
  })

  test('lives while a task of the allocation is spared', async () => {
    const { harness, holder, addTask } = start()
    addTask({ state: 'exited' })
    await harness.clock.advance(20 * minute)
    expect(harness.engine.containers.size).toBe(2)
    expect(await verdictOf(harness, holder.id)).toBe('spared: group-alive')
    await stop(harness)
  })

  test('unknown-is-spared: lives when the tracker had no answer about its last task', async () => {
    let isKnown = true
    const has = () => (isKnown ? false : undefined)
    const { harness, holder, addTask } = start({ tracked: { has } })
    const task = addTask({ ageMs: 0 })
    await harness.clock.advance(30_000)
    isKnown = false
    await harness.clock.advance(10_000)
    harness.engine.containers.delete(task.id)
    isKnown = true
    await harness.clock.advance(20 * minute)
    expect(harness.engine.containers.has(holder.id)).toBe(true)
    await stop(harness)
  })

  test('eventually-removed: goes after its tasks where nothing is tracked', async () => {
    const { harness, addTask } = start({ tracked: nothingTracked })
    addTask()
    await harness.clock.advance(20 * minute)
    expect(harness.engine.containers.size).toBe(0)
    await stop(harness)
  })
})

test('protected: the pause container of an allocation that has never been seen with a task lives', async () => {
  const harness = createHarness({ owner: undefined, preset: 'nomad', period: '5s' } as never)
  const { id } = harness.engine.add(pause)
  harness.reconciler.start()
  await harness.clock.advance(20 * minute)
  expect(await verdictOf(harness, id)).toBe('spared: group-alive')
  await stop(harness)
})

test("owned-only: the pause container of another client's allocation is foreign", async () => {
  const harness = createHarness({
    owner: node,
    preset: 'nomad',
    period: '5s',
    tracked: nothingTracked,
  } as never)
  const { id } = harness.engine.add(pause)
  harness.engine.add({ ageMs: hour, labels: { [label]: allocation, [ownerLabel]: 'other' } })
  harness.reconciler.start()
  await harness.clock.advance(20 * minute)
  expect(await verdictOf(harness, id)).toBeUndefined()
  expect(harness.engine.containers.size).toBe(2)
  await stop(harness)
})
