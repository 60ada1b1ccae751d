import { describe, expect, test } from 'vitest'
import { createActor, fromPromise } from 'xstate'
import { type ScanEnd, supervisorMachine, verdictLifeMs } from '../../machines/supervisor.machine.ts'
import { Freshness } from '../../src/containers/freshness.ts'
import { AwakeClock } from '../../src/domain/awake.ts'
import { createFakeClock } from '../support/fake-clock.ts'

const recoveryGraceMs = 30_000
const never = () => new Promise<never>(() => {})

/** The supervisor's chart on a clock, with nothing around it but what asks whether verdicts are fresh. */
function made() {
  const clock = createFakeClock()
  const actor = createActor(
    supervisorMachine.provide({
      actors: { scan: fromPromise<ScanEnd>(never), disbandFleet: fromPromise<void>(never) },
    }),
    {
      clock,
      input: { policy: { isEnabled: true, followsEvents: false, asksTracker: false, recoveryGraceMs } },
    },
  )
  actor.start()
  const awake = new AwakeClock({
    clock,
    stallMs: 3000,
    isEngineDown: () => false,
    onStall: (_, awakeMs) => actor.send({ type: 'process.stalled', awakeMs }),
  })
  awake.start()
  const freshness = new Freshness({ clock, awake, supervisor: () => actor.getSnapshot() })
  const list = (scan: number) =>
    actor.send({ type: 'engine.listed', scan, atMs: clock.now(), awakeMs: awake.now(), stoodStill: false })
  const judge = () => actor.send({ type: 'scan.judged', atMs: clock.now(), beganAwakeMs: awake.now() })
  return { actor, awake, clock, freshness, list, judge }
}

/** One whose first scan has just been judged. */
function opened() {
  const all = made()
  all.list(1)
  all.judge()
  return all
}

describe('fresh-scan: a verdict stands', () => {
  test('once its scan has been fully judged, not before', () => {
    const { freshness, judge, list } = made()
    expect([freshness.isOpen, freshness.stands(0), freshness.stands(1)]).toEqual([false, false, false])
    list(1)
    expect(freshness.stands(1)).toBe(false)
    judge()
    expect([freshness.isOpen, freshness.stands(1)]).toEqual([true, true])
  })

  test('if it belongs to the last scan', () => {
    const { freshness } = opened()
    expect([freshness.stands(0), freshness.stands(2)]).toEqual([false, false])
  })

  test('until 5 s after its listing, even when the chart’s own timer fires late', async () => {
    const { actor, clock, freshness } = opened()
    await clock.advance(verdictLifeMs - 2)
    expect(freshness.stands(1)).toBe(true)
    const late: boolean[] = []
    // A timer that was set before the chart's fires before it, in a process that was busy for a while.
    clock.setTimeout(() => late.push(actor.getSnapshot().hasTag('mayRemove'), freshness.isOpen), 0)
    await clock.stall(2000)
    expect(late).toEqual([true, false])
    expect(freshness.isOpen).toBe(false)
  })

  test('at 5 s exactly, until the chart’s own timer fires', async () => {
    const { clock, freshness, judge, list } = made()
    const stood: boolean[] = []
    // Set before the chart's, and so called before it.
    clock.setTimeout(() => stood.push(freshness.stands(1)), verdictLifeMs)
    list(1)
    judge()
    await clock.advance(verdictLifeMs)
    expect([...stood, freshness.stands(1)]).toEqual([true, false])
  })

  test('until the next listing comes back, even before that one is judged', () => {
    const { freshness, judge, list } = opened()
    list(2)
    expect([freshness.stands(1), freshness.stands(2)]).toEqual([false, false])
    judge()
    expect([freshness.stands(1), freshness.stands(2)]).toEqual([false, true])
  })

  test('survives-outage: not while the engine is down', () => {
    const { actor, clock, freshness } = opened()
    const failure = { kind: 'unavailable', message: 'connection refused' }
    actor.send({ type: 'engine.failed', failure, atMs: clock.now() })
    expect(freshness.isOpen).toBe(false)
  })

  test('quiet-stop: not after a stop has begun, and never again', () => {
    const { actor, freshness, judge, list } = opened()
    actor.send({ type: 'stop' })
    expect(freshness.isOpen).toBe(false)
    list(2)
    judge()
    expect(freshness.stands(2)).toBe(false)
  })

  test('not after the supervisor has ended, whatever its last state', () => {
    const { actor, freshness } = opened()
    actor.stop()
    expect(actor.getSnapshot().hasTag('mayRemove')).toBe(true)
    expect(freshness.isOpen).toBe(false)
  })
})

describe('awake-time: after a stall no verdict stands', () => {
  test('the last question itself detects the stall, before anything has reported it', async () => {
    const { clock, freshness } = opened()
    let stood: boolean | undefined
    clock.setTimeout(() => (stood = freshness.stands(1)), 10)
    await clock.stall(4000)
    expect(stood).toBe(false)
  })

  test('nor does one of a later scan until the recovery grace is over', async () => {
    const { clock, freshness, judge, list } = opened()
    await clock.stall(60_000)
    for (const [scan, advanceMs, stands] of [
      [2, 0, false],
      [3, recoveryGraceMs - 1, false],
      [4, 1, true],
    ] as const) {
      await clock.advance(advanceMs)
      list(scan)
      judge()
      expect(freshness.stands(scan)).toBe(stands)
    }
  })

  test('a suspended machine counts as a stall', () => {
    const { clock, freshness } = opened()
    clock.jumpWall(3_600_000)
    expect(freshness.isOpen).toBe(false)
  })
})
