// The declarations refer to types of Node, which a program with its own list of `types` may not include.
/// <reference types="node" preserve="true" />
export { ArgumentError, OptionError, SessionError } from '../domain/errors.ts'
export type { Lease, LeaseStore, Session } from '../domain/session.ts'
export { redisLeases } from './redis-leases.ts'
export type { RedisClient, RedisLeasesOptions } from './redis-options.ts'
export { openSession, type SessionOptions } from './session.ts'
export { socketLeases } from './socket-leases.ts'
