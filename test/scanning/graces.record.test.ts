import { describe, expect, test } from 'vitest'
import type { ContainerEvent } from '../../machines/container.machine.ts'
import { type ContainerRecord, met } from '../../machines/container.record.ts'
import { Fleet } from '../../src/containers/fleet.ts'
import type { KnownContainer } from '../../src/containers/known-container.ts'
import { RecentlyGone } from '../../src/containers/recently-gone.ts'
import type { ContainerSummary } from '../../src/domain/container.ts'
import type { TrackerAnswer } from '../../src/domain/verdict.ts'
import { Graces, type Listed } from '../../src/scanning/graces.ts'
import { summary } from '../support/summary.ts'

const container = summary({ name: 'web' })
const graceMs = 60_000
const engineEpochMs = 1_700_000_000_000

/** A fleet of records that change as the chart would change them, and what it was sent. */
function remembering(...known: readonly Partial<KnownContainer>[]) {
  const policy = { releaseGraceMs: 30_000 }
  const records = new Map<string, KnownContainer>()
  const sent: ContainerEvent[] = []
  const keep = (id: string, change: object) =>
    records.set(id, { ...(records.get(id) as KnownContainer), ...change })
  for (const one of known) keep(one.id ?? container.id, { ...one, id: one.id ?? container.id })
  const fleet: Fleet = {
    get: (id: string) => records.get(id),
    all: () => [...records.values()],
    discover: (record: ContainerRecord) => keep(record.listed.id, { id: record.listed.id, ...record }),
    send: (id: string, event: ContainerEvent) => {
      sent.push(event)
      if (event.type === 'listed') keep(id, met(records.get(id) as never, event.met, graceMs))
    },
    note: (known: KnownContainer, change: object, event: ContainerEvent) => {
      const isNews = Object.entries(change).some(([key, value]) => known[key as 'scan'] !== value)
      if (isNews) sent.push(event)
      keep(known.id, change)
    },
    noteAnswer: (known: KnownContainer, ...rest: [TrackerAnswer, number, ContainerSummary]) =>
      Fleet.prototype.noteAnswer.call(fleet, { ...known, policy } as KnownContainer, ...rest),
  } as unknown as Fleet
  const recentlyGone = new RecentlyGone()
  let recoveryEndsMs: number | undefined
  const graces = new Graces({
    fleet,
    recentlyGone,
    creationGraceMs: graceMs,
    restoreGraceMs: 90_000,
    releaseGraceMs: 30_000,
    recoveryEndsMs: () => recoveryEndsMs,
  })
  /** Lists containers, judges them, and returns the history of the first one. */
  const list = (
    times: Partial<Listed>,
    containers: readonly ContainerSummary[],
    answer: TrackerAnswer = 'untracked',
  ) => {
    const listed = listedAt(times)
    const historyOf = graces.historiesAt(listed)
    const [history] = containers.map((one) => historyOf(one, answer))
    graces.note(listed)
    return history
  }
  return {
    fleet,
    graces,
    list,
    recentlyGone,
    recover: (endsMs: number) => (recoveryEndsMs = endsMs),
    /** What is known of the container. */
    get record() {
      return records.get(container.id)
    },
    /** What scans sent to the containers since the last call. */
    sent: () => sent.splice(0),
  }
}

/** A listing whose request and answer took no time, by an engine whose clock agrees with ours. */
function listedAt(times: Partial<Listed>): Listed {
  const { seenAwakeMs = 0, engineOffsetMs = engineEpochMs } = times
  return {
    scan: 1,
    listing: { containers: [], bytes: 2, engineNowMs: engineEpochMs + seenAwakeMs },
    atMs: seenAwakeMs,
    beganAwakeMs: seenAwakeMs,
    seenAwakeMs,
    missedBeforeMs: 0,
    missedMs: 0,
    durationMs: 0,
    engineOffsetMs,
    ...times,
  }
}

/** Without any grace but the creation grace. */
function gracesOf(fleet: Fleet): Graces {
  return new Graces({
    fleet,
    recentlyGone: new RecentlyGone(),
    creationGraceMs: graceMs,
    restoreGraceMs: 0,
    releaseGraceMs: 0,
    recoveryEndsMs: () => undefined,
  })
}

describe('what a listing writes to the record of a container that it shows for the first time', () => {
  const bornAt = (awakeMs: number) => summary({ createdAtMs: engineEpochMs + awakeMs })

  test('a whole record: when it was seen, its creation grace, and that nothing of ours was done to it', () => {
    const one = remembering()
    one.list({ seenAwakeMs: 500_000 }, [container])
    expect(one.record).toEqual({
      id: container.id,
      listed: container,
      firstSeenMs: 500_000,
      newSinceMs: 500_000,
      creationGraceEndsMs: 560_000,
      startId: undefined,
      notStartedUntil: undefined,
      wasTracked: false,
      releaseGraceEndsMs: undefined,
      isLossReported: false,
      stop: undefined,
      gracefulStopAttempted: false,
      refusal: undefined,
      objection: undefined,
      disagreements: 0,
      confirmedAs: undefined,
    })
    expect(one.sent()).toEqual([])
  })

  test.each<[string, number, Partial<Listed>, number]>([
    ['its age at the first scan counts', 469_000, {}, 530_000],
    ['it is older than its grace', 100_000, {}, 161_000],
    ['the last scan, which began later, did not show it', 469_000, { beganAwakeMs: 480_000 }, 560_000],
    ['the last scan began before its creation', 490_000, { beganAwakeMs: 480_000 }, 551_000],
    [
      'awake-time: time missed since that scan began does not count',
      489_000,
      { beganAwakeMs: 480_000, missedBeforeMs: 1000 },
      555_000,
    ],
  ])('creation grace: %s', (_, createdAtMs, previous, endsMs) => {
    const one = remembering()
    if (Object.keys(previous).length > 0)
      one.list({ seenAwakeMs: 485_000, missedMs: previous.missedBeforeMs ?? 0, ...previous }, [])
    one.list({ seenAwakeMs: 500_000, missedMs: previous.missedBeforeMs ? 6000 : 0 }, [bornAt(createdAtMs)])
    expect(one.record?.creationGraceEndsMs).toBe(endsMs)
  })

  test('honest-clock: an age by a clock that has just been set does not count', () => {
    const one = remembering()
    one.list({ seenAwakeMs: 400_000 }, [])
    one.list({ seenAwakeMs: 500_000, engineOffsetMs: engineEpochMs + 10_000 }, [bornAt(440_000)])
    expect(one.record?.creationGraceEndsMs).toBe(560_000)
  })

  test.each([
    ['running', undefined, undefined],
    ['running', { beganAwakeMs: 480_000, missedBeforeMs: 7, missedMs: 8 }, { atMs: 480_000, missedMs: 7 }],
    ['exited', undefined, { atMs: 500_000, missedMs: 9 }],
    ['exited', { beganAwakeMs: 480_000, missedBeforeMs: 7, missedMs: 8 }, { atMs: 500_000, missedMs: 9 }],
  ])('new-again: %s, with the scan before: %j: not started until %j', (state, previous, until) => {
    const one = remembering()
    if (previous) one.list({ seenAwakeMs: 485_000, ...previous }, [])
    one.list({ seenAwakeMs: 500_000, missedMs: 9 }, [summary({ state })])
    expect(one.record?.notStartedUntil).toEqual(until)
  })

  test.each<[TrackerAnswer, string, boolean, boolean]>([
    ['tracked', 'running', true, false],
    ['tracked', 'exited', true, true],
    ['untracked', 'running', false, false],
    ['tracker-failed', 'running', false, false],
  ])('the agent says %s while it is %s: tracked: %s, lost: %s', (answer, state, wasTracked, isLost) => {
    const one = remembering()
    one.list({ seenAwakeMs: 500_000 }, [summary({ state })], answer)
    expect(one.record).toMatchObject({ wasTracked, isLossReported: isLost })
    const said = { type: 'answered', answer, atMs: 500_000, hasEnded: true }
    expect(one.sent()).toEqual(isLost ? [said] : [])
  })

  test('nothing after the supervision has ended, which gives the container no record', () => {
    const fleet = { get: () => undefined, all: () => [], discover: () => {} } as unknown as Fleet
    const graces = gracesOf(fleet)
    const history = graces.historiesAt(listedAt({ seenAwakeMs: 500_000 }))(container, 'tracked')
    expect(history.graceEnds.creationMs).toBe(Infinity)
  })
})

describe('eventually-removed: a container that a listing shows again after it was missing', () => {
  const gone = (changes: Partial<KnownContainer> = {}): KnownContainer =>
    ({
      id: container.id,
      listed: container,
      stop: undefined,
      firstSeenMs: 100_000,
      newSinceMs: 100_000,
      creationGraceEndsMs: 120_000,
      wasTracked: false,
      releaseGraceEndsMs: undefined,
      ...changes,
    }) as KnownContainer

  test.each<[string, Partial<KnownContainer>, Partial<ContainerRecord>]>([
    [
      'its creation grace does not begin again',
      {},
      { firstSeenMs: 100_000, newSinceMs: 100_000, creationGraceEndsMs: 160_000 },
    ],
    [
      'new-again: a start that was found in the meantime stays in effect',
      { newSinceMs: 490_000, creationGraceEndsMs: 550_000 },
      { firstSeenMs: 100_000, newSinceMs: 490_000, creationGraceEndsMs: 550_000 },
    ],
    [
      'what the agent tracked since is as new as any other',
      { wasTracked: true },
      { firstSeenMs: 500_000, newSinceMs: 500_000, creationGraceEndsMs: 560_000 },
    ],
    [
      'not-ours-to-stop: a request of ours may still have stopped it',
      { stop: { failedAtMs: 5, startId: 1 } },
      { stop: { failedAtMs: 5, startId: 1 } },
    ],
    [
      'a removal of ours that may have reached the engine is remembered',
      { wasRemovalSent: true },
      { wasRemovalSent: true },
    ],
    ['without one nothing of it is ours', {}, { wasRemovalSent: false }],
    [
      'that its disappearance was reported is remembered',
      { isVanishReported: true },
      { isVanishReported: true },
    ],
    [
      'when it was last known not to have started is unknown',
      {},
      { notStartedUntil: undefined, wasTracked: false },
    ],
  ])('%s', (_, changes, expected) => {
    const one = remembering()
    one.list({ seenAwakeMs: 480_000 }, [])
    one.recentlyGone.remember(gone(changes))
    one.list({ seenAwakeMs: 500_000 }, [container])
    expect(one.record).toMatchObject(expected)
  })

  test.each([
    ['paused', 'running', true],
    ['paused', 'paused', false],
    ['running', 'running', false],
  ])('new-again: %s before and %s now: unpaused in between: %s', (before, now, wasUnpaused) => {
    const one = remembering()
    one.recentlyGone.remember(gone({ listed: { ...container, state: before } }))
    const shown = summary({ state: now })
    one.list({ seenAwakeMs: 500_000 }, [shown])
    const met = { listed: shown, atMs: 500_000, wasUnpaused: true, restedUntil: undefined }
    expect(one.sent()).toEqual(wasUnpaused ? [{ type: 'listed', met }] : [])
    expect(one.record?.creationGraceEndsMs).toBe(wasUnpaused ? 560_000 : 160_000)
  })
})

describe('what a listing writes to the record of a container that is known', () => {
  const at = (state: string) => summary({ state })

  test('nothing if its entry is the same object', () => {
    const one = remembering()
    one.list({ seenAwakeMs: 100_000 }, [container])
    one.list({ seenAwakeMs: 200_000 }, [container])
    expect(one.sent()).toEqual([])
  })

  test.each([
    ['running', 'running', false, undefined],
    ['running', 'exited', false, { atMs: 200_000, missedMs: 9 }],
    ['exited', 'running', false, { atMs: 100_000, missedMs: 8 }],
    ['exited', 'exited', false, { atMs: 200_000, missedMs: 9 }],
    ['paused', 'running', true, { atMs: 100_000, missedMs: 8 }],
    ['paused', 'restarting', true, { atMs: 100_000, missedMs: 8 }],
    ['paused', 'exited', false, { atMs: 200_000, missedMs: 9 }],
    ['running', 'paused', false, { atMs: 200_000, missedMs: 9 }],
  ])('new-again: %s before and %s now: unpaused: %s, at rest until %j', (before, now, wasUnpaused, until) => {
    const one = remembering()
    one.list({ seenAwakeMs: 100_000, missedMs: 8 }, [at(before)])
    const shown = at(now)
    one.list({ seenAwakeMs: 200_000, missedMs: 9 }, [shown])
    expect(one.sent()).toEqual([
      { type: 'listed', met: { listed: shown, atMs: 200_000, wasUnpaused, restedUntil: until } },
    ])
  })

  test('new-again: at rest in a record from before the first scan: since when is unknown', () => {
    const one = remembering({ listed: at('exited'), creationGraceEndsMs: 0 })
    one.list({ seenAwakeMs: 200_000 }, [at('running')])
    expect(one.sent()).toMatchObject([{ type: 'listed', met: { restedUntil: undefined } }])
  })

  test('awake-time: that the agent has stopped tracking it, at the time of the listing', () => {
    const one = remembering()
    one.list({ seenAwakeMs: 100_000 }, [container], 'tracked')
    one.list({ seenAwakeMs: 200_000 }, [container], 'untracked')
    expect(one.record).toMatchObject({ wasTracked: false, releaseGraceEndsMs: 230_000 })
    expect(one.sent()).toEqual([{ type: 'answered', answer: 'untracked', atMs: 200_000, hasEnded: false }])
  })

  test('that it has ended while the agent tracks it', () => {
    const one = remembering()
    one.list({ seenAwakeMs: 100_000 }, [container], 'tracked')
    expect(one.record?.isLossReported).toBe(false)
    one.list({ seenAwakeMs: 200_000 }, [at('exited')], 'tracked')
    expect(one.record?.isLossReported).toBe(true)
  })
})

describe('the history that a verdict is based on', () => {
  const nothing = {
    stoppedByUs: false,
    hookRefusal: undefined,
    objection: undefined,
  }

  test('names when each grace ends', () => {
    const one = remembering()
    one.graces.begin(3000)
    one.graces.begin(50_000)
    expect(one.graces.restoreEndsMs).toBe(93_000)
    one.recover(70_000)
    one.list({ seenAwakeMs: 10_000 }, [container], 'tracked')
    const second = summary({ id: 'f'.repeat(64) as ContainerSummary['id'] })
    one.list({ seenAwakeMs: 20_000 }, [second], 'tracked')
    one.graces.noteAnswers([container, second], ['untracked', 'untracked'], { seenAwakeMs: 30_000 })
    expect(one.list({ seenAwakeMs: 30_000 }, [container])).toEqual({
      ...nothing,
      graceEnds: {
        creationMs: 70_000,
        restoreMs: 93_000,
        releaseMs: 60_000,
        recoveryMs: 70_000,
        emptiedMs: 60_000,
        sessionMs: undefined,
      },
    })
  })

  test('before the first scan and without a record: the creation grace does not end', () => {
    expect(remembering().graces.historyOf(undefined, 5)).toEqual({
      ...nothing,
      graceEnds: {
        creationMs: Infinity,
        restoreMs: undefined,
        releaseMs: undefined,
        recoveryMs: undefined,
        emptiedMs: undefined,
        sessionMs: undefined,
      },
    })
    expect(remembering().graces.restoreEndsMs).toBeUndefined()
  })

  test('fresh-scan: a refusal and an objection count while they hold at the begin of the scan', () => {
    const refusal = { reason: 'hook-refused', untilMs: 100 }
    const objection = { reason: 'inspection-failed', untilMs: 200 }
    const one = remembering({ listed: container, refusal, objection })
    const history = (beganAwakeMs: number) => one.list({ seenAwakeMs: 900, beganAwakeMs }, [container])
    expect(history(99)).toMatchObject({ hookRefusal: 'hook-refused', objection: 'inspection-failed' })
    expect(history(100)).toMatchObject({ hookRefusal: undefined, objection: 'inspection-failed' })
    expect(history(200)).toMatchObject({ hookRefusal: undefined, objection: undefined })
  })

  test.each<[Partial<KnownContainer>, boolean]>([
    [{}, false],
    [{ isRequestOut: true }, true],
    [{ stop: { failedAtMs: undefined, startId: undefined } }, true],
  ])('not-ours-to-stop: of a container with %j: stopped by us: %s', (changes, isOurs) => {
    const { graces } = remembering()
    const record = { isRequestOut: false, stop: undefined, ...changes } as KnownContainer
    expect(graces.historyOf(record, 0).stoppedByUs).toBe(isOurs)
  })

  test('new-again: when a container was last at rest is the time of the last listing, also of one not fully judged', () => {
    const { graces, list } = remembering()
    const exited = { listed: summary({ state: 'exited' }) } as KnownContainer
    expect(graces.restedUntil(exited)).toBeUndefined()
    list({ seenAwakeMs: 100_000 }, [])
    graces.historiesAt(listedAt({ seenAwakeMs: 200_000, missedMs: 4 }))
    expect(graces.restedUntil(exited)).toEqual({ atMs: 200_000, missedMs: 4 })
    expect(graces.restedUntil({ listed: container } as KnownContainer)).toBeUndefined()
  })
})

describe('honest-clock: whether the engine’s clock was set since it was last measured', () => {
  const restarts = (...all: readonly Partial<Listed>[]) => {
    const one = remembering({ listed: container, creationGraceEndsMs: 9_000_000 })
    for (const [index, times] of all.entries()) one.list({ seenAwakeMs: index * 1000, ...times }, [])
    return one.sent().map((event) => (event as { readonly atMs?: number }).atMs)
  }

  test.each<[string, readonly Partial<Listed>[], readonly number[]]>([
    ['it agrees', [{}, {}], []],
    ['it differs by the tolerance', [{ engineOffsetMs: 0 }, { engineOffsetMs: 2000 }], []],
    ['by more than the tolerance, forwards', [{ engineOffsetMs: 0 }, { engineOffsetMs: 2001 }], [1000]],
    ['by more than the tolerance, backwards', [{ engineOffsetMs: 2001 }, { engineOffsetMs: 0 }], [1000]],
    [
      'the two listings took that long',
      [
        { engineOffsetMs: 0, durationMs: 300 },
        { engineOffsetMs: 2500, durationMs: 200 },
      ],
      [],
    ],
    [
      'by more than the two listings took',
      [
        { engineOffsetMs: 0, durationMs: 300 },
        { engineOffsetMs: 2501, durationMs: 200 },
      ],
      [1000],
    ],
    ['it is measured for the first time', [{ engineOffsetMs: 0 }], []],
  ])('%s', (_, all, restartedMs) => {
    expect(restarts(...all)).toEqual(restartedMs)
  })

  test('scans without the engine’s time neither show a change nor hide one', () => {
    const without = { ...listedAt({}), engineOffsetMs: undefined }
    expect(restarts({ engineOffsetMs: 0 }, { ...without, seenAwakeMs: 1000 })).toEqual([])
    expect(restarts({ ...without, seenAwakeMs: 0 }, { engineOffsetMs: 9000 })).toEqual([])
    const between = { ...without, seenAwakeMs: 1000 }
    expect(restarts({ engineOffsetMs: 0 }, between, { engineOffsetMs: 9000 })).toEqual([2000])
  })

  test('the last measurement is that of the last scan that was judged completely and had the time', () => {
    const { graces } = remembering()
    expect(graces.engineOffsetMs).toBeUndefined()
    graces.note(listedAt({ engineOffsetMs: 5 }))
    graces.historiesAt(listedAt({ engineOffsetMs: 7 }))
    graces.note({ ...listedAt({}), engineOffsetMs: undefined })
    expect(graces.engineOffsetMs).toBe(5)
  })

  test('only a creation grace that has not ended begins again', () => {
    const ids = ['a', 'b', 'c'].map((digit) => digit.repeat(64) as ContainerSummary['id'])
    const endsMs = [1001, 1000, 999]
    const restarted: string[] = []
    const all = ids.map((id, at) => ({ id, creationGraceEndsMs: endsMs[at] }))
    const fleet = {
      all: () => all,
      send: (id: string, event: object) => restarted.push(id, JSON.stringify(event)),
    } as unknown as Fleet
    const graces = gracesOf(fleet)
    graces.note(listedAt({ engineOffsetMs: 0 }))
    graces.historiesAt(listedAt({ seenAwakeMs: 1000, engineOffsetMs: 60_000 }))
    expect(restarted).toEqual([ids[0], '{"type":"graces.restarted","atMs":1000}'])
  })
})
