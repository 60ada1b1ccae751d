import { describe, expect, test } from 'vitest'

import type { FailureKind } from '../../src/errors.ts'
import { ListingDeadline } from '../../src/supervision/listing-deadline.ts'
import { isStuckAfter, removalDeadlineMs, retryDelayMs } from '../../src/supervision/retries.ts'

describe('no-head-of-line: a removal that fails is tried again', () => {
  test('after 1, 5 and 30 s, then minutes apart, at most a quarter of an hour', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 8, 1000].map(retryDelayMs)
    expect(delays).toEqual([1000, 5000, 30_000, 120_000, 240_000, 480_000, 900_000, 900_000, 900_000])
  })

  test('a count that is none still waits', () => {
    expect(retryDelayMs(0)).toBe(1000)
    expect(retryDelayMs(-1)).toBe(1000)
  })
})

describe('a container is stuck', () => {
  test.each<[FailureKind, number]>([
    ['refused', 4],
    ['gone', 4],
    ['timed-out', 4],
    ['unavailable', 4],
    ['misconfigured', 4],
    ['invalid-answer', 4],
    ['in-progress', 6],
  ])('by %s after %d failures, and ever after', (kind, failures) => {
    const after = [1, 2, 3, 4, 5, 6, 7, 100].filter((count) => isStuckAfter(count, kind))
    expect(after[0]).toBe(failures)
    expect(after.at(-1)).toBe(100)
    expect(isStuckAfter(failures - 1, kind)).toBe(false)
  })
})

describe('every-call-ends', () => {
  test('a DELETE has half a minute, and more after it failed, up to two minutes', () => {
    expect([0, 1, 2, 3, 1000].map(removalDeadlineMs)).toEqual([30_000, 60_000, 120_000, 120_000, 120_000])
  })

  test('a listing has 10 s, twice as much after each timeout, up to a minute', () => {
    const deadline = new ListingDeadline()
    const all = [deadline.ms]
    for (let timeouts = 0; timeouts < 5; timeouts++) {
      deadline.timedOut()
      all.push(deadline.ms)
    }
    expect(all).toEqual([10_000, 20_000, 40_000, 60_000, 60_000, 60_000])
  })

  test('a quick listing brings it back to 10 s', () => {
    const deadline = new ListingDeadline()
    deadline.timedOut()
    deadline.timedOut()
    deadline.took(150)
    expect(deadline.ms).toBe(10_000)
  })

  test('survives-outage: a slow engine has twice what the last listing took, and a timeout never shortens that', () => {
    const deadline = new ListingDeadline()
    for (let timeouts = 0; timeouts < 3; timeouts++) deadline.timedOut()
    deadline.took(45_000)
    expect(deadline.ms).toBe(90_000)
    deadline.timedOut()
    expect(deadline.ms).toBe(90_000)
    deadline.took(20_000)
    expect(deadline.ms).toBe(40_000)
  })

  test('a listing that seems to have taken longer than its deadline met a process that stood still', () => {
    const deadline = new ListingDeadline()
    deadline.took(3_600_000)
    expect(deadline.ms).toBe(20_000)
  })
})
