import { describe, expect, test } from 'vitest'
import type { AttemptAnswer } from '../../machines/types.ts'
import { LastInspection } from '../../src/removing/last-inspection.ts'
import { createFakeClock } from '../support/fake-clock.ts'

const objection: AttemptAnswer = { answer: 'stale' }

/** An engine that takes `takesMs` for an inspection, and a tracker that takes `answersMs`. */
function createSlow({ takesMs = 0, answersMs = 0 }) {
  const clock = createFakeClock()
  let findsAgainst: AttemptAnswer | undefined
  let inspections = 0
  const after = async <TValue>(delayMs: number, value: () => TValue) =>
    new Promise<TValue>((resolve) => clock.setTimeout(() => resolve(value()), delayMs))
  const last = new LastInspection(clock, async () => {
    inspections++
    return after(takesMs, () => findsAgainst)
  })
  return {
    clock,
    last,
    ask: async () => last.keepFreshDuring(after(answersMs, () => undefined)),
    get inspections() {
      return inspections
    },
    started: () => (findsAgainst = objection),
  }
}

describe('second-source: the inspection before a request is recent', () => {
  test('it is fresh for half a second', async () => {
    const { clock, last } = createSlow({})
    expect(last.isFresh).toBe(false)
    const repeated = last.repeat()
    await clock.advance(1)
    await repeated
    await clock.advance(500)
    expect(last.isFresh).toBe(true)
    await clock.advance(1)
    expect(last.isFresh).toBe(false)
  })

  test('it is repeated while a slow tracker answers, and no longer than that', async () => {
    const slow = createSlow({ takesMs: 5, answersMs: 1600 })
    const asked = slow.ask()
    await slow.clock.advance(1600)
    expect(await asked).toBeUndefined()
    expect([slow.last.isFresh, slow.inspections]).toEqual([true, 6])
    await slow.clock.advance(10_000)
    expect([slow.inspections, slow.clock.pendingTimers]).toEqual([6, 0])
  })

  test('it is not repeated for a quick answer', async () => {
    const slow = createSlow({ answersMs: 200 })
    const asked = slow.ask()
    await slow.clock.advance(200)
    await asked
    expect([slow.inspections, slow.clock.pendingTimers]).toEqual([0, 0])
  })

  test('new-again: what it finds meanwhile ends the wait at once', async () => {
    const slow = createSlow({ takesMs: 5, answersMs: 1600 })
    const asked = slow.ask()
    await slow.clock.advance(700)
    slow.started()
    await slow.clock.advance(100)
    expect(await asked).toBe(objection)
  })

  test('eventually-removed: an engine that inspects as slowly as the tracker answers gets more time in each round', async () => {
    const slow = createSlow({ takesMs: 1200, answersMs: 1210 })
    let rounds = 0
    const isEnough = async () => {
      void slow.last.repeat()
      await slow.clock.advance(1200)
      const asked = slow.ask()
      await slow.clock.advance(1210)
      await asked
      return slow.last.isFresh
    }
    for (; rounds < 10 && !(await isEnough()); rounds++) slow.last.allowTwiceTheAge()
    expect(rounds).toBe(2)
  })
})
