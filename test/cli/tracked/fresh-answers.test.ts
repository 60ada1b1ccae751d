import { afterEach, describe, expect, it, vi } from 'vitest'
import { FreshAnswers, type Ids } from '../../../src/cli/tracked/fresh-answers.ts'
import { TrackerError } from '../../../src/index.ts'
import { until } from '../../testing/support.ts'

interface Reading {
  readonly signal: AbortSignal
  readonly answer: (ids: Ids) => void
  readonly fail: (error: Error) => void
}

/** A source whose readings end when the test says so. */
function createSource() {
  const readings: Reading[] = []
  const answers = new FreshAnswers({
    read: (signal) => new Promise((answer, fail) => readings.push({ signal, answer, fail })),
    deadlineMs: 4000,
    late: () => new TrackerError('tracked-url-failed', 'too late'),
  })
  return { readings, answers }
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

afterEach(() => vi.useRealTimers())

describe('fresh answers', () => {
  it('questions of one turn share one reading, which begins after them', async () => {
    const { readings, answers } = createSource()
    const asked = [answers.ask(), answers.ask(), Promise.resolve().then(() => answers.ask())]
    expect(readings).toHaveLength(0)
    await nextTurn()
    expect(readings).toHaveLength(1)
    readings[0]?.answer(new Set(['a']))
    expect(await Promise.all(asked)).toEqual([new Set(['a']), new Set(['a']), new Set(['a'])])
  })

  it('a question that comes while a reading is under way waits for the next one', async () => {
    const { readings, answers } = createSource()
    const early = answers.ask()
    await nextTurn()
    const later = [answers.ask(), answers.ask()]
    await nextTurn()
    expect(readings).toHaveLength(1)
    readings[0]?.answer(new Set(['old']))
    expect(await early).toEqual(new Set(['old']))
    await until(() => readings.length === 2)
    readings[1]?.answer(new Set(['new']))
    expect(await Promise.all(later)).toEqual([new Set(['new']), new Set(['new'])])
  })

  it('a reading that fails fails its own questions and no others', async () => {
    const { readings, answers } = createSource()
    const first = answers.ask()
    await nextTurn()
    const second = answers.ask()
    readings[0]?.fail(new Error('broken'))
    await expect(first).rejects.toThrow('broken')
    await until(() => readings.length === 2)
    readings[1]?.answer(new Set())
    expect(await second).toEqual(new Set())
  })

  it('every-call-ends: a hanging reading delays no question beyond the deadline, and blocks only itself', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { readings, answers } = createSource()
    const first = answers.ask()
    await nextTurn()
    const reported = [first, answers.ask()].map((asked) => expect(asked).rejects.toThrow('too late'))
    expect(readings[0]?.signal.aborted).toBe(false)
    vi.advanceTimersByTime(4000)
    await Promise.all(reported)
    expect(readings[0]?.signal.aborted).toBe(true)

    const third = answers.ask()
    await nextTurn()
    expect(readings).toHaveLength(1)
    readings[0]?.answer(new Set(['stale']))
    await until(() => readings.length === 2)
    readings[1]?.answer(new Set(['fresh']))
    expect(await third).toEqual(new Set(['fresh']))
    expect(vi.getTimerCount()).toBe(0)
  })
})
