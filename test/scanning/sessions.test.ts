import { describe, expect, test } from 'vitest'
import type { LeaseReading } from '../../src/scanning/leases.ts'
import { Sessions } from '../../src/scanning/sessions.ts'
import { sessionId } from '../support/memory-leases.ts'

const [a, b, c] = [sessionId(1), sessionId(2), sessionId(3)]
const grace = 60_000

/** Scans with these readings; a session that is missing from them is asked about, and there is no time for it. */
function scanning(ownId: string | undefined = '0'.repeat(32)) {
  const sessions = new Sessions({ sessionGraceMs: grace, ownId })
  const scan = (
    atMs: number,
    readings: Readonly<Record<string, LeaseReading | undefined>>,
    living: readonly string[] = [],
  ) => {
    const asked = Object.keys(readings)
    const of = new Map(
      Object.entries(readings).filter((entry): entry is [string, LeaseReading] => entry[1] !== undefined),
    )
    sessions.note({ asked, of, living: new Set(living), failure: undefined }, atMs)
  }
  return { sessions, scan }
}

describe('live-session: when the session grace ends', () => {
  test('it counts from the first of consecutive readings that the lease is gone', () => {
    const { scan, sessions } = scanning()
    scan(0, { [a]: 'held' })
    expect(sessions.graceEndsMs(a)).toBeUndefined()
    scan(10, { [a]: 'gone' })
    scan(20, { [a]: 'gone' })
    expect(sessions.graceEndsMs(a)).toBe(10 + grace)
  })

  test.each<LeaseReading>(['held', 'unknown'])('a reading of %s in between begins it again', (reading) => {
    const { scan, sessions } = scanning()
    scan(10, { [a]: 'gone' })
    scan(20, { [a]: reading })
    expect(sessions.graceEndsMs(a)).toBeUndefined()
    scan(30, { [a]: 'gone' })
    expect(sessions.graceEndsMs(a)).toBe(30 + grace)
  })

  test('so does one by the last question', () => {
    const { scan, sessions } = scanning()
    scan(10, { [a]: 'gone' })
    sessions.noteReading(a, 'held', 20)
    scan(30, { [a]: 'gone' })
    expect(sessions.graceEndsMs(a)).toBe(30 + grace)
  })

  test('a scan that had no time to ask changes nothing', () => {
    const { scan, sessions } = scanning()
    scan(10, { [a]: 'gone' })
    scan(20, { [a]: undefined })
    expect(sessions.graceEndsMs(a)).toBe(10 + grace)
    expect(sessions.counts).toEqual({ alive: 0, ended: 0, unknown: 1 })
  })

  test('flat: a session without containers is forgotten', () => {
    const { scan, sessions } = scanning()
    scan(10, { [a]: 'gone' })
    scan(20, {})
    expect(sessions.graceEndsMs(a)).toBeUndefined()
  })

  test('the sessions of the last scan are counted', () => {
    const { scan, sessions } = scanning()
    scan(10, { [a]: 'gone', [b]: 'held', [c]: 'unknown' })
    expect(sessions.counts).toEqual({ alive: 1, ended: 1, unknown: 1 })
  })
})

describe('live-session: all sessions seem to end at once', () => {
  const bothEnd = () => {
    const scanned = scanning()
    scanned.scan(0, { [a]: 'held', [b]: 'held' })
    scanned.scan(10, { [a]: 'gone', [b]: 'gone' })
    return scanned
  }

  test('nothing of them is removed for another session grace, and that is reported until then', () => {
    const { sessions } = bothEnd()
    expect([sessions.graceEndsMs(a), sessions.graceEndsMs(b)]).toEqual([10 + 2 * grace, 10 + 2 * grace])
    expect(sessions.doubtAt(10)).toEqual({
      about: 'sessions',
      kind: 'sessions-ended',
      message:
        'every other session that was alive seems to have ended at once; nothing of them is removed for another 120s',
    })
    expect(sessions.doubtAt(9 + 2 * grace)).toBeDefined()
    expect(sessions.doubtAt(10 + 2 * grace)).toBeUndefined()
  })

  test('not if one of them is alive', () => {
    const { scan, sessions } = scanning()
    scan(0, { [a]: 'held', [b]: 'held', [c]: 'held' })
    scan(10, { [a]: 'gone', [b]: 'gone', [c]: 'held' })
    expect(sessions.graceEndsMs(a)).toBe(10 + grace)
    expect(sessions.doubtAt(10)).toBeUndefined()
  })

  test('not if one was killed and another one is stopped, so that it gives no answer', () => {
    const { scan, sessions } = scanning()
    scan(0, { [a]: 'held', [b]: 'held' })
    scan(10, { [a]: 'gone', [b]: 'unknown' })
    scan(20, { [a]: 'gone', [b]: 'unknown' })
    expect(sessions.graceEndsMs(a)).toBe(10 + grace)
    expect(sessions.doubtAt(20)).toBeUndefined()
  })

  test('not if they end more than a session grace apart', () => {
    const { scan, sessions } = scanning()
    scan(0, { [a]: 'held', [b]: 'held' })
    scan(10, { [a]: 'gone', [b]: 'held' })
    scan(10 + grace, { [a]: 'gone', [b]: 'gone' })
    expect([sessions.graceEndsMs(a), sessions.graceEndsMs(b)]).toEqual([10 + grace, 10 + 2 * grace])
  })

  test('not if it is only one', () => {
    const { scan, sessions } = scanning()
    scan(0, { [a]: 'held', [b]: 'gone' })
    scan(10, { [a]: 'gone', [b]: 'gone' })
    expect([sessions.graceEndsMs(a), sessions.graceEndsMs(b)]).toEqual([10 + grace, grace])
  })

  test('also if the answer about one of them is missing, which is then doubted like the others', () => {
    const { scan, sessions } = scanning()
    scan(0, { [a]: 'held', [b]: 'held' })
    scan(10, { [a]: 'gone', [b]: 'unknown' })
    scan(20, { [a]: 'gone', [b]: 'gone' })
    expect([sessions.graceEndsMs(a), sessions.graceEndsMs(b)]).toEqual([10 + 2 * grace, 20 + 2 * grace])
  })

  test('an unknown reading does not end the doubt', () => {
    const { scan, sessions } = bothEnd()
    scan(20, { [a]: 'unknown', [b]: 'gone' })
    expect(sessions.doubtAt(20)).toBeDefined()
    scan(30, { [a]: 'gone', [b]: 'gone' })
    expect(sessions.graceEndsMs(a)).toBe(30 + 2 * grace)
  })

  test('one that comes back ends the doubt, and begins the grace of the others again', () => {
    const { scan, sessions } = bothEnd()
    scan(50_000, { [a]: 'gone', [b]: 'held' })
    expect(sessions.doubtAt(50_000)).toBeUndefined()
    expect([sessions.graceEndsMs(a), sessions.graceEndsMs(b)]).toEqual([50_000 + grace, undefined])
  })

  test('a new session is alive: that says nothing of the others', () => {
    const { scan, sessions } = bothEnd()
    scan(20, { [a]: 'gone', [b]: 'gone', [c]: 'held' })
    expect(sessions.graceEndsMs(a)).toBe(10 + 2 * grace)
  })
})

describe('live-session: reconcilers take turns', () => {
  test.each<[string, string | undefined, readonly string[], number]>([
    ['the first removes at once', a, [a, b, c], 0],
    ['the next waits ten seconds more', b, [a, b, c], 10_000],
    ['the third twice as long', c, [a, b, c], 20_000],
    ['one whose own lease is not listed has its place all the same', b, [a, c], 10_000],
    ['one without a session is the last', undefined, [a, b, c], 30_000],
    ['one without a session, and without others', undefined, [], 0],
    [
      'no one waits longer than a minute',
      sessionId(200),
      Array.from({ length: 100 }, (_, n) => sessionId(n)),
      60_000,
    ],
  ])('%s', (_, ownId, living, turnMs) => {
    const sessions = new Sessions({ sessionGraceMs: grace, ownId })
    const ended = sessionId(4000)
    sessions.note(
      { asked: [ended], of: new Map([[ended, 'gone']]), living: new Set(living), failure: undefined },
      5,
    )
    expect(sessions.graceEndsMs(ended)).toBe(5 + grace + turnMs)
  })

  test('a place that becomes free is taken', () => {
    const { scan, sessions } = scanning(b)
    scan(0, { [c]: 'gone' }, [a, b])
    expect(sessions.graceEndsMs(c)).toBe(grace + 10_000)
    scan(10, { [c]: 'gone' }, [b])
    expect(sessions.graceEndsMs(c)).toBe(grace)
  })
})
