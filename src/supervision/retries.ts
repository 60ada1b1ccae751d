import type { FailureKind } from '../errors.ts'

const secondMs = 1000
const minuteMs = 60 * secondMs

/** How long a removal that failed waits, by how often it has failed: 1, 5 and 30 s, then minutes. */
const delaysMs = [secondMs, 5 * secondMs, 30 * secondMs, 2 * minuteMs, 4 * minuteMs, 8 * minuteMs] as const
const longestDelayMs = 15 * minuteMs

export function retryDelayMs(failures: number): number {
  return delaysMs[Math.max(1, failures) - 1] ?? longestDelayMs
}

/** After so many failures a container is called stuck: the quick retries are used up. */
const stuckAfter = 4
/** A removal that somebody has begun may rightly take minutes. */
const stuckInProgressAfter = 6

export function isStuckAfter(failures: number, kind: FailureKind): boolean {
  return failures >= (kind === 'in-progress' ? stuckInProgressAfter : stuckAfter)
}

/** How long the engine may take for one removal: the engine goes on after we hang up, so little is won by haste. */
export function removalDeadlineMs(failures: number): number {
  return Math.min(2 * minuteMs, 30 * secondMs * 2 ** failures)
}
