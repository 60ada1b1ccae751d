import { describe, expect, test } from 'vitest'
import type { Fleet } from '../../src/containers/fleet.ts'
import type { KnownContainer } from '../../src/containers/known-container.ts'
import { RecentlyGone } from '../../src/containers/recently-gone.ts'
import type { ContainerSummary } from '../../src/domain/container.ts'
import type { TrackerAnswer, Verdict } from '../../src/domain/verdict.ts'
import { noGuests } from '../../src/policy/namespaces.ts'
import { Graces, type Listed } from '../../src/scanning/graces.ts'
import { summary } from '../support/summary.ts'

const container = summary({ name: 'web' })
const tracked: Verdict = { verdict: 'tracked', reason: 'tracked' }
const dangling: Verdict = { verdict: 'dangling', reason: 'untracked', endedGuests: noGuests }

/** A container that the last scan judged to be tracked, with what is known of it changed. */
function known(changes: Partial<KnownContainer> = {}) {
  const record = { id: container.id, listed: container, wasTracked: true, verdict: tracked, ...changes }
  const fleet = { get: (id: string) => (id === record.id ? record : undefined) } as unknown as Fleet
  return new Graces({
    fleet,
    recentlyGone: new RecentlyGone(),
    creationGraceMs: 1000,
    restoreGraceMs: 1000,
    releaseGraceMs: 1000,
    recoveryEndsMs: () => undefined,
  })
}

describe('only an unchanged tracked container is not judged again', () => {
  test('listed and tracked as before: it is the same judgement', () => {
    expect(known().stillTracked(container, 'tracked')).toEqual({
      container,
      answer: 'tracked',
      verdict: tracked,
    })
  })

  test.each<TrackerAnswer>(['untracked', 'tracker-unknown', 'tracker-failed', 'tracker-timed-out'])(
    'the agent answers %s: it is judged',
    (answer) => {
      expect(known().stillTracked(container, answer)).toBeUndefined()
    },
  )

  test.each<[string, ContainerSummary]>([
    ['something of it has changed', { ...container, state: 'exited' }],
    ['it is listed in the same words by another listing', { ...container }],
    ['it is another one', summary({ id: 'f'.repeat(64) as ContainerSummary['id'] })],
  ])('%s: it is judged', (_what, listed) => {
    expect(known().stillTracked(listed, 'tracked')).toBeUndefined()
  })

  test.each<[string, Partial<KnownContainer>]>([
    ['it has not been judged', { verdict: undefined }],
    ['it was called dangling, and the agent has adopted it since', { verdict: dangling }],
    ['the agent stopped tracking it in between', { wasTracked: false }],
  ])('%s: it is judged', (_what, changes) => {
    expect(known(changes).stillTracked(container, 'tracked')).toBeUndefined()
  })
})

describe('unknown-is-spared: a tracker that knew several containers and suddenly knows none', () => {
  const owned = ['d', 'e', 'f'].map((digit) => summary({ id: digit.repeat(64) as ContainerSummary['id'] }))
  const fleetOf = (wereTracked: number) =>
    ({
      get: (id: string) => {
        const at = owned.findIndex((one) => one.id === id)
        return at < 2 ? { wasTracked: at < wereTracked } : undefined
      },
    }) as unknown as Fleet
  const emptied = (wereTracked: number, ...scans: readonly (readonly TrackerAnswer[])[]) => {
    const graces = new Graces({
      fleet: fleetOf(wereTracked),
      recentlyGone: new RecentlyGone(),
      creationGraceMs: 1000,
      restoreGraceMs: 1000,
      releaseGraceMs: 30_000,
      recoveryEndsMs: () => undefined,
    })
    for (const [at, answers] of scans.entries())
      graces.noteAnswers(owned, answers as never, { seenAwakeMs: 5000 + at })
    return graces.emptiedEndsMs
  }

  test('two of them: a release grace from that scan on', () => {
    expect(emptied(2, ['untracked', 'untracked', 'untracked'])).toBe(35_000)
  })

  test('whether it has ever known one is remembered', () => {
    const graces = new Graces({
      fleet: fleetOf(0),
      recentlyGone: new RecentlyGone(),
      creationGraceMs: 1000,
      restoreGraceMs: 1000,
      releaseGraceMs: 30_000,
      recoveryEndsMs: () => undefined,
    })
    const after = (answer: TrackerAnswer) => {
      graces.noteAnswers(owned.slice(0, 1), [answer] as never, { seenAwakeMs: 5000 })
      return graces.hasTracked
    }
    expect(graces.hasTracked).toBe(false)
    expect([after('untracked'), after('tracked'), after('untracked')]).toEqual([false, true, true])
  })

  test('until it knows one again', () => {
    const none: readonly TrackerAnswer[] = ['untracked', 'untracked', 'untracked']
    expect(emptied(2, none, ['untracked', 'untracked', 'tracked'])).toBeUndefined()
    expect(emptied(2, none, ['untracked', 'untracked', 'tracker-failed'])).toBe(35_001)
  })

  test.each<[string, number, readonly TrackerAnswer[]]>([
    ['one of them', 1, ['untracked', 'untracked']],
    ['it knows one still', 2, ['tracked', 'untracked']],
    ['it knows a new one', 2, ['untracked', 'untracked', 'tracked']],
    ['it knew none before', 0, ['untracked', 'untracked']],
    ['it does not answer for one', 2, ['untracked', 'tracker-failed']],
  ])('%s: nothing is suspected', (_what, wereTracked, answers) => {
    expect(emptied(wereTracked, answers)).toBeUndefined()
  })
})

describe('honest-clock: for a creation grace a change of the engine’s clock makes older ages doubtful', () => {
  const empty = { get: () => undefined, all: () => [] } as unknown as Fleet
  const at = (seenAwakeMs: number, engineOffsetMs: number): Listed => ({
    scan: 1,
    listing: {
      containers: [],
      bytes: 2,
      engineNowMs: engineOffsetMs + seenAwakeMs,
    },
    atMs: seenAwakeMs,
    beganAwakeMs: seenAwakeMs,
    seenAwakeMs,
    missedBeforeMs: 0,
    missedMs: 0,
    durationMs: 1,
    engineOffsetMs,
  })

  test.each([
    ['as before', 50, false, false],
    ['an hour later', 3_600_050, true, false],
    ['an hour earlier', -3_599_950, true, false],
  ])('%s: %#', (_, offsetMs, soon, later) => {
    const graces = new Graces({
      fleet: empty,
      recentlyGone: new RecentlyGone(),
      creationGraceMs: 60_000,
      restoreGraceMs: 0,
      releaseGraceMs: 0,
      recoveryEndsMs: () => undefined,
    })
    const first = at(10_000, 50)
    graces.historiesAt(first)
    graces.note(first)
    expect(graces.isDoubtful(5000, 10_000)).toBe(false)
    graces.historiesAt(at(20_000, offsetMs))
    expect(graces.isDoubtful(70_000, 79_000)).toBe(soon)
    expect(graces.isDoubtful(60_000, 79_000)).toBe(false)
    expect(graces.isDoubtful(70_000, 80_000)).toBe(soon)
    expect(graces.isDoubtful(70_000, 80_001)).toBe(later)
  })
})
