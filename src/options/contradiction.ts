import { nomadAllocationLabel } from './nomad.ts'
import type { OptionName, OptionValues } from './values.ts'

/** What an option allows by itself and another one forbids. */
export interface Contradiction {
  readonly option: OptionName
  /** What is required instead; `called` names an option as it is named where it was given. */
  readonly requirement: (called: (option: OptionName) => string) => string
}

const shortestSafeGraceMs = 10_000

/** The first contradiction among the options; undefined where there is none. Pure. */
export function findContradiction(values: OptionValues): Contradiction | undefined {
  const { owner, preset, keepLabel, filterListing, allowShortGrace } = values
  if (!owner && !preset) {
    return { option: 'owner', requirement: (called) => `give it, or ${called('preset')}` }
  }
  if (owner?.label === keepLabel) {
    return {
      option: 'owner',
      requirement: (called) =>
        `its label must not be that of ${called('keepLabel')}, which keeps every container`,
    }
  }
  if (preset === 'nomad' && keepLabel === nomadAllocationLabel) {
    return {
      option: 'keepLabel',
      requirement: (called) => `it must not be the label of ${called('preset')}, or it keeps every container`,
    }
  }
  if (preset && filterListing) {
    return {
      option: 'filterListing',
      requirement: (called) =>
        `${called('preset')} owns containers by more than one label, so it needs whole listings`,
    }
  }
  for (const option of ['creationGrace', 'recoveryGrace'] as const) {
    if (values[`${option}Ms`] >= shortestSafeGraceMs || allowShortGrace) continue
    return {
      option,
      requirement: (called) =>
        `it must be at least 10s, or ${called('allowShortGrace')} must be given (for tests and demonstrations)`,
    }
  }
  return undefined
}
