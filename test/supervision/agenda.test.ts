import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { AwakeClock } from '../../src/awake.ts'
import { Agenda, type AgendaOptions } from '../../src/supervision/agenda.ts'
import { createFakeClock } from '../support/fake-clock.ts'

const periodMs = 300_000

function planned(options: Partial<AgendaOptions> = {}) {
  const clock = createFakeClock()
  const awake = new AwakeClock({ clock, stallMs: 3000, onStall: () => {} })
  awake.start()
  const agenda = new Agenda({
    clock,
    awake,
    periodMs,
    backoffMinMs: 1000,
    backoffMaxMs: 60_000,
    random: () => 0.5,
    ...options,
  })
  const look = async (lookMs: number) => {
    agenda.begin()
    await clock.advance(lookMs)
    agenda.end()
  }
  return { agenda, awake, clock, look, until: () => agenda.untilNextLookMs(false, 0) }
}

describe('when nothing asks for an earlier look', () => {
  test('the next one begins a period after the last one ended', async () => {
    const { clock, look, until } = planned()
    await look(700)
    expect(until()).toBe(periodMs)
    await clock.advance(100_000)
    expect(until()).toBe(200_000)
    await clock.advance(500_000)
    expect(until()).toBe(0)
  })

  test('a period longer than a timer can wait is waited for in parts', async () => {
    const { clock, look, until } = planned({ periodMs: 365 * 86_400_000 })
    await look(1)
    expect(until()).toBe(2 ** 30)
    clock.setTimeout(() => {}, until())
  })
})

describe('eventually-removed: a wish for an early look', () => {
  test.each([
    [0, 250],
    [10, 250],
    [100, 500],
    [400, 2000],
    [1000, 3000],
    [60_000, 3000],
  ])('soon, after a look of %d ms: after a pause of %d ms', async (lookMs, pauseMs) => {
    const { agenda, clock, look, until } = planned()
    await look(lookMs)
    agenda.wish('soon')
    expect(until()).toBe(pauseMs)
    await clock.advance(pauseMs)
    expect(until()).toBe(0)
  })

  test('now: at once, whatever else is wished afterwards', async () => {
    const { agenda, look, until } = planned()
    await look(1000)
    agenda.wish('now')
    expect(until()).toBe(0)
    agenda.wish('soon')
    expect(until()).toBe(0)
  })

  test('now makes a wish for soon more urgent', async () => {
    const { agenda, look, until } = planned()
    await look(1000)
    agenda.wish('soon')
    agenda.wish('now')
    expect(until()).toBe(0)
  })

  test('many wishes are joined: the look that begins serves them all', async () => {
    const { agenda, look, until } = planned()
    for (let wish = 0; wish < 100; wish++) agenda.wish('soon')
    await look(10)
    expect(until()).toBe(periodMs)
  })

  test('a wish while a look is under way is for the next one', async () => {
    const { agenda, clock, until } = planned()
    agenda.begin()
    await clock.advance(10)
    agenda.wish('soon')
    agenda.end()
    expect(until()).toBe(250)
  })

  test('does not wait for longer than the period', async () => {
    const { agenda, look, until } = planned({ periodMs: 1000 })
    await look(1000)
    agenda.wish('soon')
    expect(until()).toBe(1000)
  })
})

describe('eventually-removed: the end of a grace', () => {
  test('is waited for, the earliest first', async () => {
    const { agenda, awake, look, until } = planned()
    await look(10)
    agenda.due(awake.now() + 90_000)
    agenda.due(awake.now() + 60_000)
    agenda.due(awake.now() + 120_000)
    expect(until()).toBe(60_000)
  })

  test('keeps the pause, so that many graces that end one after the other make few looks', async () => {
    const { agenda, awake, look, until } = planned()
    await look(200)
    agenda.due(awake.now() + 1)
    expect(until()).toBe(1000)
    agenda.due(awake.now() - 5000)
    expect(until()).toBe(1000)
  })

  test('after the period, does not hold the period up', async () => {
    const { agenda, awake, look, until } = planned()
    await look(10)
    agenda.due(awake.now() + 2 * periodMs)
    expect(until()).toBe(periodMs)
  })

  test('is forgotten when a look begins: that look plans anew', async () => {
    const { agenda, awake, look, until } = planned()
    agenda.due(awake.now() + 1000)
    await look(10)
    expect(until()).toBe(periodMs)
  })

  test('awake-time: comes later by as long as the process stood still', async () => {
    const { agenda, awake, clock, look, until } = planned()
    await look(10)
    agenda.due(awake.now() + 60_000)
    await clock.stall(30_000)
    expect(until()).toBe(60_000)
  })
})

describe('survives-outage: while the engine is down', () => {
  test.each([
    [1, 0.5, 1000],
    [2, 0, 1000],
    [2, 0.5, 1500],
    [3, 0, 2000],
    [3, 0.999, 3998],
    [6, 0.5, 24_000],
    [7, 0.5, 45_000],
    [8, 0.5, 45_000],
    [1000, 0.999, 59_970],
    [1_000_000, 0, 30_000],
  ])('after %d failed looks with the jitter %d: %d ms', async (failedLooks, random, waitMs) => {
    const { agenda, look } = planned({ random: () => random })
    await look(10)
    expect(agenda.untilNextLookMs(true, failedLooks)).toBeCloseTo(waitMs, 6)
  })

  test('neither graces nor wishes for soon hurry it, and a wish for now does', async () => {
    const { agenda, awake, look } = planned()
    await look(10)
    agenda.due(awake.now())
    agenda.wish('soon')
    expect(agenda.untilNextLookMs(true, 7)).toBe(45_000)
    agenda.wish('now')
    expect(agenda.untilNextLookMs(true, 7)).toBe(0)
  })

  test('the wait counts from the end of the failed look', async () => {
    const { agenda, clock, look } = planned()
    await look(10_000)
    await clock.advance(400)
    expect(agenda.untilNextLookMs(true, 1)).toBe(600)
  })

  test('it is between the shortest and the longest, whatever fails how often', () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0, max: 0.999, noNaN: true }), (failedLooks, random) => {
        const { agenda, clock } = planned({ random: () => random })
        agenda.begin()
        agenda.end()
        const waitMs = agenda.untilNextLookMs(true, failedLooks)
        expect(waitMs).toBeGreaterThanOrEqual(1000)
        expect(waitMs).toBeLessThanOrEqual(60_000)
        clock.setTimeout(() => {}, waitMs)
      }),
    )
  })
})
