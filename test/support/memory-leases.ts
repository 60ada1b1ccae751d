import type { Lease, LeaseStore, Session } from '../../src/domain/session.ts'

/** What replaces the answer about a lease. */
type Disturbance = (id: string) => Promise<boolean | undefined>

/** A lease store in memory, which a test can let end, forget and fail. It notes who was asked about. */
export interface MemoryLeases extends LeaseStore {
  readonly held: Set<string>
  readonly asked: string[]
  /** Set while it does not answer as it should. */
  disturbance: Disturbance | undefined
}

export function memoryLeases(...held: readonly string[]): MemoryLeases {
  const leases: MemoryLeases = {
    held: new Set(held),
    asked: [],
    disturbance: undefined,
    hold: async (id): Promise<Lease> => {
      leases.held.add(id)
      return { release: async () => void leases.held.delete(id) }
    },
    isHeld: async (id) => {
      leases.asked.push(id)
      return leases.disturbance ? leases.disturbance(id) : leases.held.has(id)
    },
  }
  return leases
}

/** The id of a session, by its number. */
export function sessionId(number: number): string {
  return `5e55${number.toString(16).padStart(28, '0')}`
}

/** A session whose lease is held. */
export function sessionIn(leases: MemoryLeases, id: string): Session {
  leases.held.add(id)
  const close = async () => void leases.held.delete(id)
  const session = { id, leases, lost: new AbortController().signal, close, [Symbol.asyncDispose]: close }
  return session
}
