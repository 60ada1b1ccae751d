import type { Report } from '../domain/events.ts'
import type { SpareReason } from '../domain/verdict.ts'
import type { Judged } from './scan-context.ts'

/** Reports how many containers are spared and why: after the first scan, and whenever that changes. */
export class SparedTotals {
  readonly #report: Report
  /** What was reported last, in a form that can be compared. */
  #last = textOf(new Map())

  constructor(report: Report) {
    this.#report = report
  }

  note(judged: readonly Judged[]): void {
    const counts = countReasons(judged)
    const text = textOf(counts)
    if (text === this.#last) return
    this.#last = text
    const spared = [...counts.values()].reduce((sum, count) => sum + count, 0)
    this.#report({ type: 'sparedTotals', spared, reasons: Object.fromEntries(counts) })
  }
}

/** By reason, the most frequent first. */
function countReasons(judged: readonly Judged[]): ReadonlyMap<SpareReason, number> {
  const counts = new Map<SpareReason, number>()
  for (const { verdict } of judged)
    if (verdict.verdict === 'spared') counts.set(verdict.reason, (counts.get(verdict.reason) ?? 0) + 1)
  return new Map(
    [...counts].toSorted(([one, ofOne], [other, ofOther]) => ofOther - ofOne || (one < other ? -1 : 1)),
  )
}

function textOf(counts: ReadonlyMap<SpareReason, number>): string {
  return JSON.stringify([...counts])
}
