import type { GraceReason, ScanReport, SpareReason } from '../index.ts'
import type { Settlement } from './settlement.ts'

/** The JSON output of a sweep, with full ids. */
export interface SweepReport {
  readonly removed: readonly string[]
  readonly vanished: readonly string[]
  readonly failed: readonly { readonly id: string; readonly error: string }[]
  /** A request may have been carried out, and no scan has settled it. */
  readonly unknown: readonly string[]
  readonly spared: readonly { readonly id: string; readonly reason: SpareReason }[]
  /** In a dry run. */
  readonly wouldRemove: readonly string[]
}

export function sweepReport(
  { containers }: ScanReport,
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
    if (verdict === 'spared') spared.push({ id, reason })
    if (verdict === 'dangling' && isDryRun) wouldRemove.push(id)
  }
  for (const [{ id }, settled] of settlement.outcomes()) {
    if (settled === undefined) unknown.push(id)
    else if (settled.as === 'failed') failed.push({ id, error: settled.error })
    else if (settled.as === 'left') {
      if (settled.verdict === 'spared') spared.push({ id, reason: settled.reason as SpareReason })
    } else (settled.as === 'removed' ? removed : vanished).push(id)
  }
  return { removed, vanished, failed, unknown, spared, wouldRemove }
}

/** Those that a sweep may find dangling later. */
export function stillGraced({ containers }: ScanReport, settlement: Settlement): readonly Graced[] {
  const atOnce = containers.flatMap(({ id, verdict, reason }) =>
    verdict === 'graced' ? [{ id, reason }] : [],
  )
  const meanwhile = [...settlement.outcomes()].flatMap(([{ id }, settled]) =>
    settled?.as === 'left' && settled.verdict === 'graced' ? [{ id, reason: settled.reason }] : [],
  )
  return [...atOnce, ...meanwhile] as readonly Graced[]
}

export interface Graced {
  readonly id: string
  readonly reason: GraceReason
}
