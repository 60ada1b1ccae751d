/** Consecutive failures on one subject, reported once and then counted. All times are monotonic, in milliseconds. */
export interface Streak {
  readonly about: string
  readonly kind: string
  readonly message: string
  readonly count: number
  readonly sinceMs: number
  /** When the streak is reported next. */
  readonly reportAtMs: number
}

export type Streaks = Readonly<Record<string, Streak>>

export interface Failure {
  readonly about: string
  readonly kind: string
  readonly message: string
}

/** Delay until an ongoing streak is first repeated in the log; it doubles with each further report. */
const firstRepeatMs = 60_000

export interface Noted {
  readonly streaks: Streaks
  readonly streak: Streak
  /** Whether to log the streak now, and as what. */
  readonly report: 'began' | 'goes-on' | undefined
}

/**
 * one-line-per-change: the first failure on a subject is reported and its repeats are counted. An ongoing streak is
 * reported again after 1, 2, 4, 8… minutes: about a dozen lines a day. A change of kind does not start a new streak.
 */
export function failed(streaks: Streaks, failure: Failure, nowMs: number): Noted {
  const before = streaks[failure.about]
  const isRepeat = before !== undefined && nowMs >= before.reportAtMs
  const streak: Streak = {
    about: failure.about,
    kind: failure.kind,
    message: failure.message,
    count: (before?.count ?? 0) + 1,
    sinceMs: before?.sinceMs ?? nowMs,
    reportAtMs:
      before === undefined
        ? nowMs + firstRepeatMs
        : isRepeat
          ? nextReportMs(before, nowMs)
          : before.reportAtMs,
  }
  return {
    streaks: { ...streaks, [failure.about]: streak },
    streak,
    report: before === undefined ? 'began' : isRepeat ? 'goes-on' : undefined,
  }
}

/** Ends the streak on a subject; `streak` is undefined if there was none. */
export function recovered(
  streaks: Streaks,
  about: string,
): { readonly streaks: Streaks; readonly streak: Streak | undefined } {
  const { [about]: streak, ...others } = streaks
  return streak ? { streaks: others, streak } : { streaks, streak: undefined }
}

function nextReportMs({ sinceMs, reportAtMs }: Streak, nowMs: number): number {
  let waitMs = reportAtMs - sinceMs
  while (sinceMs + waitMs <= nowMs) waitMs *= 2
  return sinceMs + waitMs
}
