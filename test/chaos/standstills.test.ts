import { expect, it } from 'vitest'
import { Standstills } from './standstills.ts'

it('measures how much of the time since a moment the process stood still', () => {
  const standstills = new Standstills()
  standstills.note({ fromMs: 100, untilMs: 150 })
  standstills.note({ fromMs: 200, untilMs: 300 })
  expect([0, 100, 120, 150, 250, 300].map((atMs) => standstills.since(atMs))).toEqual([
    150, 150, 130, 100, 50, 0,
  ])
  expect(standstills.lastEndMs).toBe(300)
})

it('stands still: no timer fires meanwhile, and its length is known', () => {
  const standstills = new Standstills()
  let fired = false
  const timer = setTimeout(() => (fired = true), 1)
  const beganMs = Date.now()
  standstills.standStill(30)
  clearTimeout(timer)
  expect(fired).toBe(false)
  expect(standstills.since(beganMs)).toBeGreaterThanOrEqual(29)
})
