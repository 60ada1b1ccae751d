import { expect, it } from 'vitest'
import { planOf, type Sabotage, stories } from './plan.ts'

const shortestMs = 60_000
const seeds = Array.from({ length: 200 }, (_, seed) => seed)
const wordOf = (act: Sabotage) => (act.kind === 'proxy' ? `${act.victim} ${act.fault.kind}` : act.kind)
const everySabotage = [
  'away',
  'everything delays',
  'everything hangs-up',
  'everything unavailable',
  'freeze',
  'inspection cuts',
  'inspection delays',
  'inspection hangs-up',
  'inspection unavailable',
  'kill',
  'listing cuts',
  'listing never-answers',
  'listing throttles',
  'removal delays',
  'removal hangs-up',
  'removal loses-answer',
  'removal never-answers',
  'removal swallows-answer',
  'restart',
  'standstill',
]

it('one seed is one plan, and another seed another', () => {
  expect(planOf(7, shortestMs)).toEqual(planOf(7, shortestMs))
  expect(planOf(8, shortestMs)).not.toEqual(planOf(7, shortestMs))
})

it('every kind of sabotage comes in the shortest run there is, whatever the seed', () => {
  for (const seed of seeds) {
    const words = planOf(seed, shortestMs).sabotage.map(({ act }) => wordOf(act))
    expect([...new Set(words)].sort()).toEqual(everySabotage)
  }
})

it('every story comes in the shortest run there is, with time left to end, whatever the seed', () => {
  for (const seed of seeds) {
    const reported = planOf(seed, shortestMs)
      .steps.filter(({ atMs }) => atMs < shortestMs - 5000)
      .map(({ story }) => story)
    expect([...new Set(reported)].sort()).toEqual([...stories].sort())
  }
})
