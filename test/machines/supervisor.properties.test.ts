import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { initialTransition } from 'xstate'
import { getShortestPaths } from 'xstate/graph'
import { supervisorMachine } from '../../machines/index.ts'
import { createHarness } from '../support/harness.ts'
import {
  engineFailed,
  leavesOfState,
  listed,
  policy,
  runningSupervisor,
  scanEnds,
  scanJudged,
  streamEnds,
  type SupervisorInputEvent,
} from './support/supervisor-chart.ts'

const secondMs = 1000
const minuteMs = 60 * secondMs

/** A model around a running chart: a clock, an engine that answers scans, and the true state, independent of the chart. */
function world() {
  const supervisor = runningSupervisor()
  const { clock, count, send } = supervisor
  let scan = 0
  let beganMs = 0
  let scansBegun = 0
  /** When the graces count on that is when nothing may be removed before. */
  let recoveryEndsMs = -Infinity
  let isEngineDown = false
  /** The last whole listing: when it came back, and whether it was judged and nothing happened since. */
  let listedMs = -Infinity
  let isJudged = false
  let isDoubted = false
  const breaches: string[] = []
  const noteScan = () => {
    if (count('scan') === scansBegun) return
    if (count('scan') > scansBegun + 1) breaches.push('two scans at once')
    scansBegun = count('scan')
    beganMs = clock.now()
  }
  noteScan()
  const mayRemove = () =>
    isJudged &&
    !isDoubted &&
    !isEngineDown &&
    clock.now() - listedMs <= 5000 &&
    beganOfListingMs >= recoveryEndsMs
  let beganOfListingMs = -Infinity
  let admits = 0
  const check = () => {
    noteScan()
    const isOpen = supervisor.actor.getSnapshot().hasTag('mayRemove')
    if (isOpen && !mayRemove())
      breaches.push(`may remove in ${supervisor.leaves.join(' ')} at ${clock.now()}`)
    if (count('admit') > admits && !isOpen) breaches.push('admits what may not be removed')
    admits = count('admit')
  }
  const does = {
    pass: (ms: number) => {
      for (let passed = 0; passed < ms; passed += 250) {
        clock.increment(Math.min(250, ms - passed))
        check()
      }
    },
    list: (stoodStill: boolean) => {
      if (!supervisor.leaves.includes('scan')) return
      const nowMs = clock.now()
      if (stoodStill || isEngineDown) recoveryEndsMs = nowMs + policy.recoveryGraceMs
      isEngineDown = false
      isJudged = false
      isDoubted = false
      listedMs = nowMs
      beganOfListingMs = beganMs
      send(listed({ scan: ++scan, atMs: nowMs, awakeMs: nowMs, stoodStill }))
    },
    judge: () => {
      if (!supervisor.leaves.includes('scan') || beganOfListingMs !== beganMs || isJudged) return
      isJudged = true
      send(scanJudged({ atMs: clock.now(), beganAwakeMs: beganMs }))
    },
    fail: () => {
      if (!supervisor.leaves.includes('scan')) return
      isEngineDown = true
      isJudged = false
      send(engineFailed(clock.now()))
    },
    endScan: (fault: string | undefined) => {
      if (!supervisor.leaves.includes('scan')) return
      const nowMs = clock.now()
      send(scanEnds({ endedMs: nowMs, tookMs: nowMs - beganMs, fault }))
    },
    stall: () => {
      recoveryEndsMs = clock.now() + policy.recoveryGraceMs
      isDoubted = true
      send({ type: 'process.stalled', awakeMs: clock.now() })
    },
    doubt: () => {
      isDoubted = true
      send({ type: 'verdicts.doubted' })
    },
    change: () => send({ type: 'removals.changed', inFlight: 1 }),
    request: () => send({ type: 'scan.requested' }),
    requestNow: () => send({ type: 'scan.requestedNow' }),
    hint: () => send({ type: 'scan.hinted' }),
    open: () => send({ type: 'events.opened', atMs: clock.now() }),
    endStream: () => {
      if (supervisor.leaves.some((leaf) => leaf === 'connecting' || leaf === 'open'))
        send(streamEnds({ atMs: clock.now(), openForMs: 10 }))
    },
  }
  const act = (run: () => void) => {
    run()
    check()
  }
  return { supervisor, does, act, breaches, mayRemove }
}

type World = ReturnType<typeof world>

const acts = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 8000 }).map((ms) => (w: World) => w.does.pass(ms)) },
  { weight: 1, arbitrary: fc.constant((w: World) => w.does.pass(40_000)) },
  {
    weight: 6,
    arbitrary: fc.constant((w: World) => {
      w.act(() => w.does.list(false))
      w.act(w.does.judge)
      w.act(() => w.does.endScan(undefined))
    }),
  },
  {
    weight: 8,
    arbitrary: fc.constantFrom<((w: World) => void)[]>(
      (w) => w.does.list(false),
      (w) => w.does.list(true),
      (w) => w.does.judge(),
      (w) => w.does.fail(),
      (w) => w.does.endScan(undefined),
      (w) => w.does.endScan('a fault of ours'),
      (w) => w.does.stall(),
      (w) => w.does.doubt(),
      (w) => w.does.change(),
      (w) => w.does.request(),
      (w) => w.does.requestNow(),
      (w) => w.does.hint(),
      (w) => w.does.open(),
      (w) => w.does.endStream(),
    ),
  },
)

describe('whatever happens', () => {
  test('fresh-scan, awake-time, survives-outage: verdicts lead to removals only if all rules allow it', () => {
    let open = 0
    fc.assert(
      fc.property(fc.array(acts, { minLength: 10, maxLength: 60 }), (all) => {
        const one = world()
        for (const run of all) {
          one.act(() => run(one))
          if (one.supervisor.actor.getSnapshot().hasTag('mayRemove')) open++
        }
        expect(one.breaches).toEqual([])
        one.supervisor.actor.stop()
      }),
      { numRuns: 200 },
    )
    // Not because they never do.
    expect(open).toBeGreaterThan(200)
  }, 120_000)

  test('eventually-removed: left alone with a responding engine, scans continue and verdicts stand again', () => {
    fc.assert(
      fc.property(fc.array(acts, { minLength: 5, maxLength: 40 }), (all) => {
        const one = world()
        for (const run of all) one.act(() => run(one))
        let stands = false
        for (let seconds = 0; seconds < 700 && !stands; seconds++) {
          one.does.pass(1000)
          for (const run of [() => one.does.list(false), one.does.judge]) one.act(run)
          stands = one.supervisor.actor.getSnapshot().hasTag('mayRemove')
          one.act(() => one.does.endScan(undefined))
        }
        expect(stands).toBe(true)
        expect(one.breaches).toEqual([])
        one.supervisor.actor.stop()
      }),
      { numRuns: 60 },
    )
  }, 120_000)

  test('the model detects removals by verdicts that do not stand', () => {
    const one = world()
    one.does.list(false)
    one.does.judge()
    expect(one.mayRemove()).toBe(true)
    one.does.pass(5001)
    expect([one.mayRemove(), one.supervisor.actor.getSnapshot().hasTag('mayRemove')]).toEqual([false, false])
  })

  test('each region of a running supervisor reaches each of its states by a shortest path', () => {
    const events: readonly SupervisorInputEvent[] = [
      listed(),
      engineFailed(),
      scanJudged({ beganAwakeMs: 1e9 }),
      scanEnds(),
      { type: 'scan.requested' },
      { type: 'scan.hinted' },
      { type: 'process.stalled', awakeMs: 0 },
      { type: 'events.opened', atMs: 0 },
      { type: 'xstate.after.reconnectDelay.supervisor.running.engine.up.resting' },
      { type: 'xstate.after.verdictLife.supervisor.running.verdicts.standing' },
      { type: 'stop' },
    ]
    const plans = getShortestPaths(supervisorMachine, {
      input: { policy },
      events: events as never,
      serializeState: ({ value, context: { wanted, hasFaulted } }) =>
        JSON.stringify([value, wanted, hasFaulted]),
      limit: 100_000,
    })
    const shortest = new Map<string, number>()
    for (const { state, weight } of plans)
      for (const leaf of leavesOfState(state))
        shortest.set(leaf, Math.min(weight, shortest.get(leaf) ?? Infinity))
    expect(Object.fromEntries(shortest)).toEqual({
      scan: 0,
      unknown: 0,
      none: 0,
      silent: 0,
      asking: 1,
      resting: 1,
      down: 1,
      held: 1,
      standing: 1,
      waiting: 1,
      recovering: 1,
      disbanding: 1,
      connecting: 2,
      requested: 2,
      hinted: 2,
      backingOff: 2,
      expired: 2,
      open: 3,
    })
    // After an outage nothing is removed before a scan that began after it.
    for (const { state } of plans) {
      const [, engine, verdicts] = leavesOfState(state)
      if (engine === 'down') expect(verdicts).not.toBe('standing')
    }
  }, 60_000)
})

const judgedAt = (atMs: number, judgedMs = atMs) => [
  listed({ atMs, awakeMs: atMs }),
  scanJudged({ atMs: judgedMs, beganAwakeMs: atMs }),
]

describe('fresh-scan: a verdict stands', () => {
  test('for 5 s from when its listing came back, not from when it was judged; then the fleet is notified, once', () => {
    const { actor, clock, count, send } = runningSupervisor()
    clock.increment(2000)
    send(...judgedAt(500, 2000))
    clock.increment(3499)
    expect(actor.getSnapshot().hasTag('mayRemove')).toBe(true)
    clock.increment(1)
    expect(actor.getSnapshot().hasTag('mayRemove')).toBe(false)
    clock.increment(minuteMs)
    expect(count('verdicts.expired')).toBe(1)
    send({ type: 'removals.changed', inFlight: 0 })
    expect(count('admit')).toBe(1)
  })

  test('not at all if judging took longer', () => {
    const { actor, clock, send } = runningSupervisor()
    send(...judgedAt(0, 6000))
    clock.increment(0)
    expect(actor.getSnapshot().hasTag('mayRemove')).toBe(false)
  })

  test.each<[string, SupervisorInputEvent]>([
    ['a new listing, until that one is judged', listed({ scan: 2, atMs: 1000 })],
    ['a doubt', { type: 'verdicts.doubted' }],
    ['a stall', { type: 'process.stalled', awakeMs: 0 }],
    ['an outage', engineFailed()],
    ['a stop', { type: 'stop' }],
  ])('no longer after %s', (_, event) => {
    const { actor, count, send } = runningSupervisor()
    send(...judgedAt(0), event, { type: 'removals.changed', inFlight: 0 })
    expect(actor.getSnapshot().hasTag('mayRemove')).toBe(false)
    expect(count('admit')).toBe(1)
  })

  test('each free slot is granted while it stands', () => {
    const supervisor = runningSupervisor()
    const { count, send } = supervisor
    send(...judgedAt(0), { type: 'removals.changed', inFlight: 0 }, { type: 'removals.changed', inFlight: 2 })
    expect(count('admit')).toBe(3)
    expect(supervisor.context.inFlight).toBe(2)
  })
})

describe('the tracker is asked between scans', () => {
  const scanned = [...judgedAt(0), scanEnds()]

  test('from the verdicts of a scan to the next listing', () => {
    const { actor, count, send } = runningSupervisor()
    send(...scanned)
    expect(count('ask')).toBe(1)
    send(listed({ scan: 2 }))
    expect(actor.getSnapshot().children['asking']).toBe(undefined)
    send(scanJudged())
    expect(count('ask')).toBe(2)
  })

  test.each([
    ['while the engine is down', [...scanned, engineFailed()], {}],
    ['before anything is listed', [], {}],
    ['where nothing is tracked by configuration', scanned, { asksTracker: false }],
    ['after a stop', [...scanned, { type: 'stop' }], {}],
  ] as const)('not %s', (_, happens, policy) => {
    const { actor, send } = runningSupervisor(policy)
    send(...(happens as readonly SupervisorInputEvent[]))
    expect(actor.getSnapshot().children['asking']).toBe(undefined)
  })
})

describe('awake-time: after a stall or an outage nothing is admitted before the recovery grace is over', () => {
  const late = listed({ atMs: 1000, awakeMs: 1000, stoodStill: true })
  test.each<[string, readonly SupervisorInputEvent[]]>([
    ['a stall', [{ type: 'process.stalled', awakeMs: 1000 }]],
    ['a listing that came late', [late]],
    ['an outage', [engineFailed(900), listed({ atMs: 1000, awakeMs: 1000 })]],
    ['a stall during an outage', [engineFailed(900), { type: 'process.stalled', awakeMs: 950 }, late]],
    [
      'two stalls',
      [
        { type: 'process.stalled', awakeMs: 400 },
        { type: 'process.stalled', awakeMs: 1000 },
      ],
    ],
  ])('%s', (_, happens) => {
    const supervisor = runningSupervisor()
    const { clock, count, send } = supervisor
    clock.increment(1000)
    send(...happens)
    const scanned = (atMs: number) => {
      send(listed({ scan: 5, atMs, awakeMs: atMs }), scanJudged({ atMs, beganAwakeMs: atMs }))
      return count('admit')
    }
    expect(['recovering', 'held']).toContain(supervisor.leaves.at(2))
    for (const atMs of [1000, 16_000, 30_999]) {
      clock.increment(atMs - clock.now())
      expect(scanned(atMs)).toBe(0)
    }
    clock.increment(1)
    // That one had begun before the end.
    send(
      listed({ scan: 6, atMs: 31_000, awakeMs: 31_000 }),
      scanJudged({ atMs: 31_000, beganAwakeMs: 30_999 }),
    )
    expect(count('admit')).toBe(0)
    expect(scanned(31_000)).toBe(1)
  })

  test('the end of the recovery grace requests a scan', () => {
    const { clock, count, send } = runningSupervisor()
    send(...judgedAt(0), scanEnds(), { type: 'process.stalled', awakeMs: 0 })
    clock.increment(policy.recoveryGraceMs)
    expect(count('scan')).toBe(1)
    clock.increment(250)
    expect(count('scan')).toBe(2)
  })
})

describe('the pause between scans', () => {
  /** How long after its last scan, which took 100 ms, the next one begins. */
  function restAfter(sent: readonly SupervisorInputEvent[], ended: Parameters<typeof scanEnds>[0] = {}) {
    const { clock, count, send } = runningSupervisor()
    send(listed(), scanEnds({ endedMs: 0, tookMs: 100, ...ended }), ...sent)
    clock.increment(0)
    while (count('scan') < 2 && clock.now() < 3_600_000) clock.increment(10)
    return clock.now()
  }
  const [soon, hint, now] = ['scan.requested', 'scan.hinted', 'scan.requestedNow'].map(
    (type) => ({ type }) as SupervisorInputEvent,
  ) as [SupervisorInputEvent, SupervisorInputEvent, SupervisorInputEvent]

  test.each<[string, readonly SupervisorInputEvent[], number]>([
    ['without a request: the period', [], 5 * minuteMs],
    ['it is requested: five times as long as the last one took', [soon], 500],
    ['it is hinted at: twenty times what a scan usually takes', [hint], 1500],
    ['it is hinted at and then requested', [hint, soon], 500],
    ['it is requested and then hinted at', [soon, hint], 500],
    ['it is requested a hundred times', Array<SupervisorInputEvent>(100).fill(soon), 500],
    ['it is requested at once', [soon, now], 0],
  ])('%s', (_, sent, restMs) => {
    expect(restAfter(sent)).toBe(restMs)
  })

  test('a scan ended by an internal error is repeated after a minute, or on the next request', () => {
    expect(restAfter([], { fault: 'a fault of ours' })).toBe(minuteMs)
    expect(restAfter([soon], { fault: 'a fault of ours' })).toBe(500)
    expect(restAfter([hint], { fault: 'a fault of ours' })).toBe(1500)
  })

  test('concurrent requests in one turn share one scan, which starts in the next turn', () => {
    for (const way of [[listed()], [engineFailed()]]) {
      const { clock, count, send } = runningSupervisor()
      send(...way, scanEnds(), now, now, now)
      expect(count('scan')).toBe(1)
      clock.increment(0)
      expect(count('scan')).toBe(2)
    }
  })

  test('requests do not postpone the period', () => {
    const { clock, count, send } = runningSupervisor()
    send(listed(), scanEnds({ tookMs: 1e9 }))
    clock.increment(5 * minuteMs - 1)
    send(hint)
    clock.increment(1)
    expect(count('scan')).toBe(2)
  })

  test('survives-outage: while the engine is down it is retried after 1, 2, 4 s and so on, at most a minute apart', () => {
    const { clock, count, send } = runningSupervisor()
    const waits: number[] = []
    for (let failures = 1; failures <= 9; failures++) {
      send(engineFailed(), scanEnds({ outcome: undefined }), soon, hint)
      const sinceMs = clock.now()
      while (count('scan') === failures) clock.increment(500)
      waits.push((clock.now() - sinceMs) / secondMs)
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60])
    send(listed(), scanEnds(), soon)
    clock.increment(250)
    expect(count('scan')).toBe(11)
  })

  test('flat: an event stream that ends at once is reopened after 1, 2, 4 s and so on, at most 5 minutes', () => {
    const { clock, count, send } = runningSupervisor()
    send(listed(), scanEnds())
    clock.increment(0)
    const waits: number[] = []
    for (let streams = 1; streams <= 11; streams++) {
      expect(count('follow')).toBe(streams)
      send({ type: 'events.opened', atMs: clock.now() }, streamEnds({ atMs: clock.now(), openForMs: 10 }))
      const sinceMs = clock.now()
      while (count('follow') === streams) clock.increment(500)
      waits.push((clock.now() - sinceMs) / secondMs)
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300])
  })
})

test('the initial state of a live supervision has no side effect: computing it again changes nothing', async () => {
  const { clock, engine, events, reconciler } = createHarness({})
  engine.add({ ageMs: 3_600_000 })
  const { logic } = reconciler.actor as unknown as { readonly logic: typeof supervisorMachine }
  const before = [engine.requests.length, events.length, clock.pendingTimers]
  const [snapshot] = initialTransition(logic, { policy })
  expect(leavesOfState(snapshot)).toEqual(['scan', 'unknown', 'none', 'silent'])
  await clock.settle()
  expect([engine.requests.length, events.length, clock.pendingTimers]).toEqual(before)
  reconciler.start()
  await clock.advance(1000)
  const live = [engine.requests.length, events.length, clock.pendingTimers, reconciler.actor.getSnapshot()]
  initialTransition(logic, { policy })
  await clock.settle()
  expect([
    engine.requests.length,
    events.length,
    clock.pendingTimers,
    reconciler.actor.getSnapshot(),
  ]).toEqual(live)
  expect(engine.requests.length).toBeGreaterThan(0)
  const stopped = reconciler.stop()
  await clock.advance(10_000)
  await stopped
})
