import Dockerode from 'dockerode'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AnyActor, type AnyActorRef, createActor, setup } from 'xstate'
import { OptionError } from '../../src/domain/errors.ts'
import type { PartialOptions, ReconcilerOptions } from '../../src/options/types.ts'
import { createReconcilerIn, type Reconciler } from '../../src/reconciler.ts'
import { createReconcilerLogicWith, type ReconcilerInput } from '../../src/xstate-logic.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { createFakeEngine, type FakeEngine, ownerLabel, ownerValue } from '../support/fake-engine.ts'
import { noSelf } from '../support/self-tests.ts'

/** What one process made of the options, and of the reconcilers. */
interface Process {
  readonly given: ReconcilerOptions[]
  readonly made: Reconciler[]
  readonly errors: unknown[]
  readonly outputs: unknown[]
  readonly host: AnyActor
}

let clock: FakeClock
let engine: FakeEngine
let processes: Process[]

const base: PartialOptions = {
  owner: { label: ownerLabel, value: ownerValue },
  tracked: new Set(),
  creationGrace: '60s',
  restoreGrace: '0s',
  events: false,
}

/** A process with a host in it, which may itself be the child of another. */
function begin(
  options: PartialOptions,
  {
    input,
    snapshot,
    isNested = false,
  }: { input?: ReconcilerInput; snapshot?: unknown; isNested?: boolean } = {},
): Process {
  const given: ReconcilerOptions[] = []
  const made: Reconciler[] = []
  const errors: unknown[] = []
  const outputs: unknown[] = []
  const create = (whole: ReconcilerOptions) => {
    const world = { clock, engine, random: () => 0.5, self: async () => noSelf }
    given.push(whole)
    const reconciler = createReconcilerIn(world, whole)
    made.push(reconciler)
    return reconciler
  }
  const inner = setup({ actors: { reconciler: createReconcilerLogicWith(create, options) } }).createMachine({
    id: 'agent',
    initial: 'working',
    states: {
      working: {
        invoke: {
          id: 'flotsam',
          src: 'reconciler',
          input: () => input,
          onError: { target: 'failed', actions: ({ event }) => void errors.push(event.error) },
          onDone: { target: 'ended', actions: ({ event }) => void outputs.push(event.output) },
        },
      },
      failed: {},
      ended: {},
    },
  })
  const outer = setup({ actors: { inner } }).createMachine({ invoke: { id: 'inner', src: 'inner' } })
  const machine = isNested ? outer : inner
  const host = createActor(
    machine as typeof inner,
    snapshot ? { snapshot: snapshot as never } : {},
  ) as AnyActor
  const process: Process = { given, made, errors, outputs, host }
  processes.push(process)
  host.start()
  return process
}

function childIn(actor: AnyActorRef): AnyActorRef {
  const { children } = actor.getSnapshot() as { children: Record<string, AnyActorRef> }
  return children['inner'] ? childIn(children['inner']) : (children['flotsam'] as AnyActorRef)
}

/** JSON that a test takes apart. */
// oxlint-disable-next-line typescript/no-explicit-any
type Loose = any

/** What is kept on a disk. */
function persisted({ host }: Process): Loose {
  return JSON.parse(JSON.stringify(host.getPersistedSnapshot()))
}

/** The process is gone, whatever it was doing. */
async function kill({ host }: Process): Promise<void> {
  host.stop()
  await clock.advance(10_000)
  engine.requests.length = 0
}

beforeEach(() => {
  clock = createFakeClock()
  engine = createFakeEngine(clock)
  processes = []
})

afterEach(async () => {
  for (const { host } of processes) host.stop()
  await clock.advance(10_000)
  expect(clock.pendingTimers).toBe(0)
})

async function restart(
  first: Process,
  options: PartialOptions = base,
  edit: (snapshot: Loose) => void = () => {},
  isNested = false,
): Promise<Process> {
  const snapshot = persisted(first)
  await kill(first)
  edit(snapshot)
  const second = begin(options, { snapshot, isNested })
  await clock.advance(1000)
  return second
}

describe('what is restored is never less careful than it was', () => {
  it.each([false, true])('a dry run requested as input stays one (nested host: %s)', async (isNested) => {
    engine.add({ ageMs: 3_600_000 })
    const first = begin(base, { input: { dryRun: true }, isNested })
    await clock.advance(1000)
    const second = await restart(first, base, () => {}, isNested)
    expect(second.made.map((reconciler) => reconciler.status())).toMatchObject([
      { state: 'running', dryRun: true, containers: { byVerdict: { dangling: 1 } } },
    ])
    expect(engine.count('remove')).toBe(0)
    const third = await restart(second, base, () => {}, isNested)
    expect(third.made[0]?.status()).toMatchObject({ state: 'running', dryRun: true })
    expect(engine.count('remove')).toBe(0)
  })

  it('a dry run stays one even if the next process is not configured as one', async () => {
    engine.add({ ageMs: 3_600_000 })
    const first = begin({ ...base, dryRun: true })
    await clock.advance(1000)
    await restart(first)
    expect(engine.count('list')).toBe(1)
    expect(engine.count('remove')).toBe(0)
  })

  it('one that was no dry run is restored, and removes', async () => {
    const first = begin(base)
    await clock.advance(1000)
    engine.add({ ageMs: 3_600_000 })
    await restart(first)
    expect(engine.count('remove')).toBe(1)
  })

  it.each<[string, PartialOptions, ReconcilerInput]>([
    ['as input', base, { enabled: false }],
    ['by the logic', { ...base, enabled: false }, undefined],
  ])('one that was disabled %s stays disabled', async (_how, options, input) => {
    engine.add({ ageMs: 3_600_000 })
    const second = await restart(begin(options, { input }))
    expect(second.made[0]?.status().state).toBe('disabled')
    expect(engine.requests).toEqual([])
  })

  it.each<[string, ReconcilerInput]>([
    ['creationGrace', { creationGrace: '2h' }],
    ['restoreGrace', { restoreGrace: 3_600_000 }],
    ['releaseGrace', { releaseGrace: '7m' }],
    ['recoveryGrace', { recoveryGrace: '50s' }],
    ['states', { states: ['exited'] }],
    ['keepLabel', { keepLabel: 'com.example.keep' }],
    ['self', { self: 'my-container' }],
    ['owner', { owner: { label: 'com.example.other', value: 'agent-8' } }],
    ['preset and owner', { preset: 'nomad', owner: undefined } as never],
    ['engine, as an address', { engine: 'tcp://127.0.0.1:1' }],
    ['stopTimeout', { stopTimeout: '10s' }],
    ['removeVolumes', { removeVolumes: false }],
    ['limits', { maxConcurrentRemovals: 1, maxRemovalsPerScan: 1, maxDanglingShare: 0.1 }],
    ['backoff', { backoff: { min: '2s', max: '3m' } }],
    ['a default instead of the logic’s setting', { creationGrace: undefined, engine: undefined }],
  ])('given as input, it holds on: %s', async (_name, input) => {
    const logic: PartialOptions = { ...base, engine: 'unix:///nowhere' }
    const first = begin(logic, { input })
    await clock.advance(100)
    const second = await restart(first, logic)
    expect(second.errors).toEqual([])
    expect(second.given).toEqual([{ ...logic, ...input }])
    expect(Object.keys(second.given[0] as object)).toEqual(
      expect.arrayContaining(Object.keys(input as object)),
    )
  })

  describe('nor less careful than the logic says now', () => {
    it.each<[string, PartialOptions, PartialOptions, PartialOptions]>([
      ['a dry run', { dryRun: false }, { dryRun: true }, { dryRun: true }],
      ['what is disabled', { enabled: true }, { enabled: false }, { enabled: false }],
      ['orchestrated', { orchestrated: true }, { orchestrated: false }, { orchestrated: false }],
      ['volumes', { removeVolumes: true }, { removeVolumes: false }, { removeVolumes: false }],
      ['a longer grace', { creationGrace: '60s' }, { creationGrace: 300_000 }, { creationGrace: 300_000 }],
      ['a shorter grace', { restoreGrace: '1h' }, { restoreGrace: '3m' }, { restoreGrace: '1h' }],
      ['a longer time to stop', { stopTimeout: '5s' }, { stopTimeout: '1m' }, { stopTimeout: '1m' }],
      ['a default', { releaseGrace: undefined }, { releaseGrace: '40s' }, { releaseGrace: '40s' }],
      ['limits', { maxRemovalsPerScan: 9 }, { maxRemovalsPerScan: 4 }, { maxRemovalsPerScan: 4 }],
      ['a share', { maxDanglingShare: 0.5 }, { maxDanglingShare: 0.2 }, { maxDanglingShare: 0.2 }],
      [
        'states',
        { states: ['created', 'running'] },
        { states: ['running', 'exited'] },
        { states: ['running'] },
      ],
    ])('%s', async (_what, input, logic, whole) => {
      const first = begin(base, { input })
      await clock.advance(100)
      const second = await restart(first, { ...base, ...logic })
      expect(second.errors).toEqual([])
      expect(second.given).toEqual([{ ...base, ...whole }])
    })

    it('a dry run of now removes nothing, whatever the input of then said', async () => {
      engine.add()
      const first = begin({ ...base, dryRun: true }, { input: { dryRun: false } })
      await clock.advance(100)
      engine.add({ ageMs: 3_600_000 })
      const second = await restart(first, { ...base, dryRun: true })
      await clock.advance(600_000)
      expect(second.made[0]?.status()).toMatchObject({
        dryRun: true,
        containers: { byVerdict: { dangling: 2 } },
      })
      expect(engine.count('remove')).toBe(0)
    })

    it('states with nothing in common are an error, not all states', async () => {
      const first = begin(base, { input: { states: ['exited'] } })
      await clock.advance(100)
      const { errors } = await restart(first, { ...base, states: ['running'] })
      expect(errors).toMatchObject([{ name: 'OptionError', option: 'states' }])
    })
  })

  it('settings of the logic belong to the process that sets them', async () => {
    const second = await restart(begin(base), { ...base, creationGrace: '3h' })
    expect(second.given[0]?.creationGrace).toBe('3h')
  })

  it('the restore grace begins again', async () => {
    const first = begin({ ...base, restoreGrace: '5m' })
    await clock.advance(280_000)
    engine.add({ ageMs: 3_600_000 })
    await restart(first, { ...base, restoreGrace: '5m' })
    await clock.advance(280_000)
    expect(engine.count('remove')).toBe(0)
    await clock.advance(60_000)
    expect(engine.count('remove')).toBe(1)
  })
})

describe('what was stopped is done', () => {
  const isRemoving = async (process: Process) => {
    engine.add({ ageMs: 3_600_000 })
    engine.fault = (verb) => (verb === 'remove' ? 'hang' : undefined)
    await clock.advance(1000)
    childIn(process.host).send({ type: 'stop' })
  }

  it('persisted while it was stopping: the host that waits for its end is notified, with the last status', async () => {
    const first = begin(base)
    await isRemoving(first)
    expect(first.host.getSnapshot().value).toBe('working')
    const second = await restart(first)
    expect(second.host.getSnapshot().value).toBe('ended')
    expect(second.outputs).toMatchObject([{ state: 'stopped', lastScan: { listed: 1 } }])
    expect(second.made).toEqual([])
    expect(engine.requests).toEqual([])
  })

  it('persisted while it was stopping, and again before it was started', async () => {
    const first = begin(base)
    await isRemoving(first)
    const snapshot = persisted(first)
    await kill(first)
    const logic = createReconcilerLogicWith(() => {
      throw new Error('none is to be made')
    }, base)
    const { flotsam } = snapshot.children
    const again = createActor(logic, { snapshot: flotsam.snapshot, input: undefined })
    expect(JSON.parse(JSON.stringify(again.getPersistedSnapshot()))).toEqual(flotsam.snapshot)
  })

  it('as a root: done and with its output, whether it was sent stop or its actor was stopped', async () => {
    const world = { clock, engine, random: () => 0.5, self: async () => noSelf }
    const logic = createReconcilerLogicWith((options) => createReconcilerIn(world, options), base)
    const ends = [(actor: AnyActorRef) => actor.send({ type: 'stop' }), (actor: AnyActorRef) => actor.stop()]
    for (const end of ends) {
      const root = createActor(logic, { input: undefined }).start()
      await clock.advance(1000)
      end(root)
      await clock.advance(10_000)
      const snapshot = JSON.parse(JSON.stringify(root.getPersistedSnapshot()))
      engine.requests.length = 0
      const restored = createActor(logic, { snapshot, input: undefined }).start()
      await clock.advance(10_000)
      expect(restored.getSnapshot()).toMatchObject({ status: 'done', output: { state: 'stopped' } })
      expect(engine.requests).toEqual([])
    }
  })
})

describe('input that cannot be persisted', () => {
  const hook = () => false
  const cases: [string, PartialOptions][] = [
    ['tracked', { tracked: new Set(['a'.repeat(64)]) }],
    ['beforeRemove', { beforeRemove: hook }],
    ['engine', { engine: new Dockerode({ host: '127.0.0.1', port: 1 }) }],
  ]

  it.each(cases)('%s: without one, the restored actor is an error that names it', async (name, input) => {
    const { tracked, ...rest } = base
    const logic = name === 'tracked' ? rest : { ...rest, tracked: tracked as never }
    engine.add({ ageMs: 3_600_000 })
    const first = begin(logic, { input: { dryRun: true, ...input } })
    await clock.advance(1000)
    expect(first.errors).toEqual([])
    const second = await restart(first, logic)
    expect(second.host.getSnapshot().value).toBe('failed')
    expect(second.errors).toEqual([expect.any(OptionError)])
    expect((second.errors[0] as OptionError).option).toBe(name)
    expect(String(second.errors[0])).toContain('createReconcilerLogic')
    expect(engine.requests).toEqual([])
  })

  it.each(cases)('%s: the one that the logic was created with is used instead', async (_name, input) => {
    const first = begin(base, { input })
    await clock.advance(1000)
    const second = await restart(first, { ...base, ...input })
    expect(second.errors).toEqual([])
    expect(second.made[0]?.status().state).toBe('running')
    // The third process is no less careful than the second.
    const third = await restart(second, base)
    expect(third.errors).toEqual(input.tracked ? [] : [expect.any(OptionError)])
  })

  it('a logger and an inspection callback may be absent', async () => {
    const input = { logger: pino({ level: 'silent' }), inspect: () => {} }
    const second = await restart(begin(base, { input }))
    expect(second.errors).toEqual([])
    expect(second.made[0]?.status().state).toBe('running')
  })
})

describe('an incomplete snapshot is an error, and starts nothing', () => {
  const child = (edit: (flotsam: Loose) => void) => (snapshot: Loose) => edit(snapshot.children.flotsam)
  it.each<[string, (snapshot: Loose) => void]>([
    ['none', child((flotsam) => delete flotsam.snapshot)],
    ['null', child((flotsam) => (flotsam.snapshot = null))],
    ['no object', child((flotsam) => (flotsam.snapshot = 'active'))],
    ['an empty string', child((flotsam) => (flotsam.snapshot = ''))],
    ['empty', child((flotsam) => (flotsam.snapshot = {}))],
    ['a status that there is not', child(({ snapshot }) => (snapshot.status = 'running'))],
    ['no status', child(({ snapshot }) => delete snapshot.status)],
    ['without what was given as input', child(({ snapshot }) => delete snapshot.flotsam)],
    ['a later version', child(({ snapshot }) => (snapshot.flotsam.version = 4))],
    ['an earlier version', child(({ snapshot }) => (snapshot.flotsam.version = 2))],
    ['an input that is none', child(({ snapshot }) => (snapshot.flotsam.input = null))],
    ['an option that there is not', child(({ snapshot }) => (snapshot.flotsam.input.dryRum = true))],
    [
      'an option that cannot be used',
      child(({ snapshot }) => (snapshot.flotsam.input.creationGrace = 'soon')),
    ],
    ['something more', child(({ snapshot }) => (snapshot.more = 1))],
    ['no context', child(({ snapshot }) => delete snapshot.context)],
    ['a context without the dry-run setting', child(({ snapshot }) => delete snapshot.context.dryRun)],
  ])('%s', async (_what, edit) => {
    engine.add({ ageMs: 3_600_000 })
    const first = begin(base, { input: { dryRun: true } })
    await clock.advance(1000)
    const second = await restart(first, base, edit)
    expect(second.host.getSnapshot().value).toBe('failed')
    expect(second.errors).toEqual([expect.any(Error)])
    expect(engine.requests).toEqual([])
  })

  it('half of the evidence of a dry run is enough', async () => {
    for (const edit of [
      child(({ snapshot }) => (snapshot.context.dryRun = false)),
      child(({ snapshot }) => delete snapshot.flotsam.input.dryRun),
    ]) {
      engine.add({ ageMs: 3_600_000 })
      const first = begin(base, { input: { dryRun: true } })
      await clock.advance(1000)
      const second = await restart(first, base, edit)
      expect(second.made[0]?.status().dryRun).toBe(true)
      expect(engine.count('remove')).toBe(0)
      await kill(second)
    }
  })

  it('one that could not be restored is persisted as it was', async () => {
    const first = begin(base)
    const snapshot = persisted(first)
    snapshot.children.flotsam.snapshot.flotsam.version = 3
    const logic = createReconcilerLogicWith(() => {
      throw new Error('none is to be made')
    }, base)
    const restored = createActor(logic, { snapshot: snapshot.children.flotsam.snapshot, input: undefined })
    expect(restored.getPersistedSnapshot()).toEqual(snapshot.children.flotsam.snapshot)
  })

  it('an error stays an error', () => {
    const logic = createReconcilerLogicWith(() => {
      throw new OptionError('owner', undefined, 'give owner')
    })
    const failed = createActor(logic, { input: undefined })
    const snapshot = JSON.parse(JSON.stringify(failed.getPersistedSnapshot()))
    const restored = createActor(logic, { snapshot, input: undefined })
    expect(restored.getSnapshot()).toMatchObject({
      status: 'error',
      error: new Error('option owner is missing; give owner'),
    })
  })

  it('a first run that has no snapshot yet is none of these', async () => {
    const world = { clock, engine, random: () => 0.5, self: async () => noSelf }
    const logic = createReconcilerLogicWith((options) => createReconcilerIn(world, options), base)
    const root = createActor(logic, { snapshot: undefined as never, input: { dryRun: true } }).start()
    await clock.advance(100)
    expect(root.getSnapshot()).toMatchObject({
      status: 'active',
      context: { state: 'running', dryRun: true },
    })
    root.stop()
    await clock.advance(10_000)
  })
})

describe('only its commands are accepted', () => {
  it.each([
    { type: 'flotsam.statusChanged' },
    { type: 'flotsam.wasStopped' },
    { type: 'flotsam.hasFailed', message: 'forged' },
  ])('$type', async (event) => {
    const { host, errors, outputs } = begin(base)
    await clock.advance(100)
    const before = childIn(host).getSnapshot()
    childIn(host).send(event)
    await clock.advance(1)
    expect(childIn(host).getSnapshot()).toBe(before)
    expect([errors, outputs]).toEqual([[], []])
  })
})
