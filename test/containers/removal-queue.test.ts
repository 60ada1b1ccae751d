import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { slotTimeMs } from '../../machines/container.machine.ts'
import { maxHung, RemovalQueue } from '../../src/containers/removal-queue.ts'
import type { ContainerId } from '../../src/domain/ids.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { fakeId } from '../support/fake-engine.ts'

const ids = Array.from({ length: 200 }, (_, number) => fakeId(number + 1))
const id = (number: number) => ids[number] as ContainerId

type Limits = { readonly maxConcurrent?: number; readonly maxPerScan?: number }

/** A queue and the events that the containers' charts send it: a slot ends after a while, an attempt with its answer. */
function queued(count: number, limits: Limits = {}) {
  const clock = createFakeClock()
  const queue = new RemovalQueue(clock, { maxConcurrent: 2, maxPerScan: 50, ...limits })
  for (const one of ids.slice(0, count)) queue.enqueue(one, false)
  const slots = new Map<ContainerId, unknown>()
  const admit = () => {
    const next = queue.admitNext()
    if (next === undefined) return undefined
    queue.beginAttempt(next)
    queue.takeSlot(next)
    slots.set(
      next,
      clock.setTimeout(() => queue.releaseSlot(next), slotTimeMs + 1),
    )
    return next
  }
  const end = (one: ContainerId) => {
    clock.clearTimeout(slots.get(one))
    queue.releaseSlot(one)
    queue.endAttempt(one)
  }
  const admitAll = () => {
    const admitted: ContainerId[] = []
    for (let next = admit(); next !== undefined; next = admit()) admitted.push(next)
    return admitted
  }
  return { admit, admitAll, clock, end, queue }
}

describe('bounded-removal', () => {
  test('a limited number at once, in order of arrival; the next starts when one has ended', () => {
    const { admitAll, end, queue } = queued(5)
    expect(admitAll()).toEqual([id(0), id(1)])
    expect(queue.inFlightCount).toBe(2)
    end(id(1))
    expect(admitAll()).toEqual([id(2)])
    expect(queue.queued).toBe(2)
  })

  test('a limited number per scan; the next scan is requested as soon as the last request of this batch has left', () => {
    const { admitAll, end, queue } = queued(5, { maxConcurrent: 2, maxPerScan: 3 })
    expect(admitAll()).toEqual([id(0), id(1)])
    expect(queue.wantsNextBatch).toBe(false)
    queue.sent(id(0))
    end(id(0))
    expect(admitAll()).toEqual([id(2)])
    queue.sent(id(2))
    expect(queue.wantsNextBatch).toBe(false)
    queue.sent(id(1))
    expect(admitAll()).toEqual([])
    expect([queue.wantsNextBatch, queue.inFlightCount]).toEqual([true, 2])
    end(id(1))
    end(id(2))
    queue.startBatch()
    expect(queue.wantsNextBatch).toBe(false)
    expect(admitAll()).toEqual([id(3), id(4)])
  })

  test('the scan for the next batch is requested when a quarter of this one is left, and this one continues meanwhile', () => {
    const { admitAll, end, queue } = queued(100, { maxConcurrent: 2, maxPerScan: 50 })
    const removeOne = (number: number) => {
      queue.sent(id(number))
      end(id(number))
      admitAll()
    }
    admitAll()
    for (let number = 0; number < 36; number++) {
      expect(queue.wantsNextBatch).toBe(false)
      removeOne(number)
    }
    // the two that have just been admitted have sent nothing yet
    expect(queue.wantsNextBatch).toBe(false)
    queue.sent(id(36))
    expect(queue.wantsNextBatch).toBe(false)
    queue.sent(id(37))
    expect(queue.wantsNextBatch).toBe(true)
    for (let number = 36; number < 50; number++) removeOne(number)
    expect([queue.inFlightCount, queue.queued]).toEqual([0, 50])
  })

  test('a next batch is not requested earlier, even if every request of this one has been sent', () => {
    const { admit, queue } = queued(20, { maxConcurrent: 20, maxPerScan: 8 })
    const requested = ids.slice(0, 8).map((one) => {
      admit()
      queue.sent(one)
      return queue.wantsNextBatch
    })
    expect(requested).toEqual([false, false, false, false, false, true, true, true])
  })

  test('an empty queue takes nothing from the batch', () => {
    const { admitAll, queue } = queued(0, { maxPerScan: 1 })
    expect(admitAll()).toEqual([])
    queue.enqueue(id(0), false)
    expect(admitAll()).toEqual([id(0)])
  })

  test('no next batch is requested while this one is large enough for all waiting containers', () => {
    const { admit, admitAll, end, queue } = queued(50, { maxConcurrent: 50, maxPerScan: 50 })
    for (const one of ids.slice(0, 40)) {
      admit()
      queue.sent(one)
      end(one)
    }
    expect(queue.wantsNextBatch).toBe(false)
    queue.enqueue(id(50), false)
    expect(queue.wantsNextBatch).toBe(true)
    expect(admitAll()).toHaveLength(10)
  })

  test('a batch in which one container sends no request is waited for no longer than a slot lasts', async () => {
    const { admitAll, clock, queue } = queued(5, { maxPerScan: 2 })
    admitAll()
    queue.sent(id(0))
    await clock.advance(slotTimeMs)
    expect(queue.wantsNextBatch).toBe(false)
    await clock.advance(1)
    expect(queue.wantsNextBatch).toBe(true)
  })

  test('no next batch is requested when no container is waiting or the batch is not used up', () => {
    const { admitAll, end, queue } = queued(2, { maxPerScan: 2 })
    admitAll()
    end(id(0))
    end(id(1))
    expect(queue.wantsNextBatch).toBe(false)
    queue.startBatch()
    queue.enqueue(id(2), false)
    expect(queue.wantsNextBatch).toBe(false)
  })
})

describe('fresh-scan: a new batch', () => {
  test('keeps the slots of those in flight', () => {
    const { admitAll, end, queue } = queued(5)
    admitAll()
    queue.startBatch()
    expect([queue.queued, queue.inFlightCount]).toEqual([3, 2])
    expect(admitAll()).toEqual([])
    end(id(0))
    expect(admitAll()).toEqual([id(2)])
  })

  test('a dropped container is not admitted', () => {
    const { admitAll, queue } = queued(3)
    queue.enqueue(id(7), true)
    queue.dequeue(id(0))
    queue.dequeue(id(7))
    expect(admitAll()).toEqual([id(1), id(2)])
    expect(queue.queued).toBe(0)
  })

  test('a container queued twice is admitted once', () => {
    const { admitAll, queue } = queued(1)
    queue.enqueue(id(0), false)
    queue.enqueue(id(0), true)
    expect(admitAll()).toEqual([id(0)])
  })
})

describe('no-head-of-line', () => {
  test('containers whose removal failed before go after all others', () => {
    const { admitAll, queue } = queued(0, { maxConcurrent: 4 })
    queue.enqueue(id(0), true)
    queue.enqueue(id(1), true)
    queue.enqueue(id(2), false)
    queue.enqueue(id(3), false)
    expect(admitAll()).toEqual([id(2), id(3), id(0), id(1)])
  })

  test('those whose removal failed before count among the waiting ones', () => {
    const { queue } = queued(2)
    queue.enqueue(id(7), true)
    expect(queue.queued).toBe(3)
  })

  test('a removal that outlasts its slot passes the slot to the next one and continues', async () => {
    const { admitAll, clock, queue } = queued(4)
    admitAll()
    await clock.advance(slotTimeMs)
    expect(admitAll()).toEqual([])
    await clock.advance(1)
    expect(admitAll()).toEqual([id(2), id(3)])
    expect(queue.inFlight()).toEqual([
      { id: id(0), forMs: slotTimeMs + 1 },
      { id: id(1), forMs: slotTimeMs + 1 },
      { id: id(2), forMs: 0 },
      { id: id(3), forMs: 0 },
    ])
  })

  test.each([1, 2, 3, 7, 20])('with %d at once, never more than 20 requests hang', async (maxConcurrent) => {
    const { admitAll, clock, end, queue } = queued(200, { maxConcurrent, maxPerScan: 1000 })
    for (let wait = 0; wait < 40; wait++) {
      admitAll()
      await clock.advance(slotTimeMs + 1)
      expect(queue.inFlight().filter(({ forMs }) => forMs > slotTimeMs).length).toBeLessThanOrEqual(maxHung)
    }
    expect(queue.inFlightCount).toBe(maxHung)
    end(id(0))
    expect(admitAll()).toHaveLength(1)
  })
})

describe('what has ended holds nothing', () => {
  /** One is queued for each reason, and two are being removed. */
  function busy() {
    const all = queued(3, { maxPerScan: 3 })
    all.admitAll()
    all.queue.sent(id(0))
    all.queue.enqueue(id(7), true)
    return all
  }

  test('a container that is forgotten', () => {
    const { admitAll, queue } = busy()
    expect([queue.isInFlight(id(0)), queue.isInFlight(id(2))]).toEqual([true, false])
    for (const one of [id(0), id(2), id(7)]) queue.forget(one)
    expect([queue.isInFlight(id(0)), queue.inFlightCount, queue.queued]).toEqual([false, 1, 0])
    queue.enqueue(id(8), false)
    expect(admitAll()).toEqual([id(8)])
  })

  test('a container that was forgotten has not sent the request of its next attempt', () => {
    const { admitAll, queue } = busy()
    for (const one of [id(0), id(1), id(2), id(7)]) queue.forget(one)
    queue.startBatch()
    for (const one of [id(0), id(1), id(2), id(3)]) queue.enqueue(one, false)
    admitAll()
    queue.sent(id(1))
    queue.releaseSlot(id(1))
    admitAll()
    queue.sent(id(2))
    expect(queue.wantsNextBatch).toBe(false)
    queue.sent(id(0))
    expect(queue.wantsNextBatch).toBe(true)
  })

  test('a supervision', () => {
    const { admitAll, queue } = busy()
    queue.clear()
    expect([queue.queued, queue.inFlightCount, admitAll()]).toEqual([0, 0, []])
    for (const one of [id(3), id(4)]) queue.enqueue(one, false)
    queue.startBatch()
    expect(admitAll()).toEqual([id(3), id(4)])
  })
})

test('bounded-removal: in any order of events the limits hold and no container has two slots', async () => {
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
      async (steps, maxConcurrent, maxPerScan) => {
        const { admit, clock, end, queue } = queued(0, { maxConcurrent, maxPerScan })
        let admittedThisScan = 0
        for (const one of steps) {
          if (one.do === 'enqueue') {
            if (!queue.inFlight().some((other) => other.id === id(one.at)))
              queue.enqueue(id(one.at), one.hasFailed)
          } else if (one.do === 'end') end(id(one.at))
          else if (one.do === 'drop') queue.dequeue(id(one.at))
          else if (one.do === 'startBatch') {
            queue.startBatch()
            admittedThisScan = 0
          } else if (one.do === 'wait') await clock.advance(one.ms)
          else {
            const before = queue.inFlightCount
            if (admit() === undefined) continue
            admittedThisScan++
            expect(queue.inFlightCount).toBe(before + 1)
          }
          const young = queue.inFlight().filter(({ forMs }) => forMs <= slotTimeMs)
          expect(young.length).toBeLessThanOrEqual(maxConcurrent)
          expect(queue.inFlightCount).toBeLessThanOrEqual(maxHung)
          expect(admittedThisScan).toBeLessThanOrEqual(maxPerScan)
        }
      },
    ),
    { numRuns: 60 },
  )
})
