import { execFile } from 'node:child_process'
import { accessSync, constants, realpathSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createEmbeddedEngine, type EmbeddedEngine } from '../../src/testing/index.ts'

/** Every `docker` command on the path: there may be an old and a new one. */
const commands = [
  ...new Set(
    (process.env['PATH'] ?? '').split(delimiter).flatMap((folder) => executable(join(folder, 'docker'))),
  ),
]

function executable(path: string): string[] {
  try {
    accessSync(path, constants.X_OK)
    return [realpathSync(path)]
  } catch {
    return []
  }
}

test.runIf(commands.length === 0)(
  'without a docker command on the path there is nothing to test',
  ({ skip }) => {
    expect(commands).toEqual([])
    skip()
  },
)

describe.each(commands)('%s', (command) => {
  let engine: EmbeddedEngine
  let folder: string

  beforeEach(async () => {
    engine = createEmbeddedEngine({
      images: ['busybox:latest', { reference: 'app:1', labels: { from: 'image' } }],
    })
    await engine.listen()
    folder = await mkdtemp(join(tmpdir(), 'docker-config-'))
  })

  afterEach(async () => {
    await engine.close()
    await rm(folder, { recursive: true, force: true })
  })

  function docker(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const env = {
      PATH: process.env['PATH'],
      HOME: folder,
      DOCKER_CONFIG: folder,
      DOCKER_HOST: engine.address,
    }
    return new Promise((resolve) => {
      execFile(command, args, { env }, (error, out, err) => {
        resolve({ code: error ? Number(error.code) : 0, out: out.trim(), err: err.trim() })
      })
    })
  }

  test('version and info', async () => {
    const format = '{{.Server.Version}} {{.Server.APIVersion}}'
    expect(await docker('version', '--format', format)).toEqual({ code: 0, out: '28.5.2 1.51', err: '' })
    engine.containers.create({ status: 'paused' })
    const { code, out, err } = await docker(
      'info',
      '--format',
      '{{.Containers}} {{.ContainersPaused}} {{.ServerVersion}}',
    )
    expect([code, out, err]).toEqual([0, '1 1 28.5.2', ''])
    expect((await docker('info')).code).toBe(0)
    expect((await docker('version')).code).toBe(0)
  })

  test('the life of a container', { timeout: 30_000 }, async () => {
    const run = await docker(
      'run',
      '-d',
      '--name',
      'task',
      '--label',
      'k=v',
      '-v',
      '/data',
      '--net',
      'none',
      'app:1',
      'serve',
    )
    expect([run.code, run.err]).toEqual([0, ''])
    expect(run.out).toMatch(/^[0-9a-f]{64}$/)
    const ps = await docker(
      'ps',
      '--format',
      '{{.ID}} {{.Names}} {{.Image}} {{.Command}} {{.State}} {{.Label "from"}} {{.Label "k"}}',
    )
    expect(ps.out).toBe(`${run.out.slice(0, 12)} task app:1 "serve" running image v`)
    expect((await docker('ps')).out).toMatch(/Up (Less than a second|\d+ seconds?)\s+task$/)
    expect((await docker('pause', 'task')).out).toBe('task')
    expect(
      (await docker('inspect', '--format', '{{.State.Status}} {{.HostConfig.NetworkMode}}', 'task')).out,
    ).toBe('paused none')
    const refused = await docker('rm', 'task')
    expect([refused.code, refused.err]).toEqual([
      1,
      expect.stringContaining('container is paused and must be unpaused first'),
    ])
    await docker('unpause', 'task')
    expect((await docker('rename', 'task', 'renamed')).code).toBe(0)
    expect((await docker('stop', 'renamed')).out).toBe('renamed')
    expect((await docker('ps', '-q')).out).toBe('')
    expect((await docker('ps', '-a', '--filter', 'label=k=v', '--format', '{{.Status}}')).out).toMatch(
      /^Exited \(143\)/,
    )
    expect((await docker('start', 'renamed')).out).toBe('renamed')
    expect((await docker('kill', 'renamed')).out).toBe('renamed')
    expect((await docker('volume', 'ls', '-q')).out).toMatch(/^[0-9a-f]{64}$/)
    expect((await docker('rm', '-f', '-v', 'renamed')).out).toBe('renamed')
    expect((await docker('volume', 'ls', '-q')).out).toBe('')
    expect(engine.containers.size).toBe(0)
  })

  test('create, prune, and containers that remove themselves', async () => {
    const { out: id } = await docker('create', '--label', 'k=v', 'busybox', 'serve')
    engine.containers.create({ status: 'exited' })
    const prune = await docker('container', 'prune', '-f', '--filter', 'label=k=v')
    expect(prune.out).toContain(id)
    expect(engine.containers.size).toBe(1)
    const run = await docker('run', '-d', '--rm', 'busybox', 'true')
    expect([run.code, run.err]).toEqual([0, ''])
    await expect.poll(() => engine.containers.get(run.out)).toBeUndefined()
  })

  test('what is refused is refused as by a real engine', async () => {
    expect((await docker('inspect', 'nothing')).err).toMatch(/No such object: nothing/i)
    const missing = await docker('run', '-d', 'nothing:1', 'serve')
    expect([missing.code, missing.err]).toEqual([
      125,
      expect.stringContaining('pull access denied for nothing'),
    ])
    engine.containers.create({ name: 'task' })
    const logs = await docker('logs', 'task')
    expect([logs.code, logs.err]).toEqual([1, expect.stringContaining('does not support reading')])
    const exec = await docker('exec', 'task', 'true')
    expect([exec.code, exec.err]).toEqual([1, expect.stringContaining('nothing can be executed')])
    const attach = await docker('run', 'busybox', 'true')
    expect([1, 125]).toContain(attach.code)
    expect(attach.err).toMatch(/nothing to attach to|unable to upgrade to tcp, received 501/)
    const taken = await docker('create', '--name', 'task', 'busybox', 'serve')
    expect([taken.code, taken.err]).toEqual([1, expect.stringContaining('is already in use by container')])
  })

  test('events, images, volumes, networks and disk usage', async () => {
    // the command counts in whole seconds: what happened in this one would be left out
    const past = engine.faults.add({ kind: 'clock-offset', offsetMs: -10_000 })
    engine.containers.kill(engine.containers.create({ name: 'task' }))
    past.clear()
    const events = await docker(
      'events',
      '--since',
      '1h',
      '--until',
      '0s',
      '--filter',
      'type=container',
      '--format',
      '{{.Status}}',
    )
    expect(events.out.split('\n')).toEqual(['create', 'start', 'kill', 'die'])
    expect(
      (await docker('image', 'ls', '--format', '{{.Repository}}:{{.Tag}}')).out.split('\n').sort(),
    ).toEqual(['app:1', 'busybox:latest'])
    expect((await docker('image', 'inspect', '--format', '{{json .Config.Labels}}', 'app:1')).out).toBe(
      '{"from":"image"}',
    )
    expect((await docker('pull', '-q', 'busybox')).out).toMatch(/busybox:latest$/)
    expect((await docker('volume', 'create', 'kept')).out).toBe('kept')
    expect((await docker('volume', 'inspect', '--format', '{{.Name}}', 'kept')).out).toBe('kept')
    expect((await docker('network', 'ls', '--format', '{{.Name}}')).out.split('\n').sort()).toEqual([
      'bridge',
      'host',
      'none',
    ])
    expect(
      (await docker('system', 'df', '--format', '{{.Type}} {{.TotalCount}}')).out.split('\n').slice(0, 3),
    ).toEqual(['Images 2', 'Containers 1', 'Local Volumes 1'])
  })
})
