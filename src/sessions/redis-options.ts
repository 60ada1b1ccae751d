import { ArgumentError, OptionError } from '../domain/errors.ts'
import { kindOf, show } from '../domain/show.ts'
import type { Duration } from '../options/duration.ts'
import { duration, textOf } from '../options/kinds.ts'
import { nearestTo } from '../options/nearest.ts'
import { Refusal } from '../options/refusal.ts'

/** Options of {@link redisLeases}. */
export interface RedisLeasesOptions {
  /**
   * The beginning of the names of all keys. Agents that share it see each other's sessions. On a cluster it needs a hash tag,
   * such as `{flotsam}:`, so that all keys are on one node. Default: `flotsam:session:`.
   */
  readonly prefix?: string | undefined
  /**
   * How long a lease lives without being renewed. It is renewed at a third of that. Agents that share a prefix should give the
   * same; otherwise the longest counts. From `5s` to `1h`. Default: `30s`.
   */
  readonly ttl?: Duration | undefined
}

/** The part of a client that is used. Satisfied by clients, clusters and sentinels of the `redis` package, version 4 to 6. */
export interface RedisClient {
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
}

export interface RedisSettings {
  readonly prefix: string
  readonly ttlMs: number
}

const kinds = {
  prefix: textOf(
    'PREFIX',
    'it must be a string of 1 to 200 characters',
    ({ length }) => length > 0 && length <= 200,
  ),
  ttl: duration('5s', '1h'),
}

export function checkClient(client: RedisClient): void {
  if (typeof (client as Partial<RedisClient> | null | undefined)?.eval === 'function') return
  throw new ArgumentError(`the client is ${kindOf(client)}; it must be a client of the redis package`)
}

/**
 * Checks the options.
 *
 * @throws OptionError for the first one that cannot be used
 */
export function readRedisOptions(given: RedisLeasesOptions): RedisSettings {
  if (typeof given !== 'object' || given === null) {
    throw new ArgumentError(`the options are ${show(given)}; they must be an object`)
  }
  const names = Object.keys(kinds)
  for (const [name, value] of Object.entries(given)) {
    if (names.includes(name)) continue
    const nearest = nearestTo(name, names)
    throw new OptionError(name, value, `there is no such option; did you mean ${nearest}?`)
  }
  const { prefix = 'flotsam:session:', ttl = '30s' } = given
  return {
    prefix: accepted('prefix', prefix, kinds.prefix.read(prefix)),
    ttlMs: accepted('ttl', ttl, kinds.ttl.read(ttl)),
  }
}

function accepted<TValue>(name: string, given: unknown, read: TValue | Refusal): TValue {
  if (read instanceof Refusal) throw new OptionError(name, given, read.requirement, { shown: read.shown })
  return read
}
