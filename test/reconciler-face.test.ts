import { describe, expect, expectTypeOf, test } from 'vitest'
import { createActor } from 'xstate'
import { EngineError } from '../src/domain/errors.ts'
import {
  ArgumentError,
  createReconciler,
  createReconcilerLogic,
  eventNames,
  type EventName,
  type EventOf,
  FlotsamError,
  type FlotsamEvent,
  type GraceReason,
  LifecycleError,
  OptionError,
  type ReconcilerOptions,
  type ReportedContainer,
  type SpareReason,
  TrackerError,
  type VerdictReason,
} from '../src/index.ts'
import { type Fault, type FakeEngine, fakeId, ownerLabel, ownerValue } from './support/fake-engine.ts'
import { createHarness } from './support/harness.ts'

const owner = { label: ownerLabel, value: ownerValue }
const tracked = new Set<string>()

function failListings(engine: FakeEngine, fault: Fault): void {
  engine.fault = (verb) => (verb === 'list' ? fault : undefined)
}

test('labels() gives each caller its own, so that none can change what the next one gets', () => {
  const { reconciler } = createHarness()
  Object.assign(reconciler.labels(), { [ownerLabel]: 'other', more: '' })
  expect(reconciler.labels()).toEqual({ [ownerLabel]: ownerValue })
})

describe('labels({ imageId }) names the image, which proves that the labels are the container’s own', () => {
  const digits = '1a'.repeat(32)
  const named = { [ownerLabel]: ownerValue, [`${ownerLabel}.image`]: `sha256:${digits}` }

  test.each([`sha256:${digits}`, digits])('%s', (imageId) => {
    expect(createHarness().reconciler.labels({ imageId })).toEqual(named)
  })

  test.each([
    {},
    null,
    'busybox',
    { imageId: undefined },
    { imageId: 'busybox' },
    { imageId: digits.slice(0, 12) },
    { imageId: '' },
    { imageId: 'sha256:' },
    { imageId: 7 },
  ])('%j names no image, and is refused', (given) => {
    const { reconciler } = createHarness()
    expect(() => reconciler.labels(given as never)).toThrow(ArgumentError)
  })
})

describe('events', () => {
  test('the listener of * gets every event, each with the engine and the owner that it is of', async () => {
    const { clock, engine, events, reconciler } = createHarness()
    engine.add({ ageMs: 3_600_000 })
    reconciler.start()
    await clock.advance(10_000)
    await reconciler.stop()
    const types = new Set(events.map(({ type }) => type))
    expect([...types]).toEqual(
      expect.arrayContaining(['started', 'scanned', 'discovered', 'removed', 'stopped']),
    )
    const origins = new Set(events.map(({ engine: address, owner: name }) => `${address} ${name}`))
    expect([...origins]).toEqual([`${engine.address} ${ownerLabel}=${ownerValue}`])
    expect(reconciler.status().engine.address).toBe(engine.address)
  })

  test.each<[string, Partial<ReconcilerOptions>, string]>([
    ['any value', { owner: { label: 'a', anyValue: true } }, 'a=*'],
    ['a preset', { owner: undefined, preset: 'nomad' } as never, 'nomad'],
    ['a preset, narrowed by a label', { owner: { label: 'a', value: 'b' }, preset: 'nomad' }, 'nomad a=b'],
  ])('owner is named as it was given: %s', (_, options, name) => {
    const { events, reconciler } = createHarness(options)
    reconciler.start()
    expect(events.map((event) => event.owner)).toEqual([name])
  })

  test('scanFailed counts each failed scan, where engineDown is emitted once', async () => {
    const { clock, engine, of, reconciler } = createHarness({ backoff: { min: '1s', max: '1s' } })
    failListings(engine, 'refused')
    reconciler.start()
    await clock.advance(2500)
    expect(of('scanFailed').map(({ kind, failures }) => [kind, failures])).toEqual([
      ['refused', 1],
      ['refused', 2],
      ['refused', 3],
    ])
    expect(of('scanFailed')[0]?.message).toBe(of('engineDown')[0]?.message)
    expect(of('engineDown')).toHaveLength(1)
  })

  test('scanFailed says how long the listing took', async () => {
    const { clock, engine, of, reconciler } = createHarness()
    failListings(engine, 'hang')
    reconciler.start()
    await clock.advance(30_000)
    const [first] = of('scanFailed')
    expect(first).toMatchObject({ kind: 'timed-out', failures: 1 })
    expect(first?.durationMs).toBeGreaterThanOrEqual(1000)
    expect(first?.durationMs).toBeLessThanOrEqual(30_000)
  })
})

describe('the types of events', () => {
  test('a union of names gives a union of events, which type narrows', () => {
    const both = {} as EventOf<'lost' | 'removed'>
    if (both.type === 'lost') expectTypeOf(both.how).toEqualTypeOf<'exited' | 'vanished'>()
    else if (both.type === 'removed') expectTypeOf(both.confirmedBy).toEqualTypeOf<'answer' | 'scan'>()
    // @ts-expect-error: only one of the two has it
    expect(both.how).toBeUndefined()
  })

  test('a listener gets the event of its name, of its names, or any event', () => {
    const reconciler = createReconciler({ owner, tracked })
    reconciler.on('lost', (event) => expectTypeOf(event).toEqualTypeOf<EventOf<'lost'>>())
    reconciler.on('*', (event) => {
      expectTypeOf(event).toEqualTypeOf<FlotsamEvent>()
      if (event.type === 'scanFailed') expectTypeOf(event.durationMs).toEqualTypeOf<number>()
    })
    for (const name of ['lost', 'removed'] as const)
      reconciler.on(name, (event) => expectTypeOf(event).toEqualTypeOf<EventOf<'lost' | 'removed'>>())
    // @ts-expect-error: there is no such event
    expect(() => reconciler.on('exploded', () => {})).toThrow(ArgumentError)
  })

  test('the verdict of classified narrows its reason', () => {
    const classified = {} as EventOf<'classified'>
    if (classified.verdict === 'spared') expectTypeOf(classified.reason).toEqualTypeOf<SpareReason>()
    if (classified.verdict === 'dangling') expectTypeOf(classified.reason).toEqualTypeOf<'untracked'>()
    expectTypeOf(classified).toExtend<VerdictReason>()
  })

  test('eventNames are the names of all events', () => {
    expectTypeOf<(typeof eventNames)[number]>().toEqualTypeOf<EventName>()
    expectTypeOf<FlotsamEvent['type']>().toEqualTypeOf<EventName>()
    expect(new Set(eventNames).size).toBe(eventNames.length)
  })
})

test('the verdict of a reported container narrows its reason', async () => {
  const { engine, reconciler } = createHarness()
  engine.add({ ageMs: 3_600_000 })
  const { containers } = await reconciler.scan()
  const [one] = containers
  expect(one).toMatchObject({ verdict: 'dangling', reason: 'untracked' })
  const narrowed = {} as ReportedContainer
  switch (narrowed.verdict) {
    case 'tracked':
      return expectTypeOf(narrowed.reason).toEqualTypeOf<'tracked'>()
    case 'graced':
      return expectTypeOf(narrowed.reason).toEqualTypeOf<GraceReason>()
    case 'dangling':
      return expectTypeOf(narrowed.reason).toEqualTypeOf<'untracked'>()
    case 'spared':
      return expectTypeOf(narrowed.reason).toEqualTypeOf<SpareReason>()
  }
})

describe('await using', () => {
  test('stops the reconciler when the block is left, also by a throw', async () => {
    const { clock, events, reconciler } = createHarness()
    const use = async () => {
      await using used = reconciler
      used.start()
      await clock.advance(1000)
      throw new Error('left')
    }
    await expect(use()).rejects.toThrow('left')
    expect(reconciler.status().state).toBe('stopped')
    expect(events.filter(({ type }) => type === 'stopped')).toHaveLength(1)
    await reconciler.stop()
    await reconciler[Symbol.asyncDispose]()
  })
})

/** A reconciler that was started, and is stopped on demand. */
const started = () => {
  const harness = createHarness()
  harness.reconciler.start()
  return harness
}
const stopped = async () => {
  const harness = started()
  await harness.reconciler.stop()
  return harness
}
const broken = (options: object) => () => createReconciler(options as ReconcilerOptions)

describe('what is thrown by the public face', () => {
  test.each<[string, () => unknown, string]>([
    ['an unknown option', broken({ owner, tracked, perid: '5m' }), 'perid'],
    ['a value that is not allowed', broken({ owner, tracked, period: '5x' }), 'period'],
    ['no owner', broken({ tracked }), 'owner'],
    ['no tracker', broken({ owner }), 'tracked'],
    ['two that contradict each other', broken({ owner, tracked, creationGrace: '1s' }), 'creationGrace'],
    ['an engine that is no address', broken({ owner, tracked, engine: 'docker' }), 'engine'],
    ['a logger that cannot log', broken({ owner, tracked, logger: {} }), 'logger'],
    [
      'labels() of any value',
      () => createReconciler({ owner: { label: 'a', anyValue: true }, tracked }).labels(),
      'owner',
    ],
    ['labels() of a preset', () => createReconciler({ preset: 'nomad', tracked }).labels(), 'owner'],
  ])('%s: an OptionError with the option, its value and what is required', (_, act, option) => {
    const error = thrownBy(act)
    expect(error).toBeInstanceOf(OptionError)
    const { code, requirement } = error as OptionError
    expect([code, (error as OptionError).option]).toEqual(['ERR_FLOTSAM_OPTION', option])
    expect(error).toHaveProperty('value')
    expect(requirement).not.toBe('')
    expect((error as OptionError).message).toContain(requirement)
  })

  test.each<[string, () => unknown, string]>([
    ['no options at all', broken(undefined as never), 'ERR_FLOTSAM_ARGUMENT'],
    ['an unknown event', () => started().reconciler.on('gone' as never, () => {}), 'ERR_FLOTSAM_ARGUMENT'],
    [
      'a symbol for an event',
      () => started().reconciler.on(Symbol('x') as never, () => {}),
      'ERR_FLOTSAM_ARGUMENT',
    ],
    [
      'a listener that is no function',
      () => started().reconciler.on('lost', {} as never),
      'ERR_FLOTSAM_ARGUMENT',
    ],
    ['a second start', () => started().reconciler.start(), 'ERR_FLOTSAM_LIFECYCLE'],
    ['a start after the stop', async () => (await stopped()).reconciler.start(), 'ERR_FLOTSAM_LIFECYCLE'],
    ['a scan after the stop', async () => (await stopped()).reconciler.scan(), 'ERR_FLOTSAM_LIFECYCLE'],
    [
      'a scan that the stop cuts off',
      () => {
        const { engine, reconciler } = started()
        failListings(engine, 'hang')
        const scan = reconciler.scan()
        void reconciler.stop()
        return scan
      },
      'ERR_FLOTSAM_LIFECYCLE',
    ],
    [
      'a scan without a whole listing',
      () => {
        const { engine, reconciler } = createHarness()
        failListings(engine, 'refused')
        return reconciler.scan()
      },
      'ERR_FLOTSAM_ENGINE',
    ],
    [
      'an explanation of what is not there',
      () => createHarness().reconciler.explain(fakeId(1)),
      'ERR_FLOTSAM_ARGUMENT',
    ],
    [
      'an explanation of nothing',
      () => createHarness().reconciler.explain(undefined as never),
      'ERR_FLOTSAM_ARGUMENT',
    ],
    ['a snapshot that is none', () => restoring({ status: 'active' }), 'ERR_FLOTSAM_ARGUMENT'],
    [
      'a tracker’s own word',
      () => Promise.reject(new TrackerError('tracker-failed', 'x')),
      'ERR_FLOTSAM_TRACKER',
    ],
  ])('%s: an error with a stable code, and no OptionError', async (_, act, code) => {
    const error = await rejectionOf(act)
    expect(error).toBeInstanceOf(FlotsamError)
    expect(error).not.toBeInstanceOf(OptionError)
    expect((error as FlotsamError).code).toBe(code)
    expect((error as FlotsamError).message).not.toBe('')
  })

  test('classes can be distinguished by instanceof, too', async () => {
    expect(await rejectionOf(() => started().reconciler.start())).toBeInstanceOf(LifecycleError)
    const { engine, reconciler } = createHarness()
    failListings(engine, 'refused')
    expect(await rejectionOf(() => reconciler.scan())).toBeInstanceOf(EngineError)
  })
})

/** Starts an actor of a snapshot, and gives what it throws at its start. */
function restoring(snapshot: object): Promise<never> {
  return new Promise((_, reject) => {
    const actor = createActor(createReconcilerLogic({ owner, tracked }), { snapshot: snapshot as never })
    actor.subscribe({ error: reject })
    actor.start()
  })
}

function thrownBy(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  return expect.unreachable('nothing was thrown')
}

async function rejectionOf(act: () => unknown): Promise<unknown> {
  try {
    await act()
  } catch (error) {
    return error
  }
  return expect.unreachable('nothing was thrown')
}
