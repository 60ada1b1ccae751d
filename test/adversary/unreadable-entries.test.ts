import { afterEach, describe, expect, test } from 'vitest'
import type { Listing } from '../../src/engine/port.ts'
import { unreadableSummary } from '../../src/engine/summary.ts'
import { createReconciler, type FlotsamEvent, type Reconciler } from '../../src/index.ts'
import { createEmbeddedEngine, type EmbeddedEngine, type Patch } from '../../src/testing/index.ts'
import { fakeId, ownerLabel, ownerValue } from '../support/fake-engine.ts'
import { createHarness, type Harness } from '../support/harness.ts'

const minute = 60_000
const old = { ageMs: 10 * minute }
const why = 'it is larger than 1048576 bytes'

/** From now on the entries of these containers cannot be read, or do not even have ids. */
function makeUnreadable(
  { engine }: Harness,
  isUnreadable: (id: string) => boolean,
  tellsId = true,
): () => void {
  const shape = ({ containers, ...rest }: Listing): Listing => {
    const hidden = containers.filter(({ id }) => isUnreadable(id)).length
    if (!tellsId) {
      const first = 'entry 1: it lacks a full container id'
      return {
        ...rest,
        containers: containers.filter(({ id }) => !isUnreadable(id)),
        unidentified: hidden > 0 ? { count: hidden, first } : undefined,
      }
    }
    const shown = containers.map((one) => (isUnreadable(one.id) ? unreadableSummary(one.id, why) : one))
    return { ...rest, containers: shown }
  }
  engine.shapeListing = shape
  return () => (engine.shapeListing = (listing) => listing)
}

const listingFaults = ({ of }: Harness) => of('degraded').filter(({ about }) => about === 'listing')
const removedIds = ({ of }: Harness) => of('removed').map(({ id }) => id)

describe('protected: a foreign container whose entry cannot be read', () => {
  test('costs nothing else where its inspection shows that it needs no other container', async () => {
    const harness = createHarness()
    const { clock, engine, reconciler } = harness
    const leak = engine.add(old)
    const foreign = engine.add({ ...old, labels: {} })
    makeUnreadable(harness, (id) => id === foreign.id)
    reconciler.start()
    await clock.advance(10_000)
    expect(removedIds(harness)).toEqual([leak.id])
    const message = `the entry of container ${foreign.id.slice(0, 12)}: ${why}`
    expect(listingFaults(harness)).toMatchObject([{ kind: 'invalid-answer', message }])
    await reconciler.stop()
  })

  test('exact-id: spares the container whose id is its name, and no other', async () => {
    const harness = createHarness()
    const { clock, engine, reconciler, of } = harness
    const [leak, named] = [engine.add(old), engine.add(old)]
    const foreign = engine.add({ ...old, labels: {}, name: named.id })
    makeUnreadable(harness, (id) => id === foreign.id)
    reconciler.start()
    await clock.advance(10_000)
    expect(removedIds(harness)).toEqual([leak.id])
    expect(of('spared')).toMatchObject([{ id: named.id, reason: 'namespace-unknown' }])
    await reconciler.stop()
  })

  test.each<[string, (holder: string) => object]>([
    ['the network', (holder) => ({ networkMode: `container:${holder}` })],
    ['the pid namespace', (holder) => ({ namespaces: { pid: `container:${holder}` } })],
    ['the ipc namespace', (holder) => ({ namespaces: { ipc: `container:${holder}` } })],
  ])('spares the container of which it uses %s, and no other', async (_, uses) => {
    const harness = createHarness()
    const { clock, engine, reconciler, of } = harness
    const [holder, other] = [engine.add(old), engine.add(old)]
    const guest = engine.add({ ...old, labels: {}, ...uses(holder.id) })
    makeUnreadable(harness, (id) => id === guest.id)
    reconciler.start()
    await clock.advance(10_000)
    expect(removedIds(harness)).toEqual([other.id])
    expect(of('classified')).toContainEqual(
      expect.objectContaining({ id: holder.id, reason: 'namespace-shared' }),
    )
    await reconciler.stop()
  })

  test('spares every container while it cannot be inspected either, and none afterwards', async () => {
    const harness = createHarness()
    const { clock, engine, reconciler, of } = harness
    const leak = engine.add(old)
    const foreign = engine.add({ ...old, labels: {} })
    makeUnreadable(harness, (id) => id === foreign.id)
    engine.fault = (verb, id) => (verb === 'inspect' && id === foreign.id ? 'invalid-answer' : undefined)
    reconciler.start()
    await clock.advance(2 * minute)
    expect(removedIds(harness)).toEqual([])
    expect(of('classified')).toContainEqual(
      expect.objectContaining({ id: leak.id, reason: 'namespace-unknown' }),
    )
    engine.fault = () => undefined
    await clock.advance(2 * minute)
    expect(removedIds(harness)).toEqual([leak.id])
    await reconciler.stop()
  })

  test('group-alive: may be of any group, so a helper without others of its group is spared', async () => {
    const allocation = { 'com.hashicorp.nomad.alloc_id': '0f8fad5b-d9cb-469f-a165-70867728950e' }
    const harness = createHarness({ owner: undefined, preset: 'nomad' } as never)
    const { clock, engine, reconciler, of } = harness
    const labels = allocation
    const pause = engine.add({ ...old, name: 'nomad_init_0f8fad5b-d9cb-469f-a165-70867728950e', labels })
    const task = engine.add({ ...old, labels })
    const foreign = engine.add({ ...old, labels: {} })
    makeUnreadable(harness, (id) => id === foreign.id)
    reconciler.start()
    await clock.advance(10 * minute)
    expect(removedIds(harness)).toEqual([task.id])
    expect(of('classified').findLast(({ id }) => id === pause.id)).toMatchObject({ reason: 'group-alive' })
    makeUnreadable(harness, () => false)
    await clock.advance(10 * minute)
    expect(removedIds(harness)).toEqual([task.id, pause.id])
    await reconciler.stop()
  })
})

describe.each([true, false])(
  'unknown-is-spared: an owned container (its entry has its id: %s)',
  (tellsId) => {
    test('stays known and is spared while its entry cannot be read, and is removed afterwards', async () => {
      const harness = createHarness()
      const { clock, engine, reconciler, of } = harness
      const leak = engine.add()
      reconciler.start()
      await clock.advance(30_000)
      const restore = makeUnreadable(harness, (id) => id === leak.id, tellsId)
      await clock.advance(10 * minute)
      expect([removedIds(harness), of('vanished'), of('released')]).toEqual([[], [], []])
      expect(of('classified').at(-1)).toMatchObject({ id: leak.id, reason: 'entry-unreadable' })
      restore()
      await clock.advance(6 * minute)
      expect(removedIds(harness)).toEqual([leak.id])
      expect(of('recovered')).toMatchObject([{ about: 'listing' }])
      await reconciler.stop()
    })

    test('stays tracked while the agent tracks it', async () => {
      const harness = createHarness()
      const { clock, engine, reconciler, tracked, of } = harness
      const task = engine.add(old)
      tracked.add(task.id)
      reconciler.start()
      await clock.advance(1000)
      makeUnreadable(harness, (id) => id === task.id, tellsId)
      await clock.advance(10 * minute)
      expect(of('classified')).toHaveLength(1)
      expect([removedIds(harness), of('lost'), of('vanished'), of('released')]).toEqual([[], [], [], []])
      expect(of('scanned').at(-1)).toMatchObject({ owned: 1, tracked: 1 })
      await reconciler.stop()
    })

    test('has a verdict from every scan, also in the middle of its removal', async () => {
      const harness = createHarness({ stopTimeout: '30s' })
      const { clock, engine, reconciler, of } = harness
      for (let made = 0; made < 20; made++) engine.add(old)
      engine.fault = (verb) => (verb === 'stop' || verb === 'remove' ? 'hang' : undefined)
      reconciler.start()
      await clock.advance(2000)
      makeUnreadable(harness, () => true, tellsId)
      const listings = engine.count('list')
      await clock.advance(15_000)
      expect(engine.count('list') - listings).toBeLessThan(10)
      await clock.advance(10 * minute)
      const last = new Map(of('classified').map(({ id, reason }) => [id, reason]))
      expect(new Set(last.values())).toEqual(new Set(['entry-unreadable']))
      engine.fault = () => undefined
      makeUnreadable(harness, () => false)
      await clock.advance(15 * minute)
      expect(reconciler.status().containers.total).toBe(0)
      await reconciler.stop()
    })

    test('is explained by its entry', async () => {
      const harness = createHarness()
      const { clock, engine, reconciler } = harness
      const leak = engine.add()
      reconciler.start()
      await clock.advance(1000)
      makeUnreadable(harness, (id) => id === leak.id, tellsId)
      const explaining = reconciler.explain(leak.id)
      await clock.settle()
      expect(await explaining).toMatchObject({ verdict: 'spared', reason: 'entry-unreadable' })
      await reconciler.stop()
    })
  },
)

describe('unknown-is-spared: an entry without an id', () => {
  test('spares every container, and the log names the entry', async () => {
    const harness = createHarness()
    const { clock, engine, reconciler, of } = harness
    const leak = engine.add(old)
    const foreign = engine.add({ ...old, labels: {} })
    const restore = makeUnreadable(harness, (id) => id === foreign.id, false)
    reconciler.start()
    await clock.advance(10 * minute)
    expect(removedIds(harness)).toEqual([])
    expect(of('classified').at(-1)).toMatchObject({ id: leak.id, reason: 'namespace-unknown' })
    expect(listingFaults(harness)).toMatchObject([
      { message: expect.stringContaining('entry 1: it lacks a full container id') },
    ])
    expect(of('scanFailed')).toEqual([])
    restore()
    await clock.advance(6 * minute)
    expect(removedIds(harness)).toEqual([leak.id])
    await reconciler.stop()
  })

  test('truthful: beside it, a container is gone when the engine has none with its id', async () => {
    const harness = createHarness()
    const { clock, engine, reconciler, of } = harness
    const many = Array.from({ length: 150 }, () => engine.add())
    const foreign = engine.add({ labels: {} })
    reconciler.start()
    await clock.advance(1000)
    makeUnreadable(harness, (id) => id === foreign.id, false)
    for (const { id } of many.slice(0, 145)) engine.containers.delete(id)
    await clock.advance(30 * minute)
    expect(of('vanished')).toHaveLength(145)
    expect(reconciler.status().containers.total).toBe(5)
    await reconciler.stop()
  })

  test('truthful: each missing container is inspected in its turn', async () => {
    const harness = createHarness()
    const { clock, engine, reconciler, of } = harness
    const many = Array.from({ length: 150 }, () => engine.add())
    reconciler.start()
    await clock.advance(1000)
    // Most are there, and only the last ones are gone.
    for (const { id } of many.slice(140)) engine.containers.delete(id)
    engine.shapeListing = (listing) => ({
      ...listing,
      containers: [],
      unidentified: { count: 140, first: 'entry 1: it is not an object' },
    })
    const asked = engine.count('inspect')
    await clock.advance(5 * minute)
    expect(engine.count('inspect') - asked).toBeLessThanOrEqual(2 * 64 + 150)
    await clock.advance(20 * minute)
    expect(
      of('vanished')
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(
      many
        .slice(140)
        .map(({ id }) => id)
        .toSorted(),
    )
    await reconciler.stop()
  })
})

describe('on the embedded engine', () => {
  let engine: EmbeddedEngine
  let reconciler: Reconciler

  afterEach(async () => {
    await reconciler.stop()
    await engine.close()
  })

  const labels = { [ownerLabel]: ownerValue }
  const huge = { filler: 'x'.repeat(17 * 1024 * 1024) }
  const graces = {
    creationGrace: '1ms',
    restoreGrace: '0s',
    releaseGrace: '0s',
    recoveryGrace: '1ms',
  } as const

  /** Which of the names given to containers of ours are left when nothing is removed any more. */
  async function leftAfter(prepare: () => void, settledBy: (events: readonly FlotsamEvent[]) => boolean) {
    engine = createEmbeddedEngine()
    prepare()
    reconciler = createReconciler({
      owner: { label: ownerLabel, value: ownerValue },
      tracked: { has: () => false },
      engine: await engine.listen(),
      events: false,
      allowShortGrace: true,
      ...graces,
    })
    const events: FlotsamEvent[] = []
    const settled = new Promise<void>((resolve) => {
      reconciler.on('*', (event) => {
        events.push(event)
        if (settledBy(events)) resolve()
      })
    })
    reconciler.start()
    await settled
    await reconciler.scan()
    return {
      left: engine.containers
        .list()
        .map(({ name }) => name)
        .toSorted(),
      events,
    }
  }

  const removes = (count: number) => (events: readonly FlotsamEvent[]) =>
    events.filter(({ type }) => type === 'removed').length === count
  const spares = (reason: string) => (events: readonly FlotsamEvent[]) =>
    events.some((event) => event.type === 'classified' && event.reason === reason)

  test('a foreign label of 17 MiB costs nothing that its inspection excludes', async () => {
    const { left, events } = await leftAfter(() => {
      engine.containers.create({ name: 'leak', labels })
      engine.containers.create({ name: 'foreign', labels: huge })
    }, removes(1))
    expect(left).toEqual(['foreign'])
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'degraded', about: 'listing', message: expect.stringContaining(why) }),
    )
  })

  test('a guest with a label of 17 MiB protects its holder', async () => {
    const { left } = await leftAfter(
      () => {
        engine.containers.create({ name: 'leak', labels })
        engine.containers.create({ name: 'holder', labels })
        engine.containers.create({ name: 'guest', labels: huge, pidMode: 'container:holder' })
      },
      (events) => removes(1)(events) && spares('namespace-shared')(events),
    )
    expect(left).toEqual(['guest', 'holder'])
  })

  test.each<[string, Patch, string]>([
    ['labels in an array', { Labels: ['a=b'] }, 'its Labels have the wrong shape'],
    ['a name that is a number', { Names: [1] }, 'its Names have the wrong shape'],
    [
      'a field nested too deep',
      { Mounts: JSON.parse(`${'['.repeat(40)}${']'.repeat(40)}`) as unknown },
      'it is nested more than 32 deep',
    ],
  ])('a foreign entry with %s costs nothing that its inspection excludes', async (_, patch, expected) => {
    const { left, events } = await leftAfter(() => {
      engine.containers.create({ name: 'leak', labels })
      engine.containers.create({ name: 'foreign' })
      engine.faults.add({ kind: 'patch', of: 'listing', container: 'foreign', with: patch })
    }, removes(1))
    expect(left).toEqual(['foreign'])
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'degraded',
        about: 'listing',
        message: expect.stringContaining(expected),
      }),
    )
  })

  test.each<[string, Patch]>([
    ['no id', { Id: undefined }],
    ['a short id', { Id: 'a'.repeat(12) }],
    ['its id behind a label of 17 MiB', { Id: undefined, Labels: huge, ZId: fakeId(1) }],
  ])('a foreign entry with %s spares everything', async (_, patch) => {
    const { left, events } = await leftAfter(() => {
      engine.containers.create({ name: 'leak', labels })
      engine.containers.create({ name: 'foreign' })
      engine.faults.add({ kind: 'patch', of: 'listing', container: 'foreign', with: patch })
    }, spares('namespace-unknown'))
    expect(left).toEqual(['foreign', 'leak'])
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'degraded',
        about: 'listing',
        message: expect.stringMatching(/^entry [12]: /),
      }),
    )
  })

  test('one that is listed twice, of which one entry can be read, is spared', async () => {
    const { left } = await leftAfter(() => {
      engine.containers.create({ name: 'leak', labels })
      engine.faults.add({ kind: 'duplicate', container: 'leak', with: { Labels: ['a=b'] } })
    }, spares('listed-twice'))
    expect(left).toEqual(['leak'])
  })
})
