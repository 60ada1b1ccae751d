import { describe, expect, test } from 'vitest'
import { callEngine } from '../../src/engine/call.ts'
import { createFakeClock } from '../support/fake-clock.ts'

const says = (pattern: RegExp) => expect.stringMatching(pattern) as unknown

const context = { verb: 'remove', address: 'unix:///engine.sock', subject: 'abc' } as const

function neverSettles(): { work: (signal: AbortSignal) => Promise<never>; seen: AbortSignal[] } {
  const seen: AbortSignal[] = []
  return {
    seen,
    work: (signal) => {
      seen.push(signal)
      return new Promise(() => {})
    },
  }
}

describe('every-call-ends', () => {
  test('work that never settles ends at its deadline, not before, and is aborted', async () => {
    const clock = createFakeClock()
    const { work, seen } = neverSettles()
    let thrown: unknown
    void callEngine(clock, context, { deadlineMs: 10_000 }, work).catch((error: unknown) => (thrown = error))
    await clock.advance(9_999)
    expect(thrown).toBeUndefined()
    expect(seen.map((signal) => signal.aborted)).toEqual([false])
    await clock.advance(1)
    expect(thrown).toMatchObject({
      kind: 'timed-out',
      message: 'cannot remove container abc at unix:///engine.sock: no complete answer within 10000 ms',
    })
    expect(seen.map((signal) => signal.aborted)).toEqual([true])
    expect(clock.pendingTimers).toBe(0)
  })

  test('an outer signal aborts it early, and the error says so', async () => {
    const clock = createFakeClock()
    const { work, seen } = neverSettles()
    const outer = new AbortController()
    const call = callEngine(clock, context, { deadlineMs: 10_000, signal: outer.signal }, work)
    outer.abort()
    await expect(call).rejects.toMatchObject({ kind: 'timed-out', message: says(/aborted before/) })
    expect(seen.map((signal) => signal.aborted)).toEqual([true])
    expect(clock.pendingTimers).toBe(0)
  })

  test('one signal aborts every call under way, even after other calls have ended, and affects no ended call', async () => {
    const clock = createFakeClock()
    const outer = new AbortController()
    const limits = { deadlineMs: 10_000, signal: outer.signal }
    await callEngine(clock, context, limits, async () => 'done')
    const { work, seen } = neverSettles()
    const calls = Promise.allSettled([1, 2, 3].map(() => callEngine(clock, context, limits, work)))
    await callEngine(clock, context, limits, async (signal) => seen.push(signal))
    outer.abort()
    expect((await calls).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(seen.map((signal) => signal.aborted)).toEqual([true, true, true, false])
  })

  test('a call aborted before it starts does not start', async () => {
    const clock = createFakeClock()
    const { work, seen } = neverSettles()
    const call = callEngine(clock, context, { deadlineMs: 10_000, signal: AbortSignal.abort() }, work)
    await expect(call).rejects.toMatchObject({ kind: 'timed-out', message: says(/aborted before/) })
    expect(seen).toEqual([])
    expect(clock.pendingTimers).toBe(0)
  })

  test('success and failure clear the timer, and only failure aborts', async () => {
    const clock = createFakeClock()
    const seen: AbortSignal[] = []
    const run = (work: () => Promise<string>) =>
      callEngine(clock, context, { deadlineMs: 10_000 }, (signal) => {
        seen.push(signal)
        return work()
      })
    await expect(run(async () => 'done')).resolves.toBe('done')
    await expect(run(() => Promise.reject(new Error('broken')))).rejects.toMatchObject({
      kind: 'unavailable',
    })
    const throwsAtOnce = () => {
      throw new Error('broken at once')
    }
    await expect(run(throwsAtOnce)).rejects.toMatchObject({ kind: 'unavailable' })
    expect(seen.map((signal) => signal.aborted)).toEqual([false, true, true])
    expect(clock.pendingTimers).toBe(0)
  })

  test('work that fails after its deadline has no further effect', async () => {
    const clock = createFakeClock()
    let failLate = (_error: Error) => {}
    const late = new Promise<never>((_, reject) => (failLate = reject))
    const call = callEngine(clock, context, { deadlineMs: 5 }, () => late)
    const ended = expect(call).rejects.toMatchObject({ kind: 'timed-out' })
    await clock.advance(5)
    await ended
    failLate(new Error('late'))
    await clock.settle()
    expect(clock.pendingTimers).toBe(0)
  })

  test('a deadline longer than a timer can wait does not expire at once', async () => {
    const clock = createFakeClock()
    let settled = false
    const call = callEngine(clock, context, { deadlineMs: Infinity }, neverSettles().work)
    void call.catch(() => (settled = true))
    await clock.advance(1_000_000)
    expect(settled).toBe(false)
  })

  test('flat: a thousand calls leave no listener on the signal that they share', async () => {
    const clock = createFakeClock()
    const outer = new AbortController()
    const added: string[] = []
    const { signal } = outer
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)]
    signal.addEventListener = (...given: Parameters<typeof add>) => {
      added.push('added')
      add(...given)
    }
    signal.removeEventListener = (...given: Parameters<typeof remove>) => {
      added.pop()
      remove(...given)
    }
    for (let count = 0; count < 1_000; count++) {
      const work = count % 2 === 0 ? async () => 'done' : () => Promise.reject(new Error('broken'))
      await callEngine(clock, context, { deadlineMs: 10, signal }, work).catch(() => {})
    }
    expect(added).toEqual([])
    expect(clock.pendingTimers).toBe(0)
  })
})
