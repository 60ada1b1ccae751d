import { unknownRecheckMs } from '../../machines/container.record.ts'

/** A failed request for information from the engine. */
export interface FailedQuestion {
  /** The time until which no scan repeats the request. */
  readonly untilMs: number
  readonly failures: number
}

const firstPauseMs = 2000

/**
 * Records another failure. Most requests fail only once, for example while the engine starts a container, and should be
 * repeated soon because they delay removals. Requests that always fail must rarely hold up a scan.
 */
export function failedAgain(before: FailedQuestion | undefined, nowMs: number): FailedQuestion {
  const failures = (before?.failures ?? 0) + 1
  return { failures, untilMs: nowMs + Math.min(firstPauseMs * 2 ** (failures - 1), unknownRecheckMs) }
}

/**
 * Returns the deadline for the next attempt. It grows, because a fixed short deadline would never succeed on a slow
 * engine, and nothing would be removed.
 */
export function extendedDeadlineMs(deadlineMs: number, before: FailedQuestion | undefined): number {
  return Math.min(deadlineMs * 2 ** (before?.failures ?? 0), deadlineMs * 5)
}

/** Returns the delay until the next of these requests may be repeated; undefined if there are none. */
export function untilNextMs(failed: Iterable<FailedQuestion>, nowMs: number): number | undefined {
  let nextMs = Infinity
  for (const { untilMs } of failed) if (untilMs > nowMs) nextMs = Math.min(nextMs, untilMs)
  return nextMs === Infinity ? undefined : nextMs - nowMs
}
