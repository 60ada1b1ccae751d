import * as redis6 from 'redis'
import * as redis4 from 'redis4'
import * as redis5 from 'redis5'
import { expect, test } from 'vitest'
import { redisLeases } from '../../src/sessions/redis-leases.ts'
import type { RedisClient } from '../../src/sessions/redis-options.ts'

const cluster = { rootNodes: [{ url: 'redis://127.0.0.1:1' }] }
const sentinel = { name: 'one', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] }

test.each<[string, () => RedisClient]>([
  ['a client of redis 4', () => redis4.createClient()],
  ['a client of redis 5', () => redis5.createClient()],
  ['a client of redis 6', () => redis6.createClient()],
  ['a client that speaks RESP 3', () => redis5.createClient({ RESP: 3 })],
  ['a cluster of redis 4', () => redis4.createCluster(cluster)],
  ['a cluster of redis 5', () => redis5.createCluster(cluster)],
  ['a cluster of redis 6', () => redis6.createCluster(cluster)],
  ['a sentinel of redis 5', () => redis5.createSentinel(sentinel)],
  ['a sentinel of redis 6', () => redis6.createSentinel(sentinel)],
  ['a pool of redis 5', () => redis5.createClientPool()],
  ['a pool of redis 6', () => redis6.createClientPool()],
])('%s is accepted, by the compiler as well, and nothing is sent yet', (_what, create) => {
  expect(redisLeases(create())).toBeDefined()
})
