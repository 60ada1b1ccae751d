import type { Clock } from '../domain/clock.ts'
import type { VerdictCounts } from '../domain/events.ts'
import { inSlices } from '../domain/slices.ts'
import { verdictReason, type VerdictReason } from '../domain/verdict.ts'
import type { Judged } from './scan-context.ts'

/** An owned container as found by a scan, with its verdict. `verdict` narrows `reason`. */
export type ReportedContainer = ScannedContainer & VerdictReason

/** An owned container as found by a scan. */
export interface ScannedContainer {
  /** The full id. */
  readonly id: string
  /** The first name without its leading slash; empty if the engine returned none. */
  readonly name: string
  readonly image: string
  /** The state as reported by the engine: `running`, `exited`, … */
  readonly state: string
  /** Milliseconds since the Unix epoch by the engine's clock; undefined if the engine did not return it. */
  readonly createdAt: number | undefined
  /** Its age by the engine's clock, in milliseconds; undefined if unknown. */
  readonly ageMs: number | undefined
  /**
   * When the last of its graces ends, if it is graced: milliseconds since the Unix epoch by this machine's clock. A grace
   * may turn out to end later, since it counts from the last start. Omitted if it is not graced.
   */
  readonly gracedUntil?: number
}

/** The result of one scan. Times are milliseconds since the Unix epoch by this machine's clock. */
export interface ScanReport {
  readonly beganAt: number
  readonly endedAt: number
  /** Every owned container, in the engine's order. */
  readonly containers: readonly ReportedContainer[]
  /**
   * In scans without a history: running containers that are graced only because the engine no longer remembers whether they
   * were unpaused within the creation grace. Omitted if there are none.
   */
  readonly unpausesForgotten?: readonly string[]
}

interface ReportedTimes extends Pick<ScanReport, 'beganAt' | 'endedAt'> {
  readonly engineNowMs: number | undefined
  /** When the scan began, on the clock that counts graces. */
  readonly beganAwakeMs: number
}

export async function reportOf(
  judged: readonly Judged[],
  { beganAt, endedAt, engineNowMs, beganAwakeMs }: ReportedTimes,
  clock: Clock,
  signal: AbortSignal,
): Promise<ScanReport> {
  const containers: ReportedContainer[] = []
  await inSlices(judged, clock, signal, ({ container, verdict }) => {
    containers.push({
      id: container.id,
      name: container.name,
      image: container.image,
      state: container.state,
      createdAt: container.createdAtMs,
      ageMs: ageOf(container.createdAtMs, engineNowMs),
      ...verdictReason(verdict),
      ...(verdict.verdict === 'graced' &&
        Number.isFinite(verdict.endsAtMs) && {
          gracedUntil: Math.ceil(beganAt + verdict.endsAtMs - beganAwakeMs),
        }),
    })
  })
  return { beganAt, endedAt, containers }
}

export function countVerdicts(judged: readonly Judged[]): VerdictCounts {
  const counts = { tracked: 0, graced: 0, dangling: 0, spared: 0 }
  for (const { verdict } of judged) counts[verdict.verdict]++
  return counts
}

/** Returns the age by the engine's clock; undefined if unknown or negative. */
export function ageOf(createdAtMs: number | undefined, engineNowMs: number | undefined): number | undefined {
  return createdAtMs === undefined || engineNowMs === undefined
    ? undefined
    : Math.max(0, engineNowMs - createdAtMs)
}
