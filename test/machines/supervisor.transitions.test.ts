import { describe, expect, test, vi } from 'vitest'
import type { AnyStateMachine } from 'xstate'
import { supervisorMachine } from '../../machines/index.ts'
import { arrowsOf, leavesOf, passingLeavesOf, Recorder } from './support/chart.ts'
import {
  engineFailed,
  failure,
  leavesOfState,
  listed,
  outcome,
  pureSupervisor,
  runningSupervisor,
  scanEnds,
  scanJudged,
  streamEnds,
  type SupervisorInputEvent,
} from './support/supervisor-chart.ts'

const chart = supervisorMachine as AnyStateMachine

const timers = Object.fromEntries(
  arrowsOf(chart).flatMap(({ event }) => {
    const [, delay] = /^xstate\.after\.([^.]+)\./.exec(event) ?? []
    return delay ? [[`after ${delay}`, { type: event } as SupervisorInputEvent]] : []
  }),
)

const named = {
  'scan.requested': { type: 'scan.requested' },
  'scan.requestedNow': { type: 'scan.requestedNow' },
  'scan.hinted': { type: 'scan.hinted' },
  'engine.listed': listed({ scan: 7, atMs: 500, awakeMs: 400 }),
  'engine.listed, late': listed({ scan: 7, atMs: 500, awakeMs: 400, stoodStill: true }),
  'engine.failed': engineFailed(500),
  'scan.judged': scanJudged({ atMs: 600, beganAwakeMs: 300 }),
  'scan.judged, begun later': scanJudged({ atMs: 600, beganAwakeMs: 1e9 }),
  'scan.judged, too late': scanJudged({ atMs: 1e6, beganAwakeMs: 1e9 }),
  'verdicts.doubted': { type: 'verdicts.doubted' },
  'removals.changed': { type: 'removals.changed', inFlight: 3 },
  'process.stalled': { type: 'process.stalled', awakeMs: 400 },
  'engine.replaced': { type: 'engine.replaced', awakeMs: 400 },
  'events.opened': { type: 'events.opened', atMs: 500 },
  degraded: { type: 'degraded', about: 'hook', kind: 'hook-failed', message: 'boom', atMs: 500 },
  recovered: { type: 'recovered', about: 'hook', atMs: 500 },
  stop: { type: 'stop' },
  'scan ends': scanEnds({ endedMs: 500, tookMs: 100 }),
  'scan ends, faulted': scanEnds({ endedMs: 500, tookMs: 100, outcome: undefined, fault: 'a fault of ours' }),
  'scan throws': { type: 'xstate.error.actor.scan', error: new Error('boom') },
  'stream ends': streamEnds({ atMs: 500 }),
  'stream throws': { type: 'xstate.error.actor.events', error: new Error('boom') },
  'asking ends': { type: 'xstate.done.actor.asking' },
  'asking throws': { type: 'xstate.error.actor.asking', error: new Error('boom') },
  'fleet disbanded': { type: 'xstate.done.actor.disband' },
  'disbanding throws': { type: 'xstate.error.actor.disband', error: new Error('boom') },
} as const satisfies Record<string, SupervisorInputEvent>
const events: Readonly<Record<string, SupervisorInputEvent>> = { ...named, ...timers }
type EventName = keyof typeof named | `after ${string}`

/** Where one region goes, what is carried out, and an event that is raised for the others. */
interface Cell {
  readonly next?: string
  readonly does?: string
  readonly raises?: EventName
}
type Row = Readonly<Partial<Record<EventName, Cell>>>

/** A scan begins; that many timers of the rest are dropped. */
const scans = (drop: number): Cell => ({ next: 'scan', does: `${'no-timer '.repeat(drop)}begin-scan` })
/** A scan begins in the next turn, so that those who ask in this one share it. */
const scansNow = (drop: number): Cell => ({ next: 'now', does: `${'no-timer '.repeat(drop)}timer` })
/** A scan ends; what comes next depends on the engine. */
const ends = (up: string, does: string, isDown: boolean): Cell =>
  isDown ? { next: 'backingOff', does: 'end noteFault timer' } : { next: up, does: `end noteFault ${does}` }
const down = (does: string): Cell => ({ next: 'down', does: `${does} emitEngineDown` })

const scanning = (isDown: boolean): Readonly<Record<string, Row>> => ({
  scan: {
    'scan.requested': {},
    'scan.requestedNow': {},
    'scan.hinted': {},
    'scan ends': ends('waiting', 'timer', isDown),
    'scan ends, faulted': ends('faulted', 'timer timer', isDown),
    'scan throws': ends('faulted', 'timer timer', isDown),
  },
  waiting: {
    'scan.requested': { next: 'requested', does: 'timer' },
    'scan.hinted': { next: 'hinted', does: 'timer' },
    'scan.requestedNow': scansNow(1),
    'after period': scans(1),
  },
  hinted: {
    'scan.requested': { next: 'requested', does: 'no-timer timer' },
    'scan.requestedNow': scansNow(2),
    'after period': scans(2),
    'after hintPause': scans(2),
  },
  requested: { 'scan.requestedNow': scansNow(2), 'after period': scans(2), 'after pause': scans(2) },
  faulted: {
    'scan.requested': { next: 'requested', does: 'no-timer timer' },
    'scan.hinted': { next: 'hinted', does: 'no-timer timer' },
    'scan.requestedNow': scansNow(2),
    'after period': scans(2),
    'after faultPause': scans(2),
  },
  now: { 'scan.requestedNow': scansNow(1), 'after 0': scans(1) },
  // The engine is down: only an urgent request brings the scan forward.
  backingOff: { 'scan.requestedNow': scansNow(1), 'after backoff': scans(1) },
})

const followed: Row = {
  'engine.failed': down('end'),
  'stream ends': { next: 'resting', does: 'end timer' },
  'stream throws': { next: 'resting', does: 'end noteFault timer' },
}
const engine: Readonly<Record<string, Row>> = {
  unknown: {
    'engine.listed': { next: 'resting', does: 'timer' },
    'engine.listed, late': { next: 'resting', does: 'timer' },
    'engine.failed': down(''),
  },
  eventsDisabled: { 'engine.failed': down('') },
  resting: {
    'engine.failed': down('no-timer'),
    'after reconnectDelay': { next: 'connecting', does: 'no-timer begin-events' },
  },
  connecting: { ...followed, 'events.opened': { next: 'open', does: 'emitStreamRecovered' } },
  open: followed,
  down: {
    'engine.listed': { next: 'resting', does: 'emitEngineUp timer' },
    'engine.listed, late': { next: 'resting', does: 'emitEngineUp timer' },
    'engine.failed': { does: 'emitEngineStillDown' },
  },
}

const stands: Cell = { next: 'standing', does: 'send-admit timer' }
const recovers = (drop = ''): Cell => ({ next: 'recovering', does: `${drop} timer` })
const closed: Row = {
  'engine.failed': { next: 'held' },
  'engine.listed': { next: 'none' },
  'engine.listed, late': recovers(),
  'process.stalled': recovers(),
  'engine.replaced': recovers(),
  'verdicts.doubted': { next: 'none' },
}
const verdicts: Readonly<Record<string, Row>> = {
  none: {
    ...closed,
    'scan.judged': stands,
    'scan.judged, begun later': stands,
    'scan.judged, too late': { next: 'expired', does: 'send-verdicts.expired' },
  },
  standing: {
    'engine.failed': { next: 'held', does: 'no-timer' },
    'engine.listed': { next: 'none', does: 'no-timer' },
    'engine.listed, late': recovers('no-timer'),
    'process.stalled': recovers('no-timer'),
    'engine.replaced': recovers('no-timer'),
    'verdicts.doubted': { next: 'none', does: 'no-timer' },
    'removals.changed': { does: 'send-admit' },
    'after verdictLife': { next: 'expired', does: 'no-timer send-verdicts.expired' },
  },
  expired: closed,
  recovering: {
    'engine.failed': { next: 'held', does: 'no-timer' },
    'engine.listed': {},
    'engine.listed, late': recovers('no-timer'),
    'process.stalled': recovers('no-timer'),
    'engine.replaced': recovers('no-timer'),
    'scan.judged, begun later': { next: 'standing', does: 'no-timer send-admit timer' },
    'scan.judged, too late': { next: 'expired', does: 'no-timer send-verdicts.expired' },
    'verdicts.doubted': {},
    'after recoveryGrace': {
      next: 'none',
      does: 'no-timer raise-scan.requested',
      raises: 'scan.requested',
    },
  },
  held: {
    'engine.failed': {},
    'engine.listed': recovers(),
    'engine.listed, late': recovers(),
    'process.stalled': {},
    'engine.replaced': {},
    'verdicts.doubted': {},
  },
}

const begins: Cell = { next: 'asking', does: 'begin-asking' }
const yields: Cell = { next: 'silent', does: 'end' }
const tracker: Readonly<Record<string, Row>> = {
  silent: { 'scan.judged': begins, 'scan.judged, begun later': begins, 'scan.judged, too late': begins },
  asking: {
    'engine.listed': yields,
    'engine.listed, late': yields,
    'engine.failed': yields,
    'asking ends': yields,
    'asking throws': { next: 'silent', does: 'end noteFault' },
  },
}

/** What happens in every part of a running supervisor alike. */
const anywhere: Row = { degraded: { does: 'emitDegraded' }, recovered: { does: 'emitRecovered' } }
const running: Row = { ...anywhere, 'removals.changed': {} }
/** Timers and invocations of each leaf, which its end drops. */
const timersOf: Readonly<Record<string, number>> = {
  waiting: 1,
  hinted: 2,
  requested: 2,
  faulted: 2,
  backingOff: 1,
  now: 1,
  resting: 1,
  standing: 1,
  recovering: 1,
}
const invocations = new Set(['scan', 'connecting', 'open', 'asking'])

const { 'scan ends': scanned, 'scan ends, faulted': faulted } = named
const up = [listed({ awakeMs: 400 })]
const connect: SupervisorInputEvent = events['after reconnectDelay'] as SupervisorInputEvent
const judgedUp = [...up, scanJudged({ beganAwakeMs: 400 })]
const stalled = named['process.stalled']
/** How each combination of leaves is reached. */
const routes: Readonly<Record<string, readonly SupervisorInputEvent[]>> = {
  'scan unknown none silent': [],
  'faulted unknown none silent': [faulted],
  'scan resting none silent': up,
  'scan eventsDisabled none silent': up,
  'scan connecting none silent': [...up, connect],
  'scan open standing asking': [...judgedUp, connect, named['events.opened']],
  'scan open none asking': [...judgedUp, connect, named['events.opened'], named['verdicts.doubted']],
  'scan down held silent': [named['engine.failed']],
  'now down held silent': [named['engine.failed'], scanned, named['scan.requestedNow']],
  'now resting none silent': [...up, scanned, named['scan.requestedNow']],
  'backingOff down held silent': [named['engine.failed'], scanned],
  'scan resting recovering silent': [named['engine.failed'], ...up],
  'waiting resting standing asking': [...judgedUp, scanned],
  'waiting eventsDisabled standing asking': [...judgedUp, scanned],
  'waiting open standing asking': [...judgedUp, connect, named['events.opened'], scanned],
  'requested open standing asking': [
    ...judgedUp,
    connect,
    named['events.opened'],
    scanned,
    named['scan.requested'],
  ],
  'hinted connecting standing asking': [...judgedUp, connect, scanned, named['scan.hinted']],
  'waiting resting expired asking': [
    ...judgedUp,
    scanned,
    events['after verdictLife'] as SupervisorInputEvent,
  ],
  'faulted resting none silent': [...up, faulted],
  'waiting resting recovering asking': [...judgedUp, scanned, stalled],
  'hinted resting recovering asking': [...judgedUp, scanned, stalled, named['scan.hinted']],
  'requested resting recovering asking': [...judgedUp, scanned, stalled, named['scan.requested']],
}
const policyIn = (state: string) => ({ followsEvents: !state.includes('eventsDisabled') })
const words = (does: string | undefined) => (does ?? '').split(' ').filter(Boolean)

/** What the four tables say together of an event in a combination of leaves; undefined where all ignore it. */
function together(leaves: readonly string[], name: EventName) {
  const tables = [scanning(leaves.includes('down')), engine, verdicts, tracker]
  const next = [...leaves]
  const does: string[] = []
  let isTaken = false
  const take = (event: EventName) => {
    for (const [at, table] of tables.entries()) {
      const cell = table[next[at] ?? '']?.[event]
      if (!cell) continue
      isTaken = true
      does.push(...words(cell.does))
      if (cell.next) next[at] = cell.next
      if (cell.raises) take(cell.raises)
    }
  }
  take(name)
  if (running[name]) {
    isTaken = true
    does.push(...words(running[name].does))
  }
  return isTaken ? { next, does } : undefined
}

/** An invocation can only throw while it runs. */
const throwing: Readonly<Record<string, readonly string[]>> = {
  'scan throws': ['scan'],
  'stream throws': ['connecting', 'open'],
  'asking throws': ['asking'],
  'disbanding throws': ['disbanding'],
}
/** Nothing is judged before it is listed. */
const canCome = (leaves: readonly string[], name: string) =>
  (throwing[name]?.some((leaf) => leaves.includes(leaf)) ?? true) &&
  !(name.startsWith('scan.judged') && leaves.includes('unknown'))

describe('each event in each state', () => {
  test('the tables name every state that the supervisor can be in', () => {
    const passing = passingLeavesOf(chart)
    const leaves = leavesOf(chart).filter((leaf) => !passing.includes(leaf))
    const short = leaves.map((leaf) => leaf.slice(leaf.lastIndexOf('.') + 1))
    const tabled = [scanning(false), engine, verdicts, tracker].flatMap((table) => Object.keys(table))
    expect([...tabled, 'disabled', 'settling', 'disbanding', 'stopped'].toSorted()).toEqual(short.toSorted())
    expect(new Set(Object.keys(routes).flatMap((state) => state.split(' ')))).toEqual(new Set(tabled))
    expect(passing).toEqual([
      'starting',
      'running.scanning.idle.choosing',
      'running.scanning.idle.resting.choosing',
      'running.engine.up.choosing',
    ])
  })

  test('the tables name every event that the chart accepts', () => {
    const taken = new Set(arrowsOf(chart).map(({ event }) => event))
    taken.delete('')
    expect(new Set(Object.values(events).map(({ type }) => type as string))).toEqual(taken)
  })

  test.each(Object.entries(routes))(
    '%s',
    (state, route) => {
      const leaves = state.split(' ')
      const before = pureSupervisor.after(route, policyIn(state))
      expect(leavesOfState(before)).toEqual(leaves)
      for (const [name, event] of Object.entries(events)) {
        if (name === 'stop' || !canCome(leaves, name)) continue
        const { after, does } = pureSupervisor.step(before, event)
        const expected = together(leaves, name as EventName)
        const what = `${state} × ${name}`
        expect(leavesOfState(after), what).toEqual(expected?.next ?? leaves)
        expect(does.toSorted(), what).toEqual((expected?.does ?? []).toSorted())
        if (!expected) expect(after.context, what).toBe(before.context)
      }
    },
    60_000,
  )

  test('quiet-stop: a stop ends everything in progress, in every state, and none of it restarts', () => {
    for (const [state, route] of Object.entries(routes)) {
      const leaves = state.split(' ')
      const running = pureSupervisor.after(route, policyIn(state))
      const busy = pureSupervisor.step(running, { type: 'removals.changed', inFlight: 2 }).after
      const invoked = leaves.filter((leaf) => invocations.has(leaf)).length
      const timed = leaves.reduce((sum, leaf) => sum + (timersOf[leaf] ?? 0), 0)
      const quiet = [...Array<string>(invoked).fill('end'), ...Array<string>(timed).fill('no-timer'), 'timer']

      const { after, does } = pureSupervisor.step(busy, named.stop)
      expect(leavesOfState(after), state).toEqual(['settling'])
      expect(does.toSorted(), state).toEqual(quiet.toSorted())

      const atOnce = pureSupervisor.step(running, named.stop)
      expect(leavesOfState(atOnce.after), state).toEqual(['disbanding'])
      expect(atOnce.does.toSorted(), state).toEqual([...quiet, 'no-timer', 'begin-disband'].toSorted())
      expect(atOnce.after.hasTag('mayRemove')).toBe(false)
    }
  })

  const stopping = [{ type: 'removals.changed', inFlight: 2 }, named.stop] as const
  const settled = events['after settleTime'] as SupervisorInputEvent
  const stopped = { next: 'stopped', does: 'end emitStopped end' }
  test.each<[string, readonly SupervisorInputEvent[], Row]>([
    ['disabled', [], { stop: { next: 'stopped', does: 'emitStopped end' } }],
    [
      'settling',
      stopping,
      { 'removals.changed': {}, 'after settleTime': { next: 'disbanding', does: 'no-timer begin-disband' } },
    ],
    ['disbanding', [...stopping, settled], { 'fleet disbanded': stopped, 'disbanding throws': stopped }],
  ])('%s', (state, route, row) => {
    const before = pureSupervisor.after(route, { isEnabled: state !== 'disabled' })
    expect(leavesOfState(before)).toEqual([state])
    const expected: Row = { ...anywhere, ...row }
    for (const [name, event] of Object.entries(events)) {
      if (!canCome([state], name)) continue
      const cell = expected[name as EventName]
      const { after, does } = pureSupervisor.step(before, event)
      expect(leavesOfState(after), name).toEqual([cell?.next ?? state])
      expect(does, name).toEqual(words(cell?.does))
      if (!cell) expect(after.context, name).toBe(before.context)
    }
  })

  test('the initial state only starts the first scan; a disabled supervisor starts nothing', () => {
    expect(pureSupervisor.initial().does).toEqual(['begin-fleet', 'begin-scan'])
    expect(pureSupervisor.initial({ isEnabled: false }).does).toEqual(['begin-fleet'])
    const { did } = runningSupervisor()
    expect(did).toEqual(['scan'])
  })
})

const contextAfter = (...sent: readonly SupervisorInputEvent[]) => pureSupervisor.after(sent).context

describe('what is remembered', () => {
  test('the urgency of the next scan: the highest of all requests since this one began', () => {
    const { 'scan.hinted': hinted, 'scan.requested': soon, 'scan.requestedNow': now } = named
    expect(contextAfter(hinted).wanted).toBe('hinted')
    expect(contextAfter(hinted, soon, hinted).wanted).toBe('soon')
    expect(contextAfter(soon, now, soon, hinted).wanted).toBe('now')
    expect(contextAfter(...up, scanned, soon, events['after pause'] as SupervisorInputEvent).wanted).toBe(
      undefined,
    )
  })

  test.each([
    ['scan.hinted', 'hinted'],
    ['scan.requested', 'requested'],
    ['scan.requestedNow', 'now'],
  ] as const)('what is wanted while a scan goes on is for the next one: %s', (wish, leaf) => {
    expect(leavesOfState(pureSupervisor.after([...up, named[wish], scanned]))[0]).toBe(leaf)
    expect(leavesOfState(pureSupervisor.after([...up, named[wish], faulted]))[0]).toBe(leaf)
  })

  test('survives-outage: while the engine is down only an urgent scan is not postponed', () => {
    for (const [wish, leaf] of [
      ['scan.hinted', 'backingOff'],
      ['scan.requested', 'backingOff'],
      ['scan.requestedNow', 'now'],
    ] as const)
      expect(leavesOfState(pureSupervisor.after([engineFailed(), named[wish], scanned]))[0]).toBe(leaf)
  })

  test('how a scan ended: its outcome, its pace, and any internal error', () => {
    const pace = { endedMs: 500, tookMs: 100, usualMs: 75 }
    expect(contextAfter(scanned)).toMatchObject({ lastScan: outcome, pace, hasFaulted: false, streaks: {} })
    const streaks = { fault: { message: 'a fault of ours', sinceMs: 500, count: 1 } }
    expect(contextAfter(faulted)).toMatchObject({ lastScan: undefined, pace, hasFaulted: true, streaks })
    const next = events['after 0'] as SupervisorInputEvent
    const again = [...up, scanned, named['scan.requestedNow'], next]
    expect(contextAfter(...again, faulted)).toMatchObject({ lastScan: outcome, hasFaulted: true })
    expect(contextAfter(...up, faulted, named['scan.requestedNow'], next, scanned).hasFaulted).toBe(false)
    expect(contextAfter(...again, named['scan throws']).hasFaulted).toBe(true)
  })

  test('an outage: since when, how many scans, and why', () => {
    const out = contextAfter(engineFailed(100), engineFailed(900))
    expect(out).toMatchObject({
      engineFailure: failure,
      failedScans: 2,
      streaks: { engine: { sinceMs: 100, count: 2 } },
    })
    expect(contextAfter(engineFailed(), listed())).toMatchObject({
      engineFailure: undefined,
      failedScans: 0,
      streaks: {},
    })
  })

  test('the listing whose verdicts stand, and until when', () => {
    const open = contextAfter(listed({ scan: 4, atMs: 1000 }))
    expect(open.verdicts).toEqual({ scan: 4, expireAtMs: 6000, judgedAtMs: 1000 })
    expect(contextAfter(listed({ scan: 4, atMs: 1000 }), scanJudged({ atMs: 1700 })).verdicts).toEqual({
      scan: 4,
      expireAtMs: 6000,
      judgedAtMs: 1700,
    })
  })

  test.each<[string, readonly SupervisorInputEvent[], number | undefined]>([
    ['no outage and no stall', [listed({ awakeMs: 9000 })], undefined],
    ['a stall', [{ type: 'process.stalled', awakeMs: 9000 }], 39_000],
    ['a listing that came late', [listed({ awakeMs: 9000, stoodStill: true })], 39_000],
    ['the end of an outage', [engineFailed(), listed({ awakeMs: 9000 })], 39_000],
    [
      'a stall while the engine is down',
      [engineFailed(), { type: 'process.stalled', awakeMs: 7000 }],
      37_000,
    ],
    [
      'a second stall',
      [
        { type: 'process.stalled', awakeMs: 9000 },
        { type: 'process.stalled', awakeMs: 11_000 },
      ],
      41_000,
    ],
    [
      'a second listing that came late',
      [listed({ awakeMs: 9000, stoodStill: true }), listed({ awakeMs: 12_000, stoodStill: true })],
      42_000,
    ],
    [
      'a whole listing in between',
      [{ type: 'process.stalled', awakeMs: 9000 }, listed({ awakeMs: 11_000 })],
      39_000,
    ],
  ])('awake-time: when the recovery grace ends after %s', (_, sent, endsMs) => {
    expect(contextAfter(...sent).recoveryEndsMs).toBe(endsMs)
  })

  test.each([
    [39_000, 'standing', 'expired'],
    [38_999, 'none', 'none'],
  ])(
    'awake-time: after a stall with a grace until 39 s, the verdicts of a scan that began at %d: %s, or if late %s',
    (beganAwakeMs, inTime, late) => {
      const stall: SupervisorInputEvent = { type: 'process.stalled', awakeMs: 9000 }
      const graceEnded = events['after recoveryGrace'] as SupervisorInputEvent
      const before = pureSupervisor.after([...up, stall, graceEnded, listed({ atMs: 1000 })])
      const stands = (atMs: number) =>
        leavesOfState(pureSupervisor.step(before, scanJudged({ atMs, beganAwakeMs })).after).at(2)
      expect([stands(6000), stands(6001)]).toEqual([inTime, late])
    },
  )

  test('short-lived streams are counted, and a steady one resets the count', () => {
    const rest = events['after reconnectDelay'] as SupervisorInputEvent
    const short = streamEnds({ atMs: 100, openForMs: 59_999 })
    const steady = streamEnds({ atMs: 900, openForMs: 60_000 })
    expect(contextAfter(...up, rest, short)).toMatchObject({ shortStreams: 1, streamEndedMs: 100 })
    expect(contextAfter(...up, rest, short, rest, short).shortStreams).toBe(2)
    expect(contextAfter(...up, rest, short, rest, steady)).toMatchObject({
      shortStreams: 0,
      streamEndedMs: 900,
    })
    expect(contextAfter(...up, rest, named['stream throws'])).toMatchObject({ shortStreams: 1 })
  })

  test('survives-outage: an engine that goes down while it is followed gets a pause before it is followed again', () => {
    const follow = [...up, connect, named['events.opened']]
    expect(contextAfter(...follow, engineFailed(2000))).toMatchObject({
      shortStreams: 1,
      streamEndedMs: 2000,
    })
    const steadyMs = 500 + 60_000
    expect(contextAfter(...follow, engineFailed(steadyMs)).shortStreams).toBe(0)
    expect(contextAfter(...follow, engineFailed(steadyMs - 1)).shortStreams).toBe(1)
    // One that was not even opened says as much of it.
    expect(contextAfter(...up, connect, engineFailed(99_000)).shortStreams).toBe(1)
    // And one that was followed long ago says nothing of the last stream.
    const again = [...follow, streamEnds({ atMs: 70_000, openForMs: 60_000 }), connect]
    expect(contextAfter(...again, engineFailed(99_000)).shortStreams).toBe(1)
  })

  test('one-line-per-change: an event stream failure is reported once a scan shows that the engine is up', () => {
    const denied = { kind: 'misconfigured', message: 'denied' }
    const refused = streamEnds({ openForMs: undefined, failure: denied })
    const chartUp = [...up, connect, refused]
    expect(contextAfter(...chartUp).streamFailure).toEqual(denied)
    const { after, does } = pureSupervisor.step(pureSupervisor.after(chartUp), listed({ atMs: 800 }))
    expect(does).toEqual(['emitStreamDegraded'])
    expect(after.context).toMatchObject({
      streamFailure: undefined,
      streaks: { events: { kind: 'misconfigured', sinceMs: 800 } },
    })
    expect(pureSupervisor.step(after, listed()).does).toEqual([])
    // An engine that goes down is the cause.
    expect(pureSupervisor.after([...chartUp, engineFailed(), listed(), connect]).context.streaks).toEqual({})
    const opened = pureSupervisor.after([...chartUp, listed(), connect, named['events.opened']])
    expect(opened.context.streaks).toEqual({})
    // One that was open and broke is no failure: it is opened again.
    expect(contextAfter(...up, connect, streamEnds({ failure: denied })).streamFailure).toBeUndefined()
  })

  test('what is degraded is counted until it recovers', () => {
    expect(Object.keys(contextAfter(named.degraded).streaks)).toEqual(['hook'])
    expect(contextAfter(named.degraded, named.recovered).streaks).toEqual({})
    expect(pureSupervisor.after([named.degraded, named.stop]).context.streaks).toHaveProperty('hook')
  })
})

const recorder = new Recorder(chart)
const watched = (more: Parameters<typeof runningSupervisor>[0] = {}) =>
  runningSupervisor({ ...more, inspect: recorder.inspect })

describe('a running supervisor', () => {
  test('does on each event what the tables say', () => {
    for (const [state, route] of Object.entries(routes)) {
      const leaves = state.split(' ')
      for (const [name, event] of Object.entries(events)) {
        const expected = name === 'stop' ? { next: ['disbanding'] } : together(leaves, name as EventName)
        if (!expected || !canCome(leaves, name)) continue
        const supervisor = watched(policyIn(state))
        supervisor.send(...route)
        expect(supervisor.leaves).toEqual(leaves)
        supervisor.send(event)
        expect(supervisor.leaves, `${state} × ${name}`).toEqual(expected.next)
        supervisor.actor.stop()
      }
    }
  }, 120_000)

  test('continues with requests made during a scan, and reports an event stream failure', () => {
    for (const [wish, leaf] of [
      ['scan.hinted', 'hinted'],
      ['scan.requested', 'requested'],
      ['scan.requestedNow', 'now'],
    ] as const) {
      const supervisor = watched()
      supervisor.send(...up, named[wish], scanned)
      expect(supervisor.leaves[0]).toBe(leaf)
    }
    const { did, send } = watched()
    const denied = { kind: 'misconfigured', message: 'denied' }
    send(...up, connect, streamEnds({ openForMs: undefined, failure: denied }), listed())
    expect(did).toEqual(['scan', 'follow', 'emitStreamDegraded'])
  })

  test('a scan in flight is never doubled, however often one is requested', () => {
    const { clock, count, send } = watched()
    send(
      named['scan.requested'],
      named['scan.requestedNow'],
      named['scan.hinted'],
      named['scan.requestedNow'],
    )
    clock.increment(3_600_000)
    expect(count('scan')).toBe(1)
  })

  test('quiet-stop: requests in flight are awaited, and it ends when they have settled', () => {
    const { actor, did, send } = watched()
    send(...judgedUp, { type: 'removals.changed', inFlight: 1 }, named.stop)
    const before = did.length
    send({ type: 'removals.changed', inFlight: 1 }, named['scan.requestedNow'], ...judgedUp)
    expect(did).toHaveLength(before)
    send({ type: 'removals.changed', inFlight: 0 })
    expect(did.slice(before)).toEqual(['disband'])
    send(named['fleet disbanded'])
    expect(actor.getSnapshot().status).toBe('done')
    expect(did.slice(before)).toEqual(['disband', 'emitStopped'])
  })

  test('quiet-stop: unsettled requests are awaited for 5 s, and it ends even if disbanding fails', () => {
    const { actor, clock, did, send } = watched()
    send({ type: 'removals.changed', inFlight: 2 }, named.stop)
    clock.increment(4999)
    expect(did).not.toContain('disband')
    clock.increment(1)
    expect(did).toContain('disband')
    send(named['disbanding throws'])
    expect(actor.getSnapshot().status).toBe('done')
  })

  test('a disabled one never scans and can be stopped; no event wakes it after that', () => {
    const { actor, clock, did, send } = watched({ isEnabled: false })
    const own = Object.entries(named).filter(
      ([name, { type }]) => name !== 'stop' && !type.startsWith('xstate.'),
    )
    send(...own.map(([, event]) => event))
    clock.increment(3_600_000)
    expect(did.filter((one) => !one.startsWith('emit'))).toEqual([])
    send(named.stop)
    expect(actor.getSnapshot().status).toBe('done')
    // XState warns on the console that such an actor accepts no events.
    vi.spyOn(console, 'warn').mockImplementation(() => {})
    const ended = did.length
    send(...own.map(([, event]) => event))
    clock.increment(3_600_000)
    expect(did).toHaveLength(ended)
  })

  test('running supervisors take every transition of the chart and enter every state', () => {
    expect(recorder.missedArrows).toEqual([])
    expect(recorder.missedLeaves).toEqual([])
  })
})
