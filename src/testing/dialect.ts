import type { EngineVersion } from './model.ts'
import { Refusal } from './refusal.ts'

/** Where engines of different ages answer differently. */
export interface Dialect {
  ambiguousPrefix(prefix: string): Refusal
  unreadableFilters(): Refusal
  invalidFilter(filter: string): Refusal
  /** The network mode of a container that asked for none. */
  readonly defaultNetworkMode: string
  /** Whether a prune of volumes spares the named ones, for a caller of this version of the API. */
  prunesOnlyAnonymous(apiVersion: string): boolean
  /** The status of a body that is no JSON. */
  readonly badBodyStatus: number
}

const old: Dialect = {
  ambiguousPrefix: (prefix) => new Refusal(500, `Multiple IDs found with provided prefix: ${prefix}`),
  unreadableFilters: () => new Refusal(500, 'invalid character in filters'),
  invalidFilter: (filter) => new Refusal(400, `Invalid filter '${filter}'`),
  defaultNetworkMode: 'default',
  prunesOnlyAnonymous: () => false,
  badBodyStatus: 500,
}

const current: Dialect = {
  ambiguousPrefix: (prefix) => new Refusal(400, `multiple IDs found with provided prefix: ${prefix}`),
  unreadableFilters: () => new Refusal(400, 'invalid filter'),
  invalidFilter: (filter) => new Refusal(400, `invalid filter '${filter}'`),
  defaultNetworkMode: 'bridge',
  prunesOnlyAnonymous: (apiVersion) => !isBelow(apiVersion, '1.42'),
  badBodyStatus: 400,
}

export function dialectOf(version: EngineVersion): Dialect {
  return isBelow(version.api, '1.42') ? old : current
}

/** Compares two versions of the API, such as `1.9` and `1.24`. */
export function isBelow(version: string, other: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [otherMajor = 0, otherMinor = 0] = other.split('.').map(Number)
  return major === otherMajor ? minor < otherMinor : major < otherMajor
}
