/** Scan durations, and the monotonic time at which the last scan ended. */
export interface ScanPace {
  readonly endedMs: number | undefined
  readonly tookMs: number
  /** The usual duration. Its growth is limited, because a scan can be slow when the engine is still starting. */
  readonly usualMs: number | undefined
}

export const noPace: ScanPace = { endedMs: undefined, tookMs: 0, usualMs: undefined }

/** The pause between scans: a multiple of a scan's duration, within limits. */
interface Pause {
  readonly perScan: number
  readonly minMs: number
  readonly maxMs: number
}

const pause: Pause = { perScan: 5, minMs: 250, maxMs: 3000 }
/** Limits scans requested only by hints to a twentieth of the time, regardless of how many hints arrive. */
const hintPause: Pause = { perScan: 20, minMs: 500, maxMs: 30_000 }
/** Limits what is asked of the tracker between scans to a twentieth of the time, however slowly it answers. */
const askPause: Pause = { perScan: 20, minMs: 4000, maxMs: 300_000 }
/**
 * The usual duration at most doubles from one scan to the next, plus this. That includes the first scan, which may have
 * waited for an engine that was starting.
 */
const leastGrowthMs = 25

export function scanEnded({ usualMs = leastGrowthMs }: ScanPace, endedMs: number, tookMs: number): ScanPace {
  return { endedMs, tookMs, usualMs: Math.min(tookMs, 2 * usualMs + leastGrowthMs) }
}

/** The minimum pause between the last scan and a requested one. */
export function pauseMs({ tookMs }: ScanPace): number {
  return within(pause, tookMs)
}

/** The minimum pause between the last scan and one requested only by hints. */
export function hintPauseMs({ usualMs = 0 }: ScanPace): number {
  return within(hintPause, usualMs)
}

/** The pause between two times that the tracker is asked about all containers, after one that took that long. */
export function askPauseMs(tookMs: number): number {
  return within(askPause, tookMs)
}

function within({ perScan, minMs, maxMs }: Pause, tookMs: number): number {
  return Math.min(Math.max(tookMs * perScan, minMs), maxMs)
}
