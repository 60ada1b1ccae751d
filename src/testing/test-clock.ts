import { setImmediate as nextTurn, setTimeout as realPause } from 'node:timers/promises'
import type { Clock } from '../domain/clock.ts'

/**
 * A clock that only the test advances, so that hours pass in milliseconds. Pass the same clock to `createReconciler` and
 * to `createEmbeddedEngine`. All times are in milliseconds.
 */
export interface TestClock extends Clock {
  /**
   * Advances both clocks. Timers fire in the order in which they are due, including new ones that they set. Promises
   * settle before, between and after them. Rejects with the error that a timer throws.
   */
  advance(ms: number): Promise<void>
  /** Advances the clocks without firing timers; then all late timers fire in order at the new time, as after SIGSTOP. */
  stall(ms: number): Promise<void>
  /** Changes the wall clock, backwards if negative. Monotonic time and timers are unaffected. */
  jumpWall(ms: number): void
  /** Runs everything that is ready, including work in slices. No time passes. */
  settle(): Promise<void>
  /** Stops time until this promise settles, or for `patienceMs` of real time. */
  waitFor(work: Promise<unknown>): void
  /** The number of pending timers. */
  readonly pendingTimers: number
}

export interface TestClockOptions {
  /** The initial value of `now()`. Default: 5000. */
  readonly nowMs?: number
  /** The initial value of `wallNow()`, in milliseconds since 1970. Default: 2026-01-15, 12:00 UTC. */
  readonly wallMs?: number
  /**
   * How long, in real milliseconds, time stops for one request to the engine. A longer request hangs on purpose or waits
   * for this clock, so time continues. Default: 1000.
   */
  readonly patienceMs?: number
}

interface Timer {
  readonly dueMs: number
  readonly run: () => void
}

const longestDelayMs = 2 ** 31 - 1

/**
 * Creates a clock that only the test advances.
 *
 * Delays that Node silently turns into 1 ms (NaN, infinite, 2^31 and more) throw a RangeError. A delay under 1 ms waits
 * 1 ms, as in Node.
 *
 * @example
 * ```ts
 * const clock = createTestClock()
 * const engine = createEmbeddedEngine({ clock })
 * const reconciler = createReconciler({ owner, tracked, engine: await engine.listen() }, { clock })
 * reconciler.start()
 * await clock.advance(10 * 60_000)
 * ```
 */
export function createTestClock(options: TestClockOptions = {}): TestClock {
  let { nowMs = 5_000, wallMs = Date.UTC(2026, 0, 15, 12) } = options
  const { patienceMs = 1000 } = options
  let breathers = 0
  let moving = false
  const timers: Timer[] = [] // in the order they are due; of two due together the earlier set comes first
  const underWay = new Set<Promise<unknown>>()

  async function settle(): Promise<void> {
    await nextTurn()
    if (underWay.size > 0) await waitForWork()
    else if (breathers === 0) return
    await settle()
  }

  /** Waits in real time until the pending work settles, or for `patienceMs`. */
  async function waitForWork(): Promise<void> {
    const works = [...underWay]
    const giveUp = new AbortController()
    const patience = realPause(patienceMs, works, { signal: giveUp.signal }).catch(() => [])
    const given = await Promise.race([Promise.all(works).then(() => []), patience])
    giveUp.abort()
    for (const work of given) underWay.delete(work)
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
    waitFor(work) {
      const settled: Promise<unknown> = work.then(
        () => underWay.delete(settled),
        () => underWay.delete(settled),
      )
      underWay.add(settled)
    },
    get pendingTimers() {
      return timers.length
    },
  }
}
