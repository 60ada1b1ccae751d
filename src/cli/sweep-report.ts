import type { LookReport, SpareReason } from '../index.ts'
import type { Settlement } from './settlement.ts'

/** What a sweep tells as JSON: full ids. */
export interface SweepReport {
  readonly removed: readonly string[]
  readonly vanished: readonly string[]
  readonly failed: readonly { readonly id: string; readonly error: string }[]
  /** A request for it may have been carried out, and no look could tell. */
  readonly unknown: readonly string[]
  readonly spared: readonly { readonly id: string; readonly reason: SpareReason }[]
  /** In a dry run. */
  readonly wouldRemove: readonly string[]
}

export function sweepReport(
  { containers }: LookReport,
  settlement: Settlement,
  isDryRun: boolean,
): SweepReport {
  const removed: string[] = []
  const vanished: string[] = []
  const failed: { id: string; error: string }[] = []
  const unknown: string[] = []
  const spared: { id: string; reason: SpareReason }[] = []
  const wouldRemove: string[] = []
  for (const { id, verdict, reason } of containers) {
    if (verdict === 'spared') spared.push({ id, reason: reason as SpareReason })
    if (verdict === 'dangling' && isDryRun) wouldRemove.push(id)
  }
  for (const [{ id }, settled] of settlement.outcomes()) {
    if (settled === undefined) unknown.push(id)
    else if (settled.as === 'failed') failed.push({ id, error: settled.error })
    else if (settled.as === 'let-live') {
      if (settled.verdict === 'spared') spared.push({ id, reason: settled.reason as SpareReason })
    } else (settled.as === 'removed' ? removed : vanished).push(id)
  }
  return { removed, vanished, failed, unknown, spared, wouldRemove }
}
