import { describe, expect, test } from 'vitest'
import { AwakeClock } from '../../src/domain/awake.ts'
import { createFakeClock } from '../support/fake-clock.ts'

const stallMs = 3000
const heartbeatMs = stallMs / 3

function started() {
  const clock = createFakeClock()
  const stalls: number[] = []
  const engine = { isDown: false }
  const awake = new AwakeClock({
    clock,
    stallMs,
    onStall: (ms) => stalls.push(ms),
    isEngineDown: () => engine.isDown,
  })
  awake.start()
  return { awake, clock, engine, stalls }
}

describe('awake-time: time that this process was awake counts', () => {
  test('all of it, and without a stall', async () => {
    const { awake, clock, stalls } = started()
    await clock.advance(600_000)
    expect(awake.now()).toBe(600_000)
    expect(stalls).toEqual([])
  })

  test('it counts from start(), not from construction', async () => {
    const clock = createFakeClock()
    const awake = new AwakeClock({
      clock,
      stallMs,
      onStall: () => expect.unreachable(),
      isEngineDown: () => false,
    })
    await clock.advance(60_000)
    awake.start()
    expect(awake.now()).toBe(0)
    await clock.advance(10)
    expect(awake.now()).toBe(10)
  })

  test('reading often neither adds nor loses anything', async () => {
    const { awake, clock } = started()
    for (let read = 0; read < 1000; read++) {
      await clock.advance(7)
      expect(awake.now()).toBe((read + 1) * 7)
    }
  })

  test('one heartbeat timer at a time, and none after stop', async () => {
    const { awake, clock } = started()
    expect(clock.pendingTimers).toBe(1)
    await clock.advance(100 * heartbeatMs)
    expect(clock.pendingTimers).toBe(1)
    awake.stop()
    expect(clock.pendingTimers).toBe(0)
    await clock.advance(100 * heartbeatMs)
    expect(clock.pendingTimers).toBe(0)
  })

  test('a stall listener may stop the clock', async () => {
    const clock = createFakeClock()
    const awake: AwakeClock = new AwakeClock({
      clock,
      stallMs,
      onStall: () => awake.stop(),
      isEngineDown: () => false,
    })
    awake.start()
    await clock.stall(60_000)
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('awake-time: a stall of the process', () => {
  test('does not count, and is reported once with its length', async () => {
    const { awake, clock, stalls } = started()
    await clock.advance(10_000)
    await clock.stall(3_600_000)
    expect(stalls).toEqual([3_600_000])
    expect(awake.now()).toBe(10_000)
    await clock.advance(5000)
    expect(awake.now()).toBe(15_000)
    expect(stalls).toHaveLength(1)
  })

  test('is reported before a late timer that was due earlier can decide anything', async () => {
    const { awake, clock, stalls } = started()
    let seen: { readonly awakeMs: number; readonly stalls: number } | undefined
    clock.setTimeout(() => (seen = { awakeMs: awake.now(), stalls: stalls.length }), heartbeatMs / 2)
    await clock.stall(60_000)
    expect(seen).toEqual({ awakeMs: 0, stalls: 1 })
    expect(stalls).toEqual([60_000])
  })

  test('a gap of exactly the limit is not a stall; one millisecond more is', async () => {
    const { awake, clock, stalls } = started()
    await clock.stall(stallMs)
    expect(stalls).toEqual([])
    await clock.stall(stallMs + 1)
    expect(stalls).toEqual([stallMs + 1])
    expect(awake.now()).toBeLessThanOrEqual(stallMs)
  })

  test('many small lags under a stall count for no more than the heartbeats that came', async () => {
    const { awake, clock, stalls } = started()
    for (let lag = 0; lag < 100; lag++) await clock.stall(stallMs - 1)
    expect(stalls).toEqual([])
    expect(awake.now()).toBe(100 * heartbeatMs * 1.5)
  })

  test('the reported time never goes backwards', async () => {
    const { awake, clock } = started()
    let before = 0
    const moves = [10, 5000, 0.5, 2999, 3001, 100_000, 1]
    for (const [at, ms] of [...moves, ...moves].entries()) {
      await (at % 3 === 0 ? clock.stall(ms) : clock.advance(ms))
      if (at % 4 === 0) clock.jumpWall(at % 8 === 0 ? -7_200_000 : 7_200_000)
      expect(awake.now()).toBeGreaterThanOrEqual(before)
      before = awake.now()
    }
    expect(before).toBeGreaterThan(0)
  })
})

describe('awake-time: a jump between the clocks', () => {
  test.each([
    ['ahead, as after a suspended machine', 3_600_000],
    ['back', -3_600_000],
    ['just over the limit', stallMs + 1],
    ['back, just over the limit', -(stallMs + 1)],
  ])('%s is a stall', async (_, jumpMs) => {
    const { awake, clock, stalls } = started()
    await clock.advance(10_000)
    clock.jumpWall(jumpMs)
    expect(awake.now()).toBe(10_000)
    expect(stalls).toEqual([Math.abs(jumpMs)])
    await clock.advance(1000)
    expect(awake.now()).toBe(11_000)
    expect(stalls).toHaveLength(1)
  })

  test('is detected by the heartbeat without a reading', async () => {
    const { clock, stalls } = started()
    clock.jumpWall(3_600_000)
    await clock.advance(heartbeatMs)
    expect(stalls).toEqual([3_600_000])
  })

  test.each([stallMs, -stallMs])('of %d ms, as small as a clock is corrected, is none', async (jumpMs) => {
    const { awake, clock, stalls } = started()
    clock.jumpWall(jumpMs)
    await clock.advance(500)
    expect(awake.now()).toBe(500)
    expect(stalls).toEqual([])
  })
})

describe('awake-time: an outage of the engine', () => {
  test('does not count, back to when the failed scan began', async () => {
    const { awake, clock, engine } = started()
    await clock.advance(20_000)
    const beganMs = awake.now()
    await clock.advance(10_000)
    awake.discount(beganMs)
    engine.isDown = true
    expect(awake.now()).toBe(20_000)
    await clock.advance(3_600_000)
    awake.discount(awake.now())
    expect(awake.now()).toBe(20_000)
    engine.isDown = false
    expect(awake.now()).toBe(20_000)
    await clock.advance(1000)
    expect(awake.now()).toBe(21_000)
  })

  test('uncounted time is reported as missed', async () => {
    const { awake, clock, engine } = started()
    await clock.advance(1000)
    awake.discount(200)
    expect([awake.now(), awake.missedMs]).toEqual([200, 800])
    engine.isDown = true
    await clock.advance(5000)
    expect([awake.now(), awake.missedMs]).toEqual([200, 5800])
  })

  test('nothing is discounted from a later reading than now', async () => {
    const { awake, clock } = started()
    await clock.advance(1000)
    awake.discount(5000)
    expect(awake.now()).toBe(1000)
  })

  test('a stall within it is still detected', async () => {
    const { awake, clock, engine, stalls } = started()
    engine.isDown = true
    await clock.stall(60_000)
    expect(stalls).toEqual([60_000])
    engine.isDown = false
    expect(awake.now()).toBe(0)
  })
})
