import type { GraceReason, ScanReport, SpareReason } from '../index.ts'
import type { Settled, Settlement } from './settlement.ts'

/** The JSON output of a sweep, with full ids. */
export interface SweepReport {
  readonly removed: readonly string[]
  readonly vanished: readonly string[]
  readonly failed: readonly { readonly id: string; readonly error: string }[]
  /** A request may have been carried out, and no scan has settled it. */
  readonly unknown: readonly string[]
  readonly spared: readonly { readonly id: string; readonly reason: SpareReason }[]
  /** Those that a later sweep may find dangling. */
  readonly graced: readonly Graced[]
  /** In a dry run. */
  readonly wouldRemove: readonly string[]
}

export function sweepReport(
  { containers }: ScanReport,
  settlement: Settlement,
  { isDryRun, graceMs }: SweepSettings,
): SweepReport {
  const removed: string[] = []
  const vanished: string[] = []
  const failed: { id: string; error: string }[] = []
  const unknown: string[] = []
  const spared: { id: string; reason: SpareReason }[] = []
  const graced: Graced[] = []
  const wouldRemove: string[] = []
  for (const { id, verdict, reason, gracedUntil: until } of containers) {
    if (verdict === 'spared') spared.push({ id, reason })
    if (verdict === 'graced' && !settlement.covers(id))
      graced.push({ id, reason, ...(until !== undefined && { until }) })
    if (verdict === 'dangling' && isDryRun) wouldRemove.push(id)
  }
  for (const [{ id }, settled] of settlement.outcomes()) {
    if (settled === undefined) unknown.push(id)
    else if (settled.as === 'failed') failed.push({ id, error: settled.error })
    else if (settled.as === 'left') {
      if (settled.verdict === 'spared') spared.push({ id, reason: settled.reason as SpareReason })
      if (settled.verdict === 'graced') graced.push(gracedMeanwhile(id, settled, graceMs))
    } else (settled.as === 'removed' ? removed : vanished).push(id)
  }
  return { removed, vanished, failed, unknown, spared, graced, wouldRemove }
}

/** An event does not say when a grace ends: at the latest as long after it as that grace lasts. */
function gracedMeanwhile(
  id: string,
  { reason, at }: Extract<Settled, { readonly as: 'left' }>,
  graceMs: SweepSettings['graceMs'],
): Graced {
  const grace = reason as GraceReason
  return { id, reason: grace, until: at + graceMs(grace) }
}

export interface SweepSettings {
  readonly isDryRun: boolean
  /** How long such a grace lasts. */
  readonly graceMs: (reason: GraceReason) => number
}

/** A container that is still in a grace. */
export interface Graced {
  readonly id: string
  readonly reason: GraceReason
  /** When the grace ends, in milliseconds since the Unix epoch by this machine's clock; omitted if unknown. */
  readonly until?: number
}
