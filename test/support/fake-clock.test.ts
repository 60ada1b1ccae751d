import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createTestClock } from '../../src/testing/index.ts'
import { createFakeClock } from './fake-clock.ts'

describe('fake clock', () => {
  test('timers fire when they are due, in order, and chained ones within the same advance', async () => {
    const clock = createFakeClock()
    const beganMs = clock.now()
    const fired: [string, number][] = []
    const note = (what: string) => fired.push([what, clock.now() - beganMs])
    clock.setTimeout(() => note('late'), 30)
    clock.setTimeout(() => {
      note('early')
      clock.setTimeout(() => note('chained'), 10)
    }, 10)
    clock.setTimeout(() => note('early, set second'), 10)
    await clock.advance(29)
    expect(fired).toEqual([
      ['early', 10],
      ['early, set second', 10],
      ['chained', 20],
    ])
    expect(clock.now() - beganMs).toBe(29)
    await clock.advance(1)
    expect(fired.at(-1)).toEqual(['late', 30])
    expect(clock.pendingTimers).toBe(0)
  })

  test('promises settle between two timers, including work that yields', async () => {
    const clock = createFakeClock()
    const order: string[] = []
    const work = async () => {
      for (let slice = 0; slice < 5; slice++) await clock.breathe()
      order.push('work')
    }
    clock.setTimeout(() => void work(), 1)
    clock.setTimeout(() => order.push('second'), 2)
    await clock.advance(5)
    expect(order).toEqual(['work', 'second'])
  })

  test('a cleared timer does not fire, not even when an earlier one due together clears it', async () => {
    const clock = createFakeClock()
    let fired = 0
    const victim = clock.setTimeout(() => (fired += 1), 10)
    clock.setTimeout(() => clock.clearTimeout(victim), 5)
    await clock.stall(20)
    expect(fired).toBe(0)
    expect(clock.pendingTimers).toBe(0)
  })

  test('a stall fires overdue timers at the late time, and timers set by those wait their turn', async () => {
    const clock = createFakeClock()
    const beganMs = clock.now()
    const firedAtMs: number[] = []
    const note = () => firedAtMs.push(clock.now() - beganMs)
    clock.setTimeout(() => {
      note()
      clock.setTimeout(note, 5)
    }, 10)
    clock.setTimeout(note, 20)
    await clock.stall(1_000)
    expect(firedAtMs).toEqual([1_000, 1_000])
    await clock.advance(5)
    expect(firedAtMs).toEqual([1_000, 1_000, 1_005])
  })

  test('the wall clock moves only with time and with jumps', async () => {
    const clock = createFakeClock({ nowMs: 7, wallMs: 1_000 })
    await clock.advance(10)
    clock.jumpWall(-500)
    expect([clock.now(), clock.wallNow()]).toEqual([17, 510])
    await clock.stall(3)
    expect([clock.now(), clock.wallNow()]).toEqual([20, 513])
  })

  test('an error in a timer rejects the advance, and the clock can still be advanced', async () => {
    const clock = createFakeClock()
    clock.setTimeout(() => {
      throw new Error('thrown in a timer')
    }, 1)
    await expect(clock.advance(2)).rejects.toThrow('thrown in a timer')
    await expect(clock.advance(2)).resolves.toBeUndefined()
  })

  test('delays that Node would turn into 1 ms, and two moves at once, are refused', async () => {
    const clock = createFakeClock()
    for (const delayMs of [Number.NaN, Infinity, 2 ** 31]) {
      expect(() => clock.setTimeout(() => {}, delayMs)).toThrow(RangeError)
    }
    const first = clock.advance(1)
    await expect(clock.advance(1)).rejects.toThrow('already being moved')
    await first
  })
})

describe('work that takes real time', () => {
  /** Settles when the machine has had some turns, whatever the clock says. */
  async function turns(count: number, after: () => void): Promise<void> {
    for (let left = count; left > 0; left--) await nextTurn()
    after()
  }

  test('time stands still while it is under way, also while more comes of it', async () => {
    const clock = createFakeClock()
    const seen: string[] = []
    clock.setTimeout(() => seen.push('timer'), 1000)
    clock.waitFor(
      turns(20, () => {
        seen.push('first')
        clock.waitFor(turns(20, () => seen.push('second')))
      }),
    )
    await clock.advance(1000)
    expect(seen).toEqual(['first', 'second', 'timer'])
  })

  test('time goes on when it was waited for so long, and does not wait for it again', async () => {
    const clock = createTestClock({ patienceMs: 1 })
    clock.waitFor(new Promise(() => {}))
    await clock.advance(1000)
    const { pendingTimers } = clock
    await clock.settle()
    expect([clock.now(), pendingTimers]).toEqual([6000, 0])
  })

  test('time goes on when it fails', async () => {
    const clock = createFakeClock()
    clock.waitFor(Promise.reject(new Error('boom')))
    await clock.advance(1000)
    expect(clock.now()).toBe(6000)
  })
})
