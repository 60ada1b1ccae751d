import { beforeEach, describe, expect, it } from 'vitest'
import { createReconcilerIn } from '../../src/reconciler.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { createFakeEngine, type FakeEngine, ownerLabel, ownerValue } from '../support/fake-engine.ts'
import { noSelf } from '../support/self-tests.ts'
import {
  createTestWorld,
  ranCli,
  type Ran,
  type TestWorld,
  type TestWorldOptions,
} from './support/cli-world.ts'

const owner = `--owner ${ownerLabel}=${ownerValue}`
const quick = '--restore-grace 0s'

let clock: FakeClock
let engine: FakeEngine
beforeEach(() => {
  clock = createFakeClock()
  engine = createFakeEngine(clock)
})

interface Running {
  readonly world: TestWorld
  readonly ended: Promise<Ran>
  readonly isOver: () => boolean
  events(): string[]
}

function start(more: string, options: TestWorldOptions = {}): Running {
  const world = createTestWorld({
    clock,
    createReconciler: (given) =>
      createReconcilerIn({ clock, engine, random: () => 0.5, self: async () => noSelf }, given),
    ...options,
  })
  let isOver = false
  const ended = ranCli(`run ${owner} ${more}`, world).finally(() => (isOver = true))
  return { world, ended, isOver: () => isOver, events: () => logged(world.out).map(({ event }) => event) }
}

function logged(out: string): { event: string; level: string; msg: string }[] {
  return out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; level: string; msg: string })
}

async function end({ world, ended }: Running): Promise<Ran> {
  world.signal()
  await clock.advance(10_000)
  return ended
}

describe('run', () => {
  it('runs until a signal, then ends with 0', async () => {
    const running = start(`--nothing-tracked ${quick}`)
    await clock.advance(24 * 3_600_000)
    expect(running.isOver()).toBe(false)
    expect(await end(running)).toMatchObject({ code: 0, err: '' })
    expect(running.events()).toEqual(['started', 'stopped'])
    expect([clock.pendingTimers, running.world.listenerCount]).toEqual([0, 0])
  })

  it('removes untracked containers, and logs one JSON object per line', async () => {
    const { id } = engine.add({ ageMs: 3_600_000, name: 'forgotten' })
    const running = start(`--nothing-tracked ${quick}`)
    await clock.advance(1000)
    const { out } = await end(running)
    expect(engine.containers.size).toBe(0)
    const line = logged(out).find(({ event }) => event === 'removed')
    expect(line).toMatchObject({ level: 'info', event: 'removed', id, confirmedBy: 'answer' })
    expect(line).toHaveProperty('time', expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/))
  })

  it('dry-run: says what it would remove, and removes nothing', async () => {
    engine.add({ ageMs: 3_600_000, name: 'forgotten' })
    const running = start(`--nothing-tracked --dry-run ${quick}`)
    await clock.advance(600_000)
    const { out } = await end(running)
    expect(out).toMatch(/would remove forgotten/)
    expect(engine.count('remove')).toBe(0)
  })

  it('survives-outage: an engine that is absent at the start is used once it is up', async () => {
    engine.fault = () => 'unavailable'
    engine.add({ ageMs: 3_600_000 })
    const running = start(`--nothing-tracked ${quick}`)
    await clock.advance(3_600_000)
    expect(running.isOver()).toBe(false)
    engine.fault = () => undefined
    await clock.advance(120_000)
    await end(running)
    expect(running.events().filter((event) => event !== 'engineStillDown')).toEqual([
      'started',
      'engineDown',
      'engineUp',
      'removed',
      'stopped',
    ])
  })

  it('quiet-stop: ends in less than ten seconds though removals hang', async () => {
    engine.add({ ageMs: 3_600_000 })
    engine.fault = (verb) => (verb === 'remove' ? 'hang' : undefined)
    const running = start(`--nothing-tracked ${quick}`)
    await clock.advance(1000)
    expect(engine.count('remove')).toBe(1)
    running.world.signal()
    await clock.advance(4000)
    expect(running.isOver()).toBe(false)
    await clock.advance(5000)
    expect(running.isOver()).toBe(true)
    expect((await running.ended).code).toBe(0)
  })

  it('a second signal ends it at once', async () => {
    engine.add({ ageMs: 3_600_000 })
    engine.fault = (verb) => (verb === 'remove' ? 'hang' : undefined)
    const running = start(`--nothing-tracked ${quick}`)
    await clock.advance(1000)
    running.world.signal()
    await clock.settle()
    expect(running.isOver()).toBe(false)
    running.world.signal()
    expect((await running.ended).code).toBe(0)
  })

  it('ends even if the library does not', async () => {
    const running = start('--nothing-tracked', {
      createReconciler: (given) => ({
        ...createReconcilerIn({ clock, engine, random: () => 0.5, self: async () => noSelf }, given),
        stop: () => new Promise(() => {}),
      }),
    })
    await clock.advance(1000)
    running.world.signal()
    await clock.advance(6999)
    expect(running.isOver()).toBe(false)
    await clock.advance(1)
    expect((await running.ended).code).toBe(0)
  })

  it('ends quietly when the reader of its output has gone', async () => {
    const running = start('--nothing-tracked')
    await clock.advance(1000)
    running.world.closeOutput()
    await clock.advance(1000)
    expect(await running.ended).toMatchObject({ code: 0, err: '' })
  })

  it('ends with 1 when the supervisor itself has failed', async () => {
    const running = start('--nothing-tracked', {
      createReconciler(given) {
        const reconciler = createReconcilerIn(
          { clock, engine, random: () => 0.5, self: async () => noSelf },
          given,
        )
        const on: typeof reconciler.on = (name, listener) => {
          if (name === 'crashed')
            clock.setTimeout(() => listener({ type: 'crashed', at: 0, message: 'x' } as never), 500)
          return reconciler.on(name, listener)
        }
        return { ...reconciler, on }
      },
    })
    await clock.advance(10_000)
    expect((await running.ended).code).toBe(1)
  })
})

describe('what run logs', () => {
  it('on a terminal: for people, with colours', async () => {
    const running = start('--nothing-tracked', { isTerminal: true })
    await clock.advance(100)
    const { out } = await end(running)
    expect(out).toContain('\u001b[32mINFO\u001b[39m')
    expect(out).toContain('watching fake://engine')
  })

  it('on a terminal with NO_COLOR: for people, without', async () => {
    const running = start('--nothing-tracked', { isTerminal: true, env: { NO_COLOR: '1' } })
    await clock.advance(100)
    const { out } = await end(running)
    expect(out).toMatch(/ INFO: watching fake:\/\/engine/)
    expect(out).not.toContain('\u001b')
  })

  it('--json: JSON also on a terminal', async () => {
    const running = start('--nothing-tracked --json', { isTerminal: true })
    await clock.advance(100)
    await end(running)
    expect(running.events()).toEqual(['started', 'stopped'])
  })

  it('text from an engine cannot control a terminal', async () => {
    engine.add({ ageMs: 3_600_000, name: 'for\u001b[2Jgotten' })
    const running = start(`--nothing-tracked ${quick}`, { isTerminal: true, env: { NO_COLOR: '1' } })
    await clock.advance(1000)
    const { out } = await end(running)
    expect(out).toContain('removed for?[2Jgotten')
    expect(out).not.toContain('\u001b')
  })

  it.each([
    ['debug', ['started', 'scanned', 'stopped']],
    ['info', ['started', 'stopped']],
    ['silent', []],
  ])('--log-level %s', async (level, events) => {
    const running = start(`--nothing-tracked --log-level ${level}`)
    await clock.advance(100)
    const { out } = await end(running)
    expect(out === '' ? [] : running.events()).toEqual(events)
  })

  it('--log-level makes scan log to stderr, beside its result', async () => {
    const world = createTestWorld({
      createReconciler: (given) =>
        createReconcilerIn({ clock, engine, random: () => 0.5, self: async () => noSelf }, given),
    })
    engine.add({ ageMs: 3_600_000 })
    const running = ranCli(`sweep ${owner} --nothing-tracked --json --log-level info`, world)
    await clock.advance(1000)
    const { out, err } = await running
    expect((JSON.parse(out) as { removed: string[] }).removed).toHaveLength(1)
    expect(logged(err).map(({ event }) => event)).toEqual(['started', 'removed', 'stopped'])
  })
})
