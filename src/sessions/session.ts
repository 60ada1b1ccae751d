import { randomBytes } from 'node:crypto'
import { OptionError } from '../domain/errors.ts'
import type { Lease, LeaseStore, Session } from '../domain/session.ts'
import { kindOf } from '../domain/show.ts'

/** What a session needs. */
export interface SessionOptions {
  /** The store that keeps its lease: `socketLeases()`, `redisLeases(client)` or one of your own. */
  readonly leases: LeaseStore
}

/**
 * Opens a session: chooses a random id and takes its lease. Resolves once the lease is held. The id is the value of the
 * owner's label for all containers of this process.
 *
 * An open session does not keep the process alive. A process that is killed ends its session as well.
 *
 * ```js
 * import { openSession, socketLeases } from 'flotsam/sessions'
 *
 * const session = await openSession({ leases: socketLeases() })
 * session.lost.addEventListener('abort', () => console.error(session.lost.reason))
 * console.log(session.id)
 * await session.close()
 * ```
 *
 * @throws {@link OptionError} for an invalid store, and whatever the store's `hold` rejects with.
 */
export async function openSession(options: SessionOptions): Promise<Session> {
  const leases = checkedStore(options)
  const id = randomBytes(16).toString('hex')
  const lease = await leases.hold(id)
  const lost = lostSignalOf(lease)
  let closing: Promise<void> | undefined
  const close = () => (closing ??= releaseOnce())
  const releaseOnce = async () => {
    try {
      await lease.release()
    } catch (error) {
      // a later close() may succeed
      closing = undefined
      throw error
    }
  }
  return { id, leases, lost, close, [Symbol.asyncDispose]: close }
}

function checkedStore(options: SessionOptions | undefined): LeaseStore {
  const leases: unknown = options?.leases
  const { hold, isHeld, list } = (leases ?? {}) as Readonly<Record<string, unknown>>
  const isStore =
    typeof hold === 'function' &&
    typeof isHeld === 'function' &&
    (list === undefined || typeof list === 'function')
  if (isStore) return leases as LeaseStore
  throw new OptionError('leases', leases, 'it must be a store of leases, with methods hold and isHeld', {
    ...(leases !== undefined && { shown: kindOf(leases) }),
  })
}

function lostSignalOf(lease: Lease): AbortSignal {
  const { release, lost } = (lease ?? {}) as { readonly release?: unknown; readonly lost?: unknown }
  if (typeof release !== 'function') {
    throw new OptionError(
      'leases',
      lease,
      'its method hold must resolve with a lease that has a method release',
    )
  }
  // without a signal nothing can be lost that the store knows of
  if (lost === undefined) return new AbortController().signal
  if (lost instanceof AbortSignal) return lost
  throw new OptionError('leases', lease, 'the member lost of its leases must be an AbortSignal')
}
