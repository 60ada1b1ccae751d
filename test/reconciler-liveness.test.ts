import { Writable } from 'node:stream'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { EngineError } from '../src/domain/errors.ts'
import { createHarness, type Harness } from './support/harness.ts'
import { noSelf } from './support/self-tests.ts'

const minute = 60_000

/** All except `tracker-never-true`, which is emitted when a test tracks nothing. */
const degradedOf = (of: Harness['of']) => of('degraded').filter(({ kind }) => kind !== 'tracker-never-true')

describe('eventually-removed', () => {
  test('a leak is removed within 5 s of the end of its creation grace, with a period of 5 minutes', async () => {
    const { clock, engine, reconciler, of } = createHarness()
    const leak = engine.add()
    reconciler.start()
    await clock.advance(59_000)
    expect(engine.count('remove')).toBe(0)
    await clock.advance(6000)
    expect(of('removed').map(({ id }) => id)).toEqual([leak.id])
    await reconciler.stop()
  })

  test('a slow start, during which nothing can be inspected, delays older containers hardly longer than it takes', async () => {
    const { clock, engine, reconciler, of } = createHarness()
    const leak = engine.add({ ageMs: 10 * minute })
    const starting = engine.add({ state: 'created', labels: {} })
    const startedMs = clock.now() + 3000
    engine.fault = (verb, id) =>
      verb === 'inspect' && id === starting.id && clock.now() < startedMs ? 'hang' : undefined
    reconciler.start()
    await clock.advance(8000)
    expect(of('classified').map(({ reason }) => reason)).toContain('namespace-unknown')
    expect(of('removed').map(({ id }) => id)).toEqual([leak.id])
    expect(degradedOf(of)).toEqual([])
    await reconciler.stop()
  })

  test('slow foreign starts, one after the other, delay nothing for ever', async () => {
    const { clock, engine, reconciler, of } = createHarness()
    const leak = engine.add({ ageMs: 10 * minute })
    let startedMs = clock.now() + 3000
    let starting = engine.add({ state: 'created', labels: {} })
    engine.fault = (verb, id) =>
      verb === 'inspect' && id === starting.id && clock.now() < startedMs ? 'hang' : undefined
    reconciler.start()
    for (let starts = 0; starts < 4 && of('removed').length === 0; starts++) {
      await clock.advance(20_000)
      startedMs = clock.now() + 3000
      starting = engine.add({ state: 'created', labels: {} })
    }
    expect(of('removed').map(({ id }) => id)).toEqual([leak.id])
    await reconciler.stop()
  })

  test('a container that can never be inspected is reported, and retried with increasing backoff', async () => {
    const { clock, engine, reconciler, of } = createHarness()
    engine.add({ ageMs: 10 * minute })
    const silent = engine.add({ state: 'created', labels: {} })
    engine.fault = (verb, id) => (verb === 'inspect' && id === silent.id ? 'hang' : undefined)
    reconciler.start()
    await clock.advance(10_000)
    expect(degradedOf(of)).toMatchObject([{ about: 'namespaces', kind: 'timed-out' }])
    await clock.advance(60 * minute)
    expect(engine.count('inspect', silent.id)).toBeLessThan(70)
    expect(of('removed')).toEqual([])
    await reconciler.stop()
  })

  test.each<[string, (harness: Harness) => void]>([
    [
      'the engine adapter',
      ({ engine }) => {
        engine.fault = (verb) =>
          verb === 'list' ? () => Promise.reject(new TypeError('a fault of our own')) : undefined
      },
    ],
    [
      'the judging of a whole listing',
      ({ engine }) => {
        engine.shapeListing = (listing) => ({ ...listing, containers: null as never })
      },
    ],
  ])(
    'the end of a grace is not forgotten when an error in %s ends its scan: the next one comes within a minute or so',
    async (_where, breakIt) => {
      const harness = createHarness({ period: '30m' })
      const { clock, engine, reconciler, of } = harness
      engine.add()
      reconciler.start()
      await clock.advance(50_000)
      const listings = engine.count('list')
      breakIt(harness)
      await clock.advance(5 * minute)
      expect(of('degraded').map(({ about }) => about)).toEqual(['fault'])
      expect(engine.count('list') - listings).toBeLessThanOrEqual(6)
      engine.fault = () => undefined
      engine.shapeListing = (listing) => listing
      await clock.advance(65_000)
      expect(engine.containers.size).toBe(0)
      await reconciler.stop()
    },
  )

  test('what the first scan cannot determine about its own process is asked again by the next', async () => {
    let asked = 0
    const self = async () => {
      if (++asked === 1) throw new Error('no hostname')
      return noSelf
    }
    const { clock, engine, reconciler } = createHarness({}, { self })
    engine.add()
    reconciler.start()
    await clock.advance(3 * minute)
    expect(engine.containers.size).toBe(0)
    expect(asked).toBe(2)
    await reconciler.stop()
  })

  test('a leak that is old when first listed is removed at once', async () => {
    const { clock, engine, reconciler } = createHarness({ period: '2m' })
    reconciler.start()
    await clock.advance(1000)
    engine.add()
    await clock.advance(2 * minute + 5000)
    expect(engine.containers.size).toBe(0)
    await reconciler.stop()
  })

  test('many graces that end one after the other are joined into few scans', async () => {
    const { clock, engine, reconciler } = createHarness({ period: '30m' })
    for (let count = 0; count < 100; count++) engine.add({ ageMs: count * 300 })
    reconciler.start()
    await clock.advance(90_000)
    expect(engine.containers.size).toBe(0)
    expect(engine.count('list')).toBeLessThan(60)
    await reconciler.stop()
  })

  test.each(['created', 'exited'] as const)('%s containers are removed when covered', async (state) => {
    const { clock, engine, reconciler } = createHarness({ states: ['running', state] })
    engine.add({ state })
    reconciler.start()
    await clock.advance(2 * minute)
    expect(engine.containers.size).toBe(0)
    await reconciler.stop()
  })

  test('a container stopped by our own removal is retried although its state is not covered', async () => {
    const { clock, engine, reconciler } = createHarness()
    const container = engine.add()
    let fails = 1
    engine.fault = (verb) => {
      if (verb !== 'remove' || fails-- <= 0) return undefined
      container.state = 'exited'
      return () => Promise.reject(new EngineError('refused', 'device busy', { status: 500 }))
    }
    reconciler.start()
    await clock.advance(2 * minute)
    expect(engine.containers.size).toBe(0)
    await reconciler.stop()
  })

  test('a graceful stop comes first, and the removal follows on a fresh scan', async () => {
    const { clock, engine, reconciler, of } = createHarness({ stopTimeout: '20s' })
    const container = engine.add()
    engine.fault = (verb) =>
      verb === 'stop'
        ? async () => {
            await new Promise<void>((resolve) => clock.setTimeout(resolve, 12_000))
            container.state = 'exited'
          }
        : undefined
    reconciler.start()
    await clock.advance(2 * minute)
    expect(
      engine.requests.filter(({ verb }) => verb === 'stop' || verb === 'remove').map(({ verb }) => verb),
    ).toEqual(['stop', 'remove'])
    expect(of('removed')).toHaveLength(1)
    await reconciler.stop()
  })

  test('a paused container that an old engine refuses to remove is unpaused, checked again, and removed', async () => {
    const { clock, engine, reconciler, tracked } = createHarness()
    const [leak, adopted] = [engine.add({ state: 'paused' }), engine.add({ state: 'paused' })]
    engine.fault = (verb, id) => {
      if (verb === 'unpause' && id === adopted.id) tracked.add(adopted.id)
      return verb === 'remove' && engine.containers.get(id ?? '')?.state === 'paused' ? 'refused' : undefined
    }
    reconciler.start()
    await clock.advance(10 * minute)
    expect(engine.containers.has(leak.id)).toBe(false)
    expect(engine.containers.has(adopted.id)).toBe(true)
    expect(engine.count('remove', adopted.id)).toBe(1)
    await reconciler.stop()
  })

  test('anonymous volumes are removed too unless configured otherwise', async () => {
    for (const removeVolumes of [true, false]) {
      const { clock, engine, reconciler } = createHarness({ removeVolumes })
      engine.add()
      reconciler.start()
      await clock.advance(2 * minute)
      expect(engine.requests.find(({ verb }) => verb === 'remove')?.volumes).toBe(removeVolumes)
      await reconciler.stop()
    }
  })
})

describe('survives-outage', () => {
  test.each(['unavailable', 'hang', 'misconfigured', 'invalid-answer', 'refused'] as const)(
    'an engine that is out (%s) for an hour is waited out, with one line down and one up',
    async (fault) => {
      const { clock, engine, reconciler, of } = createHarness()
      const leaks = [engine.add(), engine.add(), engine.add()]
      reconciler.start()
      await clock.advance(20_000)
      engine.fault = () => fault
      await clock.advance(60 * minute)
      const attempts = engine.count('list')
      expect(attempts).toBeLessThan(120)
      expect(attempts).toBeGreaterThan(15)
      expect(reconciler.status().engine.health).toBe('down')
      engine.fault = () => undefined
      await clock.advance(4 * minute)
      expect(of('removed').map(({ id }) => id)).toEqual(leaks.map(({ id }) => id))
      expect([of('engineDown').length, of('engineUp').length]).toEqual([1, 1])
      expect(reconciler.status().engine.health).toBe('up')
      await reconciler.stop()
    },
  )

  test('an engine that is absent at the start is used later', async () => {
    const { clock, engine, reconciler } = createHarness()
    engine.add()
    engine.fault = () => 'unavailable'
    reconciler.start()
    await clock.advance(30 * minute)
    engine.fault = () => undefined
    await clock.advance(3 * minute)
    expect(engine.containers.size).toBe(0)
    await reconciler.stop()
  })

  test('after an outage one probe comes before the queue, and the queue at its usual pace', async () => {
    const { clock, engine, reconciler } = createHarness({ maxConcurrentRemovals: 2 })
    for (let count = 0; count < 30; count++) engine.add()
    reconciler.start()
    await clock.advance(30_000)
    engine.fault = () => 'hang'
    await clock.advance(10 * minute)
    const before = engine.requests.length
    engine.fault = () => undefined
    await clock.advance(3 * minute)
    expect(
      engine.requests.slice(before).find(({ verb }) => verb !== 'list' && verb !== 'inspect')?.verb,
    ).toBe('remove')
    expect(engine.requests[before]?.verb).toBe('list')
    await clock.advance(2 * minute)
    expect(engine.containers.size).toBe(0)
    await reconciler.stop()
  })

  test('a listing that takes longer than its deadline is given more time each time', async () => {
    const { clock, engine, reconciler } = createHarness()
    engine.add()
    const list = engine.list
    engine.list = async (call) => {
      engine.fault = () => (call.deadlineMs < 25_000 ? 'hang' : undefined)
      await new Promise<void>((resolve) => clock.setTimeout(resolve, call.deadlineMs < 25_000 ? 0 : 25_000))
      return list(call)
    }
    reconciler.start()
    await clock.advance(5 * minute)
    expect(engine.containers.size).toBe(0)
    await reconciler.stop()
  })

  test('removals that fail because the engine went down do not count against the containers', async () => {
    const { clock, engine, reconciler, of } = createHarness({ maxConcurrentRemovals: 5 })
    for (let count = 0; count < 50; count++) engine.add()
    let isOut = false
    engine.fault = (verb) => {
      if (verb === 'remove' && !isOut) isOut = true
      return isOut ? 'unavailable' : undefined
    }
    reconciler.start()
    await clock.advance(10 * minute)
    expect(engine.count('remove')).toBeLessThanOrEqual(5)
    isOut = false
    engine.fault = () => undefined
    await clock.advance(10 * minute)
    expect(engine.containers.size).toBe(0)
    expect(of('removeFailed')).toEqual([])
    expect(of('stuck')).toEqual([])
    expect(of('engineDown')).toHaveLength(1)
    await reconciler.stop()
  })
})

describe('no-head-of-line', () => {
  test('removals that hang release their slots after 5 s, and at most 20 hang at a time', async () => {
    const { clock, engine, reconciler } = createHarness()
    const hanging = new Set(Array.from({ length: 60 }, () => engine.add().id))
    const sound = Array.from({ length: 30 }, () => engine.add().id)
    let out = 0
    let mostOut = 0
    const remove = engine.remove
    engine.fault = (verb, id) => (verb === 'remove' && hanging.has(id as never) ? 'hang' : undefined)
    engine.remove = async (id, call) => {
      mostOut = Math.max(mostOut, ++out)
      try {
        return await remove(id, call)
      } finally {
        out--
      }
    }
    reconciler.start()
    await clock.advance(15 * minute)
    expect(sound.filter((id) => engine.containers.has(id))).toEqual([])
    expect(mostOut).toBeLessThanOrEqual(22)
    expect(engine.containers.size).toBe(60)
    const stopped = reconciler.stop()
    await clock.advance(6000)
    await stopped
  })

  test('a failed removal is retried after 1, 5 and 30 s, then minutes apart, and is reported stuck once', async () => {
    const { clock, engine, reconciler, of } = createHarness()
    engine.add()
    engine.fault = (verb) => (verb === 'remove' ? 'refused' : undefined)
    reconciler.start()
    for (let seconds = 0; seconds < 60 * 60; seconds++) await clock.advance(1000)
    const times = engine.requests.filter(({ verb }) => verb === 'remove').map(({ atMs }) => atMs)
    const gaps = times.slice(1).map((atMs, index) => Math.round((atMs - (times[index] as number)) / 1000))
    expect(
      gaps
        .slice(0, 5)
        .map((gap, index) => gap - [1, 5, 30, 120, 240][index]!)
        .every((late) => late >= 0 && late <= 2),
    ).toBe(true)
    expect(of('stuck')).toHaveLength(1)
    expect(of('degraded').filter(({ about }) => about === 'removal')).toHaveLength(1)
    expect(reconciler.status().stuck).toHaveLength(1)
    engine.fault = () => undefined
    await clock.advance(20 * minute)
    expect(engine.containers.size).toBe(0)
    expect(of('recovered').filter(({ about }) => about === 'removal')).toHaveLength(1)
    await reconciler.stop()
  })
})

describe('truthful', () => {
  test('404, and the next scan omits it: vanished, without a line of error', async () => {
    const { clock, engine, reconciler, of } = createHarness()
    engine.add()
    engine.fault = (verb, id) => {
      if (verb === 'remove') engine.containers.delete(id as string)
      return undefined
    }
    reconciler.start()
    await clock.advance(2 * minute)
    expect(of('vanished')).toHaveLength(1)
    expect([...of('removed'), ...of('removeFailed'), ...degradedOf(of)]).toEqual([])
    await reconciler.stop()
  })

  test('404 although it is still listed is a failure, and ends as stuck', async () => {
    const { clock, engine, reconciler, of } = createHarness()
    engine.add()
    engine.fault = (verb) => (verb === 'remove' ? 'gone' : undefined)
    reconciler.start()
    await clock.advance(10 * minute)
    expect([...of('removed'), ...of('vanished')]).toEqual([])
    expect(of('stuck')).toHaveLength(1)
    await reconciler.stop()
  })

  test('409, a removal is already in progress: no error, and vanished when it is done', async () => {
    const { clock, engine, reconciler, of } = createHarness()
    const { id } = engine.add()
    engine.fault = (verb) => (verb === 'remove' ? 'in-progress' : undefined)
    reconciler.start()
    await clock.advance(80_000)
    engine.containers.delete(id)
    await clock.advance(5 * minute)
    expect(of('vanished')).toHaveLength(1)
    expect([...of('removed'), ...of('removeFailed'), ...of('stuck'), ...degradedOf(of)]).toEqual([])
    await reconciler.stop()
  })

  test('a DELETE that timed out is settled by a scan: removed, confirmed by the scan', async () => {
    const { clock, engine, reconciler, of } = createHarness()
    engine.add()
    engine.fault = (verb, id) => {
      if (verb !== 'remove') return undefined
      clock.setTimeout(() => engine.containers.delete(id as string), 40_000)
      return 'hang'
    }
    reconciler.start()
    await clock.advance(3 * minute)
    expect(of('removed').map(({ confirmedBy }) => confirmedBy)).toEqual(['scan'])
    expect(engine.count('remove')).toBeLessThanOrEqual(3)
    await reconciler.stop()
  })

  test('a refused connection sent nothing: a container gone afterwards has vanished', async () => {
    const { clock, engine, reconciler, of } = createHarness()
    const { id } = engine.add()
    engine.isUnreachable = true
    reconciler.start()
    await clock.advance(70_000)
    engine.containers.delete(id)
    await clock.advance(3 * minute)
    expect(engine.count('remove')).toBe(0)
    expect(of('removed')).toEqual([])
    expect(of('vanished')).toHaveLength(1)
    await reconciler.stop()
  })

  test.each(['before the listing arrives', 'while the tracker is asked'])(
    'a listing written before a removal was confirmed (%s) brings nothing back',
    async (when) => {
      let holdAnswers: Promise<void> | undefined
      const harness = createHarness({
        creationGrace: '1s',
        allowShortGrace: true,
        tracked: { has: async () => (await holdAnswers, false) },
      })
      const { clock, engine, reconciler, of } = harness
      engine.add()
      let confirm = () => {}
      engine.fault = (verb, id) =>
        verb === 'remove'
          ? () =>
              new Promise<void>(
                (resolve) => (confirm = () => (engine.containers.delete(id as string), resolve())),
              )
          : undefined
      reconciler.start()
      await clock.advance(3000)
      expect(engine.count('remove')).toBe(1)
      expect(of('discovered')).toHaveLength(1)
      let letArrive = () => {}
      const list = engine.list
      engine.list = async (call) => {
        const listing = await list(call)
        if (when === 'before the listing arrives') await new Promise<void>((resolve) => (letArrive = resolve))
        else holdAnswers = new Promise((resolve) => (letArrive = resolve))
        return listing
      }
      const scanning = reconciler.scan()
      await clock.advance(100)
      engine.list = list
      confirm()
      await clock.advance(100)
      expect(of('removed')).toHaveLength(1)
      letArrive()
      await clock.advance(10_000)
      expect((await scanning).containers).toEqual([])
      expect(of('discovered')).toHaveLength(1)
      expect(of('vanished')).toEqual([])
      await reconciler.stop()
    },
  )

  test('the agent removes a container at the same time: no line of error', async () => {
    const { clock, engine, reconciler, of } = createHarness()
    const { id } = engine.add()
    reconciler.start()
    await clock.advance(30_000)
    engine.containers.delete(id)
    await clock.advance(10 * minute)
    expect(of('vanished')).toHaveLength(1)
    expect([...of('lost'), ...of('degraded'), ...of('removeFailed')]).toEqual([])
    await reconciler.stop()
  })
})

describe('lost', () => {
  test('a tracked container that has exited is reported once, and again if it ran in between', async () => {
    const { clock, engine, tracked, reconciler, of } = createHarness()
    const container = engine.add()
    tracked.add(container.id)
    reconciler.start()
    await clock.advance(minute)
    container.state = 'exited'
    await clock.advance(30 * minute)
    expect(of('lost').map(({ id, how }) => [id, how])).toEqual([[container.id, 'exited']])
    container.state = 'running'
    await clock.advance(10 * minute)
    container.state = 'exited'
    await clock.advance(10 * minute)
    expect(of('lost')).toHaveLength(2)
    await reconciler.stop()
  })

  test('a tracked container that is gone is reported once', async () => {
    const { clock, engine, tracked, reconciler, of } = createHarness()
    const { id } = engine.add()
    tracked.add(id)
    reconciler.start()
    await clock.advance(minute)
    engine.containers.delete(id)
    await clock.advance(30 * minute)
    expect(of('lost').map((event) => [event.id, event.how])).toEqual([[id, 'vanished']])
    expect(reconciler.status().containers.total).toBe(0)
    await reconciler.stop()
  })
})

/** A harness whose log lines are kept. */
function createLoggedHarness(
  options: Parameters<typeof createHarness>[0] = {},
): Harness & { lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = []
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>)
      done()
    },
  })
  return { ...createHarness({ ...options, logger: pino({ level: 'info' }, stream) }), lines }
}

describe('one-line-per-change', () => {
  test('an outage with 500 containers is one line down and one line up', async () => {
    const { clock, engine, reconciler, lines } = createLoggedHarness({
      maxConcurrentRemovals: 20,
      maxRemovalsPerScan: 1000,
    })
    for (let count = 0; count < 500; count++) engine.add()
    let isOut = false
    engine.fault = (verb) => {
      if (verb === 'remove') isOut = true
      return isOut ? 'unavailable' : undefined
    }
    reconciler.start()
    await clock.advance(80_000)
    engine.fault = (verb) => (verb === 'remove' ? 'hang' : undefined)
    await clock.advance(20_000)
    expect(lines.map(({ event, kind }) => kind ?? event)).toEqual([
      'started',
      'tracker-never-true',
      'unavailable',
      'engineUp',
    ])
    await reconciler.stop()
  })

  test('a day of outage costs fewer than 40 lines', async () => {
    const { clock, engine, reconciler, lines } = createLoggedHarness()
    engine.add()
    reconciler.start()
    await clock.advance(1000)
    engine.fault = () => 'unavailable'
    await clock.advance(24 * 60 * minute)
    engine.fault = () => undefined
    await clock.advance(3 * minute)
    expect(lines.length).toBeLessThan(40)
    expect(lines.filter(({ event }) => event === 'engineDown')).toHaveLength(1)
    const up = lines.find(({ event }) => event === 'engineUp')
    expect(up?.['downForMs']).toBeGreaterThan(24 * 60 * minute - 2 * minute)
    expect(up?.['failures']).toBeGreaterThan(1000)
    await reconciler.stop()
  })

  test('an image that cannot be inspected for an hour is one streak', async () => {
    const { clock, engine, reconciler, lines } = createLoggedHarness({ period: '10s' })
    engine.images.set('sha256:broken', {})
    engine.add({ imageId: 'sha256:broken' })
    engine.fault = (verb) => (verb === 'imageLabels' ? 'refused' : undefined)
    const count = (name: string) => lines.filter(({ event }) => event === name).length
    reconciler.start()
    await clock.advance(60 * minute)
    expect([count('degraded'), count('recovered')]).toEqual([1, 0])
    expect(count('stillDegraded')).toBeLessThan(7)
    engine.fault = () => undefined
    await clock.advance(2 * minute)
    // and that the tracker has never said that it tracks anything
    expect([count('degraded'), count('recovered')]).toEqual([2, 1])
    await reconciler.stop()
  })

  test('20 removals that keep failing cost one line for the failure and one each for being stuck', async () => {
    const { clock, engine, reconciler, lines } = createLoggedHarness()
    for (let count = 0; count < 20; count++) engine.add()
    engine.fault = (verb) => (verb === 'remove' ? 'refused' : undefined)
    reconciler.start()
    await clock.advance(60 * minute)
    expect(lines.filter(({ event }) => event === 'degraded').map(({ about }) => about)).toEqual([
      'tracking',
      'removal',
    ])
    expect(lines.filter(({ event }) => event === 'stuck')).toHaveLength(20)
    expect(lines.length).toBeLessThan(30)
    await reconciler.stop()
  })
})

describe('contained faults', () => {
  test('an internal error in one container actor is reported, and the others and the actor itself continue', async () => {
    const { clock, engine, reconciler, of } = createHarness()
    const [faulty, sound] = [engine.add(), engine.add()]
    let isFaulty = true
    engine.fault = (verb, id) =>
      verb === 'remove' && id === faulty.id && isFaulty
        ? () => Promise.reject(new TypeError('a bug'))
        : undefined
    reconciler.start()
    await clock.advance(70_000)
    expect(engine.containers.has(sound.id)).toBe(false)
    expect(degradedOf(of).map(({ about }) => about)).toEqual(['fault'])
    isFaulty = false
    await clock.advance(10 * minute)
    expect(engine.containers.size).toBe(0)
    await reconciler.stop()
  })

  test('a listener that throws stops nothing', async () => {
    const { clock, engine, reconciler, of } = createHarness()
    reconciler.on('discovered', () => {
      throw new Error('boom')
    })
    engine.add()
    reconciler.start()
    await clock.advance(2 * minute)
    expect(of('removed')).toHaveLength(1)
    await reconciler.stop()
  })
})

describe('scans', () => {
  test('scan() begins after the call, also while another scan is under way', async () => {
    const { clock, engine, reconciler } = createHarness()
    let answer = () => {}
    const list = engine.list
    engine.list = async (call) => {
      const listing = await list(call)
      await new Promise<void>((resolve) => (answer = resolve))
      return listing
    }
    reconciler.start()
    await clock.advance(100)
    engine.list = list
    const scanning = reconciler.scan()
    const { id } = engine.add()
    answer()
    await clock.advance(1000)
    expect((await scanning).containers.map((container) => container.id)).toEqual([id])
    await reconciler.stop()
  })

  test('scan() rejects with the engine error, and works as a probe while the engine is down', async () => {
    const { clock, engine, reconciler } = createHarness()
    engine.fault = () => 'unavailable'
    reconciler.start()
    await clock.advance(10 * minute)
    const failing = reconciler.scan()
    const expectation = expect(failing).rejects.toMatchObject({
      code: 'ERR_FLOTSAM_ENGINE',
      kind: 'unavailable',
    })
    await clock.advance(100)
    await expectation
    engine.fault = () => undefined
    const scanning = reconciler.scan()
    await clock.advance(100)
    expect((await scanning).containers).toEqual([])
    expect(reconciler.status().engine.health).toBe('up')
    await reconciler.stop()
  })

  test('stop() leaves no scan() waiting', async () => {
    const { clock, engine, reconciler } = createHarness()
    engine.fault = () => 'hang'
    reconciler.start()
    await clock.advance(100)
    const scanning = expect(reconciler.scan()).rejects.toMatchObject({ code: 'ERR_FLOTSAM_LIFECYCLE' })
    const stopped = reconciler.stop()
    await clock.advance(6000)
    await stopped
    await scanning
  })

  test('the process is kept alive while an answer is awaited, and at no other time', async () => {
    const harness = createHarness()
    const { clock, engine, reconciler } = harness
    reconciler.start()
    await clock.advance(minute)
    expect(harness.holds).toBe(0)
    engine.fault = () => 'hang'
    const answers = Promise.allSettled([reconciler.scan(), reconciler.explain('anything')])
    await clock.advance(100)
    expect(harness.holds).toBe(2)
    engine.fault = () => undefined
    await clock.advance(20_000)
    await answers
    expect(harness.holds).toBe(0)
    const stopped = reconciler.stop()
    expect(harness.holds).toBe(1)
    await stopped
    expect(harness.holds).toBe(0)
  })

  test('an idle reconciler scans once a period, and holds three timers', async () => {
    const { clock, engine, tracked, reconciler } = createHarness()
    for (let count = 0; count < 200; count++) tracked.add(engine.add().id)
    reconciler.start()
    await clock.advance(60 * minute)
    expect(engine.count('list')).toBe(12 + 1)
    await clock.advance(minute)
    expect(clock.pendingTimers).toBe(3)
    await reconciler.stop()
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('eventually-removed: an unknown is asked again soon, however long the period', () => {
  const minuteMs = 60_000

  test('a tracker that fails at the scan', async () => {
    let isBroken = true
    const tracked = {
      has: () => {
        if (isBroken) throw new Error('the list is being rebuilt')
        return false
      },
    }
    const { clock, engine, of, reconciler } = createHarness({ tracked, period: '24h' })
    const leak = engine.add({ ageMs: 60 * minuteMs })
    reconciler.start()
    await clock.advance(30_000)
    isBroken = false
    await clock.advance(minuteMs)
    expect(of('removed').map(({ id }) => id)).toEqual([leak.id])
    await reconciler.stop()
  })

  test('a tracker that fails at the last question', async () => {
    let questions = 0
    const tracked = {
      has: () => {
        if (++questions === 2) throw new Error('the list is being rebuilt')
        return false
      },
    }
    const { clock, engine, of, reconciler } = createHarness({ tracked, period: '24h' })
    const leak = engine.add({ ageMs: 60 * minuteMs })
    reconciler.start()
    await clock.advance(1000)
    expect(of('removed')).toEqual([])
    await clock.advance(5000)
    expect(of('removed').map(({ id }) => id)).toEqual([leak.id])
    await reconciler.stop()
  })

  test('an image that could not be inspected', async () => {
    const { clock, engine, of, reconciler } = createHarness({ period: '24h' })
    const leak = engine.add({ ageMs: 60 * minuteMs })
    engine.fault = (verb) => (verb === 'imageLabels' ? 'unavailable' : undefined)
    reconciler.start()
    await clock.advance(30_000)
    engine.fault = () => undefined
    await clock.advance(2 * minuteMs)
    expect(of('removed').map(({ id }) => id)).toEqual([leak.id])
    await reconciler.stop()
  })
})

test('eventually-removed: a container ended by our graceful stop is removed even if a listing omitted it just then', async () => {
  const { clock, engine, of, reconciler } = createHarness({ stopTimeout: '10s' })
  const leak = engine.add({ ageMs: 3_600_000 })
  let isHidden = false
  let isBusy = true
  engine.shapeListing = (listing) => (isHidden ? { ...listing, containers: [] } : listing)
  engine.fault = (verb) => {
    // The engine ends it, and gives no answer to its removal for a while.
    return verb === 'remove' && isBusy ? 'timed-out' : undefined
  }
  reconciler.start()
  await clock.advance(1000)
  expect(leak.state).toBe('exited')
  isHidden = true
  await Promise.all([reconciler.scan(), clock.advance(60_000)])
  expect(of('vanished').concat(of('removed') as never)).toHaveLength(1)
  isHidden = false
  isBusy = false
  await clock.advance(600_000)
  expect(engine.containers.size).toBe(0)
  await reconciler.stop()
})

test('eventually-removed: listings that show a container only every second time do not restart its grace', async () => {
  const { clock, engine, of, reconciler } = createHarness({ creationGrace: '5m' })
  reconciler.start()
  await clock.advance(1000)
  const leak = engine.add({ ageMs: 600_000 })
  let scans = 0
  engine.shapeListing = (listing) => (++scans % 2 === 0 ? { ...listing, containers: [] } : listing)
  await clock.advance(3_600_000)
  expect(of('removed').map(({ id }) => id)).toEqual([leak.id])
  expect(engine.containers.size).toBe(0)
  await reconciler.stop()
})
