import { describe, expect, test } from 'vitest'

import { meet, over, type Streaks } from '../../src/supervision/streaks.ts'

const failure = { about: 'tracker', kind: 'tracker-failed', message: 'boom' }
const minute = 60_000

/** Fails once every `everyMs` for so long; says when there was a line, and which. */
function failFor(lastsMs: number, everyMs: number, startMs = 5000) {
  let streaks: Streaks = {}
  const lines: [string, number][] = []
  let count = 0
  for (let atMs = 0; atMs <= lastsMs; atMs += everyMs) {
    const noted = meet(streaks, failure, startMs + atMs)
    streaks = noted.streaks
    count += 1
    expect(noted.streak).toMatchObject({ count, sinceMs: startMs })
    if (noted.tell) lines.push([noted.tell, atMs])
  }
  return { lines, streaks }
}

describe('one-line-per-change', () => {
  test('the first failure is told, its repeats are counted', () => {
    const { lines, streaks } = failFor(59_000, 1000)
    expect(lines).toEqual([['began', 0]])
    expect(streaks['tracker']).toMatchObject({ count: 60, kind: 'tracker-failed', message: 'boom' })
  })

  test('one that goes on is told after 1, 2, 4, 8 minutes and so on', () => {
    expect(failFor(65 * minute, 10_000).lines).toEqual([
      ['began', 0],
      ...[1, 2, 4, 8, 16, 32, 64].map((minutes) => ['goes-on', minutes * minute]),
    ])
  })

  test('a day of failures each second is a dozen lines', () => {
    expect(failFor(24 * 60 * minute, 1000).lines).toHaveLength(12)
  })

  test('one that fails rarely is told each time its time has come, once', () => {
    const { lines } = failFor(60 * minute, 5 * minute)
    expect(lines.map(([, atMs]) => atMs / minute)).toEqual([0, 5, 10, 20, 35])
  })

  test('a mention that is long overdue is one line, not all that were missed', () => {
    const { streaks } = meet({}, failure, 0)
    const late = meet(streaks, failure, 1000 * minute)
    expect(late.tell).toBe('goes-on')
    expect(meet(late.streaks, failure, 1000 * minute + 1).tell).toBeUndefined()
    expect(meet(late.streaks, failure, 1024 * minute).tell).toBe('goes-on')
  })

  test('a change of kind goes on with the streak, and names the kind of now', () => {
    const first = meet({}, failure, 0)
    const second = meet(first.streaks, { ...failure, kind: 'tracker-unknown', message: 'who knows' }, 10)
    expect(second.tell).toBeUndefined()
    expect(second.streak).toMatchObject({
      kind: 'tracker-unknown',
      message: 'who knows',
      count: 2,
      sinceMs: 0,
    })
  })

  test('streaks about different things do not mix', () => {
    const first = meet({}, failure, 0)
    const second = meet(first.streaks, { ...failure, about: 'hook' }, 10)
    expect(second.tell).toBe('began')
    expect(Object.keys(second.streaks)).toEqual(['tracker', 'hook'])
    expect(second.streaks['tracker']).toBe(first.streaks['tracker'])
  })

  test('what is noted leaves what was noted before as it was', () => {
    const first = meet({}, failure, 0)
    const copy = structuredClone(first.streaks)
    meet(first.streaks, failure, 10)
    over(first.streaks, 'tracker')
    expect(first.streaks).toEqual(copy)
  })
})

describe('recovery is one line', () => {
  test('with the count and when it began, and the next failure is a new streak', () => {
    const { streaks } = failFor(10_000, 1000)
    const ended = over(streaks, 'tracker')
    expect(ended.streak).toMatchObject({ count: 11, sinceMs: 5000 })
    expect(ended.streaks).toEqual({})
    expect(over(ended.streaks, 'tracker').streak).toBeUndefined()
    expect(meet(ended.streaks, failure, 20_000)).toMatchObject({
      tell: 'began',
      streak: { count: 1, sinceMs: 20_000 },
    })
  })

  test('of one thing leaves the others, and of what did not fail changes nothing', () => {
    const { streaks } = meet(meet({}, failure, 0).streaks, { ...failure, about: 'hook' }, 0)
    expect(Object.keys(over(streaks, 'tracker').streaks)).toEqual(['hook'])
    expect(over(streaks, 'image').streaks).toBe(streaks)
  })
})
