import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Reconciler } from '../../src/index.ts'
import { createReconcilerIn } from '../../src/reconciler.ts'
import type { Header } from '../../src/recording/header.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { createFakeEngine, type FakeEngine, ownerLabel, ownerValue } from '../support/fake-engine.ts'
import { noSelf } from '../support/self-tests.ts'
import { createTestWorld, type Ran, ranCli, type TestWorld } from './support/cli-world.ts'
import { mountSmallDisk, noSmallDisk } from './support/small-disk.ts'

const owner = ['--owner', `${ownerLabel}=${ownerValue}`]
const minute = 60_000

let folder: string
let clock: FakeClock
let engine: FakeEngine
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotsam-record-'))
  clock = createFakeClock()
  engine = createFakeEngine(clock)
})
afterEach(() => rm(folder, { recursive: true, force: true }))

interface Running {
  readonly world: TestWorld
  readonly reconciler: () => Reconciler
  /** Resolves when it has begun. */
  begun(): Promise<void>
  /** Ends it by a signal. */
  end(): Promise<Ran>
  /** Resolves when it has ended by itself. */
  readonly ended: Promise<Ran>
}

/** `flotsam run` on an engine in memory, whose time the test moves. Files are real, and so is the command's own clock. */
function start(args: readonly string[], env: Record<string, string> = {}): Running {
  let made: Reconciler | undefined
  const world = createTestWorld({
    env,
    createReconciler: (given) =>
      (made = createReconcilerIn({ clock, engine, random: () => 0.5, self: async () => noSelf }, given)),
  })
  const ended = ranCli(['run', ...owner, '--nothing-tracked', '--restore-grace', '0s', ...args], world)
  return {
    world,
    reconciler: () => made as Reconciler,
    begun: () => expect.poll(() => world.out).toContain('"event":"started"'),
    ended,
    async end() {
      world.signal()
      await clock.advance(10_000)
      return ended
    },
  }
}

/** A run with a removal in it. */
async function recorded(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  engine.add({ ageMs: 60 * minute, name: 'forgotten' })
  const running = start(args, env)
  await running.begun()
  await clock.advance(minute)
  expect(engine.containers.size).toBe(0)
  return running.end()
}

const headerIn = async (path: string) => {
  const [first = ''] = (await readFile(path, 'utf8')).split('\n')
  return JSON.parse(first) as Header
}
const identically = /^\d+ events of the supervisor and 1 container replayed identically\n$/

describe('run --record', () => {
  test('writes a recording that replays identically, for its owner alone', async () => {
    const path = join(folder, 'run.jsonl')
    expect((await recorded(['--record', path])).code).toBe(0)
    const { mode } = await stat(path)
    expect(mode & 0o777).toBe(0o600)
    expect(await ranCli(['replay', path])).toEqual({
      code: 0,
      out: expect.stringMatching(identically),
      err: '',
    })
  })

  test('the header has the settings in force, and no password', async () => {
    const path = join(folder, 'run.jsonl')
    await recorded(['--record', path, '--period', '7m', '--host', 'tcp://bob:secret@127.0.0.1:1'])
    expect(await headerIn(path)).toEqual({
      flotsam: 'recording',
      version: 1,
      by: '9.8.7',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      engine: 'fake://engine',
      owner: `${ownerLabel}=${ownerValue}`,
      options: expect.objectContaining({ period: '7m', creationGrace: '5m', record: path }),
    })
    expect(await readFile(path, 'utf8')).not.toContain('secret')
  })

  test('by a variable, and by a configuration file', async () => {
    const [byVariable, byFile] = [join(folder, 'a.jsonl'), join(folder, 'b.jsonl')]
    await recorded([], { FLOTSAM_RECORD: byVariable })
    const config = join(folder, 'flotsam.yaml')
    await writeFile(config, `record: ${byFile}\n`)
    await recorded(['--config', config])
    for (const path of [byVariable, byFile]) expect((await ranCli(['replay', path])).code).toBe(0)
  })

  test('a second run is added to the first, also where that one was killed in the middle of a line', async () => {
    const path = join(folder, 'run.jsonl')
    await recorded(['--record', path])
    await writeFile(path, '{"time":"2026-11-', { flag: 'a' })
    await recorded(['--record', path])
    const { code, out, err } = await ranCli(['replay', path])
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(
        /^\d+ events of the supervisor and 2 containers in 2 runs replayed identically\n$/,
      ),
    ])
    expect(err).toMatch(/^hint: line \d+ is cut off and was left out; its run was killed while it wrote\n$/)
  })

  test('with the inspector, which receives the same events', async () => {
    const path = join(folder, 'run.jsonl')
    const { err } = await recorded(['--record', path, '--inspect'])
    expect(err).toMatch(/^inspector: http/)
    expect((await ranCli(['replay', path])).out).toMatch(identically)
  })

  test('without it nothing observes the actors', async () => {
    const running = start([])
    await running.begun()
    await running.end()
    expect(running.world.made[0]).not.toHaveProperty('inspect')
  })
})

/** What cannot be written to, and why. */
const unusable: readonly (readonly [string, () => Promise<string>, RegExp])[] = [
  [
    'a folder that is not there',
    async () => join(folder, 'no', 'file'),
    /^it must be a file that can be written: ENOENT/,
  ],
  ['a folder', async () => folder, /^it must be a regular file$/],
  [
    'another file',
    async () => {
      await writeFile(join(folder, 'containers'), 'end\n')
      return join(folder, 'containers')
    },
    /^it holds something else; it must be a new file, or one of --(record|crash-file)$/,
  ],
  [
    'a link that leads to itself',
    async () => {
      await symlink('loop', join(folder, 'loop'))
      return join(folder, 'loop')
    },
    /^it must be a file that can be written: ELOOP/,
  ],
]

describe.each([
  ['--record', 'FLOTSAM_RECORD'],
  ['--crash-file', 'FLOTSAM_CRASH_FILE'],
])('%s that cannot be used is one line at the start, and 2', (flag, variable) => {
  test.each(unusable)('%s', async (_what, make, requirement) => {
    const path = await make()
    const complaint = (place: string) =>
      new RegExp(
        `^error: ${place}: "[^"]+" is not allowed; ${requirement.source.slice(1).replace(/\$$/, '')}[^\\n]*\\n$`,
      )
    const byFlag = await ranCli(['run', ...owner, '--nothing-tracked', flag, path], worldOf())
    expect(byFlag).toEqual({ code: 2, out: '', err: expect.stringMatching(complaint(flag)) })
    const byVariable = await ranCli(['run', ...owner, '--nothing-tracked'], worldOf({ [variable]: path }))
    expect(byVariable).toEqual({ code: 2, out: '', err: expect.stringMatching(complaint(variable)) })
    expect(engine.requests).toEqual([])
  })

  test('another file keeps what it has', async () => {
    const path = join(folder, 'containers')
    await writeFile(path, 'end\n')
    await ranCli(['run', ...owner, '--nothing-tracked', flag, path], worldOf())
    expect(await readFile(path, 'utf8')).toBe('end\n')
  })

  test.each(['scan', 'sweep', 'explain'])('is not for %s, which refuses it', async (command) => {
    const { code, err } = await ranCli([command, ...owner, flag, 'x'])
    expect(code).toBe(2)
    expect(err).toContain(`unknown option '${flag}'`)
  })
})

test('one file for both is refused', async () => {
  const path = join(folder, 'both')
  const args = ['run', ...owner, '--nothing-tracked', '--record', path, '--crash-file', path]
  expect(await ranCli(args, worldOf())).toMatchObject({
    code: 2,
    err: expect.stringContaining('error: --crash-file: '),
  })
})

test.runIf(process.platform === 'linux')('a disk that is full at the start is one line, and 1', async () => {
  const args = ['run', ...owner, '--nothing-tracked', '--record', '/dev/full']
  expect(await ranCli(args, worldOf())).toEqual({
    code: 1,
    out: '',
    err: 'error: cannot write to the recording /dev/full: ENOSPC: no space left on device, write\n',
  })
  expect(engine.requests).toEqual([])
})

describe.skipIf(noSmallDisk !== undefined)('a disk that fills up later', () => {
  test('is said once, the reconciling goes on, and what was recorded before replays', async () => {
    const disk = mountSmallDisk()
    try {
      const path = join(disk.folder, 'run.jsonl')
      engine.add({ ageMs: 60 * minute, name: 'before' })
      const running = start(['--record', path])
      await running.begun()
      await clock.advance(minute)
      await expect.poll(() => readFile(path, 'utf8')).toContain('"gone"')
      disk.fill()
      for (const name of ['after-1', 'after-2', 'after-3', 'after-4'])
        engine.add({ ageMs: 60 * minute, name })
      await clock.advance(20 * minute)
      await expect.poll(() => running.world.out).toContain('"event":"recordingEnded"')
      expect(engine.containers.size).toBe(0)
      engine.add({ ageMs: 60 * minute, name: 'after-all' })
      await clock.advance(20 * minute)
      expect(engine.containers.size).toBe(0)
      const { code, out } = await running.end()
      expect(code).toBe(1)
      expect(out.match(/"event":"recordingEnded"/g)).toHaveLength(1)
      expect(out).toContain('the recording ends here: ENOSPC')
      expect(await ranCli(['replay', path])).toMatchObject({
        code: 0,
        out: expect.stringContaining('identically'),
      })
    } finally {
      disk.close()
    }
  })
})

function worldOf(env: Record<string, string> = {}): TestWorld {
  return createTestWorld({
    env,
    createReconciler: (given) =>
      createReconcilerIn({ clock, engine, random: () => 0.5, self: async () => noSelf }, given),
  })
}

/** The supervisor fails at the next event that it is sent. */
function crash({ actor }: Reconciler): void {
  const { logic } = actor as unknown as { readonly logic: object }
  const transition = () => {
    throw new Error('a fault inside')
  }
  Object.defineProperty(actor, 'logic', {
    value: Object.assign(Object.create(logic) as object, { transition }),
  })
  actor.send({ type: 'scan.requested' })
}

describe('run --crash-file', () => {
  async function crashed(args: readonly string[]): Promise<Ran> {
    engine.add({
      ageMs: minute,
      name: 'young',
      labels: { [ownerLabel]: ownerValue, note: 'hidden-from-files' },
    })
    engine.add({ ageMs: 60 * minute, name: 'stubborn' })
    engine.fault = (verb) => (verb === 'remove' ? 'refused' : undefined)
    const running = start(args)
    await running.begun()
    await clock.advance(minute)
    crash(running.reconciler())
    return running.ended
  }

  test('a crash leaves the supervisor and each container, with state and facts', async () => {
    const path = join(folder, 'crash.jsonl')
    const { code, out } = await crashed(['--crash-file', path])
    expect(code).toBe(1)
    expect(out).toContain('"event":"crashFileWritten"')
    const { mode } = await stat(path)
    expect(mode & 0o777).toBe(0o600)
    expect(await readFile(path, 'utf8')).not.toContain('hidden-from-files')
    const shown = await ranCli(['replay', path, '--json'])
    expect(shown).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(shown.out)).toMatchObject({
      flotsam: 'crash',
      version: 1,
      by: '9.8.7',
      engine: 'fake://engine',
      message: 'a fault inside',
      options: { period: '5m' },
      supervisor: {
        state: { running: { engine: { up: expect.anything() } } },
        context: { failedScans: 0, inFlight: 0 },
        error: { name: 'Error', message: 'a fault inside' },
      },
      containers: [
        {
          state: { graced: 'waiting' },
          context: { listed: { name: 'young' }, verdict: { verdict: 'graced' } },
        },
        {
          state: { removing: { backingOff: expect.any(String) } },
          context: { listed: { name: 'stubborn' }, failure: { kind: 'refused' } },
        },
      ],
    })
  })

  test('flotsam replay shows it as a table, or one container of it', async () => {
    const path = join(folder, 'crash.jsonl')
    await crashed(['--crash-file', path])
    const { code, out, err } = await ranCli(['replay', path])
    expect([code, err]).toEqual([0, ''])
    expect(out.split('\n').map((line) => line.replaceAll(/ +/g, ' '))).toEqual([
      expect.stringMatching(/^crashed at \d{4}-.*Z: a fault inside$/),
      `engine fake://engine, owner ${ownerLabel}=${ownerValue}`,
      expect.stringMatching(/^supervisor running\.scanning\..* · running\.engine\.up\./),
      'ID NAME ACTOR VERDICT REASON FAILURES',
      expect.stringMatching(/^[0-9a-f]{12} young graced\.waiting graced creation-grace 0$/),
      expect.stringMatching(/^[0-9a-f]{12} stubborn removing\.backingOff\.\w+ dangling untracked [1-9]$/),
      '2 containers',
      '',
    ])
    const one = await ranCli(['replay', path, 'young'])
    expect(one.out).toContain('young')
    expect(one.out).not.toMatch(/stubborn|supervisor/)
    expect(await ranCli(['replay', path, 'nobody'])).toMatchObject({ code: 2, out: '' })
  })

  test('a newer crash replaces an older one', async () => {
    const path = join(folder, 'crash.jsonl')
    await crashed(['--crash-file', path])
    const { size } = await stat(path)
    await writeFile(path, `${await readFile(path, 'utf8')}${'x'.repeat(10_000)}`)
    await chmod(path, 0o600)
    engine = createFakeEngine(clock)
    await crashed(['--crash-file', path])
    expect(Math.abs((await stat(path)).size - size)).toBeLessThan(1000)
  })

  test('without it a crash leaves no file', async () => {
    const { code, out } = await crashed([])
    expect(code).toBe(1)
    expect(out).not.toContain('crashFile')
  })

  test('no crash, no file', async () => {
    const path = join(folder, 'crash.jsonl')
    await recorded(['--crash-file', path])
    await expect(stat(path)).rejects.toThrow('ENOENT')
  })

  test('one that cannot be written any more is said, and the command still ends with 1', async () => {
    const inside = join(folder, 'inside')
    await mkdir(inside)
    engine.add({ ageMs: minute, name: 'young' })
    const running = start(['--crash-file', join(inside, 'crash.jsonl')])
    await running.begun()
    await rm(inside, { recursive: true })
    crash(running.reconciler())
    const { code, out } = await running.ended
    expect(code).toBe(1)
    expect(out).toMatch(/"event":"crashFileFailed".*cannot leave a crash snapshot: ENOENT/)
  })

  test('a recording of the same run names the event that the supervisor failed at', async () => {
    const path = join(folder, 'run.jsonl')
    await crashed(['--record', path])
    const { code, out } = await ranCli(['replay', path])
    expect(code).toBe(0)
    expect(out).toMatch(
      /\nline \d+: supervisor failed at .*Z on scan\.requested: Error: a fault inside; its chart does not fail, so one of its effects did\n$/,
    )
  })
})
