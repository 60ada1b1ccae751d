import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nominatedAs } from '../../src/domain/states.ts'
import {
  type SpareReason,
  type TrackerAnswer,
  type Verdict,
  isTrackerFailure,
  isAskedAgain,
} from '../../src/domain/verdict.ts'
import {
  type Evidence,
  findings,
  type GraceEnds,
  isShareSuspicious,
  judge,
  judgeAgain,
  type LaterQuestion,
  type RuleName,
  type SessionState,
} from '../../src/policy/judge.ts'
import { noGuests } from '../../src/policy/namespaces.ts'
import { fakeId } from '../support/fake-engine.ts'
import { summary } from '../support/summary.ts'

const noGraces: GraceEnds = {
  creationMs: 0,
  restoreMs: undefined,
  releaseMs: undefined,
  recoveryMs: undefined,
  emptiedMs: undefined,
  sessionMs: undefined,
}
const guest = fakeId(71)
const endedGuests = [summary({ id: fakeId(72) }), summary({ id: fakeId(73) })]
const twoGuests = () => endedGuests
const nowMs = 100_000

/** A container that dangles, except for what a row changes. */
function evidence(change: Partial<Evidence> = {}): Evidence {
  return {
    container: summary(),
    policy: {
      keepLabel: 'flotsam.keep',
      states: new Set(['running', 'paused', 'restarting', 'dead']),
      orchestrated: false,
    },
    scanBeganMs: nowMs,
    isSelf: false,
    listingFault: undefined,
    answer: 'untracked',
    session: undefined,
    labelOrigin: 'container',
    groupLife: undefined,
    protectingGuest: undefined,
    areNamespacesKnown: true,
    endedGuests: noGuests,
    graceEnds: noGraces,
    stoppedByUs: false,
    hookRefusal: undefined,
    objection: undefined,
    ...change,
  }
}

const kept = (value: string) => ({ container: summary({ labels: { 'flotsam.keep': value } }) })
const labelled = (label: string, value = '') => ({ container: summary({ labels: { [label]: value } }) })
const state = (name: string) => ({ container: summary({ state: name }) })

describe('each reason, with only that one condition changed', () => {
  test.each<[string, Partial<Evidence>, Verdict]>([
    ['nothing against it', {}, { verdict: 'dangling', reason: 'untracked', endedGuests: noGuests }],
    [
      'ended guests',
      { endedGuests: twoGuests },
      { verdict: 'dangling', reason: 'untracked', endedGuests: twoGuests },
    ],
    ['tracked', { answer: 'tracked' }, { verdict: 'tracked', reason: 'tracked' }],
    ['not-self', { isSelf: true }, { verdict: 'spared', reason: 'self' }],
    ['protected: keep label true', kept('true'), { verdict: 'spared', reason: 'keep-label' }],
    ['protected: an empty keep label', kept(''), { verdict: 'spared', reason: 'keep-label' }],
    ['protected: keep label False', kept('False'), { verdict: 'spared', reason: 'keep-label' }],
    ['protected: keep label 0', kept('0'), { verdict: 'spared', reason: 'keep-label' }],
    [
      'a keep label of false keeps nothing',
      kept('false'),
      { verdict: 'dangling', reason: 'untracked', endedGuests: noGuests },
    ],
    ['live-session: alive', { session: 'alive' }, { verdict: 'spared', reason: 'session-alive' }],
    ['live-session: not known', { session: 'unknown' }, { verdict: 'spared', reason: 'session-unknown' }],
    [
      'live-session: ended',
      { session: 'ended' },
      { verdict: 'dangling', reason: 'untracked', endedGuests: noGuests },
    ],
    [
      'live-session: ended within the session grace',
      { session: 'ended', graceEnds: { ...noGraces, sessionMs: nowMs + 5 } },
      { verdict: 'graced', reason: 'session-grace', endsAtMs: nowMs + 5 },
    ],
    ['own-label', { labelOrigin: 'image' }, { verdict: 'spared', reason: 'label-from-image' }],
    ['own-label: not known', { labelOrigin: 'unknown' }, { verdict: 'spared', reason: 'image-unknown' }],
    ['unknown-is-spared: no state', state(''), { verdict: 'spared', reason: 'state-unknown' }],
    [
      'no state, even of a container stopped by us',
      { ...state(''), stoppedByUs: true },
      { verdict: 'spared', reason: 'state-unknown' },
    ],
    ['a state not covered', state('exited'), { verdict: 'spared', reason: 'state-not-covered' }],
    ['an unknown state', state('asleep'), { verdict: 'spared', reason: 'state-not-covered' }],
    [
      'Podman’s word for never started',
      state('configured'),
      { verdict: 'spared', reason: 'state-not-covered' },
    ],
    ['Podman’s other one', state('initialized'), { verdict: 'spared', reason: 'state-not-covered' }],
    ['Podman’s word for ended', state('stopped'), { verdict: 'spared', reason: 'state-not-covered' }],
    ['a state in other letters', state('Running'), { verdict: 'spared', reason: 'state-not-covered' }],
    [
      'stopped by us, in a state not covered',
      { ...state('exited'), stoppedByUs: true },
      { verdict: 'dangling', reason: 'untracked', endedGuests: noGuests },
    ],
    [
      'protected: a shared namespace',
      { protectingGuest: guest },
      { verdict: 'spared', reason: 'namespace-shared' },
    ],
    [
      'protected: it is unknown who shares a namespace',
      { areNamespacesKnown: false },
      { verdict: 'spared', reason: 'namespace-unknown' },
    ],
    [
      'protected: a known guest gives the reason even if others are unknown',
      { areNamespacesKnown: false, protectingGuest: guest },
      { verdict: 'spared', reason: 'namespace-shared' },
    ],
    [
      'own-label: an image that was not inspected is unknown',
      { labelOrigin: 'unasked' },
      { verdict: 'spared', reason: 'image-unknown' },
    ],
    [
      'an image that was not inspected, when another rule spares anyway',
      { labelOrigin: 'unasked', hookRefusal: 'hook-refused' },
      { verdict: 'spared', reason: 'hook-refused' },
    ],
    [
      'exact-id: listed twice',
      { listingFault: 'listed-twice' },
      { verdict: 'spared', reason: 'listed-twice' },
    ],
    [
      'exact-id: an id that is a name too',
      { listingFault: 'id-is-a-name' },
      { verdict: 'spared', reason: 'id-is-a-name' },
    ],
    ...(
      [
        'com.docker.swarm.task.id',
        'com.docker.swarm.service.id',
        'io.kubernetes.pod.uid',
        'io.kubernetes.pod.name',
        'PODMAN_SYSTEMD_UNIT',
      ] as const
    ).map((label): [string, Partial<Evidence>, Verdict] => [
      `orchestrated: ${label}, even an empty one`,
      labelled(label),
      { verdict: 'spared', reason: 'orchestrated' },
    ]),
    [
      'orchestrated, when the owner includes those',
      {
        ...labelled('io.kubernetes.pod.uid'),
        policy: { ...evidence().policy, orchestrated: true },
      },
      { verdict: 'dangling', reason: 'untracked', endedGuests: noGuests },
    ],
    ['a group that lives', { groupLife: 'its group lives' }, { verdict: 'spared', reason: 'group-alive' }],
    ...(
      ['self', 'self-unknown', 'infra-container', 'inspection-disagrees', 'inspection-failed'] as const
    ).map((objection): [string, Partial<Evidence>, Verdict] => [
      `second-source: ${objection}`,
      { objection },
      { verdict: 'spared', reason: objection },
    ]),
    [
      'tracker emptied',
      { graceEnds: { ...noGraces, emptiedMs: nowMs + 5 } },
      { verdict: 'graced', reason: 'tracker-emptied', endsAtMs: nowMs + 5 },
    ],
    ['the hook refused', { hookRefusal: 'hook-refused' }, { verdict: 'spared', reason: 'hook-refused' }],
    ['the hook failed', { hookRefusal: 'hook-failed' }, { verdict: 'spared', reason: 'hook-failed' }],
    ['the hook hangs', { hookRefusal: 'hook-timed-out' }, { verdict: 'spared', reason: 'hook-timed-out' }],
    [
      'creation grace',
      { graceEnds: { ...noGraces, creationMs: nowMs + 1 } },
      { verdict: 'graced', reason: 'creation-grace', endsAtMs: nowMs + 1 },
    ],
    [
      'restore grace',
      { graceEnds: { ...noGraces, restoreMs: nowMs + 2 } },
      { verdict: 'graced', reason: 'restore-grace', endsAtMs: nowMs + 2 },
    ],
    [
      'release grace',
      { graceEnds: { ...noGraces, releaseMs: nowMs + 3 } },
      { verdict: 'graced', reason: 'release-grace', endsAtMs: nowMs + 3 },
    ],
    [
      'recovery grace',
      { graceEnds: { ...noGraces, recoveryMs: nowMs + 4 } },
      { verdict: 'graced', reason: 'recovery-grace', endsAtMs: nowMs + 4 },
    ],
  ])('%s', (_, change, verdict) => {
    expect(judge(evidence(change))).toEqual(verdict)
  })

  test.each([
    'tracker-unknown',
    'tracker-failed',
    'tracker-timed-out',
    'tracker-not-ready',
    'tracker-invalid',
    'tracker-wrong-keys',
    'tracked-file-unreadable',
    'tracked-file-invalid',
    'tracked-url-failed',
    'tracked-url-invalid',
  ] as const)('unknown-is-spared: %s', (answer) => {
    expect(judge(evidence({ answer }))).toEqual({ verdict: 'spared', reason: answer })
    expect(isTrackerFailure(answer)).toBe(true)
  })

  test.each(['tracked', 'untracked', 'self', '', undefined, null, 0])(
    '%j is not a tracker failure',
    (reason) => {
      expect(isTrackerFailure(reason)).toBe(false)
    },
  )
})

describe('protected: the keep label', () => {
  test.each(['constructor', 'toString', 'hasOwnProperty'])(
    '%s is on no container unless set',
    (keepLabel) => {
      const { policy } = evidence()
      expect(judge(evidence({ policy: { ...policy, keepLabel } })).verdict).toBe('dangling')
    },
  )

  test('a label named __proto__ keeps when it is there', () => {
    const labels = JSON.parse('{"__proto__": "yes"}') as Record<string, string>
    const { policy } = evidence()
    const change = { container: summary({ labels }), policy: { ...policy, keepLabel: '__proto__' } }
    expect(judge(evidence(change))).toEqual({ verdict: 'spared', reason: 'keep-label' })
  })
})

describe('the order of the rules: the first one wins', () => {
  /** Every condition against the removal at once; each row removes the topmost one. */
  const against: readonly [string, Partial<Evidence>, Partial<Evidence>][] = [
    ['self', { isSelf: true }, { isSelf: false }],
    ['tracked', { answer: 'tracked' }, { answer: 'tracker-failed' }],
    ['listed-twice', { listingFault: 'listed-twice' }, { listingFault: undefined }],
    ['keep-label', kept('true'), kept('false')],
    ['orchestrated', {}, {}],
    ['tracker-failed', { answer: 'tracker-failed' }, { answer: 'untracked' }],
    ['label-from-image', { labelOrigin: 'image' }, { labelOrigin: 'container' }],
    ['state-not-covered', state('exited'), state('running')],
    ['group-alive', { groupLife: 'its group lives' }, { groupLife: undefined }],
    ['namespace-shared', { protectingGuest: guest }, { protectingGuest: undefined }],
    ['creation-grace', { graceEnds: { ...noGraces, creationMs: nowMs + 1 } }, { graceEnds: noGraces }],
    ['hook-refused', { hookRefusal: 'hook-refused' }, { hookRefusal: undefined }],
    ['inspection-failed', { objection: 'inspection-failed' }, { objection: undefined }],
    ['untracked', {}, {}],
  ]

  test.each(against.map(([reason], at) => [reason, at] as const))(
    '%s comes before all that follows',
    (reason, at) => {
      const isBefore = (other: string) => at <= against.findIndex(([one]) => one === other)
      const labels = {
        ...(isBefore('keep-label') ? { 'flotsam.keep': 'true' } : {}),
        ...(isBefore('orchestrated') ? { 'io.kubernetes.pod.uid': '1' } : {}),
      }
      const container = summary({ labels, state: isBefore('state-not-covered') ? 'exited' : 'running' })
      const all = Object.assign(
        {},
        ...against.toReversed().map(([, present]) => present),
      ) as Partial<Evidence>
      const taken = Object.assign(
        {},
        ...against.slice(0, at).map(([, , absent]) => absent),
      ) as Partial<Evidence>
      expect(judge(evidence({ ...all, ...taken, container })).reason).toBe(reason)
    },
  )

  test('a container that the agent tracks is tracked whatever else holds, except the agent itself', () => {
    const many = { ...kept('true'), protectingGuest: guest, labelOrigin: 'unknown' } as const
    expect(judge(evidence({ ...many, answer: 'tracked' })).reason).toBe('tracked')
    expect(judge(evidence({ ...many, answer: 'tracked', isSelf: true })).reason).toBe('self')
  })
})

describe('fresh-scan: a grace ends for scans that begin at its end or later', () => {
  const ends = ['creationMs', 'restoreMs', 'releaseMs', 'recoveryMs', 'emptiedMs', 'sessionMs'] as const

  test.each(ends)('%s', (end) => {
    const graceEnds = { ...noGraces, [end]: nowMs }
    expect(judge(evidence({ graceEnds, scanBeganMs: nowMs - 0.001 })).verdict).toBe('graced')
    expect(judge(evidence({ graceEnds, scanBeganMs: nowMs })).verdict).toBe('dangling')
    expect(judge(evidence({ graceEnds, scanBeganMs: nowMs + 0.001 })).verdict).toBe('dangling')
  })

  test('of several graces the last to end counts, and gives the reason', () => {
    const graceEnds = {
      creationMs: nowMs + 10,
      restoreMs: nowMs + 40,
      releaseMs: nowMs + 30,
      recoveryMs: nowMs + 20,
      emptiedMs: undefined,
      sessionMs: nowMs + 35,
    }
    expect(judge(evidence({ graceEnds }))).toEqual({
      verdict: 'graced',
      reason: 'restore-grace',
      endsAtMs: nowMs + 40,
    })
    expect(judge(evidence({ graceEnds, scanBeganMs: nowMs + 39 })).verdict).toBe('graced')
    expect(judge(evidence({ graceEnds, scanBeganMs: nowMs + 40 })).verdict).toBe('dangling')
  })

  test('of graces that end together the creation grace gives the reason', () => {
    const end = nowMs + 1
    const graceEnds = {
      creationMs: end,
      restoreMs: end,
      releaseMs: end,
      recoveryMs: end,
      emptiedMs: end,
      sessionMs: end,
    }
    expect(judge(evidence({ graceEnds })).reason).toBe('creation-grace')
  })

  test('a creation grace with an unknown end never ends', () => {
    expect(judge(evidence({ graceEnds: { ...noGraces, creationMs: Number.NaN } })).verdict).toBe('graced')
    expect(judge(evidence({ graceEnds: { ...noGraces, creationMs: Infinity } })).verdict).toBe('graced')
  })
})

/** Mostly the first, so that every combination with few things against the removal comes up. */
const mostly = <T>(usual: T, ...others: readonly T[]) =>
  fc.oneof(
    { weight: 10, arbitrary: fc.constant(usual) },
    { weight: 2, arbitrary: fc.constantFrom(...others) },
  )

const anyEnd = mostly(0, nowMs - 1, nowMs, nowMs + 1, nowMs + 2)
const anyLaterEnd = mostly<number | undefined>(undefined, nowMs - 1, nowMs, nowMs + 1, nowMs + 2, nowMs + 3)
const anyGraceEnds = fc.record({
  creationMs: anyEnd,
  restoreMs: anyLaterEnd,
  releaseMs: anyLaterEnd,
  recoveryMs: anyLaterEnd,
  emptiedMs: anyLaterEnd,
  sessionMs: anyLaterEnd,
})

const anyEvidence = fc
  .record({
    isSelf: mostly(false, true),
    listingFault: mostly<Evidence['listingFault']>(undefined, 'listed-twice', 'id-is-a-name'),
    groupLife: mostly<Evidence['groupLife']>(undefined, 'its group lives'),
    objection: mostly<Evidence['objection']>(
      undefined,
      'self',
      'self-unknown',
      'infra-container',
      'inspection-disagrees',
      'inspection-failed',
    ),
    isOrchestrated: mostly(false, true),
    coversOrchestrated: fc.boolean(),
    answer: mostly<Evidence['answer']>('untracked', 'tracked', 'tracker-failed', 'tracker-unknown'),
    session: mostly<Evidence['session']>(undefined, 'ended', 'alive', 'unknown'),
    labelOrigin: mostly<Evidence['labelOrigin']>('container', 'image', 'unknown'),
    protectingGuest: mostly<Evidence['protectingGuest']>(undefined, guest),
    areNamespacesKnown: mostly(true, false),
    endedGuests: mostly<Evidence['endedGuests']>(noGuests, twoGuests),
    stoppedByUs: mostly(false, true),
    hookRefusal: mostly<Evidence['hookRefusal']>(undefined, 'hook-refused', 'hook-failed', 'hook-timed-out'),
    keep: mostly<Record<string, string>>({}, { 'flotsam.keep': 'false' }, { 'flotsam.keep': '' }),
    state: mostly('running', 'exited', '', 'removing'),
    graceEnds: anyGraceEnds,
  })
  .map(({ keep, state: name, isOrchestrated, coversOrchestrated, ...rest }) => {
    const labels = { ...keep, ...(isOrchestrated ? { PODMAN_SYSTEMD_UNIT: 'web.service' } : {}) }
    const policy = { ...evidence().policy, orchestrated: coversOrchestrated }
    return evidence({ ...rest, policy, container: summary({ labels, state: name }) })
  })

describe('eventually-removed: a container spared only because of an unknown may be judged again soon', () => {
  test.each([
    ['image-unknown', true],
    ['namespace-unknown', true],
    ['tracker-unknown', true],
    ['tracker-failed', true],
    ['tracked-url-invalid', true],
    ['state-unknown', false],
    ['keep-label', false],
    ['hook-failed', false],
  ] as const)('%s: %s', (reason, expected) => {
    expect(isAskedAgain({ verdict: 'spared', reason })).toBe(expected)
  })

  test('no other verdict is', () => {
    expect(isAskedAgain({ verdict: 'tracked', reason: 'tracked' })).toBe(false)
    expect(isAskedAgain({ verdict: 'dangling', reason: 'untracked', endedGuests: noGuests })).toBe(false)
    expect(isAskedAgain({ verdict: 'graced', reason: 'creation-grace', endsAtMs: 1 })).toBe(false)
  })
})

describe('eventually-removed: synonyms of a state count as that state', () => {
  test.each([
    ['configured', 'created'],
    ['initialized', 'created'],
    ['stopping', 'running'],
    ['stopped', 'exited'],
    ['removing', 'dead'],
  ])('%s is covered where %s is, and nowhere else', (word, sameAs) => {
    for (const covered of ['created', 'running', 'paused', 'restarting', 'exited', 'dead']) {
      const policy = { keepLabel: 'flotsam.keep', states: new Set([covered]), orchestrated: false }
      const verdict = judge(evidence({ policy, container: summary({ state: word }) }))
      expect([covered, verdict.verdict]).toEqual([covered, covered === sameAs ? 'dangling' : 'spared'])
    }
  })
})

describe('for any evidence', () => {
  test('the first finding with a verdict gives the verdict of the judge', () => {
    fc.assert(
      fc.property(anyEvidence, (any) => {
        expect(findings(any).find(({ verdict }) => verdict)?.verdict).toEqual(judge(any))
      }),
      { numRuns: 1000 },
    )
  })

  test('dangling needs every single condition, and no more', () => {
    const seen = new Set<boolean>()
    fc.assert(
      fc.property(anyEvidence, (any) => {
        const { container, graceEnds, policy } = any
        const ends = Object.values(graceEnds).filter((end) => end !== undefined)
        const isRemovable =
          !any.isSelf &&
          any.listingFault === undefined &&
          any.groupLife === undefined &&
          any.objection === undefined &&
          (policy.orchestrated || !('PODMAN_SYSTEMD_UNIT' in container.labels)) &&
          any.answer === 'untracked' &&
          (any.session ?? 'ended') === 'ended' &&
          any.labelOrigin === 'container' &&
          (container.labels['flotsam.keep'] ?? 'false') === 'false' &&
          container.state !== '' &&
          (any.stoppedByUs || policy.states.has(nominatedAs(container.state))) &&
          any.protectingGuest === undefined &&
          any.areNamespacesKnown &&
          any.hookRefusal === undefined &&
          ends.every((end) => end <= any.scanBeganMs)
        expect(judge(any).verdict === 'dangling').toBe(isRemovable)
        seen.add(isRemovable)
      }),
      { numRuns: 2000 },
    )
    expect(seen.size).toBe(2)
  })

  test('a graced verdict ends with the last of the graces, after the scan began', () => {
    fc.assert(
      fc.property(anyGraceEnds, (graceEnds) => {
        const lastMs = Math.max(...Object.values(graceEnds).filter((end) => end !== undefined))
        const verdict = judge(evidence({ graceEnds }))
        if (lastMs > nowMs) expect(verdict).toMatchObject({ verdict: 'graced', endsAtMs: lastMs })
        else expect(verdict.verdict).toBe('dangling')
      }),
      { numRuns: 1000 },
    )
  })
})

describe('findings: what each rule found, in words', () => {
  const seen = (rule: RuleName, change: Partial<Evidence> = {}) =>
    findings(evidence(change)).find((finding) => finding.rule === rule)?.seen

  test('every rule has one finding, in the order of the rules', () => {
    expect(findings(evidence()).map(({ rule }) => rule)).toEqual([
      'not-self',
      'tracked',
      'exact-id',
      'keep-label',
      'orchestrated',
      'unknown-is-spared',
      'live-session',
      'own-label',
      'state-covered',
      'namespace-shared',
      'graces',
      'hook',
      'second-source',
      'dangling',
    ])
  })

  test.each<[RuleName, Partial<Evidence>, string]>([
    ['not-self', {}, 'not the container that the agent runs in'],
    ['not-self', { isSelf: true }, 'this is the container that the agent runs in'],
    ['tracked', { answer: 'tracked' }, 'the agent tracks it'],
    ['tracked', {}, 'the agent does not say that it tracks it'],
    ['keep-label', kept('yes'), 'label flotsam.keep=yes'],
    ['keep-label', {}, 'no label flotsam.keep'],
    ['unknown-is-spared', {}, 'the tracker answered: not tracked'],
    ['unknown-is-spared', { answer: 'tracked' }, 'the tracker answered'],
    ['unknown-is-spared', { answer: 'tracker-timed-out' }, 'no answer: tracker-timed-out'],
    ['live-session', {}, 'not of another session'],
    ['live-session', { session: 'alive' }, 'its session is alive: the lease is held'],
    ['live-session', { session: 'ended' }, 'its session has ended: the lease is gone'],
    ['live-session', { session: 'unknown' }, 'whether its session is alive is unknown'],
    ['own-label', {}, 'its owner label was put on the container itself'],
    ['own-label', { labelOrigin: 'image' }, 'its owner label came with its image'],
    ['own-label', { labelOrigin: 'unasked' }, 'its image was not inspected, since nothing depends on it'],
    ['own-label', { labelOrigin: 'unknown' }, 'whether its owner label came with its image is unknown'],
    ['state-covered', {}, 'running; covered: running, paused, restarting, dead'],
    ['state-covered', state(''), 'no state; covered: running, paused, restarting, dead'],
    ['state-covered', { ...state('exited'), stoppedByUs: true }, 'exited, and our own removal stopped it'],
    ['namespace-shared', {}, 'no relevant container uses its namespaces'],
    ['namespace-shared', { protectingGuest: guest }, `${guest.slice(0, 12)} uses or may use its namespaces`],
    [
      'namespace-shared',
      { areNamespacesKnown: false },
      'the namespaces that each container uses are unknown',
    ],
    ['namespace-shared', { groupLife: 'its group lives' }, 'its group lives'],
    ['exact-id', {}, 'listed once, and its id is not the name of another container'],
    ['exact-id', { listingFault: 'listed-twice' }, 'the listing shows it more than once'],
    ['exact-id', { listingFault: 'entry-unreadable' }, 'its entry in the listing could not be read'],
    [
      'exact-id',
      { listingFault: 'id-is-a-name' },
      'its id is also the name of a container, which an engine may confuse',
    ],
    ['orchestrated', {}, 'no label of an orchestrator'],
    [
      'orchestrated',
      labelled('io.kubernetes.pod.uid'),
      'label io.kubernetes.pod.uid: an orchestrator manages it',
    ],
    ['second-source', {}, 'no inspection contradicts it; it is inspected again before its removal'],
    ['second-source', { objection: 'self' }, 'its inspection shows that this process runs in it'],
    ['second-source', { objection: 'self-unknown' }, 'whether this process runs in it is unknown'],
    [
      'second-source',
      { objection: 'infra-container' },
      'its inspection shows that it holds the namespaces of a pod',
    ],
    ['second-source', { objection: 'inspection-disagrees' }, 'its inspection disagrees with the listing'],
    ['second-source', { objection: 'inspection-failed' }, 'it could not be inspected'],
    ['second-source', { objection: 'being-removed' }, 'its inspection shows that it is being removed'],
    [
      'second-source',
      { objection: 'half-removed' },
      'its removal was interrupted, and was not known to be ours',
    ],
    ['graces', {}, 'every grace has ended'],
    [
      'graces',
      {
        graceEnds: {
          creationMs: nowMs + 1500,
          restoreMs: nowMs,
          releaseMs: undefined,
          recoveryMs: nowMs + 1,
          emptiedMs: undefined,
          sessionMs: undefined,
        },
      },
      'creation-grace for another 2s, recovery-grace for another 1s',
    ],
    ['hook', {}, 'no refusal'],
    ['hook', { hookRefusal: 'hook-failed' }, 'hook-failed'],
    ['dangling', {}, 'owned, untracked, out of every grace, unprotected'],
  ])('%s %#', (rule, change, words) => {
    expect(seen(rule, change)).toBe(words)
  })

  test('for a tracked container only that rule has a finding', () => {
    const settling = findings(evidence({ answer: 'tracked' })).filter(({ verdict }) => verdict)
    expect(settling.map(({ rule }) => rule)).toEqual(['tracked'])
  })

  test('the last rule is not reached when an earlier one decides, and gives the verdict when none does', () => {
    expect(findings(evidence({ hookRefusal: 'hook-failed' })).slice(-2)).toEqual([
      {
        rule: 'second-source',
        seen: 'no inspection contradicts it; it is inspected again before its removal',
        verdict: undefined,
      },
      { rule: 'dangling', seen: 'not evaluated: an earlier rule decides', verdict: undefined },
    ])
    const open = findings(evidence())
    expect(open.slice(0, -1).filter(({ verdict }) => verdict)).toEqual([])
    expect(open.at(-1)?.verdict).toEqual(judge(evidence()))
  })
})

describe('bounded-removal: a suspicious share of dangling containers', () => {
  test.each<[number, number, number | undefined, boolean]>([
    [5, 10, 0.5, false],
    [6, 10, 0.5, true],
    [10, 10, 1, false],
    [10, 10, undefined, false],
    [1, 1, 0.99, true],
    [0, 0, 0.1, false],
  ])('%d of %d with the limit %s: %s', (dangling, owned, limit, isSuspicious) => {
    expect(isShareSuspicious(dangling, owned, limit)).toBe(isSuspicious)
  })
})

describe('what a dangling container is judged to be right before it is changed', () => {
  const dangles = undefined
  const spared = (reason: SpareReason): Verdict => ({ verdict: 'spared', reason })
  const inspection = {
    stage: 'inspection',
    objection: undefined,
    creationGraceEndsMs: 0,
    judgedAtMs: nowMs,
    haveGuestsEnded: true,
  } as const
  const share = { stage: 'share', suspects: 6, owned: 10, maxShare: 0.5 } as const
  const asked = (own: TrackerAnswer, ...guests: readonly TrackerAnswer[]): LaterQuestion => ({
    stage: 'last-question',
    own,
    guests,
    guestSessions: [],
    session: undefined,
  })
  const askedOf = (session: SessionState, ...guestSessions: readonly SessionState[]): LaterQuestion => ({
    stage: 'last-question',
    own: 'untracked',
    guests: guestSessions.map(() => 'untracked'),
    guestSessions,
    session,
  })

  test.each<[string, LaterQuestion, Verdict | undefined]>([
    ['second-source: its inspection confirms it', inspection, dangles],
    [
      'second-source: its inspection objects',
      { ...inspection, objection: 'inspection-disagrees' },
      spared('inspection-disagrees'),
    ],
    [
      'second-source: its inspection objects, and finds a grace and a guest that runs',
      { ...inspection, objection: 'self', creationGraceEndsMs: nowMs + 1, haveGuestsEnded: false },
      spared('self'),
    ],
    [
      'new-again: its inspection finds a grace until the verdict',
      { ...inspection, creationGraceEndsMs: nowMs },
      dangles,
    ],
    [
      'new-again: its inspection finds a grace that ended after the verdict',
      { ...inspection, creationGraceEndsMs: nowMs + 1 },
      { verdict: 'graced', reason: 'creation-grace', endsAtMs: nowMs + 1 },
    ],
    [
      'protected: a guest of its namespaces runs again',
      { ...inspection, haveGuestsEnded: false },
      spared('namespace-shared'),
    ],
    ['fresh-scan: the agent does not track it', asked('untracked'), dangles],
    ['fresh-scan: nor its ended guests', asked('untracked', 'untracked', 'untracked'), dangles],
    [
      'fresh-scan: the agent tracks it by now',
      asked('tracked', 'untracked'),
      { verdict: 'tracked', reason: 'tracked' },
    ],
    ['unknown-is-spared: the tracker fails', asked('tracker-failed', 'tracked'), spared('tracker-failed')],
    [
      'protected: the agent tracks one of its ended guests by now',
      asked('untracked', 'untracked', 'tracked'),
      spared('namespace-shared'),
    ],
    [
      'unknown-is-spared: the tracker fails for an ended guest',
      asked('untracked', 'tracker-timed-out', 'untracked'),
      spared('namespace-shared'),
    ],
    ['live-session: its session is still gone', askedOf('ended'), dangles],
    ['live-session: like that of its ended guests', askedOf('ended', 'ended'), dangles],
    ['live-session: its session is alive again', askedOf('alive'), spared('session-alive')],
    ['live-session: its session is unknown by now', askedOf('unknown'), spared('session-unknown')],
    ['live-session: that of an ended guest is alive', askedOf('ended', 'alive'), spared('namespace-shared')],
    [
      'live-session: that of an ended guest is unknown',
      askedOf('ended', 'ended', 'unknown'),
      spared('namespace-shared'),
    ],
    [
      'live-session: the agent tracks it by now, and its session is alive',
      { ...askedOf('alive'), own: 'tracked' } as LaterQuestion,
      { verdict: 'tracked', reason: 'tracked' },
    ],
    ['the hook refuses', { stage: 'hook', refusal: 'hook-refused' }, spared('hook-refused')],
    ['the hook fails', { stage: 'hook', refusal: 'hook-failed' }, spared('hook-failed')],
    ['bounded-removal: too many would be removed', share, spared('dangling-share')],
    ['bounded-removal: not too many would be', { ...share, suspects: 5 }, dangles],
    ['bounded-removal: there is no limit', { ...share, maxShare: undefined }, dangles],
  ])('%s', (_, question, verdict) => {
    expect(judgeAgain(question)).toEqual(verdict)
  })
})
