import type { BareLabel, OwnerLabel } from '../../options/owner-label.ts'
import type { GivenSettings } from '../given.ts'

export interface SessionContradiction {
  readonly option: 'owner' | 'preset'
  readonly requirement: string
}

/** What does not go together with a store of sessions, or without one. */
export function findSessionContradiction(
  all: GivenSettings,
  hasStore: boolean,
): SessionContradiction | undefined {
  const owner = all.get('owner')?.value as OwnerLabel | BareLabel | undefined
  const isBare = owner !== undefined && owner.value === undefined && owner.anyValue === undefined
  if (!hasStore) {
    return isBare
      ? { option: 'owner', requirement: 'it must be KEY=VALUE or KEY=*; KEY alone needs --sessions' }
      : undefined
  }
  if (all.has('preset')) return { option: 'preset', requirement: 'a preset has no sessions' }
  return isBare
    ? undefined
    : {
        option: 'owner',
        requirement:
          'with sessions it must be KEY without a value, since the value is the id of each session',
      }
}
