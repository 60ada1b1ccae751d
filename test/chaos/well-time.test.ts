import { expect, it } from 'vitest'
import { WellTime } from './well-time.ts'

it('counts quick rounds, from the given moment on', () => {
  const well = new WellTime(1000)
  well.note({ fromMs: 0, untilMs: 800 })
  well.note({ fromMs: 800, untilMs: 1800 })
  expect(well.since(0)).toBe(1800)
  expect(well.since(500)).toBe(1300)
  expect(well.since(5000)).toBe(0)
})

it('a round in which engine or machine was slow does not count', () => {
  const well = new WellTime(1000)
  well.note({ fromMs: 0, untilMs: 1001 })
  well.note({ fromMs: 1001, untilMs: 1501 })
  expect(well.since(0)).toBe(500)
})
