import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../testing/support.ts'
import { buildCli, type BuiltCli, type RunningCli } from './support/built-cli.ts'
import { createEnginePlace, type EnginePlace, quick } from './support/engine-place.ts'
import { openFullPipe } from './support/full-pipe.ts'
import { mountSilentDisk, noSilentDisk } from './support/silent-disk.ts'
import { trackedText } from './support/tracked-text.ts'

const hasPython = spawnSync('python3', ['--version']).status === 0
/** A container is killed ten seconds after SIGTERM. */
const longestMs = 10_000

let cli: BuiltCli
beforeAll(() => {
  cli = buildCli()
})
afterAll(() => cli.close())

/** Most of these tests wait for a limit of the command, so they wait side by side. */
const sideBySide = { concurrent: true }

const it = test.extend('at', async ({ task }, { onCleanup }) => {
  const at = createEnginePlace(join(cli.folder, task.id))
  onCleanup(() => at.engine.close())
  await at.listen()
  return at
})

const isListed = ({ engine }: EnginePlace) =>
  engine.requests.matching({ path: '/containers/json' }).length > 0

/** How it ended, and whether it did so in time. */
async function endedBy(running: RunningCli, ...signals: readonly NodeJS.Signals[]) {
  const beganMs = performance.now()
  for (const signal of signals) running.child.kill(signal)
  const code = await running.ended
  return { code: code ?? running.child.signalCode, isInTime: performance.now() - beganMs < longestMs }
}

const endSignals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP']

describe.skipIf(noSilentDisk !== undefined)(
  'every-call-ends: a file system that does not answer',
  sideBySide,
  () => {
    /** The kernel waits for the call, and so does Node; only a program in its place can give a code. */
    const unless = (code: number, signal: NodeJS.Signals) => ('execve' in process ? code : signal)

    // oxlint-disable-next-line no-empty-pattern -- Vitest reads it to find what a fixture needs
    const itWithDisk = it.extend('disk', async ({}, { onCleanup }) => {
      const disk = await mountSilentDisk()
      onCleanup(() => disk.close())
      return disk
    })

    itWithDisk.for(endSignals)(
      '%s ends run, though it holds the tracked file',
      async (signal, { at, disk }) => {
        at.forget('forgotten')
        const run = cli.start(['run', ...at.flags, ...quick, '--tracked', join(disk.folder, 'known')])
        await run.reported('tracked-file-unreadable')
        expect(await endedBy(run, signal)).toEqual({ code: unless(0, signal), isInTime: true })
        expect(run.out()).toContain('"event":"stopped"')
        expect(at.engine.containers.list()).toHaveLength(1)
      },
    )

    itWithDisk.for(endSignals)(
      '%s ends run before it has begun, though it holds the configuration',
      async (signal, { at, disk }) => {
        const run = cli.start(['run', ...at.flags, '--config', join(disk.folder, 'flotsam.yaml')])
        await new Promise((resolve) => setTimeout(resolve, 1000))
        expect(await endedBy(run, signal)).toEqual({ code: signal, isInTime: true })
      },
    )

    itWithDisk.for(['scan', 'sweep'])('%s ends by itself with an error', async (command, { at, disk }) => {
      at.forget('forgotten')
      const running = cli.start([command, ...at.flags, '--tracked', join(disk.folder, 'known')])
      expect(await endedBy(running)).toEqual({ code: unless(1, 'SIGKILL'), isInTime: true })
      expect(running.err()).toContain('it could not be read within 1.5 s')
    })

    itWithDisk(
      'a reload that reads from it is refused, and the old configuration stays in force',
      async ({ at, disk }) => {
        const config = join(at.folder, 'flotsam.yaml')
        writeFileSync(config, 'period: 1s\nnothingTracked: true\n')
        const run = cli.start(['run', ...at.flags, ...quick, '--config', config])
        await run.reported('"event":"started"')
        writeFileSync(
          config,
          `period: 1s\ntracked: ${join(disk.folder, 'known')}\nrecord: ${join(disk.folder, 'record')}\n`,
        )
        run.child.kill('SIGHUP')
        await run.reported('it could not be read within 5 s')
        run.child.kill('SIGHUP')
        await run.reported('an earlier reading has not ended')
        at.forget('forgotten')
        await run.reported('"event":"removed"')
        expect(await endedBy(run, 'SIGTERM')).toEqual({ code: unless(0, 'SIGTERM'), isInTime: true })
      },
    )
  },
)

describe('every-call-ends: a reader that has stopped reading', sideBySide, () => {
  const itWithPipe = it.extend('pipe', ({ at }, { onCleanup }) => {
    const pipe = openFullPipe(join(at.folder, 'pipe'))
    onCleanup(() => pipe.close())
    return pipe
  })

  itWithPipe.for(endSignals)(
    '%s ends run with 1, and says that its log was not read',
    async (signal, { at, pipe }) => {
      const run = cli.start(['run', ...at.flags, '--nothing-tracked'], ['ignore', pipe.fd, 'pipe'])
      await until(() => isListed(at))
      expect(await endedBy(run, signal)).toEqual({ code: 1, isInTime: true })
      expect(run.err()).toBe('error: cannot write output: it is not read\n')
    },
  )

  itWithPipe('standard error that is not read does not keep the process', async ({ at, pipe }) => {
    const run = cli.start(['run', ...at.flags, '--nothing-tracked', '--inspect'], ['ignore', 'pipe', pipe.fd])
    await run.reported('"event":"started"')
    expect(await endedBy(run, 'SIGTERM')).toEqual({ code: 1, isInTime: true })
  })

  itWithPipe('nor do both', async ({ at, pipe }) => {
    const run = cli.start(['run', ...at.flags, '--nothing-tracked'], ['ignore', pipe.fd, pipe.fd])
    await until(() => isListed(at))
    expect(await endedBy(run, 'SIGTERM')).toEqual({ code: 1, isInTime: true })
  })

  itWithPipe('without a signal a slow reader is waited for', async ({ at, pipe }) => {
    for (let count = 0; count < 500; count += 1) at.forget(`forgotten-${count}`)
    const scan = cli.start(['scan', ...at.flags, '--nothing-tracked', '--json'], ['ignore', pipe.fd, 'pipe'])
    await until(() => isListed(at))
    let text = ''
    const reading = setInterval(() => (text += pipe.read()), 10)
    expect(await scan.ended).toBe(0)
    clearInterval(reading)
    text += pipe.read()
    expect((JSON.parse(text.replace(/^\.*/, '')) as { containers: unknown[] }).containers).toHaveLength(500)
  })
})

/** Runs a command in a terminal, pauses or closes that, and prints how the command ended. */
const inTerminal = `
import os, pty, signal, subprocess, sys, time
what, *command = sys.argv[1:]
ours, theirs = pty.openpty()
child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, start_new_session=True)
os.close(theirs)
os.read(ours, 1)
if what == 'closed':
    os.close(ours)
else:
    os.write(ours, b'\\x13')
    time.sleep(1)
    child.send_signal(signal.SIGTERM)
print(child.wait(10), flush=True)
`

describe.skipIf(!hasPython)('every-call-ends: a terminal', sideBySide, () => {
  const ended = async (what: string, { flags }: EnginePlace) => {
    const command = [process.execPath, join(cli.folder, 'dist/src/cli/main.js'), 'run', ...flags]
    const trace = ['--nothing-tracked', '--log-level', 'trace', '--period', '1s']
    const child = spawn('python3', ['-c', inTerminal, what, ...command, ...trace], {
      stdio: 'pipe',
      env: { PATH: process.env['PATH'], HOME: cli.folder },
    })
    let out = ''
    let err = ''
    child.stdout.on('data', (data) => (out += String(data)))
    child.stderr.on('data', (data) => (err += String(data)))
    const [code] = (await once(child, 'close')) as [number]
    return { code, out: out.trim(), err }
  }
  const hasExecve = 'execve' in process

  it('that is paused does not keep run from ending at SIGTERM', async ({ at }) => {
    const err = 'error: cannot write output: it is not read\n'
    expect(await ended('paused', at)).toEqual({ code: 0, out: hasExecve ? '1' : '-15', err })
  })

  it('that is closed ends run', async ({ at }) => {
    expect(await ended('closed', at)).toEqual({ code: 0, out: hasExecve ? '0' : '-1', err: '' })
  })
})

describe('commands that only read end by the signal', sideBySide, () => {
  it.for(endSignals)('%s ends scan while the engine does not answer', async (signal, { at }) => {
    at.engine.freeze()
    const scan = cli.start(['scan', ...at.flags, '--nothing-tracked'])
    await until(() => at.engine.requests.total > 0)
    expect(await endedBy(scan, signal)).toEqual({ code: signal, isInTime: true })
    expect([scan.out(), scan.err()]).toEqual(['', ''])
  })
})

describe('a second signal', sideBySide, () => {
  it('ends a sweep at once, with what it knows', async ({ at }) => {
    const id = at.forget('forgotten')
    at.engine.faults.add({ kind: 'hang', method: 'DELETE' })
    const sweep = cli.start(['sweep', ...at.flags, '--nothing-tracked', '--json'])
    await until(() => at.engine.requests.matching({ method: 'DELETE' }).length === 1)
    const beganMs = performance.now()
    expect(await endedBy(sweep, 'SIGTERM', 'SIGINT')).toEqual({ code: 1, isInTime: true })
    expect(performance.now() - beganMs).toBeLessThan(4000)
    expect(JSON.parse(sweep.out())).toMatchObject({ removed: [], unknown: [id] })
  })
})

describe('SIGHUP with --config', sideBySide, () => {
  const replace = (path: string, text: string) => {
    writeFileSync(`${path}.new`, text)
    renameSync(`${path}.new`, path)
  }

  it('reloads the file, refuses a broken one, and ends nothing', async ({ at }) => {
    const config = join(at.folder, 'flotsam.yaml')
    const known = join(at.folder, 'known')
    const [kept, forgotten] = [at.forget('kept'), at.forget('forgotten')]
    replace(known, trackedText(kept, forgotten))
    const settings = (period: string, log: string) =>
      `tracked: ${known}\nperiod: ${period}\nlogLevel: ${log}\nrestoreGrace: 0s\nreleaseGrace: 1s\nrecoveryGrace: 1s\ncreationGrace: 1s\nallowShortGrace: true\n`
    replace(config, settings('5m', 'info'))
    const run = cli.start(['run', ...at.flags, '--config', config, '--record', join(at.folder, 'recording')])
    await run.reported('"event":"started"')
    run.child.kill('SIGHUP')
    await run.reported('"event":"configUnchanged"')
    replace(config, 'period: often\n')
    run.child.kill('SIGHUP')
    await run.reported('"event":"configRefused"')
    expect(run.out()).toContain(`${config}:1: period: \\"often\\" is not allowed`)
    replace(config, settings('1s', 'debug'))
    run.child.kill('SIGHUP')
    await run.reported('"event":"configReloaded","changed":["period","logLevel"]')
    await run.reported('"event":"scanned"')
    replace(known, trackedText(kept))
    await run.reported('"event":"removed"')
    expect(at.engine.containers.list().map(({ id }) => id)).toEqual([kept])
    expect(await endedBy(run, 'SIGTERM')).toEqual({ code: 0, isInTime: true })
    const replay = cli.start(['replay', join(at.folder, 'recording')])
    expect([await replay.ended, replay.err()]).toEqual([0, ''])
    expect(run.err()).toBe('')
  })

  it('without it SIGHUP ends run like SIGTERM', async ({ at }) => {
    const run = cli.start(['run', ...at.flags, '--nothing-tracked'])
    await run.reported('"event":"started"')
    expect(await endedBy(run, 'SIGHUP')).toEqual({ code: 0, isInTime: true })
    expect(run.out()).toContain('"event":"stopped"')
  })
})
