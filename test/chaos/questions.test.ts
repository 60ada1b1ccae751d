import { expect, it } from 'vitest'
import { Questions } from './questions.ts'

const always = () => true

it('an answered question withholds nothing', () => {
  const questions = new Questions()
  questions.asked('a', 1000)
  questions.answered('a')
  expect(questions.withheldUntilMs(always)).toBeUndefined()
  expect(questions.failuresOf('a')).toBe(0)
})

it.each([
  [1, 5000],
  [2, 10_000],
  [5, 60_000],
  [9, 60_000],
])('what failed %i times in a row withholds for %i ms more', (times, ms) => {
  const questions = new Questions()
  for (let time = 1; time <= times; time++) questions.asked('a', time)
  expect(questions.withheldUntilMs(always)).toBe(times + ms)
  expect(questions.failuresOf('a')).toBe(times)
})

it('a truncated answer is no answer', () => {
  const questions = new Questions()
  questions.asked('a', 1)
  questions.spoil('a')
  questions.answered('a')
  expect(questions.withheldUntilMs(always)).toBe(5001)
  questions.asked('a', 2)
  questions.answered('a')
  expect(questions.withheldUntilMs(always)).toBeUndefined()
})

it('a container that is gone withholds nothing, and an answer restarts the count', () => {
  const questions = new Questions()
  questions.asked('a', 1)
  questions.answered('a')
  questions.asked('a', 2)
  expect(questions.withheldUntilMs(always)).toBe(5002)
  expect(questions.withheldUntilMs((what) => what !== 'a')).toBeUndefined()
})
