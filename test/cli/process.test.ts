import { spawnSync } from 'node:child_process'
import { closeSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createEmbeddedEngine, type EmbeddedEngine } from '../../src/testing/index.ts'
import { until } from '../testing/support.ts'
import { buildCli, type BuiltCli } from './support/built-cli.ts'
import { trackedText } from './support/tracked-text.ts'

const labels = { 'com.example.agent': 'agent-7' }

let cli: BuiltCli
beforeAll(() => {
  cli = buildCli()
})
afterAll(() => cli.close())

let engine: EmbeddedEngine
let socketPath: string
let number = 0
beforeEach(() => {
  engine = createEmbeddedEngine()
  number += 1
  socketPath = join(cli.folder, `engine-${number}.sock`)
})
afterEach(() => engine.close())

const place = () => ['--host', `unix://${socketPath}`, '--owner', 'com.example.agent=agent-7']
const target = () => [...place(), '--nothing-tracked']
const quick = ['--creation-grace', '1s', '--allow-short-grace', '--restore-grace', '0s']
const forget = (name: string) =>
  engine.containers.create({ name, labels, createdAtMs: Date.now() - 3_600_000 })

describe('run as a process', () => {
  it('survives-outage: starts without an engine, waits for it, and ends with 0 on SIGTERM', async () => {
    const id = forget('forgotten')
    const run = cli.start(['run', ...target(), ...quick])
    await run.reported('"event":"engineDown"')
    await engine.listen({ socketPath })
    await run.reported('"event":"removed"')
    expect(engine.containers.get(id)).toBeUndefined()
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

  it('SIGINT ends it with 0, too', async () => {
    await engine.listen({ socketPath })
    const run = cli.start(['run', ...target()])
    await run.reported('"event":"started"')
    run.child.kill('SIGINT')
    expect(await run.ended).toBe(0)
  })

  it('quiet-stop: SIGTERM ends it with 0 within ten seconds though a removal hangs, and no new one begins', async () => {
    for (const name of ['one', 'two', 'three']) forget(name)
    await engine.listen({ socketPath })
    engine.faults.add({ kind: 'hang', method: 'DELETE' })
    const run = cli.start(['run', ...target(), ...quick])
    await until(() => engine.requests.matching({ method: 'DELETE' }).length === 2)
    const beganMs = performance.now()
    run.child.kill('SIGTERM')
    expect(await run.ended).toBe(0)
    expect(performance.now() - beganMs).toBeLessThan(10_000)
    expect(engine.requests.matching({ method: 'DELETE' })).toHaveLength(2)
  })

  it('SIGTERM ends it with 0 within ten seconds though the engine accepts and never answers', async () => {
    await engine.listen({ socketPath })
    engine.freeze()
    const run = cli.start(['run', ...target(), ...quick])
    await until(() => engine.requests.total > 0)
    const beganMs = performance.now()
    run.child.kill('SIGTERM')
    expect(await run.ended).toBe(0)
    expect(performance.now() - beganMs).toBeLessThan(10_000)
  })

  it('a second signal ends it at once', async () => {
    forget('forgotten')
    await engine.listen({ socketPath })
    engine.faults.add({ kind: 'hang', method: 'DELETE' })
    const run = cli.start(['run', ...target(), ...quick])
    await until(() => engine.requests.matching({ method: 'DELETE' }).length === 1)
    const beganMs = performance.now()
    run.child.kill('SIGTERM')
    run.child.kill('SIGINT')
    expect(await run.ended).toBe(0)
    expect(performance.now() - beganMs).toBeLessThan(4000)
  })

  it('unknown-is-spared: starts without its tracked file, warns once, and removes as soon as the file says so', async () => {
    const [known, forgotten] = [forget('known'), forget('forgotten')]
    await engine.listen({ socketPath })
    const file = join(cli.folder, `containers-${number}`)
    const run = cli.start(['run', ...place(), '--tracked', file, '--period', '1s', ...quick])
    await run.reported('"event":"degraded"')
    await until(() => engine.requests.matching({ path: '/containers/json' }).length >= 3)
    expect(engine.requests.matching({ method: 'DELETE' })).toEqual([])
    writeFileSync(`${file}.new`, trackedText(known))
    renameSync(`${file}.new`, file)
    await run.reported('"event":"removed"')
    run.child.kill('SIGTERM')
    expect(await run.ended).toBe(0)
    expect(engine.containers.list().map(({ id }) => id)).toEqual([known])
    expect(engine.requests.matching({ method: 'DELETE' }).map(({ containerId }) => containerId)).toEqual([
      forgotten,
    ])
    expect(run.out().match(/"event":"(degraded|stillDegraded|recovered)"/g)).toEqual([
      '"event":"degraded"',
      '"event":"recovered"',
    ])
  })

  it('ends quietly with 0 when the reader of its output has gone', async () => {
    await engine.listen({ socketPath })
    const run = cli.start(['run', ...target(), ...quick])
    await run.reported('"event":"started"')
    run.child.stdout.destroy()
    forget('forgotten')
    await engine.restart()
    expect([await run.ended, run.err()]).toEqual([0, ''])
  })
})

describe('scan and sweep as processes', () => {
  it('with --json stdout has nothing but JSON, and the process ends by itself', async () => {
    const id = forget('forgotten')
    await engine.listen({ socketPath })
    const scan = cli.start(['scan', ...target(), '--json'])
    expect([await scan.ended, scan.err()]).toEqual([0, ''])
    expect(JSON.parse(scan.out())).toMatchObject({ containers: [{ id, verdict: 'dangling' }] })
    const sweep = cli.start(['sweep', ...target(), '--json'])
    expect([await sweep.ended, sweep.err()]).toEqual([0, ''])
    expect(JSON.parse(sweep.out())).toMatchObject({ removed: [id], failed: [], unknown: [] })
  })

  it('a listing too long for one write arrives in full', async () => {
    for (let count = 0; count < 2000; count += 1) forget(`forgotten-${count}`)
    await engine.listen({ socketPath })
    const scan = cli.start(['scan', ...target(), '--json'])
    expect(await scan.ended).toBe(0)
    expect((JSON.parse(scan.out()) as { containers: unknown[] }).containers).toHaveLength(2000)
  })

  it('sweep ends with 1, and prints what it knows, on SIGTERM while a removal hangs', async () => {
    const id = forget('forgotten')
    await engine.listen({ socketPath })
    engine.faults.add({ kind: 'hang', method: 'DELETE' })
    const sweep = cli.start(['sweep', ...target(), '--json'])
    await until(() => engine.requests.matching({ method: 'DELETE' }).length === 1)
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

  it('a reader that closes the pipe is no failure', async () => {
    await engine.listen({ socketPath })
    const scan = cli.start(['scan', ...target()])
    scan.child.stdout.destroy()
    expect([await scan.ended, scan.err()]).toEqual([0, ''])
  })

  it('output that cannot be written ends with 1 and one line', async () => {
    await engine.listen({ socketPath })
    const full = openSync('/dev/full', 'w')
    const scan = cli.start(['scan', ...target()], ['ignore', full, 'pipe'])
    expect(await scan.ended).toBe(1)
    closeSync(full)
    expect(scan.err()).toMatch(/^error: cannot write output: [^\n]*ENOSPC[^\n]*\n$/)
  })
})

describe('the library in a program with nothing else to do', () => {
  const program = (body: string) => {
    const path = join(cli.folder, `program-${number}.mjs`)
    writeFileSync(
      path,
      `import { createReconciler } from './dist/src/index.js'
const options = { owner: { label: 'com.example.agent', value: 'agent-7' }, tracked: new Set() }
const reconciler = createReconciler({ ...options, engine: 'unix://${socketPath}' })
${body}`,
    )
    return spawnSync(process.execPath, [path], { encoding: 'utf8', timeout: 20_000 })
  }

  it('pending scan() and stop() calls are answered', () => {
    const { status, stdout } = program(`
reconciler.start()
for (let scans = 0; scans < 3; scans++) await reconciler.scan().catch(({ kind }) => console.log(kind))
await reconciler.stop()
console.log(reconciler.status().state)`)
    expect([status, stdout]).toEqual([0, 'unavailable\nunavailable\nunavailable\nstopped\n'])
  })

  it('a started reconciler does not keep a finished process alive', () => {
    const { status, signal } = program('reconciler.start()')
    expect([status, signal]).toEqual([0, null])
  })
})
