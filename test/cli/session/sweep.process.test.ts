import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createEmbeddedEngine, type EmbeddedEngine } from '../../../src/testing/index.ts'
import { until } from '../../testing/support.ts'
import { buildCli, type BuiltCli } from '../support/built-cli.ts'

const key = 'com.example.agent'
const hourMs = 3_600_000

let cli: BuiltCli
beforeAll(() => {
  cli = buildCli()
})
afterAll(() => cli.close())

let engine: EmbeddedEngine
let socketPath: string
let leases: string
let number = 0
beforeEach(() => {
  engine = createEmbeddedEngine()
  number += 1
  socketPath = join(cli.folder, `engine-${number}.sock`)
  leases = join(cli.folder, `leases-${number}`)
})
afterEach(() => engine.close())

const place = () => ['--host', `unix://${socketPath}`, '--owner', key, '--sessions', leases]
const quick = [
  '--creation-grace',
  '1s',
  '--recovery-grace',
  '1s',
  '--allow-short-grace',
  '--session-grace',
  '1s',
]
const sweeping = (...command: readonly string[]) => [
  'session',
  ...place(),
  ...quick,
  '--period',
  '500ms',
  '--sweep',
  '--',
  ...command,
]

/** Prints its session, and ends with 0 when its input does. */
const waiting = ['sh', '-c', 'echo "$FLOTSAM_SESSION"; cat'] as const

interface Holding {
  readonly id: string
  readonly err: () => string
  /** Ends the command, and resolves with the exit code of the session. */
  end(): Promise<number | null>
  /** Kills the wrapper. The command ends as well, some time later. */
  kill(): Promise<void>
}

async function hold(args: readonly string[] = sweeping(...waiting)): Promise<Holding> {
  const run = cli.start(args, ['pipe', 'pipe', 'pipe'])
  const { stdin } = run.child as unknown as { stdin: NodeJS.WritableStream }
  await run.reported('\n')
  return {
    id: run.out().trim(),
    err: run.err,
    end: () => {
      stdin.end()
      return run.ended
    },
    kill: async () => {
      const exited = once(run.child, 'exit')
      run.child.kill('SIGKILL')
      await exited
      stdin.end()
    },
  }
}

const create = (session: string, name: string, createdAtMs = Date.now() - hourMs) =>
  engine.containers.create({ name, labels: { [key]: session }, createdAtMs })
const names = () => engine.containers.list().map(({ name }) => name)
/** Marks the directory as one in which sessions are held. */
const openOnce = async () => {
  expect(await cli.start(['session', ...place(), '--', 'true']).ended).toBe(0)
}
const noSession = () => randomBytes(16).toString('hex')

describe('flotsam session --sweep', () => {
  it('live-session: leaves its own containers while the command runs, and removes them when it has ended', async () => {
    await engine.listen({ socketPath })
    const held = await hold()
    create(held.id, 'old')
    create(held.id, 'new', Date.now())
    create('agent-7', 'of-a-fixed-owner')
    const before = engine.requests.matching({ path: '/containers/json' }).length
    await until(() => engine.requests.matching({ path: '/containers/json' }).length >= before + 3)
    expect(names()).toEqual(['old', 'new', 'of-a-fixed-owner'])
    expect([await held.end(), held.err()]).toEqual([0, ''])
    expect(names()).toEqual(['of-a-fixed-owner'])
  })

  it('removes exited ones, and a guest before its holder', async () => {
    await engine.listen({ socketPath })
    const held = await hold()
    const labels = { [key]: held.id }
    const holder = engine.containers.create({ name: 'holder', labels })
    engine.containers.create({ name: 'guest', labels, networkMode: `container:${holder}` })
    engine.containers.create({ name: 'exited', labels, status: 'exited' })
    expect([await held.end(), held.err()]).toEqual([0, ''])
    expect(names()).toEqual([])
  })

  it('a container that cannot be removed does not keep the others, however late they were created', async () => {
    await engine.listen({ socketPath })
    const held = await hold()
    const stuck = create(held.id, 'stuck')
    engine.faults.add({
      kind: 'error',
      method: 'DELETE',
      container: stuck,
      status: 500,
      message: 'device or resource busy',
    })
    create(held.id, 'young', Date.now())
    expect(await held.end()).toBe(1)
    expect(held.err()).toMatch(/^error: container [0-9a-f]{12} stuck is left: .*device or resource busy/m)
    expect(names()).toEqual(['stuck'])
  })

  it('dry-run: says what would be removed, waits for nothing, and is no failure', async () => {
    await engine.listen({ socketPath })
    const held = await hold([...sweeping().slice(0, -1), '--dry-run', '--', ...waiting])
    create(held.id, 'old')
    create(held.id, 'young', Date.now())
    expect(await held.end()).toBe(0)
    expect(held.err()).toMatch(/^would remove [0-9a-f]{12} young\nwould remove [0-9a-f]{12} old\n$/)
    expect(names()).toEqual(['old', 'young'])
  })

  it('protected: what has the keep label stays, and is no failure', async () => {
    await engine.listen({ socketPath })
    const held = await hold()
    engine.containers.create({ name: 'kept', labels: { [key]: held.id, 'flotsam.keep': 'true' } })
    expect([await held.end(), held.err()]).toEqual([0, ''])
    expect(names()).toEqual(['kept'])
  })

  it('eventually-removed: one that the engine is still creating is removed in a further scan', async () => {
    await engine.listen({ socketPath })
    const held = await hold()
    create(held.id, 'first')
    engine.faults.add({ kind: 'latency', method: 'DELETE', delayMs: 300 })
    const ended = held.end()
    await until(() => engine.requests.matching({ method: 'DELETE' }).length >= 1)
    create(held.id, 'late', Date.now())
    expect(await ended).toBe(0)
    expect(names()).toEqual([])
  })

  it('a killed wrapper: the next session removes what it left, and not what lives', async () => {
    await engine.listen({ socketPath })
    const killed = await hold()
    create(killed.id, 'left')
    const living = await hold(['session', ...place(), '--', ...waiting])
    create(living.id, 'lives')
    await killed.kill()
    const next = cli.start(sweeping('true'))
    expect(await next.ended).toBe(0)
    // ten seconds more if the session that lives comes first
    expect(next.err()).toMatch(
      /^waiting for 1 container of ended sessions, at most \d+ s; SIGINT ends the waiting\n$/,
    )
    expect(names()).toEqual(['lives'])
    expect(await living.end()).toBe(0)
  })

  it('two side by side: the one removes what the other has left, while its own live', async () => {
    await engine.listen({ socketPath })
    const [one, other] = [await hold(), await hold()]
    create(one.id, 'of-the-one')
    create(other.id, 'of-the-other')
    await one.kill()
    await until(() => names().length === 1)
    expect(names()).toEqual(['of-the-other'])
    expect(await other.end()).toBe(0)
    expect(names()).toEqual([])
  })

  it('a signal ends the waiting, and what is left is reported', async () => {
    await engine.listen({ socketPath })
    await openOnce()
    create(noSession(), 'left')
    const args = sweeping('true').map((word, at, all) => (all[at - 1] === '--session-grace' ? '30s' : word))
    const run = cli.start(args)
    await until(() => run.err().includes('waiting for 1 container'))
    run.child.kill('SIGTERM')
    expect(await run.ended).toBe(1)
    expect(run.err()).toMatch(/\nerror: container \S+ left is left: [^\n]+\n$/)
    expect(names()).toEqual(['left'])
  })

  it('dry-run: removes nothing', async () => {
    await engine.listen({ socketPath })
    const held = await hold(sweeping(...waiting).toSpliced(1, 0, '--dry-run'))
    create(held.id, 'own')
    await held.end()
    expect(names()).toEqual(['own'])
    expect(engine.requests.matching({ method: 'DELETE' })).toEqual([])
  })
})

describe('an engine that is down', () => {
  it('does not keep the command from running; what may be left makes a success a failure', async () => {
    const run = cli.start(sweeping('echo', 'ran'))
    expect(await run.ended).toBe(1)
    expect(run.out()).toBe('ran\n')
    expect(run.err()).toMatch(/^error: the containers of this session may be left: [^\n]+\n$/)
  })

  it('leaves a failure of the command as it is', async () => {
    expect(await cli.start(sweeping('sh', '-c', 'exit 3')).ended).toBe(3)
  })

  it('at the start, and up later: both kinds of containers are removed', async () => {
    await openOnce()
    const held = await hold()
    create(noSession(), 'left')
    create(held.id, 'own')
    await engine.listen({ socketPath })
    await until(() => !names().includes('left'))
    expect([await held.end(), names()]).toEqual([0, []])
  })

  it('one container that cannot be removed is one line', async () => {
    await engine.listen({ socketPath })
    const held = await hold()
    create(held.id, 'stubborn')
    engine.faults.add({ kind: 'error', method: 'DELETE', status: 500, message: 'device is busy' })
    expect(await held.end()).toBe(1)
    expect(held.err()).toMatch(/^error: container \S+ stubborn is left: [^\n]*device is busy[^\n]*\n$/)
  }, 60_000)
})

describe('without --sweep', () => {
  it('the containers are left to others, which a run with --sessions removes', async () => {
    await engine.listen({ socketPath })
    const held = await hold(['session', ...place(), '--', ...waiting])
    create(held.id, 'left')
    const reconciling = cli.start(['run', ...place(), ...quick, '--restore-grace', '0s', '--period', '500ms'])
    await reconciling.reported('"event":"started"')
    expect([await held.end(), held.err()]).toEqual([0, ''])
    await reconciling.reported('"event":"removed"')
    reconciling.child.kill('SIGTERM')
    expect(await reconciling.ended).toBe(0)
    expect(names()).toEqual([])
  }, 30_000)

  it('a lease that may have been lost is reported while the command runs', async () => {
    const held = await hold(['session', ...place(), '--', ...waiting])
    rmSync(leases, { recursive: true })
    writeFileSync(leases, '')
    await until(() => held.err() !== '')
    expect(held.err()).toMatch(
      new RegExp(`^error: session ${held.id}: [^\\n]+; other sessions may remove its containers\\n$`),
    )
    expect(await held.end()).toBe(0)
  })
})
