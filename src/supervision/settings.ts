import type { LeaseStore } from '../domain/session.ts'
import { readOptions } from '../options/read.ts'
import type { ReconcilerOptions } from '../options/types.ts'
import { type OptionValues } from '../options/values.ts'
import { ownedByLabel, ownedByNomad, type Ownership } from '../policy/ownership.ts'

/** The validated options in the form that the components of a reconciler use. */
export interface Settings extends Omit<OptionValues, 'states'> {
  readonly ownership: Ownership
  /** Undefined if the owner has no sessions. */
  readonly leases: LeaseStore | undefined
  readonly states: ReadonlySet<string>
  /** The label filter for listings. */
  readonly filter: string | undefined
  readonly backoffMinMs: number
  readonly backoffMaxMs: number
}

/**
 * Validates the options.
 *
 * @throws OptionError for the first invalid option
 */
export function readSettings(options: ReconcilerOptions): Settings {
  const values = readOptions(options)
  const { owner, preset, backoff } = values
  const ownership = preset || !owner ? ownedByNomad(owner) : ownedByLabel(owner)
  return {
    ...values,
    ownership,
    leases: owner?.session?.leases ?? owner?.leases,
    states: new Set(values.states),
    filter: values.filterListing ? ownership.filter : undefined,
    recoveryGraceMs: Math.min(values.recoveryGraceMs, values.creationGraceMs),
    backoffMinMs: backoff.min,
    backoffMaxMs: backoff.max,
  }
}
