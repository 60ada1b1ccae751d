import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatDuration, parseDuration } from '../../src/options/duration.ts'

const [second, minute, hour] = [1000, 60_000, 3_600_000]

describe('a duration is read as Go and Nomad write it', () => {
  test.each([
    ['0s', 0],
    ['90s', 90 * second],
    ['1h30m', 90 * minute],
    ['1.5h', 90 * minute],
    ['.5s', 500],
    ['.25s', 250],
    ['1.s', second],
    ['250ms', 250],
    ['1500us', 1.5],
    ['1500µs', 1.5],
    ['1500μs', 1.5],
    ['1000000ns', 1],
    ['1h1m1s1ms', hour + minute + second + 1],
    ['30m1h', 90 * minute],
    ['1m1m', 2 * minute],
    ['1ms1m', minute + 1],
    ['007s', 7 * second],
  ])('%s', (text, ms) => {
    expect(parseDuration(text)).toBeCloseTo(ms, 9)
  })

  test.each([
    '',
    ' ',
    '5',
    '0',
    's',
    '.',
    '.s',
    '1h foo',
    ' 1h',
    '1h ',
    '1 h',
    '1h\n',
    '-1s',
    '+1s',
    '1e3s',
    '0x1s',
    '1,5s',
    '1..5s',
    '1.5.5s',
    '1d',
    '1w',
    '1S',
    '1H',
    'h1',
    '1h30',
    'Infinity',
    'Infinitys',
    'NaNs',
    '１s',
    '1s;',
    '1_000s',
  ])('%j is none', (text) => {
    expect(parseDuration(text)).toBeUndefined()
  })

  test('a number beyond the largest one is refused', () => {
    expect(parseDuration(`${'9'.repeat(400)}h`)).toBeUndefined()
  })

  test('a long invalid text is refused quickly', () => {
    const beganMs = performance.now()
    expect(parseDuration(`${'1'.repeat(50_000)}!`)).toBeUndefined()
    expect(parseDuration(`${'1m'.repeat(50_000)}!`)).toBeUndefined()
    expect(performance.now() - beganMs).toBeLessThan(1000)
  })

  test('every accepted value is a finite number of milliseconds', () => {
    const texts = fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{0,6}(ns|us|ms|s|m|h)?[0-9.]{0,4}(s|h)?$/))
    fc.assert(
      fc.property(texts, (text) => {
        const ms = parseDuration(text)
        expect(ms === undefined || (Number.isFinite(ms) && ms >= 0)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('a duration is formatted for people', () => {
  test.each([
    [0, '0ms'],
    [0.4, '0ms'],
    [250.4, '250ms'],
    [999.9, '999ms'],
    [second, '1s'],
    [1500, '1.5s'],
    [1999, '1.9s'],
    [59_999, '59.9s'],
    [minute, '1m'],
    [61_999, '1m1s'],
    [90 * minute, '1h30m'],
    [hour + second, '1h1s'],
    [24 * hour, '24h'],
  ])('%d ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })

  test('a formatted duration can be read again, and never exceeds the original', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 365 * 24 * hour }), (ms) => {
        const read = parseDuration(formatDuration(ms))
        const lostMs = ms < second ? 0 : ms < minute ? 99 : 999
        expect(read).toBeLessThanOrEqual(ms + 1e-6)
        expect(read).toBeGreaterThanOrEqual(ms - lostMs - 1e-6)
      }),
      { numRuns: 1000 },
    )
  })

  test('tenths of seconds under a minute, and seconds above, are formatted exactly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 599 }), (tenths) => {
        expect(parseDuration(formatDuration(tenths * 100))).toBeCloseTo(tenths * 100, 6)
      }),
      { numRuns: 600 },
    )
    fc.assert(
      fc.property(fc.integer({ min: 60, max: 1_000_000 }), (seconds) => {
        expect(parseDuration(formatDuration(seconds * second))).toBe(seconds * second)
      }),
    )
  })
})
