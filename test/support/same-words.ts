import type { ContainerSummary } from '../../src/domain/container.ts'

export type SameWords = (containers: readonly ContainerSummary[]) => readonly ContainerSummary[]

/**
 * Gives listings as the reader of real ones does: an entry equal to that of the previous listing is the same object, and a
 * listing that says nothing new is the same array.
 */
export function createSameWords(): SameWords {
  let last: readonly ContainerSummary[] = []
  let before = new Map<string, readonly ContainerSummary[]>()
  return (containers) => {
    const kept = containers.map((one) => before.get(one.id)?.find((old) => saysTheSame(old, one)) ?? one)
    const isSame = kept.length === last.length && kept.every((one, at) => one === last[at])
    if (isSame) return last
    last = kept
    before = new Map()
    for (const one of kept) before.set(one.id, [...(before.get(one.id) ?? []), one])
    return last
  }
}

/** Of what JSON can hold. */
function saysTheSame(one: unknown, other: unknown): boolean {
  if (one === other) return true
  if (!isRecord(one) || !isRecord(other)) return false
  const fields = Object.keys(one)
  return (
    fields.length === Object.keys(other).length &&
    fields.every((field) => Object.hasOwn(other, field) && saysTheSame(one[field], other[field]))
  )
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
