import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * Everything that Flotsam knows of time. A test hands in its own and lives through a day in milliseconds.
 */
export interface Clock {
  /** Milliseconds that only go forward, whatever happens to the wall clock. All waiting is done in these. */
  now(): number
  /** Milliseconds since 1970 by this machine's wall clock: for telling people, and for noticing jumps; never for waiting. */
  wallNow(): number
  setTimeout(run: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
  /** Lets everything else that is ready run first; long work is cut into slices with it. */
  breathe(): Promise<void>
}

/** Undoes a timer that was set. */
type Cancel = () => void

/**
 * The machine's own clocks. Timers are unref'd: an embedded library never keeps its host alive. What is to wait no time
 * at all runs in the next turn, where Node would make it wait a millisecond.
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
