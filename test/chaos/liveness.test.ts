import { describe, expect, it } from 'vitest'

import type { Departure } from './ledger.ts'
import { dueMs, triesOf } from './liveness.ts'

const sent = (verb: Departure['verb'], atMs: number, life = 1): Departure => ({
  verb,
  target: 'a'.repeat(64),
  atMs,
  life,
  wrong: undefined,
  isAheadOfAnswer: false,
})
const tries = (count: number) => Array.from({ length: count }, (_, at) => sent('remove', at))

describe('the tries of one life', () => {
  it('are its removals; a stop belongs to the removal behind it, and alone is a try of its own', () => {
    const departures = [
      sent('stop', 1),
      sent('remove', 2),
      sent('stop', 3),
      sent('stop', 4),
      sent('remove', 5),
    ]
    expect(triesOf(departures, 1)).toBe(3)
  })

  it('hold neither an unpause nor what another life tried', () => {
    expect(triesOf([sent('unpause', 1), sent('remove', 2), sent('remove', 3, 2)], 2)).toBe(1)
  })
})

describe('when it must be gone', () => {
  const wellMs = 1_000_000

  it.each([
    [0, 0],
    [1, 1_000],
    [2, 5_000],
    [3, 30_000],
    [4, 120_000],
    [7, 900_000],
    [20, 900_000],
  ])('after %i failures, %i ms later than without', (failures, laterMs) => {
    const unfailed = dueMs({ departures: [] }, 1, wellMs)
    expect(dueMs({ departures: tries(failures) }, 1, wellMs) - unfailed).toBe(laterMs)
  })

  it('a try in the calm is waited for anew', () => {
    const lateMs = wellMs + 10_000
    const before = dueMs({ departures: [sent('remove', 1)] }, 1, wellMs)
    expect(dueMs({ departures: [sent('remove', lateMs)] }, 1, wellMs) - before).toBe(10_000)
  })
})
