import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createReconcilerIn } from '../../src/reconciler.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { createFakeEngine, type FakeEngine, ownerLabel, ownerValue } from '../support/fake-engine.ts'
import { noSelf } from '../support/self-tests.ts'
import { createTestWorld, type Ran, ranCli, type TestWorld } from './support/cli-world.ts'

let clock: FakeClock
let engine: FakeEngine
let folder: string
let config: string
beforeEach(() => {
  clock = createFakeClock()
  engine = createFakeEngine(clock)
  folder = mkdtempSync(join(tmpdir(), 'flotsam-reload-'))
  config = join(folder, 'flotsam.yaml')
})
afterEach(() => rmSync(folder, { recursive: true }))

const configure = (...lines: readonly string[]) =>
  writeFileSync(config, ['nothingTracked: true', ...lines, ''].join('\n'))

interface Running {
  readonly world: TestWorld
  readonly ended: Promise<Ran>
  /** The events that were logged. */
  events(): string[]
  /** Waits for a log line that has this, while no time passes. */
  said(text: string): Promise<void>
}

function start(...flags: readonly string[]): Running {
  const world = createTestWorld({
    clock,
    createReconciler: (given) =>
      createReconcilerIn({ clock, engine, random: () => 0.5, self: async () => noSelf }, given),
  })
  const ended = ranCli(['run', '--owner', `${ownerLabel}=${ownerValue}`, '--config', config, ...flags], world)
  return {
    world,
    ended,
    events: () => [...world.out.matchAll(/"event":"(\w+)"/g)].map(([, event]) => event as string),
    said: (text) => expect.poll(() => world.out, { timeout: 30_000 }).toContain(text),
  }
}

async function end({ world, ended }: Running): Promise<Ran> {
  world.signal()
  await clock.advance(10_000)
  return ended
}

describe('a reload', () => {
  it('stops by the old configuration, and starts by the new one', async () => {
    configure('restoreGrace: 0s')
    const running = start()
    await running.said('"event":"started"')
    configure('restoreGrace: 0s', 'states: running')
    running.world.hangUp()
    await running.said('"event":"configReloaded"')
    expect(running.world.made.map(({ states }) => states)).toEqual([undefined, ['running']])
    await clock.advance(1000)
    expect(await end(running)).toMatchObject({ code: 0, err: '' })
    expect(running.events()).toEqual(['started', 'stopped', 'configReloaded', 'started', 'stopped'])
    expect([clock.pendingTimers, running.world.listenerCount]).toEqual([0, 0])
  })

  it('awake-time: outlasts every grace of both configurations before it removes', async () => {
    configure('restoreGrace: 0s', 'releaseGrace: 20m')
    const running = start()
    await running.said('"event":"started"')
    await clock.advance(1000)
    const { id } = engine.add({ ageMs: 3_600_000, name: 'forgotten' })
    configure('restoreGrace: 0s', 'releaseGrace: 1m')
    running.world.hangUp()
    await running.said('changed":["releaseGrace"]')
    expect(running.world.out).toContain('nothing is removed for 20m')
    await clock.advance(1_199_000)
    expect(engine.containers.has(id)).toBe(true)
    await clock.advance(10_000)
    expect(engine.containers.has(id)).toBe(false)
    await end(running)
  })

  it('quiet-stop: waits for a removal under way, and begins none meanwhile', async () => {
    configure('restoreGrace: 0s', 'maxConcurrentRemovals: 1')
    engine.add({ ageMs: 3_600_000 })
    engine.add({ ageMs: 3_600_000 })
    engine.fault = (verb) => (verb === 'remove' ? 'hang' : undefined)
    const running = start()
    await running.said('"event":"started"')
    await clock.advance(1000)
    expect(engine.count('remove')).toBe(1)
    configure('restoreGrace: 0s', 'maxConcurrentRemovals: 2')
    running.world.hangUp()
    await expect.poll(() => running.world.made).toHaveLength(2)
    await clock.advance(4000)
    expect(running.events()).not.toContain('stopped')
    await clock.advance(2000)
    await running.said('"event":"configReloaded"')
    expect(engine.count('remove')).toBe(1)
    await end(running)
  })

  it('a signal ends it meanwhile', async () => {
    configure('restoreGrace: 0s')
    engine.add({ ageMs: 3_600_000 })
    engine.fault = (verb) => (verb === 'remove' ? 'hang' : undefined)
    const running = start()
    await running.said('"event":"started"')
    await clock.advance(1000)
    configure('restoreGrace: 1s')
    running.world.hangUp()
    await expect.poll(() => running.world.made).toHaveLength(2)
    expect(await end(running)).toMatchObject({ code: 0 })
    expect(running.events()).not.toContain('configReloaded')
  })

  it.each([
    ['no YAML', ['period: [', '  1m'], 'flotsam.yaml:'],
    ['an unknown key', ['perriod: 1m'], 'flotsam.yaml:2: unknown key "perriod" (Did you mean period?)'],
    ['a value that is not allowed', ['period: often'], 'flotsam.yaml:2: period: "often" is not allowed'],
    ['a contradiction', ['trackedUrl: http://127.0.0.1:1/'], 'cannot be given together'],
    [
      'a recording that cannot be written',
      ['record: /nowhere/at/all'],
      'flotsam.yaml:2: record: "/nowhere/at/all"',
    ],
  ])('%s is refused in one line, and the old configuration stays in force', async (_what, lines, message) => {
    configure('restoreGrace: 0s', 'period: 1m')
    const running = start()
    await running.said('"event":"started"')
    await clock.advance(1000)
    configure(...lines)
    running.world.hangUp()
    await running.said('"event":"configRefused"')
    expect(running.world.out).toContain(`"level":"error"`)
    expect(running.world.out).toContain(JSON.stringify(message).slice(1, -1))
    engine.add({ ageMs: 3_600_000 })
    await clock.advance(600_000)
    expect(engine.containers.size).toBe(0)
    await end(running)
    expect(running.events()).toEqual(['started', 'configRefused', 'removed', 'stopped'])
  })

  it('a file that is gone, or empty, is refused', async () => {
    configure()
    const running = start()
    await running.said('"event":"started"')
    writeFileSync(config, '')
    running.world.hangUp()
    await running.said('contains no settings')
    rmSync(config)
    running.world.hangUp()
    await running.said('cannot be read: ENOENT')
    expect(running.world.made).toHaveLength(1)
    await end(running)
  })

  it('what is unchanged in effect is left alone', async () => {
    configure('period: 5m')
    const running = start()
    await running.said('"event":"started"')
    configure('period: 300s', 'dryRun: false')
    running.world.hangUp()
    await running.said('"event":"configUnchanged"')
    expect(running.world.made).toHaveLength(1)
    await end(running)
  })

  it('asked for again meanwhile, it reads the file once more', async () => {
    configure('period: 5m')
    const running = start()
    await running.said('"event":"started"')
    configure('period: 6m')
    running.world.hangUp()
    running.world.hangUp()
    await running.said('"event":"configUnchanged"')
    expect(running.events().filter((event) => event === 'configReloaded')).toHaveLength(1)
    await end(running)
  })

  it('asked for before the start, it follows it', async () => {
    configure('period: 5m')
    const running = start()
    await expect.poll(() => running.world.listenerCount).toBe(3)
    running.world.hangUp()
    await running.said('"event":"configUnchanged"')
    await end(running)
  })

  it('a new log level is in force', async () => {
    configure('logLevel: info')
    const running = start()
    await running.said('"event":"started"')
    configure('logLevel: debug')
    running.world.hangUp()
    await running.said('"event":"configReloaded"')
    await clock.advance(1000)
    expect(running.events()).toContain('scanned')
    await end(running)
  })
})
