import { describe, expect, it } from 'vitest'
import type { Departure } from './ledger.ts'
import { allowedMs, attemptsOf } from './liveness.ts'

const sent = (verb: Departure['verb'], atMs: number, life = 1): Departure => ({
  verb,
  target: 'a'.repeat(64),
  atMs,
  life,
  wrong: undefined,
  isAheadOfAnswer: false,
})

describe('the attempts of one life', () => {
  it('are its removals; a stop belongs to the removal after it, and alone is an attempt of its own', () => {
    const departures = [
      sent('stop', 1),
      sent('remove', 2),
      sent('stop', 3),
      sent('stop', 4),
      sent('remove', 5),
    ]
    expect(attemptsOf(departures, 1)).toBe(3)
  })

  it('a stop that the engine did not carry out is an attempt of its own, even before a removal', () => {
    const departures = [sent('stop', 1), sent('remove', 2)]
    expect(attemptsOf(departures, 1, () => false)).toBe(2)
  })

  it('include neither an unpause nor the attempts of another life', () => {
    expect(attemptsOf([sent('unpause', 1), sent('remove', 2), sent('remove', 3, 2)], 2)).toBe(1)
  })
})

describe('how long it may take', () => {
  it.each([
    [0, 0],
    [1, 1_000],
    [2, 5_000],
    [3, 30_000],
    [4, 120_000],
    [7, 900_000],
    [20, 900_000],
  ])('after %i failures, %i ms longer than without', (failures, longerMs) => {
    expect(allowedMs(failures) - allowedMs(0)).toBe(longerMs)
  })
})
