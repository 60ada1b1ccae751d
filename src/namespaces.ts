import type { ContainerSummary } from './engine/port.ts'
import type { ContainerId } from './ids.ts'

const shared = 'container:'

/** Whether it uses the network of another container, or may do so: some engines' listings do not say. */
export function mayBeGuest({ networkMode }: ContainerSummary): boolean {
  return networkMode === '' || networkMode.startsWith(shared)
}

/** The containers that use the network namespace of another one, by what they call that other one. */
export interface NetworkSharing {
  /** Everyone listed who uses the network of this container, the guests of its guests included: theirs is the same one. */
  guestsOf(holder: ContainerSummary): readonly ContainerSummary[]
}

/**
 * Finds who shares whose network namespace, among all that may be guests in one unfiltered listing. A guest may name its
 * holder by id, by a prefix of it or by name, according to the engine; all are matched, since a match too many only spares.
 */
export function networkSharing(containers: readonly ContainerSummary[]): NetworkSharing {
  const guests = new Map<string, ContainerSummary[]>()
  const prefixes: string[] = []
  for (const container of containers) {
    if (!container.networkMode.startsWith(shared)) continue
    const holder = container.networkMode.slice(shared.length).replace(/^\//, '')
    const known = guests.get(holder)
    if (known) known.push(container)
    else {
      guests.set(holder, [container])
      if (holder.length < 64) prefixes.push(holder)
    }
  }
  if (guests.size === 0) return { guestsOf: () => noGuests }
  const directGuestsOf = ({ id, names }: ContainerSummary) => {
    // Where the engine gives it no name, whoever calls a holder by name may mean it.
    const mayMean = (called: string) => called !== '' && (names.length === 0 || id.startsWith(called))
    const called = new Set([id, ...names, ...prefixes.filter(mayMean)])
    return [...called].flatMap((name) => guests.get(name) ?? [])
  }
  return {
    guestsOf: (holder) => {
      const met = new Set([holder.id])
      const hosts = [holder]
      // The loop comes to what it finds on its way.
      for (const host of hosts) {
        for (const guest of directGuestsOf(host)) {
          if (met.has(guest.id)) continue
          met.add(guest.id)
          hosts.push(guest)
        }
      }
      return hosts.slice(1)
    },
  }
}

const ended = new Set(['exited', 'dead'])

/** Whether a guest's own processes have ended, so that it uses no network now. */
export function hasEnded({ state }: ContainerSummary): boolean {
  return ended.has(state)
}

const noGuests: readonly ContainerSummary[] = []
const nobody: Guests = { protecting: undefined, ended: [] }

export type Guests = { readonly protecting: ContainerId | undefined; readonly ended: readonly ContainerId[] }

/**
 * Which guest protects the holder, and which ended ones no longer do. A guest that has ended and is surely forgotten,
 * being owned, untracked and not kept, protects nobody; every other one does.
 */
export function weighGuests(
  guests: readonly ContainerSummary[],
  isSurelyForgotten: (guest: ContainerSummary) => boolean,
): Guests {
  // as nearly always
  if (guests.length === 0) return nobody
  const isHarmless = (guest: ContainerSummary) => hasEnded(guest) && isSurelyForgotten(guest)
  return {
    protecting: guests.find((guest) => !isHarmless(guest))?.id,
    ended: guests.filter(isHarmless).map(({ id }) => id),
  }
}
