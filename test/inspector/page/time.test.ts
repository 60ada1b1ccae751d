import { describe, expect, it } from 'vitest'
import { durationText, tookText } from '../../../src/inspector/page/model/duration.ts'
import { Ring } from '../../../src/inspector/page/model/ring.ts'
import { SenderClock } from '../../../src/inspector/page/model/sender-clock.ts'

describe('durations in words', () => {
  it.each([
    [-5, '0 s'],
    [Number.NaN, '0 s'],
    [999, '0 s'],
    [59_999, '59 s'],
    [60_000, '1m 00s'],
    [3_599_000, '59m 59s'],
    [3_600_000, '1h 00m'],
    [90_000_000, '1d 01h'],
  ])('%d ms are %s', (ms, text) => {
    expect(durationText(ms)).toBe(text)
  })

  it.each([
    [Number.NaN, '0 ms'],
    [3.4, '3 ms'],
    [1500, '1.5 s'],
    [61_000, '1m 01s'],
  ])('what took %d ms took %s', (ms, text) => {
    expect(tookText(ms)).toBe(text)
  })
})

describe("the sender's clock", () => {
  it('is not read from messages that may be old', () => {
    const clock = new SenderClock()
    clock.joined(1_000_000)
    clock.received(400_000, 1_000_100)
    expect(clock.offsetMs).toBe(0)
  })

  it('that is ahead is detected at once: no message comes from the future', () => {
    const clock = new SenderClock()
    clock.joined(1_000_000)
    clock.received(1_005_000, 1_000_100)
    expect(clock.offsetMs).toBe(-4900)
  })

  it('is measured by later messages, and by the fastest one', () => {
    const clock = new SenderClock()
    clock.joined(1_000_000)
    clock.received(400_000, 1_000_100)
    clock.received(942_000, 1_002_050)
    clock.received(943_000, 1_003_010)
    clock.received(944_000, 1_004_900)
    expect(clock.offsetMs).toBe(60_010)
  })

  it('is measured again with each connection', () => {
    const clock = new SenderClock()
    clock.joined(0)
    clock.received(0, 5000)
    clock.joined(10_000)
    expect(clock.offsetMs).toBe(0)
  })
})

describe('a ring', () => {
  it('gives the numbers that it keeps, and no others', () => {
    const ring = new Ring<string>(3)
    for (const text of ['a', 'b', 'c', 'd']) ring.add(text)
    expect([ring.added, ring.get(0), ring.get(1), ring.get(3), ring.get(4), ring.get(-1)]).toEqual([
      4,
      undefined,
      'b',
      'd',
      undefined,
      undefined,
    ])
    ring.replace(2, 'C')
    ring.replace(0, 'A')
    expect(ring.newestFirst()).toEqual(['d', 'C', 'b'])
  })
})
