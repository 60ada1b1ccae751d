import { describe, expect, test } from 'vitest'
import { removalDeadlineMs } from '../../src/removing/attempt.ts'
import { ListingDeadline } from '../../src/scanning/listing-deadline.ts'

describe('every-call-ends', () => {
  test('a DELETE has 30 s, and more after a failure, up to two minutes', () => {
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

  test('a listing that apparently took longer than its deadline met a stalled process', () => {
    const deadline = new ListingDeadline()
    deadline.took(3_600_000)
    expect(deadline.ms).toBe(20_000)
  })
})
