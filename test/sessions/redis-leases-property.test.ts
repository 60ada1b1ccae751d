import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { RedisLeaseStore } from '../../src/sessions/redis-leases.ts'
import { expectNothingUncaught, fuzz, fuzzTimeoutMs } from '../fuzz/support.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { FakeRedis } from './support/fake-redis.ts'

expectNothingUncaught()

const ttlMs = 30_000
const id = '0123456789abcdef0123456789abcdef'
const key = `leases:${id}`

/** What happens to a server, and to the connections of a holder and of a process that asks. */
const disturbances = {
  nothing: () => {},
  flush: ({ redis }) => redis.flush(),
  restartEmpty: ({ redis }) => redis.restart(),
  restartWithoutKey: ({ redis }) =>
    redis.restart(new Map([...redis.entries].filter(([name]) => name !== key))),
  restartWithAll: ({ redis }) => redis.restart(redis.entries),
  evict: ({ redis }) => redis.evict(key),
  delete: ({ redis }) => void redis.entries.delete(key),
  freeze: ({ redis }) => redis.freeze(),
  thaw: ({ redis }) => redis.thaw(),
  forwards: ({ redis }) => redis.jump(ttlMs),
  farForwards: ({ redis }) => redis.jump(100 * ttlMs),
  backwards: ({ redis }) => redis.jump(-100 * ttlMs),
  slow: ({ redis }) => void (redis.latencyMs = ttlMs / 8),
  tooSlow: ({ redis }) => void (redis.latencyMs = ttlMs / 4),
  quick: ({ redis }) => void (redis.latencyMs = 0),
  cutHolder: ({ holder }) => holder.cut(),
  refuseHolder: ({ holder }) => holder.refuse(),
  healHolder: ({ holder }) => holder.heal(),
  cutJudge: ({ judge }) => judge.cut(),
  healJudge: ({ judge }) => judge.heal(),
} satisfies Readonly<Record<string, (world: World) => void>>

type World = ReturnType<typeof createWorld>

function createWorld() {
  const clock = createFakeClock({ patienceMs: 1 })
  const redis = new FakeRedis(clock)
  const [holder, judge] = [redis.client(), redis.client()]
  const settings = { prefix: 'leases:', ttlMs }
  return {
    clock,
    redis,
    holder,
    judge,
    holders: new RedisLeaseStore(holder, settings, clock),
    judges: new RedisLeaseStore(judge, settings, clock),
  }
}

const steps = fc.array(
  fc.record({
    disturbance: fc.constantFrom(...(Object.keys(disturbances) as (keyof typeof disturbances)[])),
    afterMs: fc.oneof(
      fc.integer({ min: 0, max: ttlMs / 3 }),
      fc.constantFrom(ttlMs / 3, (ttlMs * 2) / 3, ttlMs, (ttlMs * 4) / 3, 3 * ttlMs),
    ),
    asks: fc.boolean(),
  }),
  { maxLength: 25 },
)

test(
  'no false before the holder knows that it may have lost its lease, and in the end the truth, whatever happens to the store',
  () =>
    fuzz(
      150,
      fc.asyncProperty(steps, fc.boolean(), async (plan, dies) => {
        const world = createWorld()
        const { clock, redis, holder, judge, holders, judges } = world
        const { lost } = await holders.hold(id)
        const answers: (boolean | undefined)[] = []
        let isTooEarly = false
        const ask = async () => {
          const isHeld = await judges.isHeld(id).catch(() => undefined)
          answers.push(isHeld)
          isTooEarly ||= isHeld === false && !lost.aborted
        }
        for (const { disturbance, afterMs, asks } of plan) {
          disturbances[disturbance](world)
          if (asks) void ask()
          await clock.advance(afterMs)
        }
        expect(isTooEarly).toBe(false)

        redis.thaw()
        redis.latencyMs = 0
        judge.heal()
        if (dies) holder.cut()
        else holder.heal()
        for (let ms = 0; ms < 4 * ttlMs; ms += ttlMs / 3) {
          await clock.advance(ttlMs / 3)
          await ask()
        }
        expect([isTooEarly, answers.at(-1)]).toEqual([false, !dies])
      }),
    ),
  fuzzTimeoutMs,
)
