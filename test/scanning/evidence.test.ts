import { describe, expect, test } from 'vitest'
import type { ContainerSummary } from '../../src/domain/container.ts'
import { type Tracked } from '../../src/domain/tracked.ts'
import type { Evidence, GraceEnds } from '../../src/policy/judge.ts'
import { noGuests } from '../../src/policy/namespaces.ts'
import { ownedByLabel } from '../../src/policy/ownership.ts'
import { evidenceSources, inquire, judgeListing } from '../../src/scanning/evidence.ts'
import { createImageLabels } from '../../src/scanning/images.ts'
import { createNamespaceFacts } from '../../src/scanning/namespace-facts.ts'
import { type ScanContext, type EvidenceOptions } from '../../src/scanning/scan-context.ts'
import { countVerdicts, reportOf } from '../../src/scanning/scan-report.ts'
import { createTracker } from '../../src/scanning/tracker.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { createFakeEngine, fakeId, ownerLabel, ownerValue } from '../support/fake-engine.ts'
import { noSelf, selfNamed } from '../support/self-tests.ts'
import { summary } from '../support/summary.ts'

const [first, second, third, fourth] = [fakeId(501), fakeId(502), fakeId(503), fakeId(504)]
const one = (id: ContainerSummary['id'], fields: Partial<ContainerSummary> = {}) =>
  summary({ id, name: `name-${id.slice(-6)}`, ...fields })
const foreign = { labels: {} }
const scanBeganMs = 1000
const noGraces: GraceEnds = {
  creationMs: 0,
  restoreMs: undefined,
  releaseMs: undefined,
  recoveryMs: undefined,
  emptiedMs: undefined,
  sessionMs: undefined,
}

interface Case {
  readonly containers: readonly ContainerSummary[]
  readonly tracked?: Tracked
  readonly options?: Partial<EvidenceOptions>
  readonly context?: Partial<ScanContext>
}

function prepare({ containers, tracked = new Set(), options = {}, context = {} }: Case) {
  const clock = createFakeClock()
  const engine = createFakeEngine(clock)
  const asked: string[] = []
  const asking: Tracked = {
    has: (id, container) => {
      asked.push(id)
      return tracked.has(id, container)
    },
  }
  const sources = evidenceSources({
    clock,
    ownership: ownedByLabel({ label: ownerLabel, value: ownerValue }),
    policy: { keepLabel: 'flotsam.keep', states: new Set(['running', 'exited']), orchestrated: false },
    tracker: createTracker(asking, clock, 5000),
    images: createImageLabels({ engine, clock, deadlineMs: 10_000, marks: [ownerLabel] }),
    engine,
    namespaces: createNamespaceFacts(engine, clock, 10_000),
    self: noSelf,
    maxDanglingShare: undefined,
    ...options,
  })
  const historyOf: ScanContext['historyOf'] = () => ({
    graceEnds: { ...noGraces, creationMs: 0 },
    stoppedByUs: false,
    hookRefusal: undefined,
    objection: undefined,
  })
  const listing = { containers, engineNowMs: undefined, bytes: 0 }
  const { signal } = new AbortController()
  return {
    asked,
    clock,
    engine,
    sources,
    context: { listing, scanBeganMs, historyOf, hasDeparted: () => false, signal, ...context },
  }
}

/** The verdicts' reasons, in the order of the listing. */
async function reasons(given: Case) {
  const { sources, context } = prepare(given)
  return (await judgeListing(sources, context)).judged.map(({ verdict }) => verdict.reason)
}

describe('owned-only', () => {
  test('foreign containers are neither judged nor asked about, nor are their images', async () => {
    const containers = [
      one(first, foreign),
      one(second),
      one(third, { labels: { [ownerLabel]: 'agent-70' } }),
    ]
    const { asked, engine, sources, context } = prepare({ containers })
    const { judged } = await judgeListing(sources, context)
    expect(judged.map(({ container }) => container.id)).toEqual([second])
    expect(asked).toEqual([second])
    expect(engine.count('imageLabels')).toBe(1)
  })

  test('a container that is listed twice is judged once', async () => {
    const { asked, sources, context } = prepare({ containers: [one(first), one(first)] })
    expect((await judgeListing(sources, context)).judged).toHaveLength(1)
    expect(asked).toEqual([first])
  })

  test('nothing owned: no question is asked', async () => {
    const { asked, engine, sources, context } = prepare({ containers: [one(first, foreign)] })
    expect(await judgeListing(sources, context)).toEqual({ judged: [], failures: [] })
    expect([asked, engine.requests]).toEqual([[], []])
  })
})

describe('the evidence of each container is its own', () => {
  test('the tracker’s answer, the origin of the label, its history', async () => {
    const given = {
      containers: [
        one(first),
        one(second, { imageId: 'sha256:snapshot' }),
        one(third),
        one(fourth, { imageId: 'sha256:none' }),
      ],
      tracked: new Set([third]),
      options: { self: selfNamed(fourth) },
      context: {
        historyOf: ({ id }: ContainerSummary) => ({
          graceEnds: { ...noGraces, creationMs: id === first ? 7 : 8, restoreMs: 9 },
          stoppedByUs: id === first,
          hookRefusal: id === second ? ('hook-refused' as const) : undefined,
          objection: undefined,
        }),
      },
    }
    const { engine, sources, context } = prepare(given)
    engine.images.set('sha256:snapshot', { [ownerLabel]: ownerValue })
    const { owned, evidenceOn } = await inquire(sources, context)
    const cases = owned.map((_container, index) => evidenceOn(index) as Evidence)
    const common = {
      scanBeganMs,
      policy: sources.policy,
      listingFault: undefined,
      groupLife: undefined,
      objection: undefined,
      protectingGuest: undefined,
      endedGuests: noGuests,
      areNamespacesKnown: true,
    }
    const graceEnds = { ...noGraces, creationMs: 8, restoreMs: 9 }
    expect(cases.map(({ container, ...rest }) => ({ id: container.id, ...rest }))).toEqual([
      {
        ...common,
        id: first,
        isSelf: false,
        answer: 'untracked',
        labelOrigin: 'container',
        graceEnds: { ...graceEnds, creationMs: 7 },
        stoppedByUs: true,
        hookRefusal: undefined,
      },
      {
        ...common,
        id: second,
        isSelf: false,
        answer: 'untracked',
        labelOrigin: 'image',
        graceEnds,
        stoppedByUs: false,
        hookRefusal: 'hook-refused',
      },
      {
        ...common,
        id: third,
        isSelf: false,
        answer: 'tracked',
        labelOrigin: 'unasked',
        graceEnds,
        stoppedByUs: false,
        hookRefusal: undefined,
      },
      {
        ...common,
        id: fourth,
        isSelf: true,
        answer: 'untracked',
        labelOrigin: 'unknown',
        graceEnds,
        stoppedByUs: false,
        hookRefusal: undefined,
      },
    ])
  })

  test('images are inspected only for containers that may come to be removed', async () => {
    const kept = one(second, {
      labels: { [ownerLabel]: ownerValue, 'flotsam.keep': '' },
      imageId: 'sha256:kept',
    })
    const given = { containers: [one(first, { imageId: 'sha256:tracked' }), kept], tracked: new Set([first]) }
    const { engine, sources, context } = prepare(given)
    const { judged } = await judgeListing(sources, context)
    expect(judged.map(({ verdict }) => verdict.reason)).toEqual(['tracked', 'keep-label'])
    expect(engine.count('imageLabels')).toBe(0)
  })

  test('own-label: one that names its own image needs no inspection of it, one that names another does', async () => {
    const [imageId, another] = [`sha256:${'1a'.repeat(32)}`, `sha256:${'2b'.repeat(32)}`]
    const naming = (named: string) => ({ [ownerLabel]: ownerValue, [`${ownerLabel}.image`]: named })
    const containers = [
      one(first, { imageId, labels: naming(imageId) }),
      one(second, { imageId, labels: naming(another) }),
    ]
    const { engine, sources, context } = prepare({ containers })
    const verdicts = async () =>
      (await judgeListing(sources, context)).judged.map(({ verdict }) => verdict.reason)
    expect(await verdicts()).toEqual(['untracked', 'image-unknown'])
    expect(engine.count('imageLabels')).toBe(1)
    // a snapshot of one of the agent's containers
    engine.images.set(imageId, naming(another))
    sources.images.engineIsBack()
    expect(await verdicts()).toEqual(['untracked', 'label-from-image'])
  })

  test('an asynchronous tracker is asked about many at a time, and every answer goes to its container', async () => {
    const containers = Array.from({ length: 700 }, (_, number) => one(fakeId(10_000 + number)))
    const isTracked = new Set(containers.filter((_, at) => at % 3 === 0).map(({ id }) => id as string))
    let out = 0
    let most = 0
    const { clock, sources, context } = prepare({
      containers,
      tracked: {
        has: (id) => {
          most = Math.max(most, ++out)
          return new Promise((resolve) => {
            const answer = () => {
              out -= 1
              resolve(isTracked.has(id))
            }
            clock.setTimeout(answer, 100 + (Number.parseInt(id.slice(-2), 16) % 50))
          })
        },
      },
    })
    const judging = judgeListing(sources, context)
    await clock.advance(4000)
    const { judged } = await judging
    expect(
      judged.every(
        ({ container, verdict }) => (verdict.verdict === 'tracked') === isTracked.has(container.id),
      ),
    ).toBe(true)
    expect(judged).toHaveLength(700)
    expect(most).toBe(256)
  })

  test('unknown-is-spared: a tracker that hangs on every container costs two deadlines, however many there are', async () => {
    const containers = Array.from({ length: 2000 }, (_, number) => one(fakeId(10_000 + number)))
    const { asked, clock, sources, context } = prepare({
      containers,
      tracked: { has: () => new Promise(() => {}) },
    })
    const judging = judgeListing(sources, context)
    await clock.advance(10_000)
    const { judged } = await judging
    expect(new Set(judged.map(({ verdict }) => verdict.reason))).toEqual(new Set(['tracker-timed-out']))
    expect(asked.length).toBeLessThanOrEqual(512)
  })

  test('unknown-is-spared: a tracker that hangs for one container delays no other verdict', async () => {
    const has = (id: string) => (id === first ? new Promise<boolean>(() => {}) : false)
    const { clock, sources, context } = prepare({ containers: [one(first), one(second)], tracked: { has } })
    const judging = judgeListing(sources, context)
    await clock.advance(5000)
    expect((await judging).judged.map(({ verdict }) => verdict.reason)).toEqual([
      'tracker-timed-out',
      'untracked',
    ])
  })

  test('an aborted scan ends with the reason', async () => {
    const scan = new AbortController()
    const has = async () => {
      scan.abort(new Error('stopped'))
      return false
    }
    const { sources, context } = prepare({
      containers: [one(first)],
      tracked: { has },
      context: { signal: scan.signal },
    })
    await expect(judgeListing(sources, context)).rejects.toThrow('stopped')
  })
})

describe('protected: who shares a network', () => {
  const guest = (fields: Partial<ContainerSummary> = {}) =>
    one(second, { networkMode: `container:${first}`, ...fields })
  const ended = { state: 'exited' }

  test.each<[string, readonly ContainerSummary[], Tracked, string]>([
    ['a foreign guest', [guest(foreign)], new Set(), 'namespace-shared'],
    ['a foreign guest that has ended', [guest({ ...foreign, ...ended })], new Set(), 'namespace-shared'],
    ['a tracked guest', [guest()], new Set([second]), 'namespace-shared'],
    ['a tracked guest that has ended', [guest(ended)], new Set([second]), 'namespace-shared'],
    ['a running guest that dangles itself', [guest()], new Set(), 'namespace-shared'],
    ['an untracked guest that has ended', [guest(ended)], new Set(), 'untracked'],
    [
      'a guest of unknown standing that has ended',
      [guest(ended)],
      { has: (id) => (id === second ? undefined : false) },
      'namespace-shared',
    ],
    [
      'a kept guest that has ended',
      [guest({ ...ended, labels: { [ownerLabel]: ownerValue, 'flotsam.keep': '' } })],
      new Set(),
      'namespace-shared',
    ],
    [
      'an ended guest whose label came with its image',
      [guest({ ...ended, imageId: 'sha256:snapshot' })],
      new Set(),
      'namespace-shared',
    ],
    [
      'an ended guest whose image is not known',
      [guest({ ...ended, imageId: 'sha256:none' })],
      new Set(),
      'namespace-shared',
    ],
    [
      'a foreign guest behind an untracked one that has ended',
      [guest(ended), one(third, { ...foreign, networkMode: `container:${second}` })],
      new Set(),
      'namespace-shared',
    ],
  ])('%s', async (_, guests, tracked, reason) => {
    const { engine, sources, context } = prepare({ containers: [one(first), ...guests], tracked })
    engine.images.set('sha256:snapshot', { [ownerLabel]: ownerValue })
    const {
      judged: [holder],
    } = await judgeListing(sources, context)
    expect(holder?.container.id).toBe(first)
    expect(holder?.verdict.reason).toBe(reason)
  })

  test('ended guests that no longer protect are named, to be asked about again last', async () => {
    const { sources, context } = prepare({ containers: [one(first), guest(ended)] })
    const {
      judged: [holder],
    } = await judgeListing(sources, context)
    if (holder?.verdict.verdict !== 'dangling') throw new Error('it is not dangling')
    expect(holder.verdict.endedGuests()).toEqual([guest(ended)])
  })
})

describe('bounded-removal: the share of dangling containers', () => {
  const containers = [one(first), one(second), one(third), one(fourth), one(fakeId(505), foreign)]
  const suspicious = (maxDanglingShare: number | undefined) =>
    reasons({ containers, tracked: new Set([first]), options: { maxDanglingShare } })

  test('above the limit nothing is dangling, and the others keep their verdicts', async () => {
    expect(await suspicious(0.74)).toEqual(['tracked', 'dangling-share', 'dangling-share', 'dangling-share'])
  })

  test('at the limit, or without one, everything does', async () => {
    expect(await suspicious(0.75)).toEqual(['tracked', 'untracked', 'untracked', 'untracked'])
    expect(await suspicious(undefined)).toEqual(['tracked', 'untracked', 'untracked', 'untracked'])
  })
})

describe('what a scan found', () => {
  test('is reported in the engine’s order, with ages by the engine’s clock', async () => {
    const containers = [
      one(first, { createdAtMs: 40_000, image: 'a' }),
      one(second, { createdAtMs: 200_000 }),
      one(third),
    ]
    const { sources, context } = prepare({ containers, tracked: new Set([third]) })
    const { judged } = await judgeListing(sources, context)
    const times = { beganAt: 1, endedAt: 2, engineNowMs: 100_000, beganAwakeMs: 0 }
    const report = await reportOf(judged, times, sources.clock, context.signal)
    expect(report).toMatchObject({ beganAt: 1, endedAt: 2 })
    expect(report.containers[0]).toEqual({
      id: first,
      name: containers[0]?.name,
      image: 'a',
      state: 'running',
      createdAt: 40_000,
      ageMs: 60_000,
      verdict: 'dangling',
      reason: 'untracked',
    })
    expect(report.containers.map(({ id, ageMs }) => [id, ageMs])).toEqual([
      [first, 60_000],
      [second, 0],
      [third, undefined],
    ])
    expect(countVerdicts(judged)).toEqual({ tracked: 1, graced: 0, dangling: 2, spared: 0 })
  })
})
