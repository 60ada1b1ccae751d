import { describe, expect, test } from 'vitest'
import { failed, recovered, type Streaks } from '../../machines/failure-streaks.ts'

const failure = { about: 'tracker', kind: 'tracker-failed', message: 'boom' }
const minute = 60_000

/** Fails once every `everyMs` for so long; says when there was a line, and which. */
function failFor(lastsMs: number, everyMs: number, startMs = 5000) {
  let streaks: Streaks = {}
  const lines: [string, number][] = []
  let count = 0
  for (let atMs = 0; atMs <= lastsMs; atMs += everyMs) {
    const noted = failed(streaks, failure, startMs + atMs)
    streaks = noted.streaks
    count += 1
    expect(noted.streak).toMatchObject({ count, sinceMs: startMs })
    if (noted.report) lines.push([noted.report, atMs])
  }
  return { lines, streaks }
}

describe('one-line-per-change', () => {
  test('the first failure is reported, its repeats are counted', () => {
    const { lines, streaks } = failFor(59_000, 1000)
    expect(lines).toEqual([['began', 0]])
    expect(streaks['tracker']).toMatchObject({ count: 60, kind: 'tracker-failed', message: 'boom' })
  })

  test('a continuing failure is reported after 1, 2, 4, 8 minutes and so on', () => {
    expect(failFor(65 * minute, 10_000).lines).toEqual([
      ['began', 0],
      ...[1, 2, 4, 8, 16, 32, 64].map((minutes) => ['goes-on', minutes * minute]),
    ])
  })

  test('a day of failures each second is a dozen lines', () => {
    expect(failFor(24 * 60 * minute, 1000).lines).toHaveLength(12)
  })

  test('a rare failure is reported once each time a report is due', () => {
    const { lines } = failFor(60 * minute, 5 * minute)
    expect(lines.map(([, atMs]) => atMs / minute)).toEqual([0, 5, 10, 20, 35])
  })

  test('a long overdue report is one line, not one for each missed', () => {
    const { streaks } = failed({}, failure, 0)
    const late = failed(streaks, failure, 1000 * minute)
    expect(late.report).toBe('goes-on')
    expect(failed(late.streaks, failure, 1000 * minute + 1).report).toBeUndefined()
    expect(failed(late.streaks, failure, 1024 * minute).report).toBe('goes-on')
  })

  test('a change of kind continues the streak, and names the new kind', () => {
    const first = failed({}, failure, 0)
    const second = failed(first.streaks, { ...failure, kind: 'tracker-unknown', message: 'who knows' }, 10)
    expect(second.report).toBeUndefined()
    expect(second.streak).toMatchObject({
      kind: 'tracker-unknown',
      message: 'who knows',
      count: 2,
      sinceMs: 0,
    })
  })

  test('streaks about different things do not mix', () => {
    const first = failed({}, failure, 0)
    const second = failed(first.streaks, { ...failure, about: 'hook' }, 10)
    expect(second.report).toBe('began')
    expect(Object.keys(second.streaks)).toEqual(['tracker', 'hook'])
    expect(second.streaks['tracker']).toBe(first.streaks['tracker'])
  })

  test('noting a failure leaves the previous record unchanged', () => {
    const first = failed({}, failure, 0)
    const copy = structuredClone(first.streaks)
    failed(first.streaks, failure, 10)
    recovered(first.streaks, 'tracker')
    expect(first.streaks).toEqual(copy)
  })
})

describe('recovery is one line', () => {
  test('with the count and when it began, and the next failure is a new streak', () => {
    const { streaks } = failFor(10_000, 1000)
    const ended = recovered(streaks, 'tracker')
    expect(ended.streak).toMatchObject({ count: 11, sinceMs: 5000 })
    expect(ended.streaks).toEqual({})
    expect(recovered(ended.streaks, 'tracker').streak).toBeUndefined()
    expect(failed(ended.streaks, failure, 20_000)).toMatchObject({
      report: 'began',
      streak: { count: 1, sinceMs: 20_000 },
    })
  })

  test('of one subject leaves the others, and of one that did not fail changes nothing', () => {
    const { streaks } = failed(failed({}, failure, 0).streaks, { ...failure, about: 'hook' }, 0)
    expect(Object.keys(recovered(streaks, 'tracker').streaks)).toEqual(['hook'])
    expect(recovered(streaks, 'image').streaks).toBe(streaks)
  })
})
