import { nomadAllocationLabel } from './nomad.ts'
import { imageLabelOf } from './owner-label.ts'
import type { OptionName, OptionValues } from './values.ts'

/** A conflict between two options. */
export interface Contradiction {
  readonly option: OptionName
  /** What is required instead. `called` returns an option's name in its source: the option, flag, variable or key. */
  readonly requirement: (called: (option: OptionName) => string) => string
}

const shortestSafeGraceMs = 10_000

/** Returns the first contradiction, or undefined. Pure. */
export function findContradiction(values: OptionValues): Contradiction | undefined {
  const { owner, preset, keepLabel, filterListing, allowShortGrace } = values
  if (!owner && !preset) {
    return { option: 'owner', requirement: (called) => `it is required without ${called('preset')}` }
  }
  if (preset && (owner?.session || owner?.leases)) {
    return {
      option: 'owner',
      requirement: (called) =>
        `with ${called('preset')} it must be a label with a value; a preset has no sessions`,
    }
  }
  if (owner?.label === keepLabel) {
    return {
      option: 'owner',
      requirement: (called) =>
        `its label must not be that of ${called('keepLabel')}, or nothing is ever removed`,
    }
  }
  if (owner && imageLabelOf(owner) === keepLabel) {
    return {
      option: 'keepLabel',
      requirement: (called) =>
        `it must not be the label of ${called('owner')} with .image, which labels() sets, or nothing is ever removed`,
    }
  }
  if (preset === 'nomad' && keepLabel === nomadAllocationLabel) {
    return {
      option: 'keepLabel',
      requirement: (called) => `it must not be the label of ${called('preset')}, or nothing is ever removed`,
    }
  }
  if (preset && filterListing) {
    return {
      option: 'filterListing',
      requirement: (called) =>
        `${called('preset')} matches more than one label, so it needs unfiltered listings`,
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
