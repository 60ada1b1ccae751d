import { spawnSync } from 'node:child_process'
import { closeSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../testing/support.ts'
import { buildCli, type BuiltCli } from './support/built-cli.ts'
import { createEnginePlace, quick } from './support/engine-place.ts'
import { trackedText } from './support/tracked-text.ts'

/** What a pipe of Linux takes before it is read. */
const pipeLength = 65_536

let cli: BuiltCli
beforeAll(() => {
  cli = buildCli()
})
afterAll(() => cli.close())

/** Several of these tests wait for a limit of the command, so they wait side by side. */
const sideBySide = { concurrent: true }

const it = test.extend('at', ({ task }, { onCleanup }) => {
  const place = createEnginePlace(join(cli.folder, task.id))
  onCleanup(() => place.engine.close())
  return { ...place, target: [...place.flags, '--nothing-tracked'] }
})

describe('run as a process', sideBySide, () => {
  it('survives-outage: starts without an engine, waits for it, and ends with 0 on SIGTERM', async ({
    at,
  }) => {
    const id = at.forget('forgotten')
    const run = cli.start(['run', ...at.target, ...quick])
    await run.reported('"event":"engineDown"')
    await at.listen()
    await run.reported('"event":"removed"')
    expect(at.engine.containers.get(id)).toBeUndefined()
    run.child.kill('SIGTERM')
    expect(await run.ended).toBe(0)
    const events = run
      .out()
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { event: string }).event)
    expect(events).toEqual(['started', 'engineDown', 'engineUp', 'removed', 'stopped'])
    expect(run.err()).toBe('')
  })

  it('SIGINT ends it with 0, too', async ({ at }) => {
    await at.listen()
    const run = cli.start(['run', ...at.target])
    await run.reported('"event":"started"')
    run.child.kill('SIGINT')
    expect(await run.ended).toBe(0)
  })

  it('quiet-stop: SIGTERM ends it with 0 within ten seconds though a removal hangs, and no new one begins', async ({
    at,
  }) => {
    for (const name of ['one', 'two', 'three']) at.forget(name)
    await at.listen()
    at.engine.faults.add({ kind: 'hang', method: 'DELETE' })
    const run = cli.start(['run', ...at.target, ...quick])
    await until(() => at.engine.requests.matching({ method: 'DELETE' }).length === 2)
    const beganMs = performance.now()
    run.child.kill('SIGTERM')
    expect(await run.ended).toBe(0)
    expect(performance.now() - beganMs).toBeLessThan(10_000)
    expect(at.engine.requests.matching({ method: 'DELETE' })).toHaveLength(2)
  })

  it('SIGTERM ends it with 0 within ten seconds though the engine accepts and never answers', async ({
    at,
  }) => {
    await at.listen()
    at.engine.freeze()
    const run = cli.start(['run', ...at.target, ...quick])
    await until(() => at.engine.requests.total > 0)
    const beganMs = performance.now()
    run.child.kill('SIGTERM')
    expect(await run.ended).toBe(0)
    expect(performance.now() - beganMs).toBeLessThan(10_000)
  })

  it('a second signal ends it at once', async ({ at }) => {
    at.forget('forgotten')
    await at.listen()
    at.engine.faults.add({ kind: 'hang', method: 'DELETE' })
    const run = cli.start(['run', ...at.target, ...quick])
    await until(() => at.engine.requests.matching({ method: 'DELETE' }).length === 1)
    const beganMs = performance.now()
    run.child.kill('SIGTERM')
    run.child.kill('SIGINT')
    expect(await run.ended).toBe(0)
    expect(performance.now() - beganMs).toBeLessThan(4000)
  })

  it('unknown-is-spared: starts without its tracked file, warns once, and removes as soon as the file says so', async ({
    at,
  }) => {
    const [known, forgotten] = [at.forget('known'), at.forget('forgotten')]
    await at.listen()
    const file = join(at.folder, 'containers')
    const run = cli.start(['run', ...at.flags, '--tracked', file, '--period', '1s', ...quick])
    await run.reported('"event":"degraded"')
    await until(() => at.engine.requests.matching({ path: '/containers/json' }).length >= 3)
    expect(at.engine.requests.matching({ method: 'DELETE' })).toEqual([])
    writeFileSync(`${file}.new`, trackedText(known))
    renameSync(`${file}.new`, file)
    await run.reported('"event":"removed"')
    run.child.kill('SIGTERM')
    expect(await run.ended).toBe(0)
    expect(at.engine.containers.list().map(({ id }) => id)).toEqual([known])
    expect(at.engine.requests.matching({ method: 'DELETE' }).map(({ containerId }) => containerId)).toEqual([
      forgotten,
    ])
    expect(run.out().match(/"event":"(degraded|stillDegraded|recovered)"/g)).toEqual([
      '"event":"degraded"',
      '"event":"recovered"',
    ])
  })

  it('ends quietly with 0 when the reader of its output has gone', async ({ at }) => {
    await at.listen()
    const run = cli.start(['run', ...at.target, ...quick])
    await run.reported('"event":"started"')
    run.child.stdout.destroy()
    at.forget('forgotten')
    await at.engine.restart()
    expect([await run.ended, run.err()]).toEqual([0, ''])
  })
})

describe('scan and sweep as processes', sideBySide, () => {
  it('with --json stdout has nothing but JSON, and the process ends by itself', async ({ at }) => {
    const id = at.forget('forgotten')
    await at.listen()
    const scan = cli.start(['scan', ...at.target, '--json'])
    expect([await scan.ended, scan.err()]).toEqual([0, ''])
    expect(JSON.parse(scan.out())).toMatchObject({ containers: [{ id, verdict: 'dangling' }] })
    const sweep = cli.start(['sweep', ...at.target, '--json'])
    expect([await sweep.ended, sweep.err()]).toEqual([0, ''])
    expect(JSON.parse(sweep.out())).toMatchObject({ removed: [id], failed: [], unknown: [] })
  })

  it('a listing too long for one write arrives in full', async ({ at }) => {
    for (let count = 0; count < 700; count += 1) at.forget(`forgotten-${count}`)
    await at.listen()
    const scan = cli.start(['scan', ...at.target, '--json'])
    expect(await scan.ended).toBe(0)
    expect(scan.out().length).toBeGreaterThan(2 * pipeLength)
    expect((JSON.parse(scan.out()) as { containers: unknown[] }).containers).toHaveLength(700)
  })

  it('sweep ends with 1, and prints what it knows, on SIGTERM while a removal hangs', async ({ at }) => {
    const id = at.forget('forgotten')
    await at.listen()
    at.engine.faults.add({ kind: 'hang', method: 'DELETE' })
    const sweep = cli.start(['sweep', ...at.target, '--json'])
    await until(() => at.engine.requests.matching({ method: 'DELETE' }).length === 1)
    const beganMs = performance.now()
    sweep.child.kill('SIGTERM')
    expect(await sweep.ended).toBe(1)
    expect(performance.now() - beganMs).toBeLessThan(10_000)
    expect(JSON.parse(sweep.out())).toMatchObject({ removed: [], unknown: [id] })
  })

  it.each([
    [['--version'], 0],
    [['scan', '--help'], 0],
    [['scan'], 2],
    [['nothing'], 2],
    [['scan', '--host', 'unix:///nowhere', '--owner', 'a=b'], 1],
  ])('%j ends with %i', async (args, code) => {
    const ended = cli.start(args)
    expect(await ended.ended).toBe(code)
    expect(ended.err().split('\n').length).toBe(code === 0 ? 1 : 2)
  })

  it('--version is that of the package', async () => {
    const asked = cli.start(['--version'])
    await asked.ended
    expect(asked.out()).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it('a reader that closes the pipe is no failure', async ({ at }) => {
    await at.listen()
    const scan = cli.start(['scan', ...at.target])
    scan.child.stdout.destroy()
    expect([await scan.ended, scan.err()]).toEqual([0, ''])
  })

  it('output that cannot be written ends with 1 and one line', async ({ at }) => {
    await at.listen()
    const full = openSync('/dev/full', 'w')
    const scan = cli.start(['scan', ...at.target], ['ignore', full, 'pipe'])
    expect(await scan.ended).toBe(1)
    closeSync(full)
    expect(scan.err()).toMatch(/^error: cannot write output: [^\n]*ENOSPC[^\n]*\n$/)
  })
})

describe('the library in a program with nothing else to do', () => {
  const program = (body: string, folder: string) => {
    const path = join(folder, 'program.mjs')
    writeFileSync(
      path,
      `import { createReconciler } from '../dist/src/index.js'
const options = { owner: { label: 'com.example.agent', value: 'agent-7' }, tracked: new Set() }
const reconciler = createReconciler({ ...options, engine: 'unix://${folder}/engine.sock' })
${body}`,
    )
    return spawnSync(process.execPath, [path], { encoding: 'utf8', timeout: 20_000 })
  }

  it('pending scan() and stop() calls are answered', ({ at }) => {
    const { status, stdout } = program(
      `
reconciler.start()
for (let scans = 0; scans < 3; scans++) await reconciler.scan().catch(({ kind }) => console.log(kind))
await reconciler.stop()
console.log(reconciler.status().state)`,
      at.folder,
    )
    expect([status, stdout]).toEqual([0, 'unavailable\nunavailable\nunavailable\nstopped\n'])
  })

  it('a started reconciler does not keep a finished process alive', ({ at }) => {
    const { status, signal } = program('reconciler.start()', at.folder)
    expect([status, signal]).toEqual([0, null])
  })
})
