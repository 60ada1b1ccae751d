import type { KnownContainer } from '../containers/known-container.ts'
import type { Emit } from '../domain/events.ts'
import type { ContainerId } from '../domain/ids.ts'
import type { SpareReason, Verdict } from '../domain/verdict.ts'
import type { Judged } from './scan-context.ts'

type SparedCounts = ReadonlyMap<SpareReason, number>

/** Reports how many containers are spared and why: after the first scan, and whenever that changes. */
export class SparedTotals {
  readonly #emit: Emit
  /** What was reported last, in a form that can be compared. */
  #last = textOf(new Map())

  constructor(emit: Emit) {
    this.#emit = emit
  }

  note(counts: SparedCounts): void {
    const text = textOf(counts)
    if (text === this.#last) return
    this.#last = text
    const spared = [...counts.values()].reduce((sum, count) => sum + count, 0)
    this.#emit({ type: 'sparedTotals', spared, reasons: Object.fromEntries(counts) })
  }
}

/**
 * By reason, the most frequent first. A container that an inspection or the hook has spared is nominated again from time to
 * time; it counts as spared until its attempt has decided otherwise.
 */
export function countSpared(
  judged: readonly Judged[],
  knownBefore: (id: ContainerId) => KnownContainer | undefined,
): SparedCounts {
  const counts = new Map<SpareReason, number>()
  for (const { container, verdict } of judged) {
    const standing = verdict.verdict === 'dangling' ? sparedLate(knownBefore(container.id)) : verdict
    if (standing?.verdict === 'spared') counts.set(standing.reason, (counts.get(standing.reason) ?? 0) + 1)
  }
  return new Map(
    [...counts].toSorted(([one, ofOne], [other, ofOther]) => ofOther - ofOne || (one < other ? -1 : 1)),
  )
}

function sparedLate(known: KnownContainer | undefined): Verdict | undefined {
  const { objection, refusal, verdict } = known ?? {}
  return [objection, refusal].some((held) => held && held.reason === verdict?.reason) ? verdict : undefined
}

function textOf(counts: SparedCounts): string {
  return JSON.stringify([...counts])
}
