import { ArgumentError } from './errors.ts'
import { show } from './show.ts'

/**
 * The proof, kept outside of labels, that a session is alive. While it is held, no other session removes the session's
 * containers.
 */
export interface Lease {
  /**
   * Aborted, with an `Error` as its reason, once the lease may have been lost: to other sessions this one may seem to have ended, and
   * they may remove its containers when the session grace has passed. Never aborted by `release`. Without it, the lease is never lost.
   */
  readonly lost?: AbortSignal | undefined
  /** Ends the lease. Idempotent. Rejects if the store cannot be reached; the lease then ends by itself where the store allows. */
  release(): Promise<void>
}

/**
 * Keeps the leases of sessions. A store of your own has two methods; this one is for tests in one process:
 *
 * ```js
 * import { openSession } from 'flotsam/sessions'
 *
 * const held = new Set()
 * const leases = {
 *   hold: async (id) => {
 *     held.add(id)
 *     return { release: async () => void held.delete(id) }
 *   },
 *   isHeld: async (id) => held.has(id),
 * }
 * const session = await openSession({ leases })
 * ```
 */
export interface LeaseStore {
  /** Takes the lease of a session. Rejects if the store cannot be reached, or if the lease is held already. */
  hold(id: string): Promise<Lease>
  /**
   * Whether the session's lease is held: `false` only if it is known to be gone. `undefined`, a rejection and a late answer mean
   * that this is unknown, and spare the session's containers.
   */
  isHeld(id: string): Promise<boolean | undefined>
  /** The ids of all sessions whose lease is held. Without it, only the sessions of existing containers are known. */
  list?(): Promise<readonly string[]>
}

/** One life of an agent process. Its containers bear its id as the value of the owner's label. */
export interface Session {
  /** 32 lowercase hexadecimal digits, chosen at random. */
  readonly id: string
  /** The store that keeps its lease, and those of the sessions beside it. */
  readonly leases: LeaseStore
  /** Aborted once its lease may have been lost, see {@link Lease.lost}. */
  readonly lost: AbortSignal
  /** Ends its lease. Its containers may be removed after the session grace, unless they are removed before. Idempotent. */
  close(): Promise<void>
  /** Calls `close()`, so that `await using` ends the session. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Whether a label's value has the form of a session's id. */
export function isSessionId(value: string): boolean {
  return /^[0-9a-f]{32}$/.test(value)
}

export function requireSessionId(id: string): void {
  if (isSessionId(id)) return
  throw new ArgumentError(`${show(id)} is no id of a session, which has 32 lowercase hexadecimal digits`)
}
