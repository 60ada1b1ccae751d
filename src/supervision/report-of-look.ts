import type { Clock } from '../clock.ts'
import type { VerdictCounts } from '../events.ts'
import type { Reason, VerdictName } from '../judge.ts'
import { inSlices } from '../slices.ts'
import type { Judged } from './survey.ts'

/** What a look found of one owned container. */
export interface ReportedContainer {
  readonly id: string
  readonly name: string
  readonly image: string
  readonly state: string
  /** Milliseconds since 1970 by the engine's clock; undefined where the engine did not say. */
  readonly createdAt: number | undefined
  /** Its age by the engine's clock, in milliseconds; undefined where that cannot be known. */
  readonly ageMs: number | undefined
  readonly verdict: VerdictName
  readonly reason: Reason
}

/** What one look found. Times are milliseconds since 1970 by this machine's clock. */
export interface LookReport {
  readonly beganAt: number
  readonly endedAt: number
  /** Every owned container, in the engine's order. */
  readonly containers: readonly ReportedContainer[]
}

export async function reportOf(
  judged: readonly Judged[],
  { beganAt, endedAt, engineNowMs }: { beganAt: number; endedAt: number; engineNowMs: number | undefined },
  clock: Clock,
  signal: AbortSignal,
): Promise<LookReport> {
  const containers: ReportedContainer[] = []
  await inSlices(judged, clock, signal, ({ container, verdict }) => {
    containers.push({
      id: container.id,
      name: container.name,
      image: container.image,
      state: container.state,
      createdAt: container.createdAtMs,
      ageMs: ageOf(container.createdAtMs, engineNowMs),
      verdict: verdict.verdict,
      reason: verdict.reason,
    })
  })
  return { beganAt, endedAt, containers }
}

export function countVerdicts(judged: readonly Judged[]): VerdictCounts {
  const counts = { tracked: 0, graced: 0, dangling: 0, spared: 0 }
  for (const { verdict } of judged) counts[verdict.verdict]++
  return counts
}

/** An age by the engine's own clock; one that the clock makes negative is none. */
export function ageOf(createdAtMs: number | undefined, engineNowMs: number | undefined): number | undefined {
  return createdAtMs === undefined || engineNowMs === undefined
    ? undefined
    : Math.max(0, engineNowMs - createdAtMs)
}
