import { describe, expect, test, vi } from 'vitest'
import type { ContainerSummary, Inspection } from '../../src/domain/container.ts'
import { EngineError, type FailureKind } from '../../src/domain/errors.ts'
import { nothingTracked } from '../../src/domain/tracked.ts'
import type { Verb } from '../../src/engine/failure.ts'
import { fakeId, ownerLabel, ownerValue } from '../support/fake-engine.ts'
import { createHarness, type Harness } from '../support/harness.ts'

const minute = 60_000
const hour = 60 * minute
const fullId = fakeId(900_001)

async function verdictOf({ clock, reconciler }: Harness, id: string) {
  const scanning = reconciler.scan()
  await clock.advance(1000)
  const { containers } = await scanning
  const found = containers.find((container) => container.id === id)
  return found && `${found.verdict}: ${found.reason}`
}

async function stop({ clock, reconciler }: Pick<Harness, 'clock' | 'reconciler'>): Promise<void> {
  const stopped = reconciler.stop()
  await clock.advance(6000)
  await stopped
}

const changing = new Set(['remove', 'stop', 'unpause'])
const changesIn = ({ engine }: Harness) =>
  engine.requests.filter(({ verb }) => changing.has(verb)).map(({ id }) => id)

describe('second-source: the inspection must say what the listing said', () => {
  test.each<[string, Partial<Inspection>]>([
    ['its id', { id: fullId }],
    ['its name', { name: 'other' }],
    ['its image', { imageId: 'sha256:other' }],
    ['a label of another value', { labels: { [ownerLabel]: 'agent-8' } }],
    ['no labels', { labels: {} }],
    ['a label more', { labels: { [ownerLabel]: ownerValue, 'flotsam.keep': '' } }],
    ['its creation', { createdAtMs: 5 }],
    ['its state', { state: 'paused' }],
    ['a state that is not covered', { state: 'exited' }],
  ])('%s is another: spared, and removed when it agrees again', async (_, change) => {
    const harness = createHarness()
    const { clock, engine, reconciler } = harness
    const { id } = engine.add({ ageMs: hour })
    let isChanged = true
    engine.shapeInspection = (inspection) => (isChanged ? { ...inspection, ...change } : inspection)
    reconciler.start()
    await clock.advance(20 * minute)
    expect(changesIn(harness)).toEqual([])
    expect(await verdictOf(harness, id)).toBe('spared: inspection-disagrees')
    isChanged = false
    await clock.advance(6 * minute)
    expect(engine.containers.size).toBe(0)
    await stop(harness)
  })

  test('eventually-removed: a container that only changed between the two is removed 5 s later, not a minute', async () => {
    const harness = createHarness()
    const { clock, engine, reconciler } = harness
    engine.add({ ageMs: hour })
    let inspections = 0
    // the first one reports what it shares
    engine.shapeInspection = (inspection) =>
      ++inspections === 2 ? { ...inspection, name: 'renamed-just-now' } : inspection
    reconciler.start()
    await clock.advance(20_000)
    expect(harness.of('spared').map(({ reason }) => reason)).toEqual(['inspection-disagrees'])
    expect(engine.containers.size).toBe(0)
    await stop(harness)
  })

  test('a lasting disagreement is retried with increasing backoff', async () => {
    const harness = createHarness()
    const { clock, engine, reconciler } = harness
    engine.add({ ageMs: hour })
    engine.shapeInspection = (inspection) => ({ ...inspection, name: 'another' })
    reconciler.start()
    await clock.advance(hour)
    expect(engine.count('inspect')).toBeGreaterThan(55)
    expect(engine.count('inspect')).toBeLessThan(70)
    await stop(harness)
  })

  test('its network is another: spared', async () => {
    const harness = createHarness()
    const { clock, engine, reconciler } = harness
    engine.add({ ageMs: hour })
    engine.shapeInspection = (inspection) => ({
      ...inspection,
      namespaces: { ...inspection.namespaces, network: 'host' },
    })
    reconciler.start()
    await clock.advance(20 * minute)
    expect(changesIn(harness)).toEqual([])
    expect(harness.of('spared').map(({ reason }) => reason)).toContain('inspection-disagrees')
    await stop(harness)
  })

  test('an infra container is recognised by its inspection, and spared for good', async () => {
    const harness = createHarness()
    const { clock, engine, reconciler } = harness
    const { id } = engine.add({ ageMs: hour, isInfra: true })
    reconciler.start()
    await clock.advance(2 * hour)
    expect(changesIn(harness)).toEqual([])
    expect(await verdictOf(harness, id)).toBe('spared: infra-container')
    await stop(harness)
  })

  test('a name like that of a pod’s container proves nothing when the engine says otherwise', async () => {
    const harness = createHarness()
    const { clock, engine, reconciler } = harness
    engine.add({ ageMs: hour, name: '0123456789ab-infra', isInfra: false })
    reconciler.start()
    await clock.advance(minute)
    expect(engine.containers.size).toBe(0)
    await stop(harness)
  })

  test.each<FailureKind>(['refused', 'timed-out', 'invalid-answer', 'misconfigured', 'in-progress'])(
    'an inspection that fails (%s) leads to no removal, and is retried with increasing backoff',
    async (kind) => {
      const harness = createHarness()
      const { clock, engine, reconciler } = harness
      const { id } = engine.add({ ageMs: hour })
      reconciler.start()
      // what it shares is known by then
      engine.fault = (verb) => (verb === 'inspect' && engine.count('inspect') > 1 ? kind : undefined)
      await clock.advance(hour)
      expect(changesIn(harness)).toEqual([])
      expect(engine.count('inspect')).toBeGreaterThan(4)
      expect(engine.count('inspect')).toBeLessThan(80)
      engine.fault = () => undefined
      await clock.advance(hour)
      expect(engine.containers.has(id)).toBe(false)
      await stop(harness)
    },
  )

  test('a container that cannot be inspected is reported as stuck', async () => {
    const harness = createHarness()
    const { clock, engine, reconciler, of } = harness
    const { id } = engine.add({ ageMs: hour })
    engine.fault = (verb) => (verb === 'inspect' && engine.count('inspect') > 1 ? 'refused' : undefined)
    reconciler.start()
    await clock.advance(hour)
    expect(of('stuck').map((event) => event.id)).toEqual([id])
    await stop(harness)
  })

  test('one that the inspection finds gone is settled by the next scan, without a line of error', async () => {
    const harness = createHarness()
    const { clock, engine, reconciler, of } = harness
    const { id } = engine.add()
    reconciler.start()
    await clock.advance(50_000)
    engine.fault = (verb) => {
      if (verb === 'inspect') engine.containers.delete(id)
      return undefined
    }
    await clock.advance(20_000)
    expect(of('vanished').map((event) => event.id)).toEqual([id])
    expect([of('removed'), of('removeFailed')]).toEqual([[], []])
    expect(changesIn(harness)).toEqual([])
    await stop(harness)
  })
})

describe('second-source: where the listing gives no names, the inspection does', () => {
  const nameless = (one: ContainerSummary): ContainerSummary => ({ ...one, name: '', names: [] })
  const byName = (known: ReadonlySet<string>) => ({
    has: (_id: string, { name }: { readonly name: string }) => known.has(name),
  })

  test('a container that its tracker knows by name is kept, and another one goes', async () => {
    const tracked = new Set<string>()
    const harness = createHarness({ tracked: byName(tracked) })
    const { clock, engine, reconciler } = harness
    const known = engine.add({ ageMs: hour })
    engine.add({ ageMs: hour })
    tracked.add(known.name)
    engine.shapeListing = (listing) => ({ ...listing, containers: listing.containers.map(nameless) })
    reconciler.start()
    await clock.advance(20 * minute)
    expect([...engine.containers.keys()]).toEqual([known.id])
    await stop(harness)
  })

  test('positive-evidence: a name that each inspection gives otherwise is none that a tracker could deny', async () => {
    const harness = createHarness({ tracked: byName(new Set(['known'])) })
    const { clock, engine, reconciler } = harness
    engine.add({ ageMs: hour, name: 'known' })
    engine.shapeListing = (listing) => ({ ...listing, containers: listing.containers.map(nameless) })
    let inspections = 0
    engine.shapeInspection = (inspection) => ({ ...inspection, name: `another-${inspections++}` })
    reconciler.start()
    await clock.advance(20 * minute)
    expect(inspections).toBeGreaterThan(5)
    expect(changesIn(harness)).toEqual([])
    await stop(harness)
  })

  test('protected: an ended guest that its tracker knows by name keeps its holder', async () => {
    const tracked = new Set<string>()
    const harness = createHarness({ tracked: byName(tracked), states: ['running'] })
    const { clock, engine, reconciler } = harness
    const holder = engine.add({ ageMs: hour })
    const namespaces = { pid: `container:${holder.id}` }
    const guest = engine.add({ ageMs: hour, state: 'exited', namespaces })
    tracked.add(guest.name)
    engine.shapeListing = (listing) => ({ ...listing, containers: listing.containers.map(nameless) })
    reconciler.start()
    await clock.advance(20 * minute)
    expect(changesIn(harness)).toEqual([])
    await stop(harness)
  })

  test('protected: a holder that its guest calls by name, and that is renamed before it is listed with one', async () => {
    const harness = createHarness({ period: '10s' })
    const { clock, engine, reconciler } = harness
    const holder = engine.add({ ageMs: hour })
    harness.tracked.add(holder.id)
    reconciler.start()
    await clock.advance(5000)
    engine.shapeListing = (listing) => ({ ...listing, containers: listing.containers.map(nameless) })
    engine.add({ ageMs: hour, labels: {}, namespaces: { pid: `container:${holder.name}` } })
    const leak = engine.add({ ageMs: hour })
    await clock.advance(minute)
    // It may be the one that is meant.
    expect(changesIn(harness)).toEqual([])
    holder.name = 'renamed'
    engine.shapeListing = (listing) => listing
    harness.tracked.delete(holder.id)
    await clock.advance(20 * minute)
    expect(changesIn(harness)).toEqual([leak.id])
    expect(await verdictOf(harness, holder.id)).toBe('spared: namespace-shared')
    await stop(harness)
  })
})

describe('fresh-scan: the tracker is asked when the connection stands', () => {
  /** The connection that a removal needs is made only when the test says so. */
  function withSlowConnection() {
    const harness = createHarness()
    const { engine } = harness
    const { remove } = engine
    let connect = () => {}
    engine.remove = async (id, call) => {
      await new Promise<void>((resolve) => (connect = resolve))
      return remove(id, call)
    }
    return { ...harness, harness, connect: () => connect() }
  }

  test('a container adopted while it is being made is kept', async () => {
    const { clock, connect, engine, harness, reconciler, tracked } = withSlowConnection()
    const { id } = engine.add({ ageMs: hour })
    reconciler.start()
    await clock.advance(1000)
    tracked.add(id)
    connect()
    await clock.advance(20 * minute)
    expect(changesIn(harness)).toEqual([])
    await stop(harness)
  })

  test('a verdict that expired while it was made leads to no request', async () => {
    const { clock, connect, engine, harness, reconciler } = withSlowConnection()
    engine.add({ ageMs: hour })
    reconciler.start()
    await clock.advance(1000)
    const scans = engine.count('list')
    await clock.advance(5001)
    connect()
    await clock.settle()
    expect(changesIn(harness)).toEqual([])
    await clock.advance(2000)
    expect(engine.count('list')).toBeGreaterThan(scans)
    connect()
    await clock.advance(1000)
    expect(engine.containers.size).toBe(0)
    await stop(harness)
  })

  test('quiet-stop: stop() while it is made, and nothing leaves', async () => {
    const { clock, connect, engine, harness, reconciler } = withSlowConnection()
    engine.add({ ageMs: hour })
    reconciler.start()
    await clock.advance(1000)
    const stopped = reconciler.stop()
    connect()
    await clock.advance(6000)
    await stopped
    expect(changesIn(harness)).toEqual([])
  })
})

describe('new-again: the creation grace counts from the last start', () => {
  /** A leak that is removed at once, for which every container is inspected before anything is started. */
  const earlier = { name: 'earlier' }
  const startedNow = ({ clock }: Harness) => ({ state: 'running', startedAtMs: clock.wallNow() })

  test.each<[string, string]>([
    ['an ended one', 'exited'],
    ['one that never ran', 'created'],
  ])('%s that the agent starts and registers 1.5 s later lives', async (_, state) => {
    const harness = createHarness({ period: '2s', states: ['running'] })
    const { clock, engine, reconciler, tracked } = harness
    const container = engine.add({ ageMs: hour, state })
    engine.add({ ...earlier, ageMs: hour })
    reconciler.start()
    await clock.advance(2 * minute)
    Object.assign(container, startedNow(harness))
    await clock.advance(1500)
    void reconciler.scan()
    await clock.advance(0)
    tracked.add(container.id)
    await clock.advance(5 * minute)
    expect(changesIn(harness)).not.toContain(container.id)
    await stop(harness)
  })

  test.each<[string, (harness: Harness) => object]>([
    ['by its own time', ({ clock }) => ({ restoredAtMs: clock.wallNow() })],
    ['by an end later than its start, at an unknown time', () => ({})],
  ])('one restored from a checkpoint, %s, lives a creation grace long', async (_, restored) => {
    const harness = createHarness({ period: '2s', states: ['running'] })
    const { clock, engine, reconciler } = harness
    const container = engine.add({ ageMs: hour, state: 'exited', finishedAtMs: clock.wallNow() - 60_000 })
    reconciler.start()
    await clock.advance(2 * minute)
    Object.assign(container, { state: 'running' }, restored(harness))
    await clock.advance(minute - 7000)
    expect(changesIn(harness)).toEqual([])
    await clock.advance(70_000)
    expect(engine.containers.size).toBe(0)
    await stop(harness)
  })

  test('one that is started and never registered goes a creation grace later', async () => {
    const harness = createHarness({ period: '2s' })
    const { clock, engine, reconciler } = harness
    const container = engine.add({ ageMs: hour, state: 'exited' })
    engine.add({ ...earlier, ageMs: hour })
    reconciler.start()
    await clock.advance(2 * minute)
    Object.assign(container, startedNow(harness))
    await clock.advance(58_000)
    expect(changesIn(harness)).not.toContain(container.id)
    await clock.advance(10_000)
    expect(engine.containers.size).toBe(0)
    await stop(harness)
  })

  test('a restart between two scans, which no listing shows', async () => {
    const harness = createHarness({ period: '30s', releaseGrace: '1s' })
    const { clock, engine, reconciler, tracked } = harness
    const container = engine.add({ ageMs: hour })
    engine.add({ ...earlier, ageMs: hour })
    tracked.add(container.id)
    reconciler.start()
    await clock.advance(10 * minute)
    Object.assign(container, startedNow(harness))
    tracked.delete(container.id)
    await clock.advance(56_000)
    expect(changesIn(harness)).not.toContain(container.id)
    await clock.advance(40_000)
    expect(engine.containers.size).toBe(0)
    await stop(harness)
  })

  test('eventually-removed: time missed before it was there adds nothing to its grace', async () => {
    const harness = createHarness({ period: '50s' })
    const { clock, engine, reconciler } = harness
    reconciler.start()
    await clock.advance(minute)
    await clock.stall(hour)
    await clock.advance(2 * minute)
    await Promise.all([reconciler.scan(), clock.advance(1000)])
    // The next scan shows it when most of its grace is over.
    engine.add()
    await clock.advance(58_000)
    expect(changesIn(harness)).toEqual([])
    await clock.advance(12_000)
    expect(engine.containers.size).toBe(0)
    await stop(harness)
  })

  test('an unpause is a start', async () => {
    const harness = createHarness({ period: '5s', states: ['running'] })
    const { clock, engine, reconciler } = harness
    const container = engine.add({ ageMs: hour, state: 'paused' })
    engine.add({ ...earlier, ageMs: hour })
    reconciler.start()
    await clock.advance(2 * minute)
    container.state = 'running'
    await clock.advance(58_000)
    expect(changesIn(harness)).not.toContain(container.id)
    await clock.advance(12_000)
    expect(engine.containers.size).toBe(0)
    await stop(harness)
  })

  test.each([
    ['before a listing leaves it out', 5000],
    ['while listings leave it out', 25_000],
  ])('an unpause %s counts all the same', async (_when, unpausedAtMs) => {
    const harness = createHarness({ period: '5s', states: ['running'] })
    const { clock, engine, reconciler } = harness
    const container = engine.add({ ageMs: hour, state: 'paused' })
    engine.add({ ...earlier, ageMs: hour })
    reconciler.start()
    await clock.advance(minute)
    const isLeftOut = () => clock.now() >= minute + 15_000 && clock.now() < minute + 40_000
    engine.shapeListing = (listing) =>
      isLeftOut()
        ? { ...listing, containers: listing.containers.filter(({ id }) => id !== container.id) }
        : listing
    await clock.advance(unpausedAtMs)
    container.state = 'running'
    await clock.advance(minute - 7000)
    expect(changesIn(harness)).not.toContain(container.id)
    await clock.advance(70_000)
    expect(engine.containers.size).toBe(0)
    await stop(harness)
  })

  test.each([1, 2, 3])('its restart policy has started it %i times in a row: new', async (restartCount) => {
    const harness = createHarness()
    const { clock, engine, reconciler } = harness
    engine.add({ ageMs: hour, restartCount, startedAtMs: clock.wallNow() })
    reconciler.start()
    await clock.advance(57_000)
    expect(changesIn(harness)).toEqual([])
    await clock.advance(10_000)
    expect(engine.containers.size).toBe(0)
    await stop(harness)
  })

  test('eventually-removed: a crash loop is not new for ever', async () => {
    const harness = createHarness()
    const { clock, engine, reconciler } = harness
    const container = engine.add({ ageMs: hour, state: 'restarting' })
    engine.shapeInspection = (inspection) => {
      container.restartCount++
      return { ...inspection, startedAtMs: clock.wallNow(), restartCount: container.restartCount }
    }
    reconciler.start()
    await clock.advance(20 * minute)
    expect(engine.containers.size).toBe(0)
    await stop(harness)
  })

  test('without a history: a scan before the start goes by the last start too', async () => {
    const { clock, engine, reconciler } = createHarness()
    engine.add({ ageMs: hour, startedAtMs: clock.wallNow() - 10_000 })
    engine.add({ ageMs: hour, startedAtMs: clock.wallNow() - 10_000, restartCount: 4 })
    engine.add({ ageMs: hour, startedAtMs: clock.wallNow() - 120_000 })
    engine.add({ ageMs: hour, restoredAtMs: clock.wallNow() - 10_000 })
    engine.add({ ageMs: hour, finishedAtMs: clock.wallNow() - 120_000 })
    const { containers } = await reconciler.scan()
    expect(containers.map(({ verdict, reason }) => `${verdict}: ${reason}`)).toEqual([
      'graced: creation-grace',
      'dangling: untracked',
      'dangling: untracked',
      'graced: creation-grace',
      'graced: creation-grace',
    ])
  })
})

describe('not-ours-to-stop: a container that we did not end is judged like any other', () => {
  /** A removal meets this; the container ends so much later by itself, in a state that is not covered. */
  async function endsAfter(failure: () => EngineError, laterMs: number) {
    const harness = createHarness({ period: '20s' })
    const { clock, engine, reconciler } = harness
    const container = engine.add({ ageMs: hour })
    engine.fault = (verb) => (verb === 'remove' ? () => Promise.reject(failure()) : undefined)
    reconciler.start()
    await clock.advance(900)
    expect(engine.count('remove')).toBe(1)
    await clock.advance(laterMs)
    Object.assign(container, { state: 'exited', finishedAtMs: clock.wallNow() })
    engine.fault = () => undefined
    await clock.advance(hour)
    return { harness, container }
  }

  test.each<[string, () => EngineError]>([
    ['denied', () => new EngineError('misconfigured', 'forbidden', { status: 403 })],
    ['a conflict', () => new EngineError('refused', 'conflict', { status: 409 })],
    ['a failure of the engine', () => new EngineError('refused', 'device busy', { status: 500 })],
    ['too many requests', () => new EngineError('unavailable', 'slow down', { status: 429 })],
    ['not received in time', () => new EngineError('unavailable', 'request timeout', { status: 408 })],
    ['no engine behind a proxy', () => new EngineError('unavailable', 'no server', { status: 503 })],
    ['a web page', () => new EngineError('invalid-answer', 'log in first', { status: 200 })],
  ])('%s, and it ends much later: spared', async (_, failure) => {
    const { container, harness } = await endsAfter(failure, 10 * minute)
    expect(harness.engine.containers.has(container.id)).toBe(true)
    expect(await verdictOf(harness, container.id)).toBe('spared: state-not-covered')
    await stop(harness)
  })

  test('truthful: a container that somebody removes after a refusal is not claimed', async () => {
    const harness = createHarness({ period: '20s' })
    const { clock, engine, reconciler, of } = harness
    const { id } = engine.add({ ageMs: hour })
    engine.fault = (verb) =>
      verb === 'remove'
        ? () => Promise.reject(new EngineError('unavailable', 'slow down', { status: 429 }))
        : undefined
    reconciler.start()
    await clock.advance(900)
    expect(engine.count('remove')).toBe(1)
    engine.containers.delete(id)
    await clock.advance(minute)
    expect([of('removed').length, of('vanished').map((event) => event.id)]).toEqual([0, [id]])
    await stop(harness)
  })

  test.each([
    ['spared', undefined],
    ['removed, where that state is covered', ['running', 'exited'] as const],
  ])('one that has ended by itself when the stop arrives: %s', async (_, states) => {
    const harness = createHarness({ stopTimeout: '10s', ...(states && { states }) })
    const { clock, engine, reconciler } = harness
    const container = engine.add({ ageMs: hour })
    engine.fault = (verb) => {
      if (verb === 'stop') Object.assign(container, { state: 'exited', finishedAtMs: clock.wallNow() - 1000 })
      return undefined
    }
    reconciler.start()
    await clock.advance(hour)
    expect(engine.count('stop')).toBe(1)
    expect(engine.containers.has(container.id)).toBe(states === undefined)
    await stop(harness)
  })

  test.each([
    ['no connection', 'isUnreachable'],
    ['a connection that breaks once the request is allowed', 'breaksWhenAllowed'],
  ] as const)(
    '%s: no request was sent, so a container that ends afterwards ended by itself',
    async (_, how) => {
      const harness = createHarness({ period: '20s' })
      const { clock, engine, reconciler } = harness
      const container = engine.add({ ageMs: hour })
      engine[how] = true
      reconciler.start()
      await clock.advance(10_000)
      Object.assign(container, { state: 'exited', finishedAtMs: clock.wallNow() })
      engine[how] = false
      await clock.advance(hour)
      expect(engine.containers.has(container.id)).toBe(true)
      await stop(harness)
    },
  )

  test.each<[string, () => EngineError]>([
    ['a failure of the engine that killed it', () => new EngineError('refused', 'busy', { status: 500 })],
    ['no answer in time', () => new EngineError('timed-out', 'no answer')],
    ['a connection that broke', () => new EngineError('unavailable', 'socket hang up')],
    ['a proxy that waits no longer', () => new EngineError('unavailable', 'timeout', { status: 504 })],
  ])('eventually-removed: %s: it is ours, and goes', async (_, failure) => {
    const { container, harness } = await endsAfter(failure, 500)
    expect(harness.engine.containers.has(container.id)).toBe(false)
    await stop(harness)
  })
})

describe('new-again: a container that waits for a slot', () => {
  test('is admitted with the time of its verdict, so that a grace that its inspection finds is compared with that', async () => {
    const judgements: { readonly type: string; readonly atMs: number; readonly sentAtMs: number }[] = []
    const harness = createHarness({
      maxConcurrentRemovals: 1,
      inspect: (seen) => {
        if (seen.type !== '@xstate.event' || !('id' in seen.actorRef) || seen.actorRef.id !== actorId) return
        const { judgement, type } = seen.event as { type: string; judgement?: { atMs: number } }
        if (judgement) judgements.push({ type, atMs: judgement.atMs, sentAtMs: harness.clock.now() })
      },
    })
    const { clock, engine, reconciler } = harness
    const slow = engine.add({ ageMs: hour })
    const waiting = engine.add({ name: 'waiting', ageMs: hour })
    const actorId = `waiting ${waiting.id.slice(0, 12)}`
    engine.fault = (verb, id) =>
      verb === 'remove' && id === slow.id
        ? () => new Promise((resolve) => clock.setTimeout(() => resolve('done'), 2500))
        : undefined
    reconciler.start()
    await clock.advance(minute)
    const [judged, admitted] = judgements.slice(-2)
    expect([judged?.type, admitted?.type]).toEqual(['judged', 'admitted'])
    expect((admitted?.sentAtMs ?? 0) - (judged?.sentAtMs ?? 0)).toBe(2500)
    expect(admitted?.atMs).toBe(judged?.atMs)
    await stop(harness)
  })
})

describe('new-again: a slow tracker', () => {
  test('a container started while the tracker answers about a forced removal lives', async () => {
    let answerMs = 0
    const harness = createHarness({
      period: '5s',
      tracked: {
        has: () => new Promise((resolve) => harness.clock.setTimeout(() => resolve(false), answerMs)),
      },
    })
    const { clock, engine, reconciler } = harness
    const container = engine.add({ ageMs: hour, state: 'created' })
    engine.fault = (verb) => {
      if (verb === 'remove') answerMs = 1900
      return verb === 'remove' ? 'refused' : undefined
    }
    reconciler.start()
    for (let seconds = 0; engine.count('remove') === 0; seconds++) {
      if (seconds > 120) throw new Error('it was never tried')
      await clock.advance(1000)
    }
    engine.fault = () => undefined
    // The retry inspects it first, and is sent when the tracker has answered.
    const inspections = engine.count('inspect')
    while (engine.count('inspect') === inspections) await clock.advance(10)
    await clock.advance(1000)
    expect(engine.count('remove')).toBe(1)
    Object.assign(container, { state: 'running', startedAtMs: clock.wallNow() })
    await clock.advance(30_000)
    expect([engine.count('remove'), engine.containers.has(container.id)]).toEqual([1, true])
    await stop(harness)
  })
})

describe('new-again: a container that is started after our stop', () => {
  /** Our stop has ended it when the tracker gives no answer; then the agent starts it again. */
  async function startedAfterOurStop(options: Parameters<typeof createHarness>[0] = {}) {
    let answer: boolean | undefined = false
    const has = () => answer
    const harness = createHarness({ period: '5s', stopTimeout: '10s', tracked: { has }, ...options })
    const { clock, engine, reconciler } = harness
    const container = engine.add({ ageMs: hour })
    engine.fault = (verb) => {
      if (verb === 'stop') answer = undefined
      return undefined
    }
    reconciler.start()
    await clock.advance(3 * minute)
    expect([engine.count('stop'), engine.containers.get(container.id)?.state]).toEqual([1, 'exited'])
    engine.fault = () => undefined
    Object.assign(container, { state: 'running', startedAtMs: clock.wallNow() })
    answer = false
    return { harness, container }
  }

  test.each([true, false])(
    'not-ours-to-stop: it ends by itself in a state that is not covered, scanned in between: %s: spared',
    async (isScanned) => {
      const { container, harness } = await startedAfterOurStop({ states: ['running'] })
      const { clock, engine } = harness
      await clock.advance(isScanned ? 10_000 : 0)
      Object.assign(container, { state: 'exited', finishedAtMs: clock.wallNow() })
      await clock.advance(hour)
      expect([engine.count('remove'), await verdictOf(harness, container.id)]).toEqual([
        0,
        'spared: state-not-covered',
      ])
      await stop(harness)
    },
  )

  test.each(['1m', '1ms'] as const)(
    'it gets SIGTERM again, with a creation grace of %s',
    async (creationGrace) => {
      const { harness } = await startedAfterOurStop({ creationGrace, allowShortGrace: true })
      await harness.clock.advance(hour)
      expect(changesIn(harness)).toHaveLength(3)
      expect(harness.engine.count('stop')).toBe(2)
      expect(harness.engine.containers.size).toBe(0)
      await stop(harness)
    },
  )

  test('the hook is called again for it, although it had approved the removal that failed', async () => {
    const beforeRemove = vi.fn(() => true)
    const graces = { creationGrace: '1ms', allowShortGrace: true } as const
    const harness = createHarness({ period: '5s', beforeRemove, ...graces })
    const { clock, engine, reconciler } = harness
    const container = engine.add({ ageMs: hour })
    engine.fault = (verb) => (verb === 'remove' ? 'refused' : undefined)
    reconciler.start()
    await clock.advance(5 * minute)
    expect(beforeRemove).toHaveBeenCalledTimes(1)
    container.startedAtMs = clock.wallNow()
    engine.fault = () => undefined
    await clock.advance(hour)
    expect([beforeRemove.mock.calls.length, engine.containers.size]).toEqual([2, 0])
    await stop(harness)
  })

  test('eventually-removed: one that its restart policy brings back after each stop goes', async () => {
    const harness = createHarness({ period: '5s', stopTimeout: '10s', states: ['running'] })
    const { clock, engine, reconciler } = harness
    const container = engine.add({ ageMs: hour })
    engine.fault = (verb) => {
      // started again between the stop and the removal, but not for ever
      if (verb === 'remove' && container.restartCount < 6) {
        Object.assign(container, { state: 'running', startedAtMs: clock.wallNow() })
        container.restartCount++
        return 'refused'
      }
      return undefined
    }
    reconciler.start()
    await clock.advance(hour)
    expect(engine.containers.size).toBe(0)
    await stop(harness)
  })
})

describe('protected: a container that another one needs', () => {
  test.each<[string, (id: string) => Parameters<Harness['engine']['add']>[0]]>([
    ['its pid namespace', (id) => ({ namespaces: { pid: `container:${id}` } })],
    ['its ipc namespace', (id) => ({ namespaces: { ipc: `container:${id}` } })],
    ['its uts namespace', (id) => ({ namespaces: { uts: `container:${id}` } })],
    ['its cgroup', (id) => ({ namespaces: { cgroupParent: `/docker/${id}` } })],
    ['what the engine calls a dependency', (id) => ({ namespaces: { dependencies: [id] } })],
  ])('%s, by a foreign container that is inspected once in its life', async (_, make) => {
    const harness = createHarness({ period: '10s' })
    const { clock, engine, reconciler } = harness
    const holder = engine.add({ ageMs: hour })
    const guest = engine.add({ ageMs: hour, labels: {}, ...make(holder.id) })
    reconciler.start()
    await clock.advance(20 * minute)
    expect(changesIn(harness)).toEqual([])
    expect(await verdictOf(harness, holder.id)).toBe('spared: namespace-shared')
    expect(engine.count('inspect', guest.id)).toBe(1)
    engine.containers.delete(guest.id)
    await clock.advance(minute)
    expect(engine.containers.size).toBe(0)
    await stop(harness)
  })

  test('a foreign container that cannot be inspected protects only what is older', async () => {
    const harness = createHarness({ period: '10s' })
    const { clock, engine, reconciler } = harness
    const older = engine.add({ ageMs: 2 * hour })
    const foreign = engine.add({ ageMs: hour, labels: {} })
    const younger = engine.add({ ageMs: hour - minute })
    engine.fault = (verb, id) => (verb === 'inspect' && id === foreign.id ? 'refused' : undefined)
    reconciler.start()
    await clock.advance(10 * minute)
    expect(changesIn(harness)).toEqual([younger.id])
    expect(await verdictOf(harness, older.id)).toBe('spared: namespace-unknown')
    engine.fault = () => undefined
    await clock.advance(3 * minute)
    expect(engine.containers.has(older.id)).toBe(false)
    await stop(harness)
  })

  test.each<[FailureKind]>([['refused'], ['timed-out'], ['invalid-answer']])(
    'eventually-removed: a foreign container whose inspection fails once (%s) delays no removal for a minute',
    async (kind) => {
      const harness = createHarness({ period: '5m' })
      const { clock, engine, reconciler } = harness
      const leak = engine.add({ ageMs: 2 * hour })
      const foreign = engine.add({ ageMs: hour, labels: {} })
      engine.fault = (verb, id) => (verb === 'inspect' && id === foreign.id ? kind : undefined)
      reconciler.start()
      await clock.advance(1000)
      expect(engine.count('inspect', foreign.id)).toBe(1)
      expect(changesIn(harness)).toEqual([])
      engine.fault = () => undefined
      await clock.advance(5000)
      expect(changesIn(harness)).toEqual([leak.id])
      await stop(harness)
    },
  )

  test('positive-evidence: that an ended guest is gone is concluded from the next listing, and from no inspection', async () => {
    const harness = createHarness({ period: '10s' })
    const { clock, engine, reconciler } = harness
    const holder = engine.add({ ageMs: 2 * hour })
    const guest = engine.add({ ageMs: hour, state: 'exited', networkMode: `container:${holder.id}` })
    let inspections = 0
    engine.fault = (verb, id) =>
      verb === 'inspect' && id === guest.id && ++inspections > 1 ? 'gone' : undefined
    reconciler.start()
    await clock.advance(30_000)
    expect(inspections).toBeGreaterThan(1)
    expect(changesIn(harness)).toEqual([])
    engine.containers.delete(guest.id)
    await clock.advance(60_000)
    expect(changesIn(harness)).toEqual([holder.id])
    await stop(harness)
  })

  test('eventually-removed: even on an engine that takes 3 s for each inspection of another container', async () => {
    const harness = createHarness({ period: '10s' })
    const { clock, engine, reconciler } = harness
    const leak = engine.add({ ageMs: 2 * hour })
    const foreign = engine.add({ ageMs: hour, labels: {} })
    const { inspect } = engine
    engine.inspect = async (id, call) => {
      if (id === foreign.id && call.deadlineMs < 3000) throw new EngineError('timed-out', 'no answer')
      return inspect(id, call)
    }
    reconciler.start()
    await clock.advance(20_000)
    expect(changesIn(harness)).toEqual([leak.id])
    await stop(harness)
  })

  test('one that can never be inspected is retried with increasing backoff, up to a minute', async () => {
    const harness = createHarness({ period: '10s' })
    const { clock, engine, reconciler } = harness
    engine.add({ ageMs: 2 * hour })
    const foreign = engine.add({ ageMs: hour, labels: {} })
    engine.fault = (verb, id) => (verb === 'inspect' && id === foreign.id ? 'timed-out' : undefined)
    reconciler.start()
    await clock.advance(10 * minute)
    const early = engine.count('inspect', foreign.id)
    await clock.advance(60 * minute)
    expect(engine.count('inspect', foreign.id) - early).toBeLessThanOrEqual(60)
    expect(engine.count('inspect', foreign.id) - early).toBeGreaterThanOrEqual(45)
    await stop(harness)
  })

  test('an ended guest protects its holder while it is in a grace of its own', async () => {
    const harness = createHarness({ period: '10s' })
    const { clock, engine, reconciler } = harness
    const holder = engine.add({ ageMs: hour })
    engine.add({ state: 'exited', networkMode: `container:${holder.id}` })
    reconciler.start()
    await clock.advance(55_000)
    expect(changesIn(harness)).toEqual([])
    await clock.advance(30_000)
    expect(changesIn(harness)).toEqual([holder.id])
    await stop(harness)
  })

  test('an ended guest that runs again when its holder is about to go protects it', async () => {
    const harness = createHarness()
    const { clock, engine, reconciler } = harness
    const holder = engine.add({ ageMs: hour })
    const guest = engine.add({ ageMs: hour, state: 'exited', networkMode: `container:${holder.id}` })
    engine.fault = (verb, id) => {
      // after the listing, and after what they share was learnt
      const isLast = verb === 'inspect' && id === holder.id && engine.count('inspect', holder.id) > 1
      if (isLast) Object.assign(guest, { state: 'running', startedAtMs: clock.wallNow() })
      return undefined
    }
    reconciler.start()
    await clock.advance(1000)
    expect(guest.state).toBe('running')
    expect(changesIn(harness)).toEqual([])
    expect(await verdictOf(harness, holder.id)).toBe('spared: namespace-shared')
    await stop(harness)
  })

  test('eventually-removed: two that never ran and refer to each other both go, unless one is started', async () => {
    const harness = createHarness({ period: '10s' })
    const { clock, engine, reconciler } = harness
    const waiting = { ageMs: hour, state: 'created', name: 'one', networkMode: 'container:other' }
    const one = engine.add(waiting)
    const other = engine.add({
      ageMs: hour,
      state: 'created',
      name: 'other',
      namespaces: { pid: `container:${one.id}` },
    })
    engine.fault = (verb, id) => {
      // after the listing, and after what they share was learnt
      const isLast = verb === 'inspect' && id === other.id && engine.count('inspect', other.id) > 1
      if (isLast && one.state === 'created')
        Object.assign(one, { state: 'running', startedAtMs: clock.wallNow() })
      return undefined
    }
    reconciler.start()
    await clock.advance(5000)
    expect([one.state, changesIn(harness)]).toEqual(['running', []])
    Object.assign(one, { state: 'created', startedAtMs: undefined })
    engine.fault = () => undefined
    await clock.advance(20 * minute)
    expect(engine.containers.size).toBe(0)
    await stop(harness)
  })

  test('a guest that is restarted into another holder of that name protects that one from then on', async () => {
    const harness = createHarness({ period: '10s' })
    const { clock, engine, reconciler } = harness
    const guest = engine.add({ ageMs: hour, labels: {}, networkMode: 'container:web' })
    const first = engine.add({ ageMs: hour, name: 'web' })
    const leak = engine.add({ ageMs: 2 * hour })
    reconciler.start()
    await clock.advance(5000)
    expect(changesIn(harness)).toEqual([leak.id])
    first.name = 'web-1'
    const second = engine.add({ name: 'web' })
    guest.startedAtMs = clock.wallNow() + 1000
    await clock.advance(minute + 20_000)
    expect(changesIn(harness)).toEqual([leak.id, first.id])
    second.name = 'web-2'
    await clock.advance(20 * minute)
    expect(await verdictOf(harness, second.id)).toBe('spared: namespace-shared')
    await stop(harness)
  })

  test('a guest by path is reported, and keeps only what was created before it was started, while it runs', async () => {
    const harness = createHarness({ period: '10s' })
    const { clock, engine, of, reconciler } = harness
    const namespaces = { network: 'ns:/run/netns/web' }
    const guest = engine.add({ ageMs: hour, labels: {}, name: 'web', networkMode: '', namespaces })
    const older = engine.add({ ageMs: hour + minute })
    const younger = engine.add({ ageMs: hour - minute })
    reconciler.start()
    await clock.advance(minute)
    expect(changesIn(harness)).toEqual([younger.id])
    expect(await verdictOf(harness, older.id)).toBe('spared: namespace-unknown')
    expect(of('degraded').filter(({ about }) => about === 'namespaces')).toEqual([
      expect.objectContaining({
        kind: 'unknown-holder',
        message: expect.stringMatching(/^whose namespaces web uses is unknown.* by path/),
      }),
    ])
    guest.state = 'exited'
    await clock.advance(minute)
    expect(changesIn(harness)).toEqual([younger.id, older.id])
    await stop(harness)
  })

  test('flat: what it costs is one inspection of each foreign container, however many scans there are', async () => {
    const harness = createHarness({ period: '10s' })
    const { clock, engine, reconciler } = harness
    for (let number = 0; number < 40; number++) engine.add({ ageMs: hour, labels: {} })
    const leak = engine.add({ ageMs: hour })
    engine.fault = (verb) => (verb === 'remove' ? 'refused' : undefined)
    reconciler.start()
    await clock.advance(30 * minute)
    expect(engine.count('list')).toBeGreaterThan(100)
    expect(engine.count('inspect') - engine.count('inspect', leak.id)).toBe(40)
    await stop(harness)
  })
})

describe('exact-id', () => {
  test.each<[string, object]>([
    ['name', { name: 'other', names: ['other'] }],
    ['labels', { labels: {} }],
    ['state', { state: 'exited' }],
    ['nothing', {}],
  ])('listed twice with another %s: spared', async (_, change) => {
    const harness = createHarness()
    const { clock, engine, reconciler } = harness
    const { id } = engine.add({ ageMs: hour })
    engine.shapeListing = (listing) => ({
      ...listing,
      containers: listing.containers.flatMap((one) => [one, { ...one, ...change }]),
    })
    reconciler.start()
    await clock.advance(20 * minute)
    expect(changesIn(harness)).toEqual([])
    expect(await verdictOf(harness, id)).toBe('spared: listed-twice')
    await stop(harness)
  })

  test('a foreign container named like the id of an owned one: both are spared', async () => {
    const harness = createHarness()
    const { clock, engine, reconciler } = harness
    const { id } = engine.add({ ageMs: hour })
    const bearer = engine.add({ ageMs: hour, name: id })
    reconciler.start()
    await clock.advance(20 * minute)
    expect(changesIn(harness)).toEqual([])
    expect(await verdictOf(harness, id)).toBe('spared: id-is-a-name')
    expect(await verdictOf(harness, bearer.id)).toBe('spared: id-is-a-name')
    await stop(harness)
  })

  test('eventually-removed: a container named like an id that no container has is like any other', async () => {
    const harness = createHarness()
    const { clock, engine, reconciler } = harness
    const { id } = engine.add({ ageMs: hour, name: fullId })
    reconciler.start()
    await clock.advance(minute)
    expect(changesIn(harness)).toEqual([id])
    await stop(harness)
  })

  test('a container named like its own id is like any other', async () => {
    const harness = createHarness()
    const { clock, engine, reconciler } = harness
    engine.add({ id: fullId, ageMs: hour, name: fullId })
    reconciler.start()
    await clock.advance(minute)
    expect(changesIn(harness)).toEqual([fullId])
    await stop(harness)
  })
})

describe('unknown-is-spared: a tracker that may be wrong', () => {
  test('a Map whose keys turn out to be names', async () => {
    const tracked = new Map<string, unknown>()
    const harness = createHarness({ tracked })
    const { clock, engine, reconciler } = harness
    const { id, name } = engine.add()
    reconciler.start()
    await clock.advance(30_000)
    tracked.set(name, {})
    await clock.advance(20 * minute)
    expect(changesIn(harness)).toEqual([])
    expect(await verdictOf(harness, id)).toBe('spared: tracker-wrong-keys')
    await stop(harness)
  })

  test('one that suddenly knows none of several: nothing goes for a release grace, and that is reported', async () => {
    const harness = createHarness({ period: '5s', releaseGrace: '2m' })
    const { clock, engine, reconciler, tracked, of } = harness
    for (let number = 0; number < 3; number++) tracked.add(engine.add({ ageMs: hour }).id)
    const leak = engine.add()
    reconciler.start()
    await clock.advance(30_000)
    tracked.clear()
    await clock.advance(110_000)
    expect(changesIn(harness)).toEqual([])
    expect(await verdictOf(harness, leak.id)).toBe('graced: tracker-emptied')
    expect(of('degraded').map(({ kind }) => kind)).toContain('tracker-emptied')
    await clock.advance(minute)
    expect(engine.containers.size).toBe(0)
    await stop(harness)
  })

  test.each<[string, object, number]>([
    ['one that never says yes is reported once', new Set(), 1],
    ['one that explicitly tracks nothing causes no warning', nothingTracked, 0],
  ])('%s', async (_, tracked, warnings) => {
    const harness = createHarness({ period: '10s', tracked: tracked as never })
    const { clock, engine, reconciler, of } = harness
    for (let times = 0; times < 3; times++) {
      engine.add({ ageMs: hour })
      if (times === 0) reconciler.start()
      await clock.advance(2 * minute)
    }
    expect(of('degraded').filter(({ kind }) => kind === 'tracker-never-true')).toHaveLength(warnings)
    expect(engine.containers.size).toBe(0)
    await stop(harness)
  })
})

test('removed says whether the agent had tracked the container before', async () => {
  const harness = createHarness({ period: '5s' })
  const { clock, engine, reconciler, tracked, of } = harness
  const [never, once] = [engine.add({ ageMs: hour }), engine.add({ ageMs: hour })]
  tracked.add(once.id)
  reconciler.start()
  await clock.advance(minute)
  tracked.delete(once.id)
  await clock.advance(minute)
  expect(of('removed').map(({ id, wasTracked }) => [id, wasTracked])).toEqual([
    [never.id, false],
    [once.id, true],
  ])
  await stop(harness)
})

describe('orchestrated', () => {
  const labels = { [ownerLabel]: ownerValue, 'io.kubernetes.pod.uid': '1' }

  test.each([
    [false, 'spared: orchestrated'],
    [true, undefined],
  ])('with the option %s', async (orchestrated, verdict) => {
    const harness = createHarness({ orchestrated })
    const { clock, engine, reconciler } = harness
    const { id } = engine.add({ ageMs: hour, labels })
    reconciler.start()
    await clock.advance(10 * minute)
    expect(await verdictOf(harness, id)).toBe(verdict)
    expect(engine.containers.has(id)).toBe(!orchestrated)
    await stop(harness)
  })
})

describe('a container that comes back under its name soon after each removal', () => {
  test.each([
    ['soon, and again', 11_000, ['web.1 was recreated 2 times soon after its removal']],
    ['much later', 5 * minute, []],
  ])('%s: reported once, if at all', async (_, afterMs, messages) => {
    const harness = createHarness({ tracked: nothingTracked, period: '5s' })
    const { clock, engine, reconciler, of } = harness
    reconciler.start()
    for (let times = 0; times < 6; times++) {
      engine.add({ ageMs: hour, name: 'web.1' })
      await clock.advance(70_000)
      expect(engine.containers.size).toBe(0)
      await clock.advance(afterMs)
    }
    const found = of('degraded').filter(({ kind }) => kind === 'recreated')
    expect(found.map(({ message }) => message.split(';')[0])).toEqual(messages)
    await stop(harness)
  })
})

describe('truthful: scans that remove nothing', () => {
  test.each<[string, Verb, object]>([
    ['an image', 'imageLabels', { imageId: 'sha256:other' }],
    ['a foreign container', 'inspect', { labels: {} }],
  ])(
    'explain() beside a scan leaves no failure behind that the next scan reports: %s',
    async (_, verb, newcomer) => {
      const harness = createHarness({ period: '10s' })
      const { clock, engine, reconciler, of } = harness
      const { id } = engine.add()
      engine.images.set('sha256:other', {})
      reconciler.start()
      await clock.advance(1000)
      engine.add(newcomer)
      await clock.advance(7500)
      const asked = engine.count(verb)
      engine.fault = (one) => (one === verb ? 'refused' : undefined)
      await reconciler.explain(id)
      expect(engine.count(verb)).toBe(asked + 1)
      engine.fault = () => undefined
      await clock.advance(1500)
      expect(engine.count('list')).toBe(3)
      expect(engine.count(verb)).toBe(asked + 2)
      expect(of('degraded')).toEqual([])
      await stop(harness)
    },
  )

  test.each<[string, Partial<Inspection>, string]>([
    ['disagrees', { name: 'other' }, 'spared: inspection-disagrees'],
    ['shows a pod', { isInfra: true }, 'spared: infra-container'],
    ['agrees', {}, 'dangling: untracked'],
  ])('dangling is only what an inspection confirms: it %s', async (_, change, verdict) => {
    const shape = (inspection: Inspection) => ({ ...inspection, ...change })
    const dry = createHarness({ dryRun: true })
    const alone = createHarness()
    for (const { engine } of [dry, alone]) engine.shapeInspection = shape
    const { id } = dry.engine.add({ ageMs: hour })
    dry.reconciler.start()
    await dry.clock.advance(minute)
    expect(await verdictOf(dry, id)).toBe(verdict)
    expect(changesIn(dry)).toEqual([])
    const other = alone.engine.add({ ageMs: hour })
    const { containers } = await alone.reconciler.scan()
    expect(containers.map((one) => [one.id, `${one.verdict}: ${one.reason}`])).toEqual([[other.id, verdict]])
    await stop(dry)
  })

  test.each<FailureKind>(['refused', 'timed-out', 'invalid-answer'])(
    'nor one that cannot be inspected (%s), which is reported',
    async (kind) => {
      const harness = createHarness({ dryRun: true })
      const { clock, engine, reconciler, of } = harness
      const { id } = engine.add({ ageMs: hour })
      engine.fault = (verb) => (verb === 'inspect' && engine.count('inspect') > 1 ? kind : undefined)
      reconciler.start()
      await clock.advance(minute)
      expect(await verdictOf(harness, id)).toBe('spared: inspection-failed')
      expect(of('degraded').map(({ about }) => about)).toContain('inspection')
      await stop(harness)
    },
  )
})
