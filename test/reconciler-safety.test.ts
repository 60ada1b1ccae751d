import { describe, expect, test } from 'vitest'
import { ArgumentError } from '../src/domain/errors.ts'
import { ownerLabel } from './support/fake-engine.ts'
import { createHarness, type Harness } from './support/harness.ts'

const minute = 60_000

/** The removal of that container takes until the returned function is called. */
function holdRemoval(engine: Harness['engine'], held: string): () => void {
  let finish = () => {}
  const removed = new Promise<void>((resolve) => (finish = resolve))
  engine.fault = (verb, id) =>
    verb === 'remove' && id === held
      ? () => removed.then(() => void engine.containers.delete(held))
      : undefined
  return finish
}

/** Starts, and lets an hour of scans pass. */
async function runAnHour({ clock, reconciler }: Harness): Promise<void> {
  reconciler.start()
  for (let minutes = 0; minutes < 60; minutes++) await clock.advance(minute)
}

async function verdictOf({ clock, reconciler }: Harness, id: string) {
  const scanning = reconciler.scan()
  await clock.advance(1000)
  const { containers } = await scanning
  const found = containers.find((container) => container.id === id)
  return found && `${found.verdict}: ${found.reason}`
}

describe('never removed', () => {
  test.each<[string, (harness: Harness) => { id: string }, string | undefined]>([
    [
      'tracked',
      ({ engine, tracked }) => {
        const container = engine.add()
        tracked.add(container.id)
        return container
      },
      'tracked: tracked',
    ],
    ['owned-only: foreign', ({ engine }) => engine.add({ labels: {} }), undefined],
    [
      'owned-only: another value',
      ({ engine }) => engine.add({ labels: { [ownerLabel]: 'agent-70' } }),
      undefined,
    ],
    [
      'protected: the keep label',
      ({ engine }) => engine.add({ labels: { [ownerLabel]: 'agent-7', 'flotsam.keep': '' } }),
      'spared: keep-label',
    ],
    ['not-self', ({ engine }) => engine.add({ name: 'myself' }), 'spared: self'],
    [
      'a state that is not covered',
      ({ engine }) => engine.add({ state: 'exited' }),
      'spared: state-not-covered',
    ],
    [
      'own-label: the label came with the image',
      ({ engine }) => {
        engine.images.set('sha256:snapshot', { [ownerLabel]: 'agent-7' })
        return engine.add({ imageId: 'sha256:snapshot' })
      },
      'spared: label-from-image',
    ],
    [
      'own-label: an image that cannot be inspected',
      ({ engine }) => engine.add({ imageId: 'sha256:none' }),
      'spared: image-unknown',
    ],
    [
      'protected: a foreign container shares its network',
      ({ engine }) => {
        const pause = engine.add({ name: 'pause' })
        engine.add({ labels: {}, networkMode: `container:${pause.id}` })
        return pause
      },
      'spared: namespace-shared',
    ],
    [
      'protected: a tracked container shares its network, called by name',
      ({ engine, tracked }) => {
        const pause = engine.add({ name: 'pause' })
        tracked.add(engine.add({ networkMode: 'container:pause' }).id)
        return pause
      },
      'spared: namespace-shared',
    ],
  ])('%s', async (_, make, verdict) => {
    const harness = createHarness({ self: 'myself' })
    const { id } = make(harness)
    await runAnHour(harness)
    expect(harness.engine.count('remove')).toBe(0)
    expect(await verdictOf(harness, id)).toBe(verdict)
    await harness.reconciler.stop()
  })
})

describe('unknown-is-spared', () => {
  test.each<[string, { has: (id: string) => unknown; ready?: () => unknown }, string]>([
    [
      'throws',
      {
        has: () => {
          throw new Error('boom')
        },
      },
      'tracker-failed',
    ],
    ['rejects', { has: () => Promise.reject(new Error('boom')) }, 'tracker-failed'],
    ['hangs', { has: () => new Promise(() => {}) }, 'tracker-timed-out'],
    ['answers undefined', { has: () => undefined }, 'tracker-unknown'],
    ['answers a number', { has: () => 0 }, 'tracker-invalid'],
    ['is not ready', { has: () => false, ready: () => false }, 'tracker-not-ready'],
  ])('a tracker that %s removes nothing', async (_, tracked, reason) => {
    const harness = createHarness({ tracked: tracked as never })
    harness.engine.add()
    await runAnHour(harness)
    expect(harness.engine.count('remove')).toBe(0)
    expect(harness.of('spared').map((event) => event.reason)).toEqual([reason])
    expect(harness.of('degraded').map(({ about, kind }) => [about, kind])).toEqual([['tracker', reason]])
    await harness.reconciler.stop()
  })

  test('a tracker that hangs on one id spares that one alone', async () => {
    const harness = createHarness({
      tracked: { has: (id) => (id === hung.id ? new Promise(() => {}) : false) },
    })
    const { clock, engine, reconciler } = harness
    const hung = engine.add()
    const leaks = Array.from({ length: 10 }, () => engine.add().id)
    reconciler.start()
    await clock.advance(2 * minute)
    expect(leaks.filter((id) => engine.containers.has(id))).toEqual([])
    expect(engine.containers.has(hung.id)).toBe(true)
    await reconciler.stop()
  })

  test('an image whose inspection hangs spares its own containers alone', async () => {
    const { clock, engine, reconciler } = createHarness()
    engine.images.set('sha256:hung', {})
    const hung = engine.add({ imageId: 'sha256:hung' })
    const leak = engine.add()
    engine.fault = (verb, id) => (verb === 'imageLabels' && id === 'sha256:hung' ? 'hang' : undefined)
    reconciler.start()
    await clock.advance(2 * minute)
    expect(engine.containers.has(leak.id)).toBe(false)
    expect(engine.containers.has(hung.id)).toBe(true)
    engine.fault = () => undefined
    await clock.advance(10 * minute)
    expect(engine.containers.has(hung.id)).toBe(false)
    await reconciler.stop()
  })

  test.each<[string, () => unknown, string]>([
    ['false', () => false, 'hook-refused'],
    [
      'a throw',
      () => {
        throw new Error('boom')
      },
      'hook-failed',
    ],
    ['undefined', () => undefined, 'hook-failed'],
    ['no answer', () => new Promise(() => {}), 'hook-timed-out'],
  ])('a hook with %s spares, and is asked again a period later', async (_, hook, reason) => {
    let asked = 0
    const harness = createHarness({
      beforeRemove: (() => {
        asked++
        return hook()
      }) as never,
    })
    const { id } = harness.engine.add()
    harness.reconciler.start()
    await harness.clock.advance(4 * minute)
    expect(asked).toBe(1)
    expect(await verdictOf(harness, id)).toBe(`spared: ${reason}`)
    await harness.clock.advance(30 * minute)
    expect(asked).toBeGreaterThan(3)
    expect(asked).toBeLessThan(9)
    expect(harness.engine.count('remove')).toBe(0)
    await harness.reconciler.stop()
  })

  test('a failed listing is never an empty one: nothing vanishes', async () => {
    const { engine, clock, reconciler, tracked, of } = createHarness()
    tracked.add(engine.add().id)
    reconciler.start()
    await clock.advance(1000)
    engine.fault = (verb) => (verb === 'list' ? 'invalid-answer' : undefined)
    await clock.advance(20 * minute)
    expect(of('vanished')).toEqual([])
    expect(of('lost')).toEqual([])
    expect(reconciler.status().containers.total).toBe(1)
    await reconciler.stop()
  })
})

describe('fresh-scan', () => {
  test('a container adopted while its removal waits in the queue is spared', async () => {
    const { clock, engine, tracked, reconciler } = createHarness({ maxConcurrentRemovals: 1 })
    const [first, second] = [engine.add(), engine.add()]
    const finishFirst = holdRemoval(engine, first.id)
    reconciler.start()
    await clock.advance(62_000)
    expect(engine.count('remove')).toBe(1)
    tracked.add(second.id)
    finishFirst()
    await clock.advance(10 * minute)
    expect(engine.count('remove', second.id)).toBe(0)
    expect(engine.containers.has(second.id)).toBe(true)
    await reconciler.stop()
  })

  test('the tracker is asked after the hook: a container that the hook adopts is spared', async () => {
    const harness = createHarness({
      beforeRemove: async ({ id }) => {
        harness.tracked.add(id)
        return true
      },
    })
    const { id } = harness.engine.add()
    harness.reconciler.start()
    await harness.clock.advance(10 * minute)
    expect(harness.engine.count('remove')).toBe(0)
    expect(await verdictOf(harness, id)).toBe('tracked: tracked')
    await harness.reconciler.stop()
  })

  test('the tracker is asked again after a graceful stop', async () => {
    const { clock, engine, tracked, reconciler } = createHarness({ stopTimeout: '10s' })
    const container = engine.add()
    engine.fault = (verb) =>
      verb === 'stop'
        ? async () => {
            container.state = 'exited'
            tracked.add(container.id)
          }
        : undefined
    reconciler.start()
    await clock.advance(10 * minute)
    expect(engine.count('stop')).toBe(1)
    expect(engine.count('remove')).toBe(0)
    await reconciler.stop()
  })

  test('a hook that outlasts the verdict leads to a new scan before the request', async () => {
    const harness = createHarness({
      beforeRemove: () => new Promise((resolve) => harness.clock.setTimeout(() => resolve(true), 20_000)),
    })
    const { engine, clock, reconciler } = harness
    engine.add()
    reconciler.start()
    await clock.advance(2 * minute)
    const removal = engine.requests.find(({ verb }) => verb === 'remove')
    const scan = engine.requests.findLast(({ verb, atMs }) => verb === 'list' && atMs <= (removal?.atMs ?? 0))
    expect(removal).toBeDefined()
    expect((removal?.atMs ?? 0) - (scan?.atMs ?? 0)).toBeLessThan(5000)
    await reconciler.stop()
  })

  test('an answer of an asynchronous tracker that comes after the verdict expired leads to no request', async () => {
    const harness = createHarness({
      tracked: {
        has: () => new Promise((resolve) => harness.clock.setTimeout(() => resolve(false), 4900)),
      },
    })
    const { engine, clock, reconciler } = harness
    engine.add()
    reconciler.start()
    for (let seconds = 0; seconds < 300; seconds++) await clock.advance(1000)
    for (const removal of engine.requests.filter(({ verb }) => verb === 'remove')) {
      const scans = engine.requests.filter(({ verb, atMs }) => verb === 'list' && atMs <= removal.atMs)
      expect(removal.atMs - (scans.at(-1)?.atMs ?? 0)).toBeLessThanOrEqual(10_000)
    }
    await reconciler.stop()
  })

  test('a scan with another verdict, while the tracker is still pending, stops a removal admitted by an older scan', async () => {
    let answerLast: (answer: boolean) => void = () => {}
    let isTracked: 'thinking' | boolean = false
    const harness = createHarness({
      tracked: {
        has: () =>
          isTracked === 'thinking' ? new Promise<boolean>((resolve) => (answerLast = resolve)) : isTracked,
      },
      beforeRemove: () => {
        isTracked = 'thinking'
        return true
      },
    })
    const { clock, engine, reconciler } = harness
    engine.add()
    reconciler.start()
    await clock.advance(61_000)
    const answerRemoval = answerLast
    isTracked = true
    const scanning = reconciler.scan()
    await clock.advance(100)
    expect((await scanning).containers.map(({ verdict }) => verdict)).toEqual(['tracked'])
    answerRemoval(false)
    await clock.advance(1000)
    expect(engine.count('remove')).toBe(0)
    await reconciler.stop()
  })

  test('protected: an ended guest adopted while its holder is queued keeps the holder', async () => {
    const { clock, engine, tracked, reconciler } = createHarness({ maxConcurrentRemovals: 1 })
    const other = engine.add()
    const holder = engine.add({ name: 'pause' })
    const guest = engine.add({ state: 'exited', networkMode: `container:${holder.id}` })
    const finishOther = holdRemoval(engine, other.id)
    reconciler.start()
    await clock.advance(62_000)
    tracked.add(guest.id)
    finishOther()
    await clock.advance(10 * minute)
    expect(engine.containers.has(holder.id)).toBe(true)
    expect(engine.count('remove', holder.id)).toBe(0)
    await reconciler.stop()
  })
})

describe('protected', () => {
  test('dangling guests go first, the holder on a later scan, without waiting for the period', async () => {
    const { clock, engine, reconciler, of } = createHarness()
    const holder = engine.add({ name: 'pause' })
    const guest = engine.add({ networkMode: `container:${holder.id}` })
    reconciler.start()
    await clock.advance(70_000)
    expect(of('removed').map(({ id }) => id)).toEqual([guest.id, holder.id])
    await reconciler.stop()
  })

  test('an engine that omits network modes from its listings is asked for each once', async () => {
    const { clock, engine, reconciler } = createHarness({ period: '10s' })
    const holder = engine.add({ name: 'pause' })
    const guest = engine.add({ labels: {}, networkMode: `container:${holder.id}` })
    const leak = engine.add()
    engine.shapeListing = (listing) => ({
      ...listing,
      containers: listing.containers.map((container) => ({ ...container, networkMode: '' })),
    })
    reconciler.start()
    await clock.advance(5 * minute)
    expect(engine.containers.has(holder.id)).toBe(true)
    expect(engine.containers.has(leak.id)).toBe(false)
    expect(engine.count('inspect', guest.id)).toBe(1)
    // and once more, of the leak, before its removal
    expect(engine.count('inspect')).toBe(4)
    await reconciler.stop()
  })

  test('while the network of any container is unknown, nothing is removed', async () => {
    const harness = createHarness({ period: '10s' })
    const { clock, engine, reconciler } = harness
    const leak = engine.add()
    const other = engine.add({ labels: {} })
    engine.shapeListing = (listing) => ({
      ...listing,
      containers: listing.containers.map((container) => ({ ...container, networkMode: '' })),
    })
    engine.fault = (verb, id) => (verb === 'inspect' && id === other.id ? 'refused' : undefined)
    reconciler.start()
    await clock.advance(5 * minute)
    expect(engine.count('remove')).toBe(0)
    expect(await verdictOf(harness, leak.id)).toBe('spared: namespace-unknown')
    engine.fault = () => undefined
    // It is asked again a minute after the last failed question.
    await clock.advance(80_000)
    expect(engine.count('remove')).toBe(1)
    await reconciler.stop()
  })

  test('with filterListing a filtered scan finds and only an unfiltered one removes', async () => {
    const { clock, engine, reconciler } = createHarness({ filterListing: true })
    const holder = engine.add({ name: 'pause' })
    engine.add({ labels: {}, networkMode: `container:${holder.id}` })
    const leak = engine.add()
    engine.shapeListing = (listing) => listing
    const list = engine.list
    engine.list = async (call) => {
      const listing = await list(call)
      if (call.label === undefined) return listing
      return {
        ...listing,
        containers: listing.containers.filter(({ labels }) => labels[ownerLabel] === 'agent-7'),
      }
    }
    reconciler.start()
    await clock.advance(10 * minute)
    expect(engine.containers.has(holder.id)).toBe(true)
    expect(engine.containers.has(leak.id)).toBe(false)
    const removal = engine.requests.findIndex(({ verb }) => verb === 'remove')
    const listings = engine.requests.slice(0, removal).filter(({ verb }) => verb === 'list')
    expect(listings.at(-1)?.label).toBeUndefined()
    expect(listings[0]?.label).toBe(`${ownerLabel}=agent-7`)
    await reconciler.stop()
  })
})

describe('bounded-removal', () => {
  test('nothing is removed while the dangling share is above the limit', async () => {
    const { clock, engine, tracked, reconciler, of } = createHarness({ maxDanglingShare: 0.5 })
    for (let count = 0; count < 4; count++) engine.add()
    reconciler.start()
    await clock.advance(10 * minute)
    expect(engine.count('remove')).toBe(0)
    expect(new Set(of('spared').map(({ reason }) => reason))).toEqual(new Set(['dangling-share']))
    for (const id of [...engine.containers.keys()].slice(0, 2)) tracked.add(id)
    await clock.advance(10 * minute)
    expect(engine.containers.size).toBe(2)
    await reconciler.stop()
  })

  test('no more removals at once, and none per scan, than the limits allow', async () => {
    const { clock, engine, reconciler } = createHarness({ maxConcurrentRemovals: 3, maxRemovalsPerScan: 5 })
    for (let count = 0; count < 20; count++) engine.add()
    let atOnce = 0
    let mostAtOnce = 0
    const remove = engine.remove
    let sinceScan = 0
    let mostPerScan = 0
    engine.fault = (verb) => {
      if (verb === 'list') sinceScan = 0
      return undefined
    }
    engine.remove = async (id, call) => {
      mostAtOnce = Math.max(mostAtOnce, ++atOnce)
      mostPerScan = Math.max(mostPerScan, ++sinceScan)
      await new Promise<void>((resolve) => clock.setTimeout(resolve, 100))
      const outcome = await remove(id, call)
      atOnce--
      return outcome
    }
    reconciler.start()
    await clock.advance(70_000)
    expect(mostAtOnce).toBe(3)
    expect(engine.containers.size).toBe(0)
    expect(mostPerScan).toBe(5)
    await reconciler.stop()
  })
})

describe('awake-time', () => {
  test('agent and Flotsam frozen together across the end of a grace: nothing is removed before the recovery grace', async () => {
    const { clock, engine, tracked, reconciler } = createHarness()
    const { id } = engine.add()
    reconciler.start()
    await clock.advance(50_000)
    await clock.stall(10 * minute)
    // The answer to the agent's own create is in its inbox; it takes a moment to read it.
    await clock.advance(20_000)
    expect(engine.count('remove')).toBe(0)
    tracked.add(id)
    await clock.advance(60 * minute)
    expect(engine.count('remove')).toBe(0)
    await reconciler.stop()
  })

  test('what is still dangling after a stall is removed when the recovery grace is over', async () => {
    const { clock, engine, reconciler, of } = createHarness()
    engine.add()
    reconciler.start()
    await clock.advance(50_000)
    await clock.stall(10 * minute)
    await clock.advance(45_000)
    expect(of('stalled')).toHaveLength(1)
    expect(of('removed')).toHaveLength(1)
    await reconciler.stop()
  })

  test('a suspended machine: the wall clock jumps, the monotonic one does not', async () => {
    const { clock, engine, reconciler } = createHarness()
    engine.add()
    reconciler.start()
    await clock.advance(55_000)
    clock.jumpWall(8 * 60 * minute)
    await clock.advance(25_000)
    expect(engine.count('remove')).toBe(0)
    await clock.advance(2 * minute)
    expect(engine.count('remove')).toBe(1)
    await reconciler.stop()
  })

  test('an engine that wedges between create and its answer: the container that appears gets its full grace', async () => {
    const { clock, engine, tracked, reconciler } = createHarness({ period: '20s' })
    reconciler.start()
    await clock.advance(1000)
    const { id } = engine.add()
    engine.fault = () => 'hang'
    await clock.advance(5 * minute)
    engine.fault = () => undefined
    await clock.advance(25_000)
    expect(engine.count('remove')).toBe(0)
    tracked.add(id)
    await clock.advance(30 * minute)
    expect(engine.count('remove')).toBe(0)
    await reconciler.stop()
  })

  test('an engine that was frozen between two scans and answers the second late: containers created meanwhile get their full grace', async () => {
    const { clock, engine, tracked, reconciler } = createHarness({ creationGrace: '10s' })
    reconciler.start()
    await clock.advance(1000)
    const { id } = engine.add()
    await clock.advance(15_000)
    const list = engine.list
    engine.list = async (call) => {
      await new Promise<void>((resolve) => clock.setTimeout(resolve, 8000))
      return list(call)
    }
    const scanning = reconciler.scan()
    await clock.advance(8500)
    await scanning
    engine.list = list
    await clock.advance(2000)
    expect(engine.count('remove')).toBe(0)
    tracked.add(id)
    await clock.advance(10 * minute)
    expect(engine.count('remove')).toBe(0)
    await reconciler.stop()
  })

  test('with an engine that is always that slow, or intermittently, leaks are still removed', async () => {
    for (const delays of [[8000], [8000, 500]]) {
      const { clock, engine, reconciler } = createHarness({ creationGrace: '10s' })
      const list = engine.list
      let scans = 0
      engine.list = async (call) => {
        await new Promise<void>((resolve) =>
          clock.setTimeout(resolve, delays[scans++ % delays.length] as number),
        )
        return list(call)
      }
      engine.add()
      reconciler.start()
      for (let seconds = 0; seconds < 120; seconds++) await clock.advance(1000)
      expect(engine.containers.size).toBe(0)
      const stopped = reconciler.stop()
      await clock.advance(10_000)
      await stopped
    }
  })

  test('a stall while a removal is being requested stops it', async () => {
    const harness = createHarness({
      beforeRemove: async () => {
        hookCalls++
        if (hookCalls === 1) await new Promise<void>((resolve) => (answerHook = resolve))
        return true
      },
    })
    let hookCalls = 0
    let answerHook = () => {}
    const { clock, engine, reconciler } = harness
    engine.add()
    reconciler.start()
    await clock.advance(61_000)
    expect(hookCalls).toBe(1)
    await clock.stall(4000)
    answerHook()
    await clock.advance(20_000)
    expect(engine.count('remove')).toBe(0)
    await clock.advance(60_000)
    expect(engine.count('remove')).toBe(1)
    await reconciler.stop()
  })
})

describe('honest-clock', () => {
  test('an engine whose clock is an hour ahead or behind removes nothing early', async () => {
    for (const clockOffsetMs of [60 * minute, -60 * minute]) {
      const { clock, engine, reconciler } = createHarness()
      engine.clockOffsetMs = clockOffsetMs
      engine.add()
      reconciler.start()
      await clock.advance(58_000)
      expect(engine.count('remove')).toBe(0)
      await clock.advance(7000)
      expect(engine.count('remove')).toBe(1)
      await reconciler.stop()
    }
  })

  test("an engine's clock that jumps ahead restarts unfinished graces from the first scan that listed them", async () => {
    const { clock, engine, reconciler } = createHarness({ period: '10s' })
    reconciler.start()
    await clock.advance(5000)
    engine.add()
    engine.clockOffsetMs = 60 * minute
    await clock.advance(55_000)
    expect(engine.count('remove')).toBe(0)
    await clock.advance(20_000)
    expect(engine.count('remove')).toBe(1)
    await reconciler.stop()
  })

  test('an engine without a clock: the creation grace counts from the first scan that listed the container', async () => {
    const { clock, engine, reconciler } = createHarness()
    engine.shapeListing = (listing) => ({ ...listing, engineNowMs: undefined })
    engine.add({ ageMs: 60 * minute })
    reconciler.start()
    await clock.advance(58_000)
    expect(engine.count('remove')).toBe(0)
    await clock.advance(7000)
    expect(engine.count('remove')).toBe(1)
    await reconciler.stop()
  })
})

describe('graces', () => {
  test('restore grace: a restarted agent that restores late loses nothing', async () => {
    const { clock, engine, tracked, reconciler } = createHarness({ restoreGrace: '5m' })
    const containers = Array.from({ length: 10 }, () => engine.add({ ageMs: 60 * minute }))
    reconciler.start()
    await clock.advance(4 * minute)
    for (const { id } of containers) tracked.add(id)
    await clock.advance(60 * minute)
    expect(engine.count('remove')).toBe(0)
    await reconciler.stop()
  })

  test('release grace: a container that the agent stops tracking is left alone for 30 s', async () => {
    const { clock, engine, tracked, reconciler } = createHarness({ period: '10s' })
    const { id } = engine.add({ ageMs: 60 * minute })
    tracked.add(id)
    reconciler.start()
    await clock.advance(minute)
    tracked.delete(id)
    await clock.advance(28_000)
    expect(engine.count('remove')).toBe(0)
    await clock.advance(20_000)
    expect(engine.count('remove')).toBe(1)
    await reconciler.stop()
  })

  test('a container omitted by one listing is not older for it', async () => {
    const { clock, engine, tracked, reconciler } = createHarness({ period: '10s' })
    const { id } = engine.add({ ageMs: 60 * minute })
    tracked.add(id)
    reconciler.start()
    await clock.advance(5000)
    engine.shapeListing = (listing) => ({ ...listing, containers: [] })
    await clock.advance(10_000)
    engine.shapeListing = (listing) => listing
    tracked.delete(id)
    await clock.advance(40_000)
    expect(engine.count('remove')).toBe(0)
    await clock.advance(40_000)
    expect(engine.count('remove')).toBe(1)
    await reconciler.stop()
  })
})

describe('dry-run', () => {
  test('reports what would be removed, once, and has nothing that could remove', async () => {
    const harness = createHarness({ dryRun: true })
    harness.engine.add()
    await runAnHour(harness)
    expect(
      harness.engine.requests.filter(
        ({ verb }) => !['list', 'identity', 'imageLabels', 'inspect'].includes(verb),
      ),
    ).toEqual([])
    expect(harness.of('classified').filter(({ verdict }) => verdict === 'dangling')).toHaveLength(1)
    expect(harness.reconciler.status().containers.byVerdict.dangling).toBe(1)
    await harness.reconciler.stop()
  })
})

describe('quiet-stop', () => {
  test('no removal starts after stop() began, and those under way may settle', async () => {
    const { clock, engine, reconciler, of } = createHarness({ maxConcurrentRemovals: 1 })
    const [first] = [engine.add(), engine.add()]
    engine.fault = (verb, id) =>
      verb === 'remove' && id === first.id
        ? async () => {
            await new Promise<void>((resolve) => clock.setTimeout(resolve, 2000))
            engine.containers.delete(first.id)
          }
        : undefined
    reconciler.start()
    await clock.advance(61_000)
    expect(engine.count('remove')).toBe(1)
    const stopped = reconciler.stop()
    await clock.advance(3000)
    await stopped
    expect(of('removed').map(({ id }) => id)).toEqual([first.id])
    expect(engine.count('remove')).toBe(1)
    expect(clock.pendingTimers).toBe(0)
  })

  test('a scan cut off by stop() while the tracker was asked emits nothing afterwards', async () => {
    const { clock, engine, events, reconciler } = createHarness({
      creationGrace: '4s',
      allowShortGrace: true,
      tracked: { has: () => new Promise(() => {}) } as never,
    })
    engine.add({ ageMs: 60_000 })
    reconciler.start()
    await clock.advance(100)
    const stopped = reconciler.stop()
    await clock.advance(1)
    await stopped
    const reported = events.length
    await clock.advance(10_000)
    expect(events.slice(reported)).toEqual([])
    expect(clock.pendingTimers).toBe(0)
  })

  test('a hook that is pending when stop() is called leads to no request', async () => {
    let answerHook = () => {}
    const { clock, engine, reconciler } = createHarness({
      beforeRemove: () => new Promise((resolve) => (answerHook = () => resolve(true))),
    })
    engine.add()
    reconciler.start()
    await clock.advance(62_000)
    const stopped = reconciler.stop()
    answerHook()
    await clock.advance(6000)
    await stopped
    expect(engine.count('remove')).toBe(0)
  })

  test('a hanging engine delays the stop by 5 s at most', async () => {
    const { clock, engine, reconciler } = createHarness()
    engine.add()
    engine.fault = (verb) => (verb === 'remove' ? 'hang' : undefined)
    reconciler.start()
    await clock.advance(62_000)
    let isStopped = false
    const stopped = reconciler.stop().then(() => (isStopped = true))
    await clock.advance(4000)
    expect(isStopped).toBe(false)
    await clock.advance(1500)
    expect(isStopped).toBe(true)
    await stopped
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('the life of a reconciler', () => {
  test('the constructor has no side effects', async () => {
    const { clock, engine, reconciler } = createHarness()
    await clock.advance(60 * minute)
    expect(engine.requests).toEqual([])
    expect(clock.pendingTimers).toBe(0)
    expect(reconciler.status().state).toBe('new')
    await reconciler.stop()
    expect(reconciler.status().state).toBe('stopped')
  })

  test('a second start is an error, also after stop', async () => {
    const { reconciler, clock } = createHarness()
    reconciler.start()
    expect(() => reconciler.start()).toThrow('already started')
    const stopped = reconciler.stop()
    await clock.advance(6000)
    await stopped
    expect(() => reconciler.start()).toThrow('already stopped')
    await expect(reconciler.scan()).rejects.toThrow('stopped')
  })

  test('disabled: start does nothing, and scan still reports', async () => {
    const { clock, engine, reconciler } = createHarness({ enabled: false })
    engine.add({ ageMs: 60 * minute })
    reconciler.start()
    await clock.advance(60 * minute)
    expect(engine.requests).toEqual([])
    expect(reconciler.status().state).toBe('disabled')
    expect((await reconciler.scan()).containers.map(({ verdict }) => verdict)).toEqual(['dangling'])
    await reconciler.stop()
  })

  test('labels() makes a container owned; an unknown event name is an error', () => {
    const { reconciler } = createHarness()
    expect(reconciler.labels()).toEqual({ [ownerLabel]: 'agent-7' })
    expect(() => reconciler.on('remove' as never, () => {})).toThrow(ArgumentError)
  })
})
