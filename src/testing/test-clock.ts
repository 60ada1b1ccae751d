import { setImmediate as nextTurn, setTimeout as realPause } from 'node:timers/promises'
import type { Clock } from '../domain/clock.ts'

/**
 * A clock that only the test moves: hours pass in milliseconds. Give one and the same clock to `createReconciler` and to
 * `createEmbeddedEngine`. All times are milliseconds.
 */
export interface TestClock extends Clock {
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
  /** Time stands still until this promise has settled, or has taken `patienceMs` of real time. */
  waitFor(work: Promise<unknown>): void
  /** How many timers are set. */
  readonly pendingTimers: number
}

export interface TestClockOptions {
  /** What `now()` begins with. Default: 5000. */
  readonly nowMs?: number
  /** What `wallNow()` begins with, in milliseconds since 1970. Default: 2026-01-15, 12:00 UTC. */
  readonly wallMs?: number
  /**
   * How long, in real milliseconds, time stands still for one request to the engine. What takes longer hangs on purpose, or
   * waits for this clock, and is waited for no more. Default: 1000.
   */
  readonly patienceMs?: number
}

interface Timer {
  readonly dueMs: number
  readonly run: () => void
}

const longestDelayMs = 2 ** 31 - 1

/**
 * Makes a clock that only the test moves.
 *
 * It is as strict as Node's timers are treacherous: a delay that Node would silently turn into 1 ms (NaN, infinite, 2^31
 * and more) throws a RangeError. A delay under 1 ms waits 1 ms, as in Node.
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

  /** What is under way takes real time, until it settles or our patience ends. */
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
