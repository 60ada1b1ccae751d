import { describe, expect, it, test } from 'vitest'
import { OptionError } from '../../src/domain/errors.ts'
import { redisLeases, RedisLeaseStore } from '../../src/sessions/redis-leases.ts'
import type { RedisClient, RedisLeasesOptions } from '../../src/sessions/redis-options.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { FakeRedis } from './support/fake-redis.ts'

const ttlMs = 30_000
const renewalMs = ttlMs / 3
const deadlineMs = ttlMs / 6
/** How long a lease must have been absent. */
const absenceMs = (ttlMs * 4) / 3
const id = '0123456789abcdef0123456789abcdef'
const key = `leases:${id}`

function createStores() {
  // the server is one in memory: nothing takes real time
  const clock = createFakeClock({ patienceMs: 1 })
  const redis = new FakeRedis(clock)
  const settings = { prefix: 'leases:', ttlMs }
  const [holderClient, judgeClient] = [redis.client(), redis.client()]
  const holders = new RedisLeaseStore(holderClient, settings, clock)
  const judges = new RedisLeaseStore(judgeClient, settings, clock)
  const askAfter = async (ms: number) => {
    await clock.advance(ms)
    return judges.isHeld(id)
  }
  /** Everything that is answered, asking once a second. */
  const answersFor = async (ms: number) => {
    const answers: (boolean | undefined | 'rejected')[] = []
    for (let passed = 0; passed < ms; passed += 1000) {
      const asked = judges.isHeld(id).catch(() => 'rejected' as const)
      await clock.advance(1000)
      answers.push(await asked)
    }
    return answers
  }
  return { clock, redis, settings, holderClient, judgeClient, holders, judges, askAfter, answersFor }
}

describe('a lease in Redis', () => {
  it('is a key with a time to live that is renewed at a third of it', async () => {
    const { clock, redis, holders, judges } = createStores()
    await holders.hold(id)
    expect(redis.entries.get(key)?.expiresMs).toBe(redis.nowMs + ttlMs)
    await clock.advance(renewalMs)
    expect(redis.entries.get(key)?.expiresMs).toBe(redis.nowMs + ttlMs)
    await clock.advance(100 * ttlMs)
    expect(await judges.isHeld(id)).toBe(true)
    expect(await judges.list()).toEqual([id])
  })

  it('cannot be taken twice', async () => {
    const { holders, judges } = createStores()
    await holders.hold(id)
    await expect(judges.hold(id)).rejects.toThrow(`session ${id} is held already`)
    await expect(holders.hold(id)).rejects.toMatchObject({ code: 'ERR_FLOTSAM_SESSION' })
  })

  it('ends with its release, which deletes no value but its own', async () => {
    const { clock, redis, holders, judges } = createStores()
    const lease = await holders.hold(id)
    redis.flush()
    const other = await judges.hold(id)
    await lease.release()
    expect(await judges.isHeld(id)).toBe(true)
    await other.release()
    await other.release()
    expect(redis.entries.has(key)).toBe(false)
    expect([lease.lost?.aborted, other.lost?.aborted]).toEqual([false, false])
    await clock.advance(10 * ttlMs)
    expect(redis.entries.has(key)).toBe(false)
    expect(clock.pendingTimers).toBe(0)
  })

  it('is not set again by a renewal that was under way during the release', async () => {
    const { clock, redis, holders } = createStores()
    const lease = await holders.hold(id)
    redis.latencyMs = 1000
    await clock.advance(renewalMs + 500)
    const released = lease.release()
    await clock.advance(2000)
    await released
    expect(redis.entries.has(key)).toBe(false)
    expect(clock.pendingTimers).toBe(0)
  })

  it('says that its release failed, and can be released again', async () => {
    const { clock, redis, holders, holderClient } = createStores()
    const lease = await holders.hold(id)
    holderClient.refuse()
    await expect(lease.release()).rejects.toThrow('redis: releasing a lease: Socket closed unexpectedly')
    holderClient.heal()
    await lease.release()
    expect(redis.entries.has(key)).toBe(false)
    expect(clock.pendingTimers).toBe(0)
  })

  it('is not left behind if it is set after the deadline', async () => {
    const { clock, redis, holders } = createStores()
    redis.freeze()
    const held = holders.hold(id)
    const refused = expect(held).rejects.toThrow(`no answer within ${deadlineMs} ms`)
    await clock.advance(deadlineMs)
    await refused
    redis.thaw()
    await clock.settle()
    expect(redis.entries.has(key)).toBe(false)
  })

  it('is not taken from a client that throws or answers nonsense', async () => {
    const { settings, clock } = createStores()
    const broken: RedisClient = {
      eval: () => {
        throw new Error('The client is closed')
      },
    }
    const strange: RedisClient = { eval: async () => 'OK' }
    await expect(new RedisLeaseStore(broken, settings, clock).hold(id)).rejects.toThrow(
      'The client is closed',
    )
    await expect(new RedisLeaseStore(strange, settings, clock).hold(id)).rejects.toThrow()
    await expect(new RedisLeaseStore(strange, settings, clock).isHeld(id)).rejects.toThrow(
      'the answer is invalid',
    )
    await expect(new RedisLeaseStore(strange, settings, clock).list()).rejects.toThrow(
      'the answer is invalid',
    )
  })
})

describe('lost', () => {
  it('is aborted a time to live after the last successful renewal was sent', async () => {
    const { clock, holders, holderClient } = createStores()
    const { lost } = await holders.hold(id)
    await clock.advance(renewalMs)
    holderClient.cut()
    await clock.advance(ttlMs - 1)
    expect(lost?.aborted).toBe(false)
    await clock.advance(1)
    expect(lost?.reason).toMatchObject({
      code: 'ERR_FLOTSAM_SESSION',
      message: `redis: the lease of session ${id} may have been lost: it could not be renewed for ${ttlMs} ms`,
    })
  })

  it('is not aborted by failures that end in time, nor by a flush', async () => {
    const { clock, redis, holders, holderClient } = createStores()
    const { lost } = await holders.hold(id)
    holderClient.refuse()
    await clock.advance(ttlMs - 3000)
    holderClient.heal()
    await clock.advance(3000)
    redis.flush()
    await clock.advance(ttlMs)
    expect(lost?.aborted).toBe(false)
    expect(redis.entries.has(key)).toBe(true)
  })

  it('is aborted by a value that is not the own, which is left alone', async () => {
    const { clock, redis, holders, judges } = createStores()
    const { lost } = await holders.hold(id)
    redis.flush()
    await judges.hold(id)
    const value = redis.entries.get(key)?.value
    await clock.advance(renewalMs)
    expect(String(lost?.reason)).toContain('another process holds it')
    expect(redis.entries.get(key)?.value).toBe(value)
  })

  it('does not end the renewals', async () => {
    const { clock, redis, holders, judges, holderClient } = createStores()
    const { lost } = await holders.hold(id)
    holderClient.cut()
    await clock.advance(2 * ttlMs)
    expect([lost?.aborted, redis.entries.has(key) && (await judges.isHeld(id))]).toEqual([true, undefined])
    holderClient.heal()
    await clock.advance(renewalMs)
    expect(await judges.isHeld(id)).toBe(true)
  })

  it('is aborted after the machine was suspended for so long that the lease expired', async () => {
    const { clock, redis, holders } = createStores()
    const { lost } = await holders.hold(id)
    // monotonic time stands still while a machine is suspended
    clock.jumpWall(ttlMs)
    redis.jump(ttlMs)
    await clock.advance(renewalMs)
    expect(String(lost?.reason)).toContain('it expired while this machine was suspended')
  })

  it('is not aborted because the wall clock was set', async () => {
    const { clock, holders } = createStores()
    const { lost } = await holders.hold(id)
    clock.jumpWall(10 * ttlMs)
    await clock.advance(ttlMs)
    expect(lost?.aborted).toBe(false)
  })

  it('is aborted when the process itself was frozen for a time to live', async () => {
    const { clock, holders } = createStores()
    const { lost } = await holders.hold(id)
    await clock.stall(ttlMs)
    expect(lost?.aborted).toBe(true)
  })
})

describe('positive-evidence: isHeld answers false only', () => {
  it('after every reading has shown the lease absent for four thirds of the time to live', async () => {
    const { clock, holders, judges, askAfter } = createStores()
    const lease = await holders.hold(id)
    expect(await judges.isHeld(id)).toBe(true)
    await lease.release()
    expect(await judges.isHeld(id)).toBe(undefined)
    expect(await askAfter(absenceMs)).toBe(undefined)
    expect(await askAfter(1)).toBe(false)
    expect(await askAfter(60 * 60_000)).toBe(false)
    expect(clock.pendingTimers).toBe(1)
  })

  it.each<[string, (redis: FakeRedis, judge: { cut(): void }) => void]>([
    ['a flush', (redis) => redis.flush()],
    ['a restart without keys', (redis) => redis.restart()],
    ['a failover to a replica that has all other keys', (redis) => redis.restart(redis.entries)],
    [
      'an eviction',
      (redis) => {
        redis.entries.set('other', { value: '', expiresMs: Infinity })
        redis.evict('other')
      },
    ],
    ["a jump of the server's clock", (redis) => redis.jump(ttlMs / 2)],
    ["a jump of the server's clock backwards", (redis) => redis.jump(-ttlMs / 2)],
  ])('again after the count began again: %s', async (_what, disturb) => {
    const { redis, judges, judgeClient, askAfter } = createStores()
    expect(await judges.isHeld(id)).toBe(undefined)
    expect(await askAfter(absenceMs)).toBe(undefined)
    disturb(redis, judgeClient)
    expect(await askAfter(1)).toBe(undefined)
    expect(await askAfter(absenceMs)).toBe(undefined)
    expect(await askAfter(1)).toBe(false)
  })

  it('after a frozen server has answered for as long again', async () => {
    const { clock, redis, judges, askAfter } = createStores()
    expect(await judges.isHeld(id)).toBe(undefined)
    await clock.advance(ttlMs)
    redis.freeze()
    await clock.advance((ttlMs * 2) / 3 + 1)
    redis.thaw()
    expect(await judges.isHeld(id)).toBe(undefined)
    expect(await askAfter(absenceMs - 1000)).toBe(undefined)
    expect(await askAfter(ttlMs)).toBe(false)
  })

  it('if this process was not frozen in between', async () => {
    const { clock, judges, askAfter } = createStores()
    expect(await judges.isHeld(id)).toBe(undefined)
    await clock.stall(10 * ttlMs)
    expect(await judges.isHeld(id)).toBe(undefined)
    expect(await askAfter(absenceMs + renewalMs)).toBe(false)
  })

  it('by the longest time to live of all agents that share the prefix', async () => {
    const { clock, redis, holders, judges } = createStores()
    const slow = new RedisLeaseStore(redis.client(), { prefix: 'leases:', ttlMs: 10 * ttlMs }, clock)
    await slow.hold('f'.repeat(32))
    const lease = await holders.hold(id)
    await lease.release()
    expect(await judges.isHeld(id)).toBe(undefined)
    await clock.advance(10 * absenceMs)
    expect(await judges.isHeld(id)).toBe(undefined)
    await clock.advance(1)
    expect(await judges.isHeld(id)).toBe(false)
  })

  it('by the longest time to live that it has seen, although a flush deletes that too', async () => {
    const { redis, clock, judges, askAfter } = createStores()
    const slow = new RedisLeaseStore(redis.client(), { prefix: 'leases:', ttlMs: 10 * ttlMs }, clock)
    await slow.hold(id)
    expect(await judges.isHeld(id)).toBe(true)
    redis.flush()
    expect(await judges.isHeld(id)).toBe(undefined)
    expect(await askAfter((10 * ttlMs) / 3 - 1)).toBe(undefined)
    expect(await askAfter(1)).toBe(true)
  })

  it("although a dead holder's key lives on, because the server's clock was set back", async () => {
    const { clock, redis, holders, holderClient, answersFor } = createStores()
    await holders.hold(id)
    holderClient.cut()
    redis.jump(-24 * 60 * 60_000)
    expect((await answersFor(ttlMs + absenceMs + renewalMs)).at(-1)).toBe(false)
    expect(clock.pendingTimers).toBeLessThan(10)
  })
})

describe('a live holder is never taken for ended', () => {
  it.each<[string, (redis: FakeRedis) => void]>([
    ['a flush', (redis) => redis.flush()],
    ['a restart without keys', (redis) => redis.restart()],
    ['a failover to a replica that lacks the key', (redis) => redis.restart()],
    ['an eviction', (redis) => redis.evict(key)],
    ['a deletion of the key', (redis) => redis.entries.delete(key)],
    ["a jump of the server's clock", (redis) => redis.jump(10 * ttlMs)],
  ])('after %s', async (_what, disturb) => {
    const { redis, holders, answersFor } = createStores()
    const { lost } = await holders.hold(id)
    disturb(redis)
    const answers = await answersFor(4 * ttlMs)
    expect([...new Set(answers)]).toEqual([undefined, true])
    expect(answers.indexOf(true) * 1000).toBeLessThanOrEqual(renewalMs + 1000)
    expect(lost?.aborted).toBe(false)
  })

  it('after the server was frozen for long', async () => {
    const { clock, redis, holders, answersFor } = createStores()
    await holders.hold(id)
    redis.freeze()
    await clock.advance(10 * ttlMs)
    redis.thaw()
    expect(await answersFor(4 * ttlMs)).not.toContain(false)
  })
})

describe('isHeld', () => {
  it('rejects at its deadline while the client is offline, and ignores the late answer', async () => {
    const { clock, judges, judgeClient, askAfter } = createStores()
    judgeClient.cut()
    const refused = expect(judges.isHeld(id)).rejects.toThrow(
      `redis: reading leases: no answer within ${deadlineMs} ms`,
    )
    await clock.advance(deadlineMs)
    await refused
    judgeClient.heal()
    await clock.settle()
    expect(await askAfter(absenceMs)).toBe(undefined)
  })

  it('gives a client that stays offline only so many commands to keep', async () => {
    const { clock, holders, holderClient, judges, judgeClient } = createStores()
    await holders.hold(id)
    holderClient.cut()
    judgeClient.cut()
    const sent = holderClient.sent
    await clock.advance(1000 * ttlMs)
    expect(holderClient.sent - sent).toBe(3)
    const asked = Array.from({ length: 2000 }, () => judges.isHeld(id).catch(String))
    await clock.advance(deadlineMs)
    expect(new Set(await Promise.all(asked)).size).toBe(2)
    expect(judgeClient.sent).toBe(1000)
  })

  it('reads what is absent until it was not asked for in a day, all in one command', async () => {
    const { clock, judges, judgeClient } = createStores()
    for (let n = 0; n < 10; n += 1) await judges.isHeld(n.toString(16).padStart(32, '0'))
    const sent = judgeClient.sent
    await clock.advance(10 * renewalMs)
    expect(judgeClient.sent - sent).toBe(10)
    await clock.advance(24 * 60 * 60_000)
    expect(clock.pendingTimers).toBe(0)
  })

  it.each(['', 'epoch', 'F'.repeat(32), `${'f'.repeat(32)}\n`, '*'])(
    'rejects %j, which is no session id',
    async (wrong) => {
      const { holders } = createStores()
      await expect(holders.isHeld(wrong)).rejects.toThrow('is no id of a session')
      await expect(holders.hold(wrong)).rejects.toThrow('is no id of a session')
    },
  )
})

describe('list', () => {
  it('returns the ids of all leases under the prefix, over as many steps as it takes', async () => {
    const { redis, holders } = createStores()
    await holders.hold(id)
    for (let n = 0; n < 5000; n += 1) redis.entries.set(`other:${n}`, { value: '', expiresMs: Infinity })
    redis.entries.set(`leases:x${id}`, { value: '', expiresMs: Infinity })
    await holders.hold('f'.repeat(32))
    expect(await holders.list()).toEqual([id, 'f'.repeat(32)])
  })

  it('rejects if there are more than 10,000, and if it takes longer than a time to live', async () => {
    const { clock, redis, holders } = createStores()
    for (let n = 0; n < 10_001; n += 1)
      redis.entries.set(`leases:${n.toString(16).padStart(32, '0')}`, { value: '', expiresMs: Infinity })
    await expect(holders.list()).rejects.toThrow('there are more than 10000 leases')
    redis.latencyMs = deadlineMs - 1
    const refused = expect(holders.list()).rejects.toThrow(`listing leases took longer than ${ttlMs} ms`)
    await clock.advance(2 * ttlMs)
    await refused
  })
})

describe('options', () => {
  const client = { eval: async () => 0 }

  test.each<[RedisLeasesOptions, string]>([
    [
      { ttl: '4s' },
      'option ttl: "4s" is not allowed; it must be a duration from 5s to 1h, such as "90s", "5m" or "1h30m", or a number of milliseconds',
    ],
    [
      { ttl: '2h' },
      'option ttl: "2h" is not allowed; it must be a duration from 5s to 1h, such as "90s", "5m" or "1h30m", or a number of milliseconds',
    ],
    [{ prefix: '' }, 'option prefix: "" is not allowed; it must be a string of 1 to 200 characters'],
    [
      { prefx: 'x' } as RedisLeasesOptions,
      'option prefx: "x" is not allowed; there is no such option; did you mean prefix?',
    ],
  ])('%j: %s', (options, message) => {
    expect(() => redisLeases(client, options)).toThrow(OptionError)
    expect(() => redisLeases(client, options)).toThrow(message)
  })

  test('a client without eval is refused, and so are options that are no object', () => {
    expect(() => redisLeases({} as RedisClient)).toThrow(
      'the client is an object; it must be a client of the redis package',
    )
    expect(() => redisLeases(client, null as never)).toThrow('the options are null; they must be an object')
  })

  test('have defaults', () => {
    expect(Object.keys(redisLeases(client, { ttl: '5s', prefix: 'x' }))).toEqual(
      Object.keys(redisLeases(client)),
    )
  })
})
