import { describe, expect, test } from 'vitest'
import { askPauseMs, hintPauseMs, noPace, pauseMs, scanEnded } from '../../machines/scan-pace.ts'

const after = (...tookMs: readonly number[]) =>
  tookMs.reduce((pace, ms, at) => scanEnded(pace, at * 1000, ms), noPace)

describe('the pause before a requested scan', () => {
  test.each([
    [0, 250],
    [10, 250],
    [50, 250],
    [100, 500],
    [400, 2000],
    [600, 3000],
    [60_000, 3000],
  ])('after a scan of %d ms: %d ms', (tookMs, restMs) => {
    expect(pauseMs(after(tookMs))).toBe(restMs)
  })

  test('before the first scan has ended: the shortest pause', () => {
    expect([pauseMs(noPace), hintPauseMs(noPace)]).toEqual([250, 500])
  })
})

describe('the pause before a hinted scan', () => {
  test.each([
    [0, 500],
    [100, 2000],
    [1000, 20_000],
    [60_000, 30_000],
  ])('scans take %d ms: %d ms', (tookMs, restMs) => {
    expect(hintPauseMs(after(...Array.from({ length: 12 }, () => tookMs)))).toBe(restMs)
  })

  test('survives-outage: one scan that waited for the engine does not delay a hint for long', () => {
    expect(hintPauseMs(after(10, 1500))).toBe(900)
    expect(hintPauseMs(after(10, 1500, 10))).toBe(500)
    expect(hintPauseMs(after(1500))).toBe(1500)
  })

  test('an engine that has become slow gets longer pauses after a few scans', () => {
    const slow = after(10, ...Array.from({ length: 8 }, () => 1000))
    expect(hintPauseMs(slow)).toBe(20_000)
    expect(slow).toEqual({ endedMs: 8000, tookMs: 1000, usualMs: 1000 })
  })
})

describe('the pause before the tracker is asked again between scans', () => {
  test.each([
    [0, 4000],
    [200, 4000],
    [1000, 20_000],
    [15_000, 300_000],
    [60_000, 300_000],
  ])('after it took %d ms: %d ms', (tookMs, restMs) => {
    expect(askPauseMs(tookMs)).toBe(restMs)
  })
})
