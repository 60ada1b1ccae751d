import type { Clock } from '../clock.ts'
import type { ContainerSummary } from '../engine/port.ts'
import type { ContainerId } from '../ids.ts'
import { isKept, type Policy } from '../judge.ts'
import { mayBeGuest } from '../namespaces.ts'
import type { Ownership } from '../owner.ts'
import { inSlices } from '../slices.ts'

/** What a listing says before anybody is asked. */
export interface Roster {
  /** The owned containers, each once, in the engine's order. */
  readonly owned: readonly ContainerSummary[]
  /** Whoever uses another one's network, or may do so; foreign ones as well. */
  readonly mayBeGuests: readonly ContainerSummary[]
}

export interface RosterOptions {
  readonly clock: Clock
  readonly ownership: Ownership
  readonly policy: Policy
}

/**
 * Of a container that is listed twice, the entry counts that protects it: a listing that contradicts itself removes
 * nothing.
 */
export async function drawUp(
  containers: readonly ContainerSummary[],
  { clock, ownership, policy }: RosterOptions,
  signal: AbortSignal,
): Promise<Roster> {
  const byId = new Map<ContainerId, ContainerSummary>()
  const foreign = new Set<ContainerId>()
  const mayBeGuests: ContainerSummary[] = []
  await inSlices(containers, clock, signal, (container) => {
    if (mayBeGuest(container)) mayBeGuests.push(container)
    if (!ownership.owns(container)) foreign.add(container.id)
    else if (!byId.has(container.id) || isKept(container, policy)) byId.set(container.id, container)
  })
  for (const id of foreign) byId.delete(id)
  return { owned: [...byId.values()], mayBeGuests }
}
