import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { scanEnded, noPace } from '../../machines/scan-pace.ts'
import type { SupervisorContext } from '../../machines/supervisor.machine.ts'
import { supervisorBehaviour } from '../../src/supervision/supervisor-behaviour.ts'
import { createFakeClock } from '../support/fake-clock.ts'

type Pause = 'period' | 'pause' | 'hintPause' | 'backoff' | 'reconnectDelay'

/** The pauses as the supervisor's chart is given them, on a clock. */
function pauses({ periodMs = 300_000, random = 0.5 } = {}) {
  const clock = createFakeClock()
  const { delays } = supervisorBehaviour({
    clock,
    periodMs,
    backoffMinMs: 1000,
    backoffMaxMs: 60_000,
    random: () => random,
    fleet: { logic: {} },
  } as never).implementations
  const of = (name: Pause, context: Partial<SupervisorContext> = {}): number => {
    const delay = delays[name] as number | ((args: { readonly context: object }) => number)
    return typeof delay === 'number' ? delay : delay({ context })
  }
  /** A scan that took so long and has just ended. */
  const scanned = (tookMs: number) => ({ pace: scanEnded(noPace, clock.now(), tookMs) })
  return { clock, of, scanned }
}

describe('pauses count from the end of what they follow', () => {
  test('a requested scan: elapsed time counts', async () => {
    const { clock, of, scanned } = pauses()
    const context = scanned(100)
    expect(of('pause', context)).toBe(500)
    await clock.advance(400)
    expect(of('pause', context)).toBe(100)
    await clock.advance(400)
    expect(of('pause', context)).toBe(0)
  })

  test('a hinted scan: the same, and it waits for the hints that come with the first', async () => {
    const { clock, of, scanned } = pauses()
    const context = scanned(75)
    expect(of('hintPause', context)).toBe(1500)
    await clock.advance(1000)
    expect(of('hintPause', context)).toBe(500)
    await clock.advance(1500)
    expect(of('hintPause', context)).toBe(100)
  })

  test('before the first scan has ended there is nothing to rest from', () => {
    const { of } = pauses()
    expect([of('pause', { pace: noPace }), of('hintPause', { pace: noPace })]).toEqual([0, 100])
  })

  test('flat: an event stream, by how many have ended soon', async () => {
    const { clock, of } = pauses()
    const streamEndedMs = clock.now()
    const all = [0, 1, 2, 3, 9, 40].map((shortStreams) =>
      of('reconnectDelay', { shortStreams, streamEndedMs }),
    )
    expect(all).toEqual([1000, 1000, 2000, 4000, 256_000, 300_000])
    await clock.advance(1500)
    expect(of('reconnectDelay', { shortStreams: 2, streamEndedMs })).toBe(500)
    expect(of('reconnectDelay', { shortStreams: 0, streamEndedMs: undefined })).toBe(0)
  })
})

test('a period longer than a timer can wait is waited for in parts', () => {
  const { clock, of } = pauses({ periodMs: 365 * 86_400_000 })
  expect(of('period')).toBe(2 ** 30)
  clock.setTimeout(() => {}, of('period'))
  const streamEndedMs = clock.now()
  clock.setTimeout(() => {}, of('reconnectDelay', { shortStreams: 1000, streamEndedMs }))
})

describe('survives-outage: while the engine is down', () => {
  test.each([
    [1, 0.5, 1000],
    [2, 0, 1000],
    [2, 0.5, 1500],
    [3, 0, 2000],
    [3, 0.999, 3998],
    [6, 0.5, 24_000],
    [7, 0.5, 45_000],
    [8, 0.5, 45_000],
    [1000, 0.999, 59_970],
    [1_000_000, 0, 30_000],
  ])('after %d failed scans with the jitter %d: %d ms', (failedScans, random, waitMs) => {
    expect(pauses({ random }).of('backoff', { failedScans })).toBeCloseTo(waitMs, 6)
  })

  test('it is between the shortest and the longest, however many scans fail', () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0, max: 0.999, noNaN: true }), (failedScans, random) => {
        const waitMs = pauses({ random }).of('backoff', { failedScans })
        expect(waitMs).toBeGreaterThanOrEqual(1000)
        expect(waitMs).toBeLessThanOrEqual(60_000)
      }),
    )
  })
})

test('a period is up to a tenth shorter, so that many reconcilers do not scan together', () => {
  const periods = [0, 0.5, 0.999].map((random) => pauses({ random }).of('period'))
  expect(periods).toEqual([300_000, 285_000, 270_030])
})
