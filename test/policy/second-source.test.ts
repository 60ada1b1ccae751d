import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ContainerSummary, Inspection } from '../../src/domain/container.ts'
import {
  type Confirming,
  type LastStart,
  lastStartOf,
  namedBy,
  objectionTo,
  podOf,
} from '../../src/policy/second-source.ts'
import { fakeId } from '../support/fake-engine.ts'
import { summary } from '../support/summary.ts'

const createdAtMs = 1_700_000_000_000
const fiveMinutesMs = 300_000
const listed = summary({ name: 'web', createdAtMs, labels: { a: 'b' } })
const inspection: Inspection = {
  id: listed.id,
  name: 'web',
  imageId: 'sha256:busybox',
  labels: { a: 'b' },
  state: 'running',
  createdAtMs,
  startedAtMs: createdAtMs,
  finishedAtMs: undefined,
  restoredAtMs: undefined,
  restartCount: 0,
  namespaces: { network: 'bridge', pid: '', ipc: '', uts: '', cgroupParent: '', dependencies: [] },
  isInfra: false,
  isAutoRemoved: false,
  selfMarks: {
    hostnamePath: '',
    hostsPath: '',
    resolvConfPath: '',
    upperDir: '',
    mounts: [],
    mayMount: false,
  },
  engineNowMs: undefined,
}
const states: ReadonlySet<string> = new Set(['running', 'paused', 'restarting', 'dead'])

const confirming = (
  seen: Partial<Inspection> = {},
  said: Partial<ContainerSummary> = {},
  more: Partial<Confirming> = {},
): Confirming => ({
  listed: { ...listed, ...said },
  inspection: { ...inspection, ...seen },
  self: 'not-self',
  states,
  ...more,
})
const network = (mode: string) => ({ namespaces: { ...inspection.namespaces, network: mode } })

describe('second-source: an inspection that agrees raises no objection', () => {
  test.each<[string, Partial<Inspection>, Partial<ContainerSummary>]>([
    ['in every word', {}, {}],
    ['the image with or without the name of its hash', { imageId: 'busybox' }, {}],
    ['the image the other way round', {}, { imageId: 'busybox' }],
    ['an image that the listing omits', {}, { imageId: '' }],
    ['that there is no image', { imageId: '' }, { imageId: '', hasNoImage: true }],
    ['one of several names', { name: 'alias' }, { names: ['web', 'alias'] }],
    ['a name where the listing gives none', {}, { names: [], name: '' }],
    ['a creation in fractions of a second', { createdAtMs: createdAtMs + 999 }, {}],
    ['a creation a whole second later', { createdAtMs: createdAtMs + 1000 }, {}],
    ['a creation a whole second before', { createdAtMs: createdAtMs - 1000 }, {}],
    ['no creation in the listing', { createdAtMs: 5 }, { createdAtMs: undefined }],
    ['a network that the listing omits', network('container:other'), { networkMode: '' }],
    ['a restart under way', { state: 'restarting' }, {}],
    ['labels in another order', { labels: { c: 'd', a: 'b' } }, { labels: { a: 'b', c: 'd' } }],
    ['Podman’s word for running', { state: 'stopping' }, {}],
  ])('%s', (_, seen, said) => {
    expect(objectionTo(confirming(seen, said))).toBeUndefined()
  })
})

describe('second-source: an inspection that disagrees', () => {
  test.each<[string, Partial<Inspection>, Partial<ContainerSummary>]>([
    ['another id', { id: fakeId(77) }, {}],
    ['another name', { name: 'webb' }, {}],
    ['no name', { name: '' }, {}],
    ['another image', { imageId: 'sha256:other' }, {}],
    ['another image, with the name of a hash within', { imageId: 'busysha256:box' }, { imageId: 'busybox' }],
    ['no image where the listing has one', { imageId: '' }, {}],
    ['an image where the listing reports that there is none', {}, { imageId: '', hasNoImage: true }],
    ['a label of another value', { labels: { a: 'c' } }, {}],
    ['a label more', { labels: { a: 'b', 'flotsam.keep': '' } }, {}],
    ['a label less', { labels: {} }, {}],
    ['another label instead of one', { labels: { b: 'b' } }, {}],
    ['a label that every object has', { labels: {} }, { labels: { constructor: '' } }],
    ['a creation more than a second later', { createdAtMs: createdAtMs + 1001 }, {}],
    ['a creation more than a second before', { createdAtMs: createdAtMs - 1001 }, {}],
    ['a creation that is no number', { createdAtMs: Number.NaN }, {}],
    ['another network', network('host'), {}],
    ['no network', network(''), {}],
    ['that it is paused', { state: 'paused' }, {}],
    ['that it runs', {}, { state: 'paused' }],
    ['that it has ended, in a state that is covered', { state: 'dead' }, {}],
    ['that it has ended', { state: 'exited' }, {}],
    ['an unknown state', { state: 'asleep' }, {}],
    ['no state', { state: '' }, {}],
  ])('%s', (_, seen, said) => {
    expect(objectionTo(confirming(seen, said))).toBe('inspection-disagrees')
  })

  test('eventually-removed: a failed removal is listed like one in progress, which is left alone for five minutes', () => {
    const failed = confirming({ state: 'dead' }, { state: 'removing' })
    expect(objectionTo(failed)).toBeUndefined()
    const underWay = confirming({ state: 'removing' }, { state: 'removing' })
    expect(objectionTo(underWay)).toBe('being-removed')
    expect(objectionTo({ ...underWay, beingRemovedForMs: fiveMinutesMs - 1 })).toBe('being-removed')
    expect(objectionTo({ ...underWay, beingRemovedForMs: fiveMinutesMs })).toBeUndefined()
    const running = new Set(['running'])
    const overdue = { ...underWay, states: running, beingRemovedForMs: fiveMinutesMs }
    expect(objectionTo(overdue)).toBe('inspection-disagrees')
  })

  test('a state that is not covered, although both say the same', () => {
    const ended = confirming({ state: 'exited' }, { state: 'exited' })
    expect(objectionTo(ended)).toBe('inspection-disagrees')
    expect(objectionTo({ ...ended, states: undefined })).toBeUndefined()
  })

  test('not-ours-to-stop: a container stopped by us may still run in an outdated listing, but not the reverse', () => {
    expect(objectionTo(confirming({ state: 'exited' }, {}, { states: undefined }))).toBeUndefined()
    const begun = confirming({}, { state: 'exited' }, { states: undefined })
    expect(objectionTo(begun)).toBe('inspection-disagrees')
    const unknown = confirming({ state: 'asleep' }, {}, { states: undefined })
    expect(objectionTo(unknown)).toBe('inspection-disagrees')
  })

  test.each([
    ['self', 'self'],
    ['unknown', 'self-unknown'],
  ] as const)('not-self: %s comes before all else', (self, objection) => {
    expect(objectionTo(confirming({}, {}, { self }))).toBe(objection)
    expect(objectionTo(confirming({ isInfra: true, name: 'x' }, {}, { self }))).toBe(objection)
  })
})

describe('protected: the infra container of a pod', () => {
  const infraName = '0123456789ab-infra'

  test.each<[boolean | undefined, readonly string[], string | undefined]>([
    [true, ['web'], 'infra-container'],
    [false, [infraName], undefined],
    [undefined, [infraName], 'infra-container'],
    [undefined, ['web', infraName], 'infra-container'],
    [undefined, ['web'], undefined],
    [undefined, ['my-infra'], undefined],
    [undefined, [`${infraName}-1`], undefined],
    [undefined, [`x${infraName}`], undefined],
    [undefined, ['0123456789a-infra'], undefined],
    [undefined, ['0123456789ag-infra'], undefined],
  ])('isInfra %s, called %j: %s', (isInfra, names, objection) => {
    const name = names[0] as string
    expect(objectionTo(confirming({ isInfra, name }, { names, name }))).toBe(objection)
  })
})

test.each([
  ['0123456789ab-infra', '0123456789ab'],
  ['0123456789ab-infra-1', undefined],
  ['x0123456789ab-infra', undefined],
  ['web', undefined],
  ['', undefined],
])('the pod of an infra container is that of its name %j: %s', (name, pod) => {
  expect(podOf({ name })).toBe(pod)
})

describe('for any listing and inspection', () => {
  const other = fc.constantFrom('restarting', 'paused', 'exited', 'dead', 'created', '', 'asleep')
  // Most often what can be confirmed, so that much is.
  const words = fc.oneof({ weight: 2, arbitrary: fc.constant('running') }, other)
  const anyLabels = fc.dictionary(
    fc.constantFrom('a', 'b', '__proto__', 'toString'),
    fc.constantFrom('', 'x'),
    {
      maxKeys: 2,
    },
  )
  const anySeen = fc.record(
    {
      id: fc.constantFrom(listed.id, fakeId(77)),
      name: fc.constantFrom('web', 'other'),
      imageId: fc.constantFrom('sha256:busybox', 'busybox', 'sha256:other'),
      labels: fc.oneof(fc.constant(listed.labels), anyLabels),
      state: words,
      createdAtMs: fc.integer({ min: -3000, max: 3000 }).map((ms) => createdAtMs + ms),
      isInfra: fc.constantFrom(true, false, undefined),
    },
    { requiredKeys: [] },
  )

  test('only what both agree on is confirmed, of a container that is neither ourselves nor an infra container', () => {
    let confirmed = 0
    fc.assert(
      fc.property(
        anySeen,
        words,
        fc.constantFrom<Confirming['self']>('not-self', 'not-self', 'not-self', 'self', 'unknown'),
        (seen, state, self) => {
          const both = confirming(seen, { state }, { self })
          if (objectionTo(both) !== undefined) return
          confirmed++
          const said = both.inspection
          expect(self).toBe('not-self')
          expect(said.isInfra).not.toBe(true)
          expect(said.id).toBe(listed.id)
          expect(said.name).toBe('web')
          expect(Object.entries(said.labels)).toEqual(Object.entries(listed.labels))
          expect(said.imageId).toMatch(/^(sha256:)?busybox$/)
          expect(Math.abs(said.createdAtMs - createdAtMs)).toBeLessThanOrEqual(1000)
          expect(states.has(said.state)).toBe(true)
        },
      ),
      { numRuns: 3000 },
    )
    expect(confirmed).toBeGreaterThan(10)
  })

  test('eventually-removed: a listing and an inspection of one and the same container agree', () => {
    fc.assert(
      fc.property(anyLabels, fc.constantFrom(...states), fc.string(), (labels, state, name) => {
        const both = confirming(
          { labels: { ...labels }, state, name },
          { labels, state, name, names: [name] },
        )
        expect(objectionTo(both)).toBeUndefined()
      }),
    )
  })
})

describe('a name that the listing omits', () => {
  const unnamed = summary({ name: '', names: [] })

  test.each<[string, ContainerSummary, string, ContainerSummary]>([
    ['is that of the inspection', unnamed, 'web', { ...unnamed, name: 'web', names: ['web'] }],
    ['stays unknown if the inspection has none either', unnamed, '', unnamed],
    ['a listed one stays, whatever the inspection says', listed, 'other', listed],
  ])('%s', (_, entry, name, expected) => {
    expect(namedBy(entry, { name })).toEqual(expected)
  })
})

describe('new-again: the last start', () => {
  const at = (atMs: number, id = atMs): LastStart => ({ id, atMs, isInCrashLoop: false })
  const after = (id: number): LastStart => ({ id, atMs: undefined, isInCrashLoop: false })

  test.each<[string, Partial<Inspection>, LastStart | undefined]>([
    ['it never ran', { state: 'created', startedAtMs: undefined }, undefined],
    ['running, and nothing is known of a start', { startedAtMs: undefined }, undefined],
    ['started by hand', { startedAtMs: 7 }, at(7)],
    ['started in the millisecond of its end', { startedAtMs: 7, finishedAtMs: 7 }, at(7)],
    ['started by its restart policy three times', { startedAtMs: 7, restartCount: 3 }, at(7)],
    ['in a crash loop', { startedAtMs: 7, restartCount: 4 }, { ...at(7), isInCrashLoop: true }],
    ['started again after its end', { startedAtMs: 7, finishedAtMs: 5 }, at(7)],
    ['ended since its start', { state: 'exited', startedAtMs: 7, finishedAtMs: 9 }, at(7)],
    ['waiting for its restart', { state: 'restarting', startedAtMs: 7, finishedAtMs: 9 }, at(7)],
    ['restored from a checkpoint', { startedAtMs: 7, finishedAtMs: 9, restoredAtMs: 20 }, at(20, 27)],
    ['restored, whatever happened before', { restartCount: 4, restoredAtMs: 20, startedAtMs: 7 }, at(20, 27)],
    [
      'restored and ended',
      { state: 'exited', startedAtMs: 7, restoredAtMs: 20, finishedAtMs: 30 },
      at(20, 27),
    ],
    ['started after a restore', { startedAtMs: 40, restoredAtMs: 20, finishedAtMs: 30 }, at(40, 60)],
    ['restored after the clock was set back', { startedAtMs: 40, restoredAtMs: 20 }, at(40, 60)],
    ['running after its end, for an unknown time', { startedAtMs: 7, finishedAtMs: 9 }, after(16)],
    ['the same, and paused', { state: 'paused', startedAtMs: 7, finishedAtMs: 9 }, after(16)],
    ['started after the clock was set back', { startedAtMs: 5, finishedAtMs: 9 }, after(14)],
    ['restored without any start, as from a file', { startedAtMs: undefined, restoredAtMs: 20 }, at(20)],
  ])('%s', (_, seen, start) => {
    expect(lastStartOf({ ...inspection, ...seen })).toEqual(start)
  })
})
