import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../src/clock.ts'

/** A clock that only the test moves. */
export interface FakeClock extends Clock {
  /**
   * Lets time pass, on both clocks. Timers fire in the order they are due, those that they set in turn included, and
   * promises settle before the first, between each two and after the last. Rejects with what a timer throws.
   */
  advance(ms: number): Promise<void>
  /** Lets time pass without a timer firing; then every late one fires, in order, at the late time: as after SIGSTOP. */
  stall(ms: number): Promise<void>
  /** Sets the wall clock forward (or back, by less than zero); monotonic time and timers know nothing of it. */
  jumpWall(ms: number): void
  /** Lets everything that is ready run, and all slices of work that breathe; no time passes. */
  settle(): Promise<void>
  readonly pendingTimers: number
}

interface Timer {
  readonly dueMs: number
  readonly run: () => void
}

const longestDelayMs = 2 ** 31 - 1

/**
 * It is as strict as Node's timers are treacherous: a delay that Node would silently turn into 1 ms (NaN, infinite, 2^31
 * and more) throws. A delay under 1 ms waits 1 ms, as in Node.
 */
export function createFakeClock(start: { nowMs?: number; wallMs?: number } = {}): FakeClock {
  let nowMs = start.nowMs ?? 5_000
  let wallMs = start.wallMs ?? Date.UTC(2026, 0, 15, 12)
  let breathers = 0
  let moving = false
  const timers: Timer[] = [] // in the order they are due; of two due together the earlier set comes first

  async function settle(): Promise<void> {
    await nextTurn()
    if (breathers > 0) await settle()
  }

  function passTo(ms: number): void {
    wallMs += Math.max(0, ms - nowMs)
    nowMs = Math.max(nowMs, ms)
  }

  async function move(ms: number, pass: (untilMs: number) => void): Promise<void> {
    if (moving) throw new Error('this clock is already being moved: await the move before')
    if (!(ms >= 0)) throw new RangeError(`time cannot pass by ${ms} ms`)
    moving = true
    try {
      await settle()
      const untilMs = nowMs + ms
      pass(untilMs)
      for (let next = timers[0]; next !== undefined && next.dueMs <= untilMs; next = timers[0]) {
        timers.shift()
        passTo(next.dueMs)
        next.run()
        await settle()
      }
      passTo(untilMs)
    } finally {
      moving = false
    }
  }

  return {
    now: () => nowMs,
    wallNow: () => wallMs,
    setTimeout(run, delayMs) {
      if (!(delayMs <= longestDelayMs)) throw new RangeError(`no timer can wait ${delayMs} ms`)
      const timer: Timer = { dueMs: nowMs + Math.max(1, delayMs), run }
      const before = timers.findLastIndex((other) => other.dueMs <= timer.dueMs)
      timers.splice(before + 1, 0, timer)
      return timer
    },
    clearTimeout(timer) {
      const at = timers.indexOf(timer as Timer)
      if (at >= 0) timers.splice(at, 1)
    },
    async breathe() {
      breathers += 1
      await nextTurn()
      breathers -= 1
    },
    advance: (ms) => move(ms, () => {}),
    stall: (ms) => move(ms, passTo),
    jumpWall(ms) {
      wallMs += ms
    },
    settle,
    get pendingTimers() {
      return timers.length
    },
  }
}
