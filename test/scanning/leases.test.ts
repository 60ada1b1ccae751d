import { describe, expect, test } from 'vitest'
import type { LeaseStore } from '../../src/domain/session.ts'
import { Leases } from '../../src/scanning/leases.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { sessionId } from '../support/memory-leases.ts'

const deadlineMs = 2000
const id = sessionId(1)
const signal = new AbortController().signal
const never = () => new Promise<never>(() => {})

function leasesOf(store: Partial<LeaseStore>) {
  const clock = createFakeClock()
  return { clock, leases: new Leases({ hold: never, isHeld: never, ...store }, clock, deadlineMs) }
}

const unknown = (kind: string, message: string) => ({
  reading: 'unknown',
  failure: { about: 'sessions', kind, message },
})

describe('live-session: what the store answers about one lease', () => {
  test.each<[string, () => unknown, object]>([
    ['true', async () => true, { reading: 'held', failure: undefined }],
    ['false', async () => false, { reading: 'gone', failure: undefined }],
    ['undefined', async () => undefined, unknown('lease-unknown', 'isHeld(id) answered undefined')],
    [
      'something else',
      async () => 0,
      unknown('lease-invalid', 'isHeld(id) answered number instead of a boolean'),
    ],
    ['a rejection', async () => Promise.reject(new Error('no route')), unknown('lease-failed', 'no route')],
    [
      'a throw',
      () => {
        throw new Error('no such method')
      },
      unknown('lease-failed', 'no such method'),
    ],
    ['a boolean that is no promise', () => false, { reading: 'gone', failure: undefined }],
  ])('%s', async (_, isHeld, expected) => {
    const { leases } = leasesOf({ isHeld: isHeld as LeaseStore['isHeld'] })
    expect(await leases.ask(id)).toEqual(expected)
  })

  test('every-call-ends: nothing within the deadline, and a later answer changes nothing', async () => {
    let answer: (isHeld: boolean) => void = () => {}
    const { clock, leases } = leasesOf({ isHeld: () => new Promise((resolve) => (answer = resolve)) })
    const asked = leases.ask(id)
    await clock.advance(deadlineMs)
    answer(false)
    expect(await asked).toEqual(
      unknown('lease-timed-out', `isHeld(id) gave no answer within ${deadlineMs} ms`),
    )
  })

  test('no timer is left after an answer', async () => {
    const { clock, leases } = leasesOf({ isHeld: async () => true })
    await leases.ask(id)
    await clock.settle()
    expect(clock.pendingTimers).toBe(0)
  })

  test('bounded-input: a long message is cut', async () => {
    const { leases } = leasesOf({ isHeld: async () => Promise.reject(new Error('x'.repeat(10_000))) })
    expect((await leases.ask(id)).failure?.message).toBe('x'.repeat(300))
  })
})

describe('live-session: the questions of one scan', () => {
  const ids = Array.from({ length: 200 }, (_, index) => sessionId(index))

  test('each session is asked about once, and at most 64 at the same time', async () => {
    const asked: string[] = []
    let pending = 0
    let most = 0
    const { leases } = leasesOf({
      isHeld: async (session) => {
        asked.push(session)
        most = Math.max(most, ++pending)
        await Promise.resolve()
        pending--
        return session === ids[3]
      },
    })
    const readings = await leases.askAll(ids, signal)
    expect(asked).toEqual(ids)
    expect(most).toBe(64)
    expect([...readings.of.values()].filter((reading) => reading === 'gone')).toHaveLength(199)
    expect(readings.living).toEqual(new Set([ids[3]]))
    expect(readings.failure).toBeUndefined()
    expect(leases.untilAskedAgainMs()).toBeUndefined()
  })

  test('every-call-ends: a store that hangs takes one deadline, and those left out come first at the next scan', async () => {
    let asked: string[] = []
    const { clock, leases } = leasesOf({
      isHeld: (session) => {
        asked.push(session)
        return never()
      },
    })
    const first = leases.askAll(ids, signal)
    await clock.advance(deadlineMs)
    const readings = await first
    expect(readings.of.size).toBe(64)
    expect(readings.failure?.kind).toBe('lease-timed-out')
    expect(leases.untilAskedAgainMs()).toBe(60_000)
    asked = []
    const second = leases.askAll(ids, signal)
    expect(asked).toEqual(ids.slice(64, 128))
    await clock.advance(deadlineMs)
    await second
  })

  test('a session that gave no answer in time is waited for only shortly the next time, until it answers', async () => {
    let answer: () => Promise<boolean> = never
    const { clock, leases } = leasesOf({ isHeld: () => answer() })
    const first = leases.askAll([id], signal)
    await clock.advance(deadlineMs)
    expect((await first).of.get(id)).toBe('unknown')
    const second = leases.askAll([id], signal)
    await clock.advance(250)
    expect((await second).of.get(id)).toBe('unknown')
    answer = async () => true
    expect((await leases.askAll([id], signal)).of.get(id)).toBe('held')
    answer = () => new Promise((resolve) => clock.setTimeout(() => resolve(false), 1500))
    const last = leases.askAll([id], signal)
    await clock.advance(1500)
    expect((await last).of.get(id)).toBe('gone')
  })

  test('a clear answer that came late is waited for again: a slow store is no stopped process', async () => {
    const { clock, leases } = leasesOf({
      isHeld: () => new Promise((resolve) => clock.setTimeout(() => resolve(false), 700)),
    })
    const readAfter = async (deadline: number, afterMs: number) => {
      const asked = leases.askAbout([id], signal, { deadlineMs: deadline })
      await clock.advance(afterMs)
      return (await asked).get(id)?.reading
    }
    expect(await readAfter(500, 500)).toBe('unknown')
    await clock.advance(200)
    expect(await readAfter(deadlineMs, 700)).toBe('gone')
  })

  test('a list that is late is the last one, and is waited for only shortly the next time', async () => {
    let list = async () => [sessionId(7)]
    const { clock, leases } = leasesOf({ isHeld: async () => false, list: () => list() })
    expect((await leases.askAll([id], signal)).living).toEqual(new Set([sessionId(7)]))
    list = never
    for (const waitMs of [deadlineMs, 250]) {
      const asked = leases.askAll([id], signal)
      await clock.advance(waitMs)
      expect(await asked).toMatchObject({ living: new Set([sessionId(7)]), failure: undefined })
    }
  })

  test('the store may know of living sessions without containers; what is no id is ignored', async () => {
    const list = async () => [sessionId(7), 'agent-7', 7 as never, sessionId(8)]
    const { leases } = leasesOf({ isHeld: async () => false, list })
    const readings = await leases.askAll([id], signal)
    expect(readings.living).toEqual(new Set([sessionId(7), sessionId(8)]))
    expect(readings.of.get(id)).toBe('gone')
  })

  test.each<[string, () => unknown, string]>([
    ['fails', async () => Promise.reject(new Error('no route')), 'lease-failed'],
    ['answers with something else', async () => ({}), 'lease-invalid'],
  ])('where the list %s, the sessions with containers are what is known', async (_, list, kind) => {
    const { leases } = leasesOf({ isHeld: async () => true, list: list as never })
    const readings = await leases.askAll([id], signal)
    expect(readings.living).toEqual(new Set([id]))
    expect(readings.failure?.kind).toBe(kind)
  })

  test('quiet-stop: an aborted scan gets no readings', async () => {
    const abort = new AbortController()
    const { leases } = leasesOf({ isHeld: async () => true })
    const asking = leases.askAll([id], abort.signal)
    abort.abort(new Error('stopped'))
    await expect(asking).rejects.toThrow('stopped')
  })
})
