import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * All access to time and timers. Tests inject their own clock to simulate a day in milliseconds.
 */
export interface Clock {
  /** Monotonic milliseconds, unaffected by changes to the wall clock. Used for all waiting. */
  now(): number
  /** Milliseconds since the Unix epoch by this machine's wall clock: for display and to detect jumps, never for waiting. */
  wallNow(): number
  setTimeout(run: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
  /** Yields to the event loop; used to split long work into slices. */
  breathe(): Promise<void>
  /** Test clocks only: time stops while this work, which takes real time, is in progress. */
  waitFor?(work: Promise<unknown>): void
}

/** Cancels a timer. */
type Cancel = () => void

/**
 * The system clocks. Timers are unref'd, so that an embedded library never keeps its host process alive. A delay of 0 runs
 * in the next turn; Node's own timers would wait a millisecond.
 */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  setTimeout: (run, delayMs): Cancel => {
    if (delayMs <= 0) {
      const immediate = setImmediate(run).unref()
      return () => clearImmediate(immediate)
    }
    const timeout = setTimeout(run, delayMs).unref()
    return () => clearTimeout(timeout)
  },
  clearTimeout: (timer) => (timer as Cancel | undefined)?.(),
  breathe: () => nextTurn(),
}
