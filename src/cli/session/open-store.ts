import type { LeaseStore } from '../../domain/session.ts'

/** The store of leases that a command works with. */
export interface OpenStore {
  readonly leases: LeaseStore
  /** How long the store takes, after its first question, to say of a session that it has ended. */
  readonly settlingMs: number
  /** Ends its connection, after the sessions. */
  close(): void
}
