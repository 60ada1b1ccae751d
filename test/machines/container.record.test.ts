import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  answered,
  minimumAge,
  confirmed,
  type ContainerRecord,
  creationGraceEnd,
  graceRestarted,
  holds,
  inspected,
  type Inspected,
  met,
  type Start,
  unknownRecheckMs,
  wasEverTracked,
} from '../../machines/container.record.ts'
import { recordOf } from './support/container-chart.ts'

const graceMs = 60_000
const seenMs = 1_000_000

describe('honest-clock: the minimum age of a container', () => {
  test.each([
    [undefined, 0],
    [0, 0],
    [999, 0],
    [1000, 0],
    [1001, 1],
    [60_000, 59_000],
    [-5000, 0],
  ])('%s ms by the engine’s clock, in whole seconds: %d ms', (ageMs, minimumMs) => {
    expect(minimumAge(ageMs)).toBe(minimumMs)
  })
})

describe('creation grace: when it ends for a container listed for the first time', () => {
  test.each<[string, number | undefined, number | undefined, number]>([
    ['new, at the first scan', 0, undefined, seenMs + graceMs],
    ['of unknown age, at the first scan', undefined, undefined, seenMs + graceMs],
    ['half its grace old, at the first scan', 31_000, undefined, seenMs + 30_000],
    ['old, at the first scan: over', 86_400_000, undefined, seenMs + graceMs + 1000 - 86_400_000],
    [
      'old by the engine’s clock, but a scan 10 s ago did not show it: new',
      86_400_000,
      seenMs - 10_000,
      seenMs + graceMs,
    ],
    ['as old as the last scan', 11_000, seenMs - 10_000, seenMs + 50_000],
    ['older than the last scan by a millisecond: new', 11_001, seenMs - 10_000, seenMs + graceMs],
    ['younger than the last scan', 5000, seenMs - 10_000, seenMs + 56_000],
    ['of unknown age, at a later scan', undefined, seenMs - 10_000, seenMs + graceMs],
    ['old, after a scan a long time ago', 301_000, seenMs - 300_000, seenMs - 240_000],
    ['older than a scan a long time ago: new', 86_400_000, seenMs - 300_000, seenMs + graceMs],
  ])('%s', (_, ageMs, notBeforeMs, endsMs) => {
    expect(creationGraceEnd({ seenMs, notBeforeMs, ageMs }, graceMs)).toBe(endsMs)
  })

  test.each<[string, number, number | undefined, number]>([
    ['counts for nothing at the first scan', 31_000, undefined, seenMs + 50_000],
    ['counts for nothing since the last scan', 31_000, seenMs - 20_000, seenMs + 50_000],
    ['is time in which it may have been created', 41_000, seenMs - 20_000, seenMs + 40_000],
    ['may have been its whole life', 6000, seenMs - 20_000, seenMs + graceMs],
    ['does not make an older one believable', 41_001, seenMs - 20_000, seenMs + graceMs],
  ])('awake-time: time that was missed %s', (_, ageMs, notBeforeMs, endsMs) => {
    expect(creationGraceEnd({ seenMs, notBeforeMs, missedMs: 20_000, ageMs }, graceMs)).toBe(endsMs)
  })

  test('never ends before the container is a full grace old, whatever whole seconds hide', () => {
    const times = fc.record({
      createdMs: fc.integer({ min: 0, max: 900_000 }),
      livedMs: fc.integer({ min: 0, max: 400_000 }),
      lagMs: fc.integer({ min: 0, max: 5000 }),
      previousMs: fc.option(fc.integer({ min: 0, max: 1_300_000 }), { nil: undefined }),
    })
    const wholeSeconds = (ms: number) => Math.floor(ms / 1000) * 1000
    fc.assert(
      fc.property(times, ({ createdMs, livedMs, lagMs, previousMs }) => {
        const answeredMs = createdMs + livedMs
        const ageMs = Math.max(0, wholeSeconds(answeredMs) - wholeSeconds(createdMs))
        const notBeforeMs = previousMs && Math.min(previousMs, answeredMs)
        const observation = { seenMs: answeredMs + lagMs, notBeforeMs, ageMs }
        expect(creationGraceEnd(observation, graceMs)).toBeGreaterThanOrEqual(createdMs + graceMs)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('new-again: a container that a scan lists again', () => {
  const listed = { id: 'b', name: 'b', state: 'running' }
  const times = { listed, atMs: 5000, wasUnpaused: false, restedUntil: undefined }

  test('is from then on as that scan showed it', () => {
    const { newSinceMs, creationGraceEndsMs } = recordOf()
    const graces = { newSinceMs, creationGraceEndsMs }
    expect(met(recordOf(), times, graceMs)).toEqual({ listed, notStartedUntil: undefined, ...graces })
  })

  test('and was unpaused has a whole creation grace; one that ends later anyway is not shortened', () => {
    expect(met(recordOf(), { ...times, wasUnpaused: true }, graceMs)).toMatchObject({
      newSinceMs: 5000,
      creationGraceEndsMs: 65_000,
    })
    const later = recordOf({ creationGraceEndsMs: 99_000 })
    expect(met(later, { ...times, wasUnpaused: true }, graceMs).creationGraceEndsMs).toBe(99_000)
  })

  test.each([
    [undefined, undefined, undefined],
    [undefined, 700, 700],
    [300, undefined, 300],
    [300, 700, 700],
    [700, 300, 700],
  ])('known at rest until %s, and now until %s: until %s', (before, now, until) => {
    const moment = (atMs: number | undefined) => (atMs === undefined ? undefined : { atMs, missedMs: atMs })
    const record = recordOf({ notStartedUntil: moment(before) })
    expect(met(record, { ...times, restedUntil: moment(now) }, graceMs).notStartedUntil).toEqual(
      moment(until),
    )
  })
})

test('awake-time: of two moments at which the awake clock stood still, the later one is known', () => {
  const listed = { id: 'b', name: 'b', state: 'exited' }
  const [before, now] = [
    { atMs: 300, missedMs: 10 },
    { atMs: 300, missedMs: 90 },
  ]
  const times = { listed, atMs: 300, wasUnpaused: false, restedUntil: now }
  expect(met(recordOf({ notStartedUntil: before }), times, graceMs).notStartedUntil).toEqual(now)
})

describe('release grace: begins when the agent stops tracking', () => {
  const releaseMs = 30_000
  const say = (record: ContainerRecord, answer: string, atMs: number, hasEnded = false): ContainerRecord => ({
    ...record,
    ...answered(record, { answer, atMs, hasEnded }, releaseMs),
  })

  test('of a container that it was seen to track, once', () => {
    const tracked = say(recordOf(), 'tracked', 100)
    expect(tracked).toMatchObject({ wasTracked: true, releaseGraceEndsMs: undefined })
    const released = say(tracked, 'untracked', 5000)
    expect(released).toMatchObject({ wasTracked: false, releaseGraceEndsMs: 35_000 })
    expect(say(released, 'untracked', 20_000)).toEqual(released)
  })

  test('not for a container that it never tracked', () => {
    expect(answered(recordOf(), { answer: 'untracked', atMs: 5000, hasEnded: false }, releaseMs)).toEqual({})
  })

  test('unknown-is-spared: an unknown answer begins no release, and hides none', () => {
    const tracked = say(recordOf(), 'tracked', 0)
    const failed = say(tracked, 'tracker-failed', 1000)
    expect(failed).toEqual(tracked)
    const released = say(failed, 'untracked', 90_000)
    expect(released.releaseGraceEndsMs).toBe(120_000)
    expect(say(released, 'tracker-unknown', 95_000)).toEqual(released)
  })

  test('tracked again: the grace, the refusal, the objection and our part in its end are cleared', () => {
    const record = recordOf({
      stop: { failedAtMs: undefined, startId: 1 },
      gracefulStopAttempted: true,
      objection: { reason: 'inspection-failed', untilMs: 5 },
      refusal: { reason: 'hook-refused', untilMs: 5 },
      disagreements: 3,
      releaseGraceEndsMs: 9,
    })
    const tracked = say(record, 'tracked', 100)
    expect(tracked).toEqual(recordOf({ wasTracked: true }))
    expect(say(tracked, 'untracked', 200).releaseGraceEndsMs).toBe(30_200)
  })

  test('a loss is reported once while it is tracked and ended, and again after another run', () => {
    const lost = say(recordOf(), 'tracked', 0, true)
    expect(lost.isLossReported).toBe(true)
    expect(say(lost, 'tracked', 0, false).isLossReported).toBe(false)
    expect(say(lost, 'untracked', 0, true).isLossReported).toBe(false)
  })

  test.each([
    [{}, false],
    [{ wasTracked: true }, true],
    [{ releaseGraceEndsMs: 0 }, true],
  ])('whether it was ever tracked: %j', (fields, ever) => {
    expect(wasEverTracked(recordOf(fields))).toBe(ever)
  })
})

describe('second-source: what an inspection writes to the record', () => {
  const at = { atMs: seenMs, missedMs: 0 }
  const nothing: Inspected = { at, start: undefined, objection: undefined, isStopOver: false }
  const object = (record: ContainerRecord, objection: string): ContainerRecord => ({
    ...record,
    ...inspected(record, { ...nothing, objection }, graceMs),
  })

  test('nothing when nothing was asked', () => {
    expect(inspected(recordOf(), nothing, graceMs)).toEqual({})
  })

  test('an objection holds for a minute, and then it is inspected again', () => {
    const record = object(
      recordOf({ confirmedAs: { id: 'a', name: 'a', state: 'dead' } }),
      'inspection-failed',
    )
    expect(record.objection).toEqual({ reason: 'inspection-failed', untilMs: seenMs + unknownRecheckMs })
    expect(record.confirmedAs).toBeUndefined()
    expect(holds(record.objection, seenMs + unknownRecheckMs - 1)).toBe(record.objection)
    expect(holds(record.objection, seenMs + unknownRecheckMs)).toBeUndefined()
    expect(holds(undefined, 0)).toBeUndefined()
  })

  test.each(['self', 'infra-container'])('%s holds for ever', (reason) => {
    expect(object(recordOf(), reason).objection).toEqual({ reason, untilMs: Infinity })
  })

  test('one that disagrees with its listing is inspected again after 5, 10, 20, 40 and 60 s, until they agree', () => {
    let record = recordOf()
    const waits = Array.from({ length: 6 }, () => {
      record = object(record, 'inspection-disagrees')
      return (record.objection?.untilMs ?? 0) - seenMs
    })
    expect(waits).toEqual([5000, 10_000, 20_000, 40_000, 60_000, 60_000])
    expect(object(record, 'inspection-failed').disagreements).toBe(6)
    const confirmedAs = { id: 'a', name: 'a', state: 'dead' }
    const agreed = inspected(record, { ...nothing, objection: confirmed, confirmedAs }, graceMs)
    expect(agreed).toEqual({ disagreements: 0, confirmedAs })
  })

  test('a container confirmed during a grace is confirmed again after it', () => {
    const confirmedAs = { id: 'a', name: 'a', state: 'dead' }
    const found = { ...nothing, objection: confirmed, confirmedAs }
    const graced = recordOf({ creationGraceEndsMs: seenMs + 1 })
    expect(inspected(graced, found, graceMs).confirmedAs).toBeUndefined()
    expect(inspected({ ...graced, creationGraceEndsMs: seenMs }, found, graceMs).confirmedAs).toBe(
      confirmedAs,
    )
    const startedNow = {
      startId: 7,
      ageMs: undefined,
      isAtRest: false,
      restedUntil: undefined,
      isInCrashLoop: false,
    }
    expect(inspected(recordOf(), { ...found, start: startedNow }, graceMs).confirmedAs).toBeUndefined()
  })

  test('a name that the listing left out is kept', () => {
    const named = { id: 'a', name: 'web', state: 'running' }
    expect(inspected(recordOf(), { ...nothing, named }, graceMs)).toEqual({ listed: named })
  })

  test.each<[string, Partial<Inspected>, Partial<ContainerRecord>]>([
    ['its name, if the listing has none', { inspectedName: 'web' }, { inspectedName: 'web' }],
    ['that it has no name', { inspectedName: '' }, { inspectedName: '' }],
    ['what the engine does at its end', { isAutoRemoved: true }, { isAutoRemoved: true }],
  ])('%s; an inspection that does not show it changes nothing of it', (_, found, expected) => {
    const record = { ...recordOf(), ...inspected(recordOf(), { ...nothing, ...found }, graceMs) }
    expect(record).toMatchObject(expected)
    expect({ ...record, ...inspected(record, nothing, graceMs) }).toStrictEqual(record)
  })

  test.each<[string, number | undefined, boolean | undefined, number | undefined]>([
    ['begins with the inspection that first says so', undefined, true, seenMs],
    ['goes on while they say so', 400, true, 400],
    ['is over when one says something else', 400, false, undefined],
    ['stays as it was when nothing was inspected', 400, undefined, 400],
  ])('eventually-removed: that it is being removed %s', (_, beingRemovedSinceMs, isBeingRemoved, sinceMs) => {
    const record = recordOf({ beingRemovedSinceMs })
    const after = { ...record, ...inspected(record, { ...nothing, isBeingRemoved }, graceMs) }
    expect(after.beingRemovedSinceMs).toBe(sinceMs)
  })

  test('not-ours-to-stop: a container that ended by itself is not recorded as stopped by us', () => {
    const record = recordOf({ stop: { failedAtMs: 5, startId: 1 } })
    const after = (isStopOver: boolean) => ({
      ...record,
      ...inspected(record, { ...nothing, isStopOver }, graceMs),
    })
    expect(after(true).stop).toBeUndefined()
    expect(after(false).stop).toBe(record.stop)
  })

  const start: Start = {
    startId: 7,
    ageMs: 10_000,
    isAtRest: false,
    restedUntil: undefined,
    isInCrashLoop: false,
  }
  const moment = (atMs: number) => ({ atMs, missedMs: 0 })

  test.each<[string, Partial<ContainerRecord>, Partial<Start>, number | undefined]>([
    ['the start that is known: nothing is new', { startId: 7 }, {}, undefined],
    ['a start of half a minute ago', {}, { ageMs: 31_000 }, seenMs + 30_000],
    ['a start of unknown age', {}, { ageMs: undefined }, seenMs + graceMs],
    ['a start long ago: no grace', {}, { ageMs: 86_400_000 }, undefined],
    [
      'a start that cannot be as old as reported: a later scan saw it at rest',
      { notStartedUntil: moment(seenMs - 5000) },
      { ageMs: 86_400_000 },
      seenMs + graceMs,
    ],
    [
      'the same, by the last listing',
      {},
      { ageMs: 86_400_000, restedUntil: moment(seenMs - 5000) },
      seenMs + graceMs,
    ],
    [
      'a container at rest now was at rest before: its age is accepted',
      { notStartedUntil: moment(seenMs - 5000) },
      { ageMs: 86_400_000, isAtRest: true },
      undefined,
    ],
    ['one more start in a crash loop', { startId: 5 }, { isInCrashLoop: true }, undefined],
    ['a grace that ends later is not shortened', { creationGraceEndsMs: seenMs + graceMs }, {}, undefined],
    ['a grace that ends at the same time', { creationGraceEndsMs: seenMs + 51_000 }, {}, undefined],
  ])('new-again: %s', (_, fields, reported, endsMs) => {
    const record = recordOf({ creationGraceEndsMs: 0, ...fields })
    const change = inspected(record, { ...nothing, start: { ...start, ...reported } }, graceMs)
    expect(change.notStartedUntil).toEqual(at)
    expect(change.creationGraceEndsMs).toBe(endsMs)
    expect(change.newSinceMs).toBe(endsMs === undefined ? undefined : seenMs)
  })

  test.each<[string, Partial<ContainerRecord>, Partial<Start> | undefined, boolean]>([
    ['the start that is known', { startId: 7 }, {}, false],
    ['the first start that is known', {}, {}, false],
    ['an inspection without a start', { startId: 7 }, undefined, false],
    ['a later start', { startId: 5 }, {}, true],
    ['a later start, by an engine whose clock was set back', { startId: 9 }, {}, true],
    ['one more start in a crash loop', { startId: 5 }, { isInCrashLoop: true }, false],
  ])(
    'new-again: %s: the graceful stop, the removal and the refusal of the hook are forgotten: %s',
    (_, fields, reported, isNew) => {
      const refusal = { reason: 'hook-refused', untilMs: Infinity }
      const record = recordOf({ gracefulStopAttempted: true, wasRemovalSent: true, refusal, ...fields })
      const found = { ...nothing, start: reported && { ...start, ...reported } }
      const after = { ...record, ...inspected(record, found, graceMs) }
      expect([after.gracefulStopAttempted, after.wasRemovalSent, after.refusal]).toEqual(
        isNew ? [false, false, undefined] : [true, true, refusal],
      )
      expect(after.startId).toBe(7)
    },
  )

  test('new-again: time missed since it was last seen at rest does not count as age', () => {
    const record = recordOf({ notStartedUntil: { atMs: seenMs - 10_000, missedMs: 100 } })
    const change = inspected(
      record,
      { ...nothing, at: { atMs: seenMs, missedMs: 20_100 }, start: { ...start, ageMs: 31_000 } },
      graceMs,
    )
    expect(change.creationGraceEndsMs).toBe(seenMs + graceMs - 10_000)
  })
})

describe('honest-clock: when an engine’s clock was set', () => {
  test('a running creation grace restarts from when the container was first listed', () => {
    const record = recordOf({ newSinceMs: 1000, creationGraceEndsMs: 2000 })
    expect(graceRestarted(record, 1999, graceMs)).toEqual({ creationGraceEndsMs: 61_000 })
  })

  test('an ended one stays ended', () => {
    expect(graceRestarted(recordOf({ newSinceMs: 1000, creationGraceEndsMs: 2000 }), 2000, graceMs)).toEqual(
      {},
    )
  })
})
