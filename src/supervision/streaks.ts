import type { Streak } from '../../machines/supervisor.machine.ts'

export type Streaks = Readonly<Record<string, Streak>>

export interface Failure {
  readonly about: string
  readonly kind: string
  readonly message: string
}

/** The first mention of a streak that goes on comes after this long, and each further one after twice as long again. */
const firstMentionMs = 60_000

export interface Noted {
  readonly streaks: Streaks
  readonly streak: Streak
  /** What of it is worth a line now. */
  readonly tell: 'began' | 'goes-on' | undefined
}

/**
 * one-line-per-change: the first failure of a sort is told, its repeats are counted, and a streak that goes on is told
 * again after 1, 2, 4, 8… minutes: a day of it is a dozen lines. A change of kind within a streak is no new streak.
 */
export function meet(streaks: Streaks, failure: Failure, nowMs: number): Noted {
  const before = streaks[failure.about]
  const isMention = before !== undefined && nowMs >= before.mentionAtMs
  const sinceMs = before?.sinceMs ?? nowMs
  const streak: Streak = {
    about: failure.about,
    kind: failure.kind,
    message: failure.message,
    count: (before?.count ?? 0) + 1,
    sinceMs,
    mentionAtMs:
      before === undefined
        ? nowMs + firstMentionMs
        : isMention
          ? nextMentionMs(before, nowMs)
          : before.mentionAtMs,
  }
  return {
    streaks: { ...streaks, [failure.about]: streak },
    streak,
    tell: before === undefined ? 'began' : isMention ? 'goes-on' : undefined,
  }
}

/** Ends the streak about something; `streak` is undefined where there was none. */
export function over(
  streaks: Streaks,
  about: string,
): { readonly streaks: Streaks; readonly streak: Streak | undefined } {
  const { [about]: streak, ...others } = streaks
  return streak ? { streaks: others, streak } : { streaks, streak: undefined }
}

function nextMentionMs({ sinceMs, mentionAtMs }: Streak, nowMs: number): number {
  let waitMs = mentionAtMs - sinceMs
  while (sinceMs + waitMs <= nowMs) waitMs *= 2
  return sinceMs + waitMs
}
