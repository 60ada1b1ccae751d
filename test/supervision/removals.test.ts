import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import type { ContainerId } from '../../src/ids.ts'
import { maxHung, placeMs, Removals } from '../../src/supervision/removals.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { fakeId } from '../support/fake-engine.ts'

const ids = Array.from({ length: 200 }, (_, number) => fakeId(number + 1))
const id = (number: number) => ids[number] as ContainerId

function queued(count: number, limits: { maxConcurrent?: number; maxPerLook?: number } = {}) {
  const clock = createFakeClock()
  const removals = new Removals(clock, { maxConcurrent: 2, maxPerLook: 50, ...limits })
  for (const one of ids.slice(0, count)) removals.enqueue(one, false)
  const admitAll = () => {
    const admitted: ContainerId[] = []
    for (let next = removals.admitNext(); next !== undefined; next = removals.admitNext()) admitted.push(next)
    return admitted
  }
  return { admitAll, clock, removals }
}

describe('bounded-removal', () => {
  test('so many at once, in the order they came, and the next when one has ended', () => {
    const { admitAll, removals } = queued(5)
    expect(admitAll()).toEqual([id(0), id(1)])
    expect(removals.underWayCount).toBe(2)
    removals.end(id(1))
    expect(admitAll()).toEqual([id(2)])
    expect(removals.queued).toBe(2)
  })

  test('so many per look; the next look is wanted as soon as the last request of this batch has left', () => {
    const { admitAll, removals } = queued(5, { maxConcurrent: 2, maxPerLook: 3 })
    expect(admitAll()).toEqual([id(0), id(1)])
    expect(removals.wantsNextBatch).toBe(false)
    removals.sent(id(0))
    removals.end(id(0))
    expect(admitAll()).toEqual([id(2)])
    removals.sent(id(2))
    expect(removals.wantsNextBatch).toBe(false)
    removals.sent(id(1))
    expect(admitAll()).toEqual([])
    expect([removals.wantsNextBatch, removals.underWayCount]).toEqual([true, 2])
    removals.end(id(1))
    removals.end(id(2))
    removals.startBatch()
    expect(removals.wantsNextBatch).toBe(false)
    removals.enqueue(id(3), false)
    expect(admitAll()).toEqual([id(3)])
  })

  test('the look for the next batch is wanted when a quarter of this one is left, which goes on meanwhile', () => {
    const { admitAll, removals } = queued(100, { maxConcurrent: 2, maxPerLook: 50 })
    const removeOne = (number: number) => {
      removals.sent(id(number))
      removals.end(id(number))
      admitAll()
    }
    admitAll()
    for (let number = 0; number < 36; number++) {
      expect(removals.wantsNextBatch).toBe(false)
      removeOne(number)
    }
    // the two that have just been admitted have sent nothing yet
    expect(removals.wantsNextBatch).toBe(false)
    removals.sent(id(36))
    expect(removals.wantsNextBatch).toBe(false)
    removals.sent(id(37))
    expect(removals.wantsNextBatch).toBe(true)
    for (let number = 36; number < 50; number++) removeOne(number)
    expect([removals.underWayCount, removals.queued]).toEqual([0, 50])
  })

  test('no next batch is wanted while this one is large enough for all who wait', () => {
    const { admitAll, removals } = queued(50, { maxConcurrent: 50, maxPerLook: 50 })
    for (const one of ids.slice(0, 40)) {
      removals.admitNext()
      removals.sent(one)
      removals.end(one)
    }
    expect(removals.wantsNextBatch).toBe(false)
    removals.enqueue(id(50), false)
    expect(removals.wantsNextBatch).toBe(true)
    expect(admitAll()).toHaveLength(10)
  })

  test('a batch of which one comes to no request is not waited for longer than a place lasts', async () => {
    const { admitAll, clock, removals } = queued(5, { maxPerLook: 2 })
    admitAll()
    removals.sent(id(0))
    await clock.advance(placeMs)
    expect(removals.wantsNextBatch).toBe(false)
    await clock.advance(1)
    expect(removals.wantsNextBatch).toBe(true)
  })

  test('a request that leaves after its place was given up is of no batch', () => {
    const { removals } = queued(2, { maxPerLook: 1 })
    removals.admitNext()
    removals.end(id(0))
    removals.sent(id(0))
    removals.startBatch()
    removals.enqueue(id(0), false)
    removals.enqueue(id(1), false)
    removals.admitNext()
    expect(removals.wantsNextBatch).toBe(false)
  })

  test('no next batch is wanted where nobody waits, or where the batch is not used up', () => {
    const { admitAll, removals } = queued(2, { maxPerLook: 2 })
    admitAll()
    removals.end(id(0))
    removals.end(id(1))
    expect(removals.wantsNextBatch).toBe(false)
    removals.startBatch()
    removals.enqueue(id(2), false)
    expect(removals.wantsNextBatch).toBe(false)
  })
})

describe('fresh-look: a new batch', () => {
  test('forgets who waited, and keeps the places of those under way', () => {
    const { admitAll, removals } = queued(5)
    admitAll()
    removals.startBatch()
    expect(removals.queued).toBe(0)
    expect(removals.underWayCount).toBe(2)
    removals.enqueue(id(9), false)
    expect(admitAll()).toEqual([])
    removals.end(id(0))
    expect(admitAll()).toEqual([id(9)])
  })

  test('one that is dropped is not admitted', () => {
    const { admitAll, removals } = queued(3)
    removals.enqueue(id(7), true)
    removals.drop(id(0))
    removals.drop(id(7))
    expect(admitAll()).toEqual([id(1), id(2)])
    expect(removals.queued).toBe(0)
  })

  test('one that is queued twice goes once', () => {
    const { admitAll, removals } = queued(1)
    removals.enqueue(id(0), false)
    removals.enqueue(id(0), true)
    expect(admitAll()).toEqual([id(0)])
  })
})

describe('no-head-of-line', () => {
  test('those that failed before go after all others', () => {
    const { admitAll, removals } = queued(0, { maxConcurrent: 4 })
    removals.enqueue(id(0), true)
    removals.enqueue(id(1), true)
    removals.enqueue(id(2), false)
    removals.enqueue(id(3), false)
    expect(admitAll()).toEqual([id(2), id(3), id(0), id(1)])
  })

  test('a removal that takes longer than its place lasts gives it to the next one, and goes on', async () => {
    const { admitAll, clock, removals } = queued(4)
    admitAll()
    await clock.advance(placeMs)
    expect(admitAll()).toEqual([])
    expect(removals.untilPlaceFreesMs()).toBe(1)
    await clock.advance(1)
    expect(admitAll()).toEqual([id(2), id(3)])
    expect(removals.underWay()).toEqual([
      { id: id(0), forMs: placeMs + 1 },
      { id: id(1), forMs: placeMs + 1 },
      { id: id(2), forMs: 0 },
      { id: id(3), forMs: 0 },
    ])
  })

  test('it says when the next place frees itself: with the oldest of the young ones', async () => {
    const { admitAll, clock, removals } = queued(3)
    removals.admitNext()
    await clock.advance(2000)
    admitAll()
    expect(removals.untilPlaceFreesMs()).toBe(placeMs - 2000 + 1)
  })

  test('no place frees itself where nobody waits for one, or nobody holds one', () => {
    const { admitAll, removals } = queued(2)
    admitAll()
    expect(removals.untilPlaceFreesMs()).toBeUndefined()
    expect(queued(2).removals.untilPlaceFreesMs()).toBeUndefined()
  })

  test.each([1, 2, 3, 7, 20])('with %d at once, never more than 20 requests hang', async (maxConcurrent) => {
    const { admitAll, clock, removals } = queued(200, { maxConcurrent, maxPerLook: 1000 })
    for (let wait = 0; wait < 40; wait++) {
      admitAll()
      await clock.advance(placeMs + 1)
      expect(removals.underWay().filter(({ forMs }) => forMs > placeMs).length).toBeLessThanOrEqual(maxHung)
    }
    expect(removals.underWayCount).toBe(maxHung)
    removals.end(id(0))
    expect(admitAll()).toHaveLength(1)
  })
})

test('bounded-removal: whatever happens in whatever order, the limits hold and nobody has two places', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('enqueue' as const), at: fc.nat(40), hasFailed: fc.boolean() }),
    fc.record({ do: fc.constantFrom('end' as const, 'drop' as const), at: fc.nat(40) }),
    fc.record({ do: fc.constantFrom('admit' as const, 'startBatch' as const) }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 6000 }) }),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 120 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 6 }),
      async (steps, maxConcurrent, maxPerLook) => {
        const { clock, removals } = queued(0, { maxConcurrent, maxPerLook })
        let admittedThisLook = 0
        for (const one of steps) {
          if (one.do === 'enqueue') {
            if (!removals.underWay().some((other) => other.id === id(one.at)))
              removals.enqueue(id(one.at), one.hasFailed)
          } else if (one.do === 'end') removals.end(id(one.at))
          else if (one.do === 'drop') removals.drop(id(one.at))
          else if (one.do === 'startBatch') {
            removals.startBatch()
            admittedThisLook = 0
          } else if (one.do === 'wait') await clock.advance(one.ms)
          else {
            const before = removals.underWayCount
            if (removals.admitNext() === undefined) continue
            admittedThisLook++
            expect(removals.underWayCount).toBe(before + 1)
          }
          const young = removals.underWay().filter(({ forMs }) => forMs <= placeMs)
          expect(young.length).toBeLessThanOrEqual(maxConcurrent)
          expect(removals.underWayCount).toBeLessThanOrEqual(maxHung)
          expect(admittedThisLook).toBeLessThanOrEqual(maxPerLook)
        }
      },
    ),
    { numRuns: 60 },
  )
})
