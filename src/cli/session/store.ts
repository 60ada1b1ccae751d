import { OptionError } from '../../domain/errors.ts'
import type { LeaseStore } from '../../domain/session.ts'
import type { SessionStore } from '../../options/session-store.ts'
import { socketLeases } from '../../sessions/index.ts'
import type { Flags } from '../flags.ts'
import type { CommandClock } from '../world.ts'
import type { OpenStore } from './open-store.ts'
import { openRedis } from './redis.ts'

/** Does some work with the store of `--sessions`; without one if that was not given. */
export async function withStore<T>(
  { sessions }: Flags,
  clock: CommandClock,
  work: (leases?: LeaseStore, settlingMs?: number) => Promise<T>,
): Promise<T> {
  if (!sessions) return work()
  const store = await openStore(sessions, clock)
  try {
    return await work(store.leases, store.settlingMs)
  } finally {
    store.close()
  }
}

/** No session has this id, since ids are random. */
const noSession = '0'.repeat(32)

/**
 * Opens the store of `--sessions`.
 *
 * @throws OptionError for a directory that cannot be used, and SessionError if the server cannot be reached
 */
export async function openStore(store: SessionStore, clock: CommandClock): Promise<OpenStore> {
  if ('url' in store) return openRedis(store.url, clock)
  try {
    const leases = socketLeases(store.directory)
    // rejects if others can write to the directory
    await leases.isHeld(noSession)
    return { leases, settlingMs: 0, close: () => {} }
  } catch (error) {
    throw error instanceof OptionError ? atTheFlag(error) : error
  }
}

/** The store that the command line names, else the default directory. */
export async function openStoreOrDefault(
  store: SessionStore | undefined,
  clock: CommandClock,
): Promise<OpenStore> {
  return store ? openStore(store, clock) : { leases: socketLeases(), settlingMs: 0, close: () => {} }
}

function atTheFlag({ value, requirement, shown }: OptionError): OptionError {
  return new OptionError('sessions', value, requirement, { shown })
}
