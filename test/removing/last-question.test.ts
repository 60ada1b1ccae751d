import { describe, expect, test } from 'vitest'
import type { Fleet } from '../../src/containers/fleet.ts'
import type { KnownContainer } from '../../src/containers/known-container.ts'
import type { ContainerSummary } from '../../src/domain/container.ts'
import type { TrackerAnswer } from '../../src/domain/verdict.ts'
import type { SessionState } from '../../src/policy/judge.ts'
import { askLast, cancelled } from '../../src/removing/last-question.ts'
import type { Answer } from '../../src/scanning/tracker.ts'
import { fakeId } from '../support/fake-engine.ts'
import { summary } from '../support/summary.ts'

const own = summary({ id: fakeId(1), name: 'web' })
const guest = summary({ id: fakeId(2), name: 'guest', state: 'exited' })
const other = summary({ id: fakeId(3), name: 'other', state: 'exited' })

const nowMs = 500
const stale = { answer: 'stale' }
const noAnswer = (reason: Exclude<TrackerAnswer, 'tracked' | 'untracked'>): Answer => ({
  reason,
  message: 'boom',
})

interface Asking {
  readonly answers?: Readonly<Record<string, Answer | Promise<Answer>>>
  readonly guests?: readonly ContainerSummary[]
  /** By id; without this, no container is another session's. */
  readonly sessions?: Readonly<Record<string, SessionState>>
  /** What the fleet knows now; the candidate was known before. */
  readonly knows?: readonly (Partial<KnownContainer> & { readonly listed: ContainerSummary })[]
}

/** Asks about `own`, and notes in which order the tracker was asked, and what was recorded. */
function ask({
  answers = {},
  guests = [],
  sessions,
  knows = [{ listed: own, wasTracked: true }],
}: Asking = {}) {
  const asked: string[] = []
  const noted: unknown[] = []
  const records = knows.map((known) => ({ id: known.listed.id, scan: 7, ...known })) as KnownContainer[]
  const fleet = {
    get: (id: string) => records.find((record) => record.id === id),
    noteAnswer: (known: KnownContainer, answer: string, atMs: number) => noted.push([known.id, answer, atMs]),
  } as unknown as Fleet
  const tracker = {
    tracksNothing: false,
    ask: ({ id, name }: ContainerSummary) => {
      asked.push(name)
      return answers[id] ?? 'untracked'
    },
  }
  const candidate = { id: own.id, known: { listed: own } as KnownContainer, endedGuests: guests }
  const askSessions = (containers: readonly ContainerSummary[]) => {
    if (!sessions) return undefined
    asked.push('sessions')
    return Promise.resolve(containers.map(({ id }) => sessions[id]))
  }
  const options = { awake: { now: () => nowMs }, fleet, tracker, askSessions }
  const answer = askLast(candidate, options as never)
  return { answer, asked, noted }
}

const cancelledBy = (verdict: string, reason: string) => ({
  answer: 'cancelled',
  judgement: { verdict: { verdict, reason }, scan: 7, atMs: nowMs, recheckMs: undefined },
})

describe('fresh-scan: the last question before a request', () => {
  test.each<[string, Asking, object | undefined]>([
    ['untracked, without guests: it may go', {}, undefined],
    ['untracked, like its ended guests: it may go', { guests: [guest, other] }, undefined],
    ['tracked', { answers: { [own.id]: 'tracked' } }, cancelledBy('tracked', 'tracked')],
    [
      'an ended guest is tracked',
      { guests: [guest, other], answers: { [other.id]: 'tracked' } },
      cancelledBy('spared', 'namespace-shared'),
    ],
    [
      'unknown-is-spared: there is no answer on an ended guest',
      { guests: [guest, other], answers: { [guest.id]: noAnswer('tracker-failed') } },
      cancelledBy('spared', 'namespace-shared'),
    ],
    [
      'an ended guest counts as untracked, but was recorded as tracked meanwhile',
      { guests: [guest], knows: [{ listed: own }, { listed: guest, wasTracked: true }] },
      cancelledBy('spared', 'namespace-shared'),
    ],
    [
      'an ended guest is recorded as untracked',
      {
        guests: [guest],
        knows: [
          { listed: own, wasTracked: true },
          { listed: guest, wasTracked: false },
        ],
      },
      undefined,
    ],
    [
      'the agent tracks both: its own answer comes first',
      { guests: [guest], answers: { [own.id]: 'tracked', [guest.id]: 'tracked' } },
      cancelledBy('tracked', 'tracked'),
    ],
    [
      'another verdict, but the container is no longer known',
      { answers: { [own.id]: 'tracked' }, knows: [] },
      stale,
    ],
  ])('%s', (_, asking, expected) => {
    expect(ask(asking).answer).toEqual(expected)
  })

  test('unknown-is-spared: no answer on the container spares it for a minute, for that reason', () => {
    expect(ask({ answers: { [own.id]: noAnswer('tracker-timed-out') } }).answer).toEqual({
      answer: 'cancelled',
      judgement: {
        verdict: { verdict: 'spared', reason: 'tracker-timed-out' },
        scan: 7,
        atMs: nowMs,
        recheckMs: 60_000,
      },
    })
  })

  test('it is about the container as it is known now: an inspection may have added its name', () => {
    const knows = [{ listed: { ...own, name: 'named since' } }]
    expect(ask({ guests: [guest], knows }).asked).toEqual(['guest', 'named since'])
    expect(ask({ knows: [] }).asked).toEqual(['web'])
  })

  test('a synchronous tracker is asked, and its answer used, in one turn', () => {
    const { answer, asked } = ask({ guests: [guest, other] })
    expect([answer, asked]).toEqual([undefined, ['guest', 'other', 'web']])
  })

  test('an asynchronous one is asked about all guests, and about the container when they are answered', async () => {
    let answerGuest: (answer: Answer) => void = () => {}
    const pending = new Promise<Answer>((resolve) => (answerGuest = resolve))
    const { answer, asked } = ask({
      guests: [guest, other],
      answers: { [guest.id]: pending, [own.id]: Promise.resolve<Answer>('tracked') },
    })
    await Promise.resolve()
    expect(asked).toEqual(['guest', 'other'])
    answerGuest('untracked')
    expect(await answer).toEqual(cancelledBy('tracked', 'tracked'))
    expect(asked).toEqual(['guest', 'other', 'web'])
  })

  test('an asynchronous answer that it is untracked lets it go', async () => {
    const { answer } = ask({ answers: { [own.id]: Promise.resolve<Answer>('untracked') } })
    expect(answer).toBeInstanceOf(Promise)
    expect(await answer).toBeUndefined()
  })
})

describe('live-session: the last question about sessions', () => {
  test.each<[string, Asking, object | undefined]>([
    ['its session is still gone', { sessions: { [own.id]: 'ended' } }, undefined],
    ['it is alive', { sessions: { [own.id]: 'alive' } }, cancelledBy('spared', 'session-alive')],
    ['it is unknown', { sessions: { [own.id]: 'unknown' } }, cancelledBy('spared', 'session-unknown')],
    [
      'that of an ended guest is alive, and its own is gone',
      { guests: [guest], sessions: { [own.id]: 'ended', [guest.id]: 'alive' } },
      cancelledBy('spared', 'namespace-shared'),
    ],
    [
      'that of an ended guest is alive, and the container is our own',
      { guests: [guest], sessions: { [guest.id]: 'alive' } },
      cancelledBy('spared', 'namespace-shared'),
    ],
    [
      'the agent tracks it',
      { sessions: { [own.id]: 'ended' }, answers: { [own.id]: 'tracked' } },
      cancelledBy('tracked', 'tracked'),
    ],
  ])('%s', async (_, asking, expected) => {
    const { answer, asked } = ask(asking)
    expect(await answer).toEqual(expected)
    expect(asked.at(-1)).toBe('web')
  })
})

describe('what the last question records', () => {
  test('nothing if the container may go', () => {
    expect(ask({ guests: [guest] }).noted).toEqual([])
  })

  test('that it is tracked, by the time of the answer', () => {
    const { noted } = ask({ answers: { [own.id]: 'tracked' } })
    expect(noted).toEqual([[own.id, 'tracked', nowMs]])
  })

  test('that the agent does not track it, also if a guest prevents the removal', () => {
    const { noted } = ask({ guests: [guest], answers: { [guest.id]: 'tracked' } })
    expect(noted).toEqual([[own.id, 'untracked', nowMs]])
  })

  test('nothing about a container that is no longer known', () => {
    expect(ask({ answers: { [own.id]: 'tracked' }, knows: [] }).noted).toEqual([])
  })
})

test('truthful: a verdict on a container that is no longer known is stale', () => {
  const fleet = { get: () => undefined } as unknown as Fleet
  const verdict = { verdict: 'spared', reason: 'keep-label' } as const
  expect(cancelled(own.id, verdict, { fleet, awake: { now: () => nowMs } } as never)).toEqual(stale)
})
