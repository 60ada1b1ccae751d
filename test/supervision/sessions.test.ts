import { describe, expect, test } from 'vitest'
import { ownerLabel } from '../support/fake-engine.ts'
import { createHarness, type Harness } from '../support/harness.ts'
import { memoryLeases, type MemoryLeases, sessionId, sessionIn } from '../support/memory-leases.ts'

const minute = 60_000
const hour = 60 * minute
const own = sessionId(1)
const [other, third] = [sessionId(2), sessionId(3)]

interface SessionHarness extends Harness {
  readonly leases: MemoryLeases
  addOf(session: string, container?: Parameters<Harness['engine']['add']>[0]): string
}

/** A reconciler with a session; the period is short, so that the test decides when a lease is seen to end. */
function createSessionHarness(options: Parameters<typeof createHarness>[0] = {}): SessionHarness {
  const leases = memoryLeases(other, third)
  const session = sessionIn(leases, own)
  const owner = { label: ownerLabel, session }
  const harness = createHarness({ owner, period: '10s', creationGrace: '10s', ...options } as never)
  return {
    ...harness,
    leases,
    addOf: (value, container = {}) =>
      harness.engine.add({ ageMs: hour, labels: { [ownerLabel]: value }, ...container }).id,
  }
}

const changing = new Set(['remove', 'stop', 'unpause'])
const changesIn = ({ engine }: Harness) =>
  engine.requests.filter(({ verb }) => changing.has(verb)).map(({ id }) => id)

async function stop({ clock, reconciler }: Harness): Promise<void> {
  const stopped = reconciler.stop()
  await clock.advance(6000)
  await stopped
}

async function verdictOf({ clock, reconciler }: Harness, id: string) {
  const scanning = reconciler.scan()
  await clock.advance(6000)
  const { containers } = await scanning
  const found = containers.find((container) => container.id === id)
  return found && `${found.verdict}: ${found.reason}`
}

describe('live-session: whose containers are removed, and when', () => {
  test('own containers are judged by the tracker alone, and their own lease is no one’s concern', async () => {
    const harness = createSessionHarness()
    const { addOf, clock, engine, leases, reconciler, tracked } = harness
    const kept = addOf(own)
    addOf(own)
    tracked.add(kept)
    leases.held.delete(own)
    reconciler.start()
    await clock.advance(minute)
    expect([...engine.containers.keys()]).toEqual([kept])
    expect(leases.asked).toEqual([])
    await stop(harness)
  })

  test('a container of a live session is spared for as long as it lives', async () => {
    const harness = createSessionHarness()
    const { addOf, clock, reconciler } = harness
    const id = addOf(other)
    reconciler.start()
    await clock.advance(hour)
    expect(changesIn(harness)).toEqual([])
    expect(await verdictOf(harness, id)).toBe('spared: session-alive')
    await stop(harness)
  })

  test('one of an ended session is removed a session grace after its lease was seen to be gone, by a second reading', async () => {
    const harness = createSessionHarness()
    const { addOf, clock, engine, leases, reconciler } = harness
    const id = addOf(other)
    reconciler.start()
    await clock.advance(30_000)
    leases.held.delete(other)
    expect(await verdictOf(harness, id)).toBe('graced: session-grace')
    const readings = leases.asked.length
    await clock.advance(minute - 8000)
    expect(engine.containers.size).toBe(1)
    await clock.advance(8000)
    expect(changesIn(harness)).toEqual([id])
    expect(leases.asked.length).toBeGreaterThan(readings + 1)
    expect(harness.of('removed').map((event) => event.id)).toEqual([id])
    await stop(harness)
  })

  test('of a session that ended before this process started as well', async () => {
    const harness = createSessionHarness()
    const { addOf, clock, engine, reconciler } = harness
    addOf(sessionId(99))
    reconciler.start()
    await clock.advance(minute - 1000)
    expect(engine.containers.size).toBe(1)
    await clock.advance(10_000)
    expect(engine.containers.size).toBe(0)
    await stop(harness)
  })

  test.each(['agent-7', '', sessionId(4).toUpperCase(), `${sessionId(4)}0`])(
    'a value that is no session’s id (%j) is spared, and no store is asked about it',
    async (value) => {
      const harness = createSessionHarness()
      const { addOf, clock, leases, reconciler } = harness
      const id = addOf(value)
      reconciler.start()
      await clock.advance(hour)
      expect(changesIn(harness)).toEqual([])
      expect(leases.asked).toEqual([])
      expect(await verdictOf(harness, id)).toBe('spared: session-unknown')
      expect(harness.of('degraded')).toEqual([])
      await stop(harness)
    },
  )

  test.each<[string, MemoryLeases['disturbance'], string]>([
    ['answers undefined', async () => undefined, 'isHeld(id) answered undefined'],
    ['rejects', async () => Promise.reject(new Error('no route to the store')), 'no route to the store'],
    [
      'throws',
      () => {
        throw new Error('no such method')
      },
      'no such method',
    ],
    ['hangs', () => new Promise(() => {}), 'isHeld(id) gave no answer within 2000 ms'],
    [
      'answers with something else',
      async () => 'no' as never,
      'isHeld(id) answered string instead of a boolean',
    ],
  ])(
    'where the store %s, it is spared, that is reported once, and its end as well',
    async (_, disturbance, message) => {
      const harness = createSessionHarness()
      const { addOf, clock, engine, leases, reconciler, of } = harness
      const id = addOf(other)
      leases.held.delete(other)
      leases.disturbance = disturbance
      reconciler.start()
      await clock.advance(20 * minute)
      expect(changesIn(harness)).toEqual([])
      expect(await verdictOf(harness, id)).toBe('spared: session-unknown')
      expect(of('degraded').map(({ about, message: why }) => [about, why])).toEqual([['sessions', message]])
      leases.disturbance = undefined
      await clock.advance(2 * minute)
      expect(of('recovered').map(({ about }) => about)).toEqual(['sessions'])
      expect(engine.containers.size).toBe(0)
      await stop(harness)
    },
  )

  test.each<[string, MemoryLeases['disturbance'] | 'alive']>([
    ['alive', 'alive'],
    ['unknown', async () => undefined],
  ])('a reading of %s within the grace begins it again', async (_, between) => {
    const harness = createSessionHarness()
    const { addOf, clock, engine, leases, reconciler } = harness
    addOf(other)
    reconciler.start()
    await clock.advance(30_000)
    leases.held.delete(other)
    await clock.advance(40_000)
    if (between === 'alive') leases.held.add(other)
    else leases.disturbance = between
    await clock.advance(11_000)
    leases.held.delete(other)
    leases.disturbance = undefined
    await clock.advance(59_000)
    expect(engine.containers.size).toBe(1)
    await clock.advance(22_000)
    expect(engine.containers.size).toBe(0)
    await stop(harness)
  })

  test('awake-time: an outage does not count as session grace', async () => {
    const harness = createSessionHarness({ recoveryGrace: '10s' })
    const { addOf, clock, engine, leases, reconciler } = harness
    addOf(other)
    reconciler.start()
    await clock.advance(30_000)
    leases.held.delete(other)
    await clock.advance(15_000)
    engine.fault = () => 'unavailable'
    await clock.advance(10 * minute)
    engine.fault = () => undefined
    await clock.advance(40_000)
    expect(engine.containers.size).toBe(1)
    await clock.advance(2 * minute)
    expect(engine.containers.size).toBe(0)
    await stop(harness)
  })

  test('a container of another session that the agent tracks is tracked, whatever its session does', async () => {
    const harness = createSessionHarness()
    const { addOf, clock, leases, reconciler, tracked } = harness
    const id = addOf(other)
    tracked.add(id)
    leases.held.delete(other)
    reconciler.start()
    await clock.advance(hour)
    expect(changesIn(harness)).toEqual([])
    expect(await verdictOf(harness, id)).toBe('tracked: tracked')
    await stop(harness)
  })

  test('unknown-is-spared: so it is while the tracker does not answer', async () => {
    const harness = createSessionHarness({ tracked: { has: () => undefined } })
    const { addOf, clock, leases, reconciler } = harness
    const id = addOf(other)
    leases.held.delete(other)
    reconciler.start()
    await clock.advance(hour)
    expect(changesIn(harness)).toEqual([])
    expect(await verdictOf(harness, id)).toBe('spared: tracker-unknown')
    await stop(harness)
  })

  test('new-again: its other graces count as well', async () => {
    const harness = createSessionHarness({ creationGrace: '10m', restoreGrace: '0s' })
    const { addOf, clock, engine, leases, reconciler } = harness
    addOf(other, { ageMs: 0 })
    leases.held.delete(other)
    reconciler.start()
    await clock.advance(9 * minute)
    expect(engine.containers.size).toBe(1)
    await clock.advance(2 * minute)
    expect(engine.containers.size).toBe(0)
    await stop(harness)
  })

  test('protected: a guest of a live session keeps the holder of an ended one', async () => {
    const harness = createSessionHarness()
    const { addOf, clock, leases, reconciler } = harness
    const holder = addOf(other)
    addOf(third, { networkMode: `container:${holder}`, state: 'exited' })
    leases.held.delete(other)
    reconciler.start()
    await clock.advance(hour)
    expect(changesIn(harness)).toEqual([])
    expect(await verdictOf(harness, holder)).toBe('spared: namespace-shared')
    await stop(harness)
  })

  test('owned-only: a container of another label is not judged, whatever its value', async () => {
    const harness = createSessionHarness()
    const { clock, engine, reconciler } = harness
    engine.add({ ageMs: hour, labels: { 'com.example.other': sessionId(99) } })
    reconciler.start()
    await clock.advance(10 * minute)
    expect(changesIn(harness)).toEqual([])
    await stop(harness)
  })
})

describe('live-session: the last question', () => {
  /** Up to the moment in which the connection for the removal stands; `decide` lets the request be decided. */
  async function atTheRequest(disturb: (leases: MemoryLeases) => void) {
    const harness = createSessionHarness()
    const { addOf, clock, engine, leases, reconciler } = harness
    const id = addOf(other)
    const { remove } = engine
    let connect = () => {}
    engine.remove = async (of, call) => {
      await new Promise<void>((resolve) => (connect = resolve))
      return remove(of, call)
    }
    leases.held.delete(other)
    reconciler.start()
    await clock.advance(63_000)
    disturb(leases)
    connect()
    await clock.advance(2500)
    return { harness, id }
  }

  test('the lease is asked about again right before the request', async () => {
    let before = 0
    const { harness, id } = await atTheRequest((leases) => (before = leases.asked.length))
    expect(changesIn(harness)).toEqual([id])
    expect(harness.leases.asked.slice(before)).toContain(other)
    await stop(harness)
  })

  test.each<[string, (leases: MemoryLeases) => unknown, string]>([
    ['a session that is alive again', (leases) => leases.held.add(other), 'session-alive'],
    ['no answer', (leases) => (leases.disturbance = () => new Promise(() => {})), 'session-unknown'],
    [
      'a failure',
      (leases) => (leases.disturbance = async () => Promise.reject(new Error('x'))),
      'session-unknown',
    ],
  ])('%s cancels it', async (_, disturb, reason) => {
    const { harness } = await atTheRequest(disturb)
    expect(changesIn(harness)).toEqual([])
    expect(harness.of('spared').map((event) => event.reason)).toContain(reason)
    await stop(harness)
  })
})

describe('eventually-removed: a session that ends between two scans', () => {
  test('is noticed within seconds, however long the period is', async () => {
    const harness = createSessionHarness({ period: '1h' })
    const { addOf, clock, engine, leases, reconciler } = harness
    addOf(other)
    addOf(third)
    reconciler.start()
    await clock.advance(10 * minute)
    leases.held.delete(other)
    const { count } = engine
    const listings = count('list')
    await clock.advance(minute + 5000)
    expect(engine.containers.size).toBe(1)
    expect(count('list') - listings).toBeLessThanOrEqual(4)
    await stop(harness)
  })

  test('a stopped process, which gives no answer, delays no removal', async () => {
    const harness = createSessionHarness({ period: '1h' })
    const { addOf, clock, engine, leases, reconciler } = harness
    addOf(other)
    const stopped = addOf(third)
    reconciler.start()
    await clock.advance(10 * minute)
    leases.held.delete(other)
    leases.disturbance = async (id) => (id === third ? new Promise(() => {}) : leases.held.has(id))
    await clock.advance(minute + 8000)
    expect([...engine.containers.keys()]).toEqual([stopped])
    await stop(harness)
  })
})

describe('live-session: a store that forgets', () => {
  test('all sessions end at once: reported, and nothing is removed for another session grace', async () => {
    const harness = createSessionHarness()
    const { addOf, clock, engine, leases, reconciler, of } = harness
    addOf(other)
    addOf(third)
    reconciler.start()
    await clock.advance(30_000)
    leases.held.clear()
    await clock.advance(110_000)
    expect(changesIn(harness)).toEqual([])
    expect(of('degraded').map(({ about, kind }) => [about, kind])).toEqual([['sessions', 'sessions-ended']])
    await clock.advance(40_000)
    expect(engine.containers.size).toBe(0)
    expect(of('recovered').map(({ about }) => about)).toEqual(['sessions'])
    await stop(harness)
  })

  test('they come back within that time: nothing is removed', async () => {
    const harness = createSessionHarness()
    const { addOf, clock, engine, leases, reconciler } = harness
    addOf(other)
    addOf(third)
    reconciler.start()
    await clock.advance(30_000)
    leases.held.clear()
    await clock.advance(100_000)
    leases.held.add(other)
    await clock.advance(30_000)
    leases.held.add(third)
    await clock.advance(hour)
    expect(engine.containers.size).toBe(2)
    await stop(harness)
  })
})

describe('live-session: the store costs a scan little', () => {
  test('each session is asked about once in a scan, however many containers it has', async () => {
    const harness = createSessionHarness()
    const { addOf, clock, leases, reconciler } = harness
    for (let made = 0; made < 10; made++) addOf(made % 2 ? other : third)
    await clock.advance(1)
    const scanning = reconciler.scan()
    await clock.advance(1000)
    await scanning
    expect(leases.asked.toSorted()).toEqual([other, third])
  })

  test('every-call-ends: a store that hangs delays a scan by one deadline, and own containers go', async () => {
    const harness = createSessionHarness()
    const { addOf, clock, engine, leases, reconciler } = harness
    leases.disturbance = () => new Promise(() => {})
    const kept = Array.from({ length: 100 }, (_, made) => addOf(sessionId(1000 + made)))
    addOf(own)
    reconciler.start()
    await clock.advance(20_000)
    expect([...engine.containers.keys()]).toEqual(kept)
    expect(Math.max(...harness.of('scanned').map(({ durationMs }) => durationMs))).toBe(2000)
    await stop(harness)
  })

  test('no image is inspected for a container of a live session', async () => {
    const harness = createSessionHarness()
    const { addOf, clock, engine, reconciler } = harness
    addOf(other)
    reconciler.start()
    await clock.advance(minute)
    expect(engine.count('imageLabels')).toBe(0)
    await stop(harness)
  })
})

describe('live-session: a process without a session', () => {
  test('leases alone: every value is another session’s, and labels() says what is missing', async () => {
    const leases = memoryLeases(other)
    const harness = createHarness({
      owner: { label: ownerLabel, leases },
      period: '10s',
      creationGrace: '10s',
    } as never)
    const { clock, engine, reconciler } = harness
    engine.add({ ageMs: hour, labels: { [ownerLabel]: other } })
    const ended = engine.add({ ageMs: hour, labels: { [ownerLabel]: third } })
    expect(() => reconciler.labels()).toThrow(
      `option owner: { label: "${ownerLabel}", leases: an object } is not allowed; labels() needs a session, whose id is the value; leases alone have none`,
    )
    reconciler.start()
    // One session is alive, and its reconciler comes first.
    await clock.advance(75_000 - 5000)
    expect(changesIn(harness)).toEqual([])
    await clock.advance(10_000)
    expect(changesIn(harness)).toEqual([ended.id])
    await stop(harness)
  })

  test('labels() of a session give its id', () => {
    expect(createSessionHarness().reconciler.labels()).toEqual({ [ownerLabel]: own })
  })
})

describe('live-session: without a history', () => {
  test.each([
    ['1m', 'graced: session-grace'],
    ['0s', 'dangling: untracked'],
  ])(
    'one reading is not enough, unless the session grace is zero (%s): %s',
    async (sessionGrace, verdict) => {
      const harness = createSessionHarness({ sessionGrace } as never)
      const id = harness.addOf(sessionId(99))
      expect(await verdictOf(harness, id)).toBe(verdict)
      const explaining = harness.reconciler.explain(id)
      await harness.clock.advance(2500)
      const { reason, rules, verdict: name } = await explaining
      expect(`${name}: ${reason}`).toBe(verdict)
      expect(rules.find(({ rule }) => rule === 'live-session')?.seen).toBe(
        'its session has ended: the lease is gone',
      )
    },
  )

  test('explain of a running reconciler counts from its own first reading, and changes nothing', async () => {
    const harness = createSessionHarness()
    const { addOf, clock, reconciler } = harness
    const id = addOf(sessionId(99))
    reconciler.start()
    await clock.advance(30_000)
    const { changesInMs, reason } = await reconciler.explain(id)
    expect([reason, changesInMs]).toEqual(['session-grace', 30_000])
    await stop(harness)
  })
})

test('status() counts the other sessions by the last scan', async () => {
  const harness = createSessionHarness()
  const { addOf, clock, reconciler } = harness
  addOf(own)
  addOf(other)
  addOf(sessionId(99))
  addOf('agent-7')
  reconciler.start()
  await clock.advance(5000)
  expect(reconciler.status().sessions).toEqual({ alive: 1, ended: 1, unknown: 0 })
  await stop(harness)
  expect(createHarness().reconciler.status().sessions).toBeNull()
})
