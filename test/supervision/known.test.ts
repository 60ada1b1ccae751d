import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import type { Happening } from '../../src/events.ts'
import type { Verdict } from '../../src/judge.ts'
import {
  about,
  believedAge,
  changeVerdict,
  creationGraceEnd,
  dueMs,
  type Known,
  noteAnswer,
} from '../../src/supervision/known.ts'
import { ageOf } from '../../src/supervision/report-of-look.ts'
import { fakeId } from '../support/fake-engine.ts'
import { summary } from '../support/summary.ts'

const graceMs = 60_000
const seenMs = 1_000_000

function known(fields: Partial<Known> = {}): Known {
  return {
    id: fakeId(1),
    summary: summary({ name: 'web', image: 'nginx:1' }),
    actor: undefined,
    firstSeenMs: 0,
    creationGraceEndsMs: 0,
    releaseGraceEndsMs: undefined,
    wasTracked: false,
    isLossTold: false,
    isStuck: false,
    hasFailed: false,
    endedByUs: false,
    hasHadItsTime: false,
    hookRefusal: undefined,
    retryAtMs: undefined,
    verdict: undefined,
    judgedTracked: undefined,
    lookNumber: 0,
    ...fields,
  }
}

const dangling: Verdict = { verdict: 'dangling', reason: 'untracked', endedGuests: [] }

describe('honest-clock: how old a container is at least', () => {
  test.each([
    [undefined, 0],
    [0, 0],
    [999, 0],
    [1000, 0],
    [1001, 1],
    [60_000, 59_000],
    [-5000, 0],
  ])('%s ms by the engine’s clock, in whole seconds: %d ms', (ageMs, believedMs) => {
    expect(believedAge(ageMs)).toBe(believedMs)
  })

  test.each<[string, number | undefined, number | undefined, number | undefined]>([
    ['both times known', 40_000, 100_000, 60_000],
    ['created after now', 100_000, 40_000, 0],
    ['no creation time', undefined, 100_000, undefined],
    ['no time of the engine', 40_000, undefined, undefined],
  ])('%s', (_, createdAtMs, engineNowMs, ageMs) => {
    expect(ageOf(createdAtMs, engineNowMs)).toBe(ageMs)
  })
})

describe('creation grace: when it ends for a container that is seen for the first time', () => {
  test.each<[string, number | undefined, number | undefined, number]>([
    ['new, at the first look', 0, undefined, seenMs + graceMs],
    ['of unknown age, at the first look', undefined, undefined, seenMs + graceMs],
    ['half its grace old, at the first look', 31_000, undefined, seenMs + 30_000],
    ['old, at the first look: over', 86_400_000, undefined, seenMs + graceMs + 1000 - 86_400_000],
    [
      'old by the engine’s clock, but a look 10 s ago did not show it: new',
      86_400_000,
      seenMs - 10_000,
      seenMs + graceMs,
    ],
    ['as old as the last look', 11_000, seenMs - 10_000, seenMs + 50_000],
    ['older than the last look by a millisecond: new', 11_001, seenMs - 10_000, seenMs + graceMs],
    ['younger than the last look', 5000, seenMs - 10_000, seenMs + 56_000],
    ['of unknown age, at a later look', undefined, seenMs - 10_000, seenMs + graceMs],
    ['old, after a look a long time ago', 301_000, seenMs - 300_000, seenMs - 240_000],
    ['older than a look a long time ago: new', 86_400_000, seenMs - 300_000, seenMs + graceMs],
  ])('%s', (_, ageMs, previousLookMs, endsMs) => {
    expect(creationGraceEnd({ seenMs, previousLookMs, ageMs }, graceMs)).toBe(endsMs)
  })

  test.each<[string, number, number | undefined, number]>([
    ['counts for nothing at the first look', 31_000, undefined, seenMs + 50_000],
    ['counts for nothing since the last look', 31_000, seenMs - 20_000, seenMs + 50_000],
    ['is time in which it may have been created', 41_000, seenMs - 20_000, seenMs + 40_000],
    ['may have been its whole life', 6000, seenMs - 20_000, seenMs + graceMs],
    ['does not make an older one believable', 41_001, seenMs - 20_000, seenMs + graceMs],
  ])('awake-time: time that was missed %s', (_, ageMs, previousLookMs, endsMs) => {
    expect(creationGraceEnd({ seenMs, previousLookMs, missedMs: 20_000, ageMs }, graceMs)).toBe(endsMs)
  })

  test('never ends before the container was really a grace old, whatever whole seconds hide', () => {
    const times = fc.record({
      createdMs: fc.integer({ min: 0, max: 900_000 }),
      livedMs: fc.integer({ min: 0, max: 400_000 }),
      lagMs: fc.integer({ min: 0, max: 5000 }),
      previousMs: fc.option(fc.integer({ min: 0, max: 1_300_000 }), { nil: undefined }),
    })
    fc.assert(
      fc.property(times, ({ createdMs, livedMs, lagMs, previousMs }) => {
        const answeredMs = createdMs + livedMs
        const wholeSeconds = (ms: number) => Math.floor(ms / 1000) * 1000
        const ageMs = ageOf(wholeSeconds(createdMs), wholeSeconds(answeredMs))
        const sighting = {
          seenMs: answeredMs + lagMs,
          previousLookMs: previousMs && Math.min(previousMs, answeredMs),
          ageMs,
        }
        expect(creationGraceEnd(sighting, graceMs)).toBeGreaterThanOrEqual(createdMs + graceMs)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('release grace: begins when the agent lets go', () => {
  test('of what it was seen to track, once', () => {
    const one = known()
    noteAnswer(one, 'tracked', 100, 30_000)
    expect(one).toMatchObject({ wasTracked: true, releaseGraceEndsMs: undefined })
    noteAnswer(one, 'untracked', 5000, 30_000)
    expect(one).toMatchObject({ wasTracked: false, releaseGraceEndsMs: 35_000 })
    noteAnswer(one, 'untracked', 20_000, 30_000)
    expect(one.releaseGraceEndsMs).toBe(35_000)
  })

  test('not for what it never tracked', () => {
    const one = known()
    noteAnswer(one, 'untracked', 5000, 30_000)
    expect(one.releaseGraceEndsMs).toBeUndefined()
  })

  test('unknown-is-spared: an answer that cannot be had lets go of nothing, and hides no letting go', () => {
    const one = known()
    noteAnswer(one, 'tracked', 0, 30_000)
    noteAnswer(one, 'tracker-failed', 1000, 30_000)
    expect(one).toMatchObject({ wasTracked: true, releaseGraceEndsMs: undefined })
    noteAnswer(one, 'untracked', 90_000, 30_000)
    expect(one.releaseGraceEndsMs).toBe(120_000)
    noteAnswer(one, 'tracker-unknown', 95_000, 30_000)
    expect(one.releaseGraceEndsMs).toBe(120_000)
  })

  test('tracked again: the grace, the refusal and our own part in its end are forgotten', () => {
    const one = known({
      endedByUs: true,
      hookRefusal: { reason: 'hook-refused', askAgainMs: 5 },
      releaseGraceEndsMs: 9,
    })
    noteAnswer(one, 'tracked', 100, 30_000)
    expect(one).toMatchObject({ endedByUs: false, hookRefusal: undefined, releaseGraceEndsMs: undefined })
    noteAnswer(one, 'untracked', 200, 30_000)
    expect(one.releaseGraceEndsMs).toBe(30_200)
  })

  test('a loss is told anew after it', () => {
    const one = known({ isLossTold: true })
    noteAnswer(one, 'tracked', 0, 30_000)
    expect(one.isLossTold).toBe(true)
    noteAnswer(one, 'untracked', 0, 30_000)
    expect(one.isLossTold).toBe(false)
  })
})

describe('eventually-removed: when something changes by itself', () => {
  const refusal = { reason: 'hook-refused', askAgainMs: 700 } as const

  test.each<[string, Partial<Known>, number | undefined]>([
    ['not judged yet', { retryAtMs: 5 }, undefined],
    [
      'graced: at the end of the grace',
      { verdict: { verdict: 'graced', reason: 'creation-grace', endsAtMs: 500 } },
      500,
    ],
    ['tracked: never', { verdict: { verdict: 'tracked', reason: 'tracked' }, retryAtMs: 5 }, undefined],
    ...(['image-unknown', 'namespace-unknown', 'tracker-failed', 'tracked-url-failed'] as const).map(
      (reason): [string, Partial<Known>, number] => [
        `${reason}: asked again after a minute`,
        { verdict: { verdict: 'spared', reason } },
        60_100,
      ],
    ),
    ['spared: never', { verdict: { verdict: 'spared', reason: 'keep-label' }, retryAtMs: 5 }, undefined],
    [
      'refused by the hook: when it is asked again',
      { verdict: { verdict: 'spared', reason: 'hook-refused' }, hookRefusal: refusal },
      700,
    ],
    ['dangling and queued: a place is what it waits for', { verdict: dangling }, undefined],
    ['dangling and failed: at its retry', { verdict: dangling, retryAtMs: 900 }, 900],
  ])('%s', (_, fields, atMs) => {
    expect(dueMs(known(fields), 100)).toBe(atMs)
  })
})

describe('one-line-per-change: a verdict is told where it differs', () => {
  function changes(...verdicts: readonly Verdict[]) {
    const told: Happening[] = []
    const one = known()
    const isChanged = verdicts.map((verdict) =>
      changeVerdict(one, verdict, (event) => told.push(event), false),
    )
    return { isChanged, one, told }
  }

  test('the first one, and each with another verdict or reason', () => {
    const { isChanged, one, told } = changes(
      { verdict: 'graced', reason: 'creation-grace', endsAtMs: 1 },
      { verdict: 'graced', reason: 'creation-grace', endsAtMs: 2 },
      { verdict: 'graced', reason: 'restore-grace', endsAtMs: 3 },
      dangling,
      { ...dangling, endedGuests: [fakeId(2)] },
    )
    expect(isChanged).toEqual([true, false, true, true, false])
    expect(told.map((event) => 'reason' in event && event.reason)).toEqual([
      'creation-grace',
      'restore-grace',
      'untracked',
    ])
    expect(one.verdict).toEqual({ ...dangling, endedGuests: [fakeId(2)] })
  })

  test('spared is an event of its own as well', () => {
    const { told } = changes(
      { verdict: 'spared', reason: 'keep-label' },
      { verdict: 'spared', reason: 'self' },
    )
    const who = { id: fakeId(1), name: 'web', image: 'nginx:1' }
    expect(told).toEqual([
      { type: 'classified', ...who, verdict: 'spared', reason: 'keep-label', dryRun: false },
      { type: 'spared', ...who, reason: 'keep-label' },
      { type: 'classified', ...who, verdict: 'spared', reason: 'self', dryRun: false },
      { type: 'spared', ...who, reason: 'self' },
    ])
  })

  test('what is told of a container is its id, its name and its image', () => {
    expect(about(known())).toEqual({ id: fakeId(1), name: 'web', image: 'nginx:1' })
  })
})
