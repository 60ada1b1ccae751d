import { setTimeout as sleep } from 'node:timers/promises'

/** The durations of the story, in milliseconds. */
export interface Pace {
  readonly creationGraceMs: number
  readonly restoreGraceMs: number
  readonly releaseGraceMs: number
  readonly recoveryGraceMs: number
  readonly periodMs: number
  readonly backoffMinMs: number
  readonly backoffMaxMs: number
  /** The timeout of the agent's requests. */
  readonly agentTimeoutMs: number
  /** The interval that one mark of a lane represents. */
  readonly markMs: number
  /** Waits, so that the output can be read. Rejects if the demo is interrupted. */
  pause(ms: number): Promise<void>
  /** Waits until a time of `performance.now()`; does not wait if it has passed. */
  untilMs(atMs: number): Promise<void>
}

export const slowestSpeed = 0.25
export const fastestSpeed = 4

const leastPeriodMs = 1000
const leastBackoffMs = 100

/** The story at a multiple of its usual speed. */
export function paceAt(speed: number, signal: AbortSignal): Pace {
  const wait = async (ms: number) => {
    await sleep(Math.max(0, ms), undefined, { signal })
  }
  return {
    creationGraceMs: 3000 / speed,
    restoreGraceMs: 4000 / speed,
    releaseGraceMs: 1000 / speed,
    recoveryGraceMs: 3000 / speed,
    periodMs: leastPeriodMs,
    backoffMinMs: Math.max(leastBackoffMs, 300 / speed),
    backoffMaxMs: Math.max(leastBackoffMs, 1000 / speed),
    agentTimeoutMs: Math.max(400, 800 / speed),
    markMs: 600 / speed,
    pause: (ms) => wait(ms / speed),
    untilMs: (atMs) => wait(atMs - performance.now()),
  }
}
