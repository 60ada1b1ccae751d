import { describe, expect, test } from 'vitest'
import type { ContainerContext } from '../../machines/container.machine.ts'
import type { Judgement } from '../../machines/types.ts'
import {
  about,
  isSameVerdict,
  isStoppedByUs,
  judgement,
  type KnownContainer,
  knownOf,
} from '../../src/containers/known-container.ts'
import type { Verdict } from '../../src/domain/verdict.ts'
import { noGuests } from '../../src/policy/namespaces.ts'
import { fakeId } from '../support/fake-engine.ts'
import { summary } from '../support/summary.ts'

const dangling: Verdict = { verdict: 'dangling', reason: 'untracked', endedGuests: noGuests }

describe('eventually-removed: when a verdict is worth making again', () => {
  const refusal = { reason: 'hook-refused', untilMs: 700 }
  const objection = { reason: 'inspection-disagrees', untilMs: 400 }
  const self = { reason: 'self', untilMs: Infinity }

  test.each<
    [string, Verdict, Partial<Pick<KnownContainer, 'refusal' | 'objection'>>, Judgement['recheckMs']]
  >([
    ['tracked: never', { verdict: 'tracked', reason: 'tracked' }, { refusal }, undefined],
    ['dangling: a slot is what it waits for', dangling, { refusal }, undefined],
    [
      'spared by a label: never',
      { verdict: 'spared', reason: 'keep-label' },
      { refusal, objection },
      undefined,
    ],
    ...(['image-unknown', 'namespace-unknown', 'tracker-failed', 'tracked-url-failed'] as const).map(
      (reason): [string, Verdict, object, number] => [
        `${reason}: after a minute`,
        { verdict: 'spared', reason },
        {},
        60_000,
      ],
    ),
    [
      'refused by the hook: when the hook is asked again',
      { verdict: 'spared', reason: 'hook-refused' },
      { refusal },
      600,
    ],
    [
      'contradicted by its inspection: when it is inspected again',
      { verdict: 'spared', reason: 'inspection-disagrees' },
      { refusal, objection },
      300,
    ],
    ['itself: never', { verdict: 'spared', reason: 'self' }, { objection: self }, undefined],
  ])('%s', (_, verdict, known, recheckMs) => {
    const record = { refusal: undefined, objection: undefined, ...known }
    expect(judgement(record, verdict, { scan: 3, nowMs: 100 })).toEqual({
      verdict,
      scan: 3,
      atMs: 100,
      recheckMs,
    })
  })
})

describe('scans-that-matter: whether a verdict says nothing new', () => {
  const graced = (endsAtMs: number): Verdict => ({ verdict: 'graced', reason: 'creation-grace', endsAtMs })

  test.each<[Verdict | undefined, Verdict, boolean]>([
    [undefined, dangling, false],
    [dangling, { ...dangling, endedGuests: () => [summary()] }, true],
    [dangling, { verdict: 'tracked', reason: 'tracked' }, false],
    [{ verdict: 'spared', reason: 'keep-label' }, { verdict: 'spared', reason: 'self' }, false],
    [graced(5), graced(5), true],
    [graced(5), graced(6), false],
    [graced(5), { verdict: 'graced', reason: 'release-grace', endsAtMs: 5 }, false],
  ])('%j, then %j: %s', (before, now, isSame) => {
    expect(isSameVerdict(before, now)).toBe(isSame)
  })
})

test.each([
  [false, undefined, false],
  [true, undefined, true],
  [false, { failedAtMs: undefined, startId: 1 }, true],
  [false, { failedAtMs: 5, startId: 1 }, true],
])(
  'not-ours-to-stop: a request is out: %s, an earlier one left: %j: may be ours: %s',
  (isRequestOut, stop, isOurs) => {
    expect(isStoppedByUs({ isRequestOut, stop })).toBe(isOurs)
  },
)

test('a record is the context of its machine', () => {
  const context = { id: fakeId(1) } as unknown as ContainerContext
  expect(knownOf(context)).toBe(context)
})

test('a container is described by its id, name and image', () => {
  expect(about({ listed: summary({ name: 'web', image: 'nginx:1' }) })).toEqual({
    id: fakeId(1),
    name: 'web',
    image: 'nginx:1',
  })
})
