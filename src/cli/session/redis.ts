import { messageOf, SessionError } from '../../domain/errors.ts'
import { withoutSecrets } from '../../domain/show.ts'
import { redisLeases } from '../../sessions/index.ts'
import { within } from '../process/deadline.ts'
import type { CommandClock } from '../world.ts'
import type { OpenStore } from './open-store.ts'

const longestConnectMs = 5000
/** Four thirds of the default time to live of a lease, and a reading more. */
const settlingMs = 50_000

/**
 * Connects to a Redis server. The client is loaded only then.
 *
 * @throws SessionError, without the password, if there is no connection in time
 */
export async function openRedis(url: string, clock: CommandClock): Promise<OpenStore> {
  const { createClient } = await import('@redis/client')
  const client = createClient({ url })
  let lastFailure = `no answer within ${longestConnectMs / 1000} s`
  // The client reconnects by itself, and what cannot be asked meanwhile is unknown.
  client.on('error', (error: unknown) => (lastFailure = messageOf(error)))
  const refuse = (): never => {
    client.destroy()
    throw new SessionError(`cannot connect to ${withoutSecrets(url)}: ${lastFailure}`)
  }
  try {
    await within(client.connect(), longestConnectMs, () => 'late' as const, clock).then(
      (connected) => connected === 'late' && refuse(),
    )
  } catch (error) {
    if (error instanceof SessionError) throw error
    lastFailure = messageOf(error)
    refuse()
  }
  return { leases: redisLeases(client), settlingMs, close: () => client.destroy() }
}
