import type { ContainerSummary } from '../../src/engine/port.ts'

export type SameWords = (containers: readonly ContainerSummary[]) => readonly ContainerSummary[]

/**
 * Gives listings as the reader of real ones does: what says the same as in the listing before is the same object, and a
 * listing that says nothing new is the same array.
 */
export function createSameWords(): SameWords {
  let last: readonly ContainerSummary[] = []
  let before = new Map<string, ContainerSummary>()
  return (containers) => {
    const words = containers.map((one) => JSON.stringify(one))
    const kept = containers.map((one, at) => before.get(words[at] as string) ?? one)
    before = new Map(kept.map((one, at) => [words[at] as string, one]))
    const isSame = kept.length === last.length && kept.every((one, at) => one === last[at])
    if (!isSame) last = kept
    return last
  }
}
