import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Due, DueQueue } from '../../src/domain/due-queue.ts'

/** Adds something due at this time, or removes one of those that were added. */
const steps = fc.array(
  fc.oneof(fc.record({ dueMs: fc.integer({ min: 0, max: 9 }) }), fc.record({ removed: fc.nat({ max: 99 }) })),
  { maxLength: 200 },
)

test('the first is the earliest of those added and not removed, and of equal ones the one added first', () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const queue = new DueQueue<Due>()
      const kept: Due[] = []
      for (const [number, step] of taken.entries()) {
        if ('dueMs' in step) {
          const due = new Due(step.dueMs, number)
          kept.push(due)
          queue.add(due)
        } else {
          const [due] = kept.splice(step.removed % (kept.length || 1), 1)
          if (due) queue.remove(due)
        }
        const sorted = kept.toSorted((one, other) => one.dueMs - other.dueMs || one.number - other.number)
        expect([queue.first, queue.size]).toEqual([sorted[0], kept.length])
      }
    }),
  )
})
