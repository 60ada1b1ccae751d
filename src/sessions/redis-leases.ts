import { randomBytes } from 'node:crypto'
import { type Clock, systemClock } from '../domain/clock.ts'
import { SessionError } from '../domain/errors.ts'
import { isSessionId, type LeaseStore, requireSessionId } from '../domain/session.ts'
import { Absences } from './absences.ts'
import { type Answer, Commands, wordsOf } from './redis-commands.ts'
import { RedisLease } from './redis-lease.ts'
import {
  checkClient,
  readRedisOptions,
  type RedisClient,
  type RedisLeasesOptions,
  type RedisSettings,
} from './redis-options.ts'
import { listScript, readScript } from './redis-scripts.ts'

/**
 * Keeps leases in Redis or Valkey, for agents on several hosts that share an engine. A lease is a key with a time to live,
 * which its holder renews at a third of that.
 *
 * The client is one of the `redis` package. You create it, connect it, handle its `error` events and close it, after the
 * sessions. Its user needs the commands `EVAL`, `GET`, `SET`, `DEL`, `PTTL`, `PEXPIRE`, `SCAN`, `TIME` and `INFO`.
 *
 * - `isHeld` answers `true` if the key is there. It answers `false` only after every reading has shown it absent for four
 *   thirds of the time to live, by the clock of this process, while the same server answered. So the first such reading
 *   answers `undefined`; then the key is read at every third of the time to live, until it is there again or has not been
 *   asked for in a day. The count begins again after a flush, a restart, a failover or an eviction, after the server's clock
 *   was set, and after two thirds of the time to live without an answer. A live holder that reaches the store has made its key
 *   again by then.
 * - A holder's `lost` is aborted after a whole time to live without a successful renewal, or if another process holds the
 *   lease. A holder that is cut off from the store therefore learns of it before `isHeld` answers `false` anywhere. It keeps
 *   renewing all the same.
 * - A command that is not answered within a sixth of the time to live failed, and a later answer to it is ignored. `isHeld`
 *   rejects then, which means that it is unknown.
 * - A replica is never asked. A master that was replaced, and does not know it yet, would answer from its own keys: where there
 *   are replicas, set `min-replicas-to-write 1`, so that it refuses. Where keys are evicted all the time, a session counts as
 *   unknown: set `maxmemory-policy noeviction`.
 *
 * @example
 * ```ts
 * const client = await createClient({ url: 'redis://redis.example:6379' }).on('error', console.error).connect()
 * const session = await openSession({ leases: redisLeases(client) })
 * ```
 * @throws OptionError for an option that cannot be used
 */
export function redisLeases(client: RedisClient, options: RedisLeasesOptions = {}): Required<LeaseStore> {
  checkClient(client)
  return new RedisLeaseStore(client, readRedisOptions(options), systemClock)
}

const mostListed = 10_000
const mostAbsent = 10_000
const mostInOneReading = 500
const rememberedMs = 24 * 60 * 60 * 1000

/** With an injected clock, and without limits of the settings. */
export class RedisLeaseStore implements LeaseStore {
  readonly #client: RedisClient
  readonly #settings: RedisSettings
  readonly #clock: Clock
  readonly #deadlineMs: number
  readonly #commands: Commands
  readonly #absences: Absences
  #isFollowing = false
  /** The longest time to live of any agent; a flush also deletes what the epoch says of it. */
  #longestMs: number

  constructor(client: RedisClient, settings: RedisSettings, clock: Clock) {
    const { ttlMs } = settings
    this.#client = client
    this.#settings = settings
    this.#clock = clock
    this.#longestMs = ttlMs
    this.#deadlineMs = ttlMs / 6
    this.#commands = new Commands({ client, clock, deadlineMs: this.#deadlineMs, mostUnanswered: 1000 })
    this.#absences = new Absences({ longestGapMs: (ttlMs * 2) / 3, most: mostAbsent })
  }

  async hold(id: string): Promise<RedisLease> {
    requireSessionId(id)
    return RedisLease.take({
      client: this.#client,
      clock: this.#clock,
      deadlineMs: this.#deadlineMs,
      ttlMs: this.#settings.ttlMs,
      id,
      epochKey: this.#epochKey,
      leaseKey: this.#keyOf(id),
    })
  }

  async isHeld(id: string): Promise<boolean | undefined> {
    requireSessionId(id)
    this.#absences.ask(id, this.#clock.now())
    const [isHeld] = await this.#read([id])
    this.#follow()
    return isHeld
  }

  async list(): Promise<readonly string[]> {
    const { prefix, ttlMs } = this.#settings
    const pattern = `${prefix.replaceAll(/[\\*?[\]]/g, String.raw`\$&`)}*`
    const endsAtMs = this.#clock.now() + ttlMs
    const ids = new Set<string>()
    let cursor = '0'
    do {
      const { value, answeredMs } = await this.#send('listing leases', listScript, [], [cursor, pattern])
      const [next, keys] = Array.isArray(value) ? (value as unknown[]) : []
      cursor = String(next)
      if (!/^\d+$/.test(cursor) || !Array.isArray(keys)) throw invalid('listing leases')
      for (const id of wordsOf(keys).map((key) => key.slice(prefix.length))) if (isSessionId(id)) ids.add(id)
      if (ids.size > mostListed) throw new SessionError(`redis: there are more than ${mostListed} leases`)
      if (answeredMs > endsAtMs) throw new SessionError(`redis: listing leases took longer than ${ttlMs} ms`)
    } while (cursor !== '0')
    return [...ids]
  }

  async #read(ids: readonly string[]): Promise<readonly (boolean | undefined)[]> {
    const what = 'reading leases'
    const answer = await this.#send(what, readScript, ids, [])
    const { sentMs, answeredMs } = answer
    const [run = '', evicted = '', epoch = '', longest = '', serverMs = '', ...leases] = wordsOf(answer.value)
    const isWhole = leases.length === ids.length && leases.every((lease) => /^(held|absent)$/.test(lease))
    if (!isWhole || run === '' || evicted === '' || !(Number(longest) > 0) || !(Number(serverMs) > 0)) {
      throw invalid(what)
    }
    this.#longestMs = Math.max(this.#longestMs, Number(longest))
    const reading = {
      sentMs,
      answeredMs,
      keeper: [run, evicted, epoch].join(' '),
      keeperMs: Number(serverMs),
      ttlMs: this.#longestMs,
    }
    return ids.map((id, at) => this.#absences.note(id, { ...reading, isHeld: leases[at] === 'held' }))
  }

  /** Reads what is absent again and again, so that a lease that comes back in between is seen. */
  #follow(): void {
    if (this.#isFollowing || this.#absences.ids.length === 0) return
    this.#isFollowing = true
    this.#clock.setTimeout(() => void this.#readAbsent(), this.#settings.ttlMs / 3)
  }

  async #readAbsent(): Promise<void> {
    this.#isFollowing = false
    this.#absences.forgetAskedBefore(this.#clock.now() - rememberedMs)
    const { ids } = this.#absences
    this.#follow()
    const parts = Array.from({ length: Math.ceil(ids.length / mostInOneReading) }, (_, at) =>
      ids.slice(at * mostInOneReading, (at + 1) * mostInOneReading),
    )
    // What fails leaves a gap, after which the count begins again.
    await Promise.allSettled(parts.map((part) => this.#read(part)))
  }

  #send(what: string, script: string, ids: readonly string[], args: readonly string[]): Promise<Answer> {
    return this.#commands.send({
      what,
      script,
      keys: [this.#epochKey, ...ids.map((id) => this.#keyOf(id))],
      args: [randomBytes(16).toString('hex'), String(this.#settings.ttlMs), ...args],
    })
  }

  get #epochKey(): string {
    return `${this.#settings.prefix}epoch`
  }

  #keyOf(id: string): string {
    return `${this.#settings.prefix}${id}`
  }
}

function invalid(what: string): SessionError {
  return new SessionError(`redis: ${what}: the answer is invalid`)
}
