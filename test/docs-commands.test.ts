import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createLog } from '../src/cli/log.ts'
import type { UnstampedEvent } from '../src/domain/events.ts'
import { createReconciler } from '../src/index.ts'
import { lineOf } from '../src/report/log-line.ts'
import { readSettings } from '../src/supervision/settings.ts'
import { createEmbeddedEngine, type EmbeddedEngine } from '../src/testing/index.ts'
import { buildCli } from './cli/support/built-cli.ts'
import { createTestWorld, ranCli } from './cli/support/cli-world.ts'
import { bare, blocks, read, root, rowsUnder } from './support/pages.ts'

const labels = { 'com.example.agent': 'agent-7' }
const owner = { label: 'com.example.agent', value: 'agent-7' }
const hourMs = 3_600_000

const sorted = (words: Iterable<string>) => [...words].toSorted()
const schema = JSON.parse(read('flotsam.schema.json')) as {
  properties: Record<string, { type: string }>
}

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'flotsam-docs-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

async function listening(version?: { api: string }): Promise<EmbeddedEngine> {
  const engine = createEmbeddedEngine({ seed: 7, ...(version && { version }) })
  onTestFinished(() => engine.close())
  await engine.listen()
  return engine
}

describe('docs/guide.md, Configuration', () => {
  const page = 'docs/guide.md'

  test('both files have the same settings, and the command prints them as shown', async () => {
    const [yaml = ''] = blocks(page, 'yaml', 'Configuration')
    const [json = ''] = blocks(page, 'json', 'Configuration')
    const [shown = ''] = blocks(page, 'console', 'Configuration')
    const [prompt = '', ...lines] = shown.trimEnd().split('\n')
    const folder = folderWith({ 'flotsam.yaml': yaml, 'flotsam.json': json })
    const [, variable = '', value = '', line = ''] = /^\$ (\w+)=(\w+) flotsam (.+)$/.exec(prompt) ?? []
    const reported = async (name: string) => {
      const words = line.replace('flotsam.yaml', join(folder, name))
      const ran = await ranCli(words, createTestWorld({ env: { [variable]: value } }))
      return ran.out.replaceAll(`${folder}/`, '').trimEnd().split('\n')
    }
    expect(await reported('flotsam.yaml')).toEqual(lines)
    const settings = (all: readonly string[]) => all.map((one) => one.replace(/ {2}# .*/, ''))
    expect(settings(await reported('flotsam.json'))).toEqual(settings(lines))
  })
})

describe('what explain shows is what it prints', () => {
  /** Ids are the engine's own, and time goes on. */
  const plain = (text: string) => text.replaceAll(/\b[0-9a-f]{12}\b/g, '<id>').replaceAll(/\b\d+s\b/g, '<s>')

  test('docs/guide.md, Explaining a verdict', async () => {
    const [shown = ''] = blocks('docs/guide.md', 'console', 'Explaining a verdict')
    const [prompt = '', ...lines] = shown.split('\n')
    const engine = await listening()
    const createdAtMs = Date.now() - hourMs
    engine.containers.create({ name: 'crawl-2', labels, createdAtMs })
    const holder = engine.containers.create({ name: 'pause', labels, createdAtMs })
    engine.containers.create({ name: 'proxy', createdAtMs, networkMode: `container:${holder}` })
    const { out } = await ranCli(`${prompt.replace('$ flotsam ', '')} --host ${engine.address}`)
    expect(plain(out)).toBe(plain(lines.join('\n')))
  })

  test('docs/operations.md, What is it doing?', async () => {
    const indented = /^ {2}```console\n(.*?)^ {2}```$/ms.exec(read('docs/operations.md'))?.[1] ?? ''
    const [prompt = '', ...lines] = indented.replaceAll(/^ {2}/gm, '').split('\n')
    const engine = await listening()
    engine.containers.create({ name: 'crawl-3', labels, createdAtMs: Date.now() - 3000 })
    const known = join(folderWith({ known: 'end\n' }), 'known')
    const words = prompt.replace('$ flotsam ', '').replace('--tracked known', `--tracked ${known}`)
    const { out } = await ranCli(`${words} --host ${engine.address}`)
    expect(plain(out)).toBe(plain(lines.join('\n')))
  })
})

test('README.md, As a command: scan, a dry sweep and a sweep print what is shown', async () => {
  const [scan = '', sweeps = ''] = blocks('README.md', 'console', 'As a command')
  const engine = await listening()
  const create = (name: string, ageS: number, more: Readonly<Record<string, string>> = {}) =>
    engine.containers.create({
      name,
      labels: { ...labels, ...more },
      createdAtMs: Date.now() - ageS * 1000,
    })
  const tracked = [create('index', 15), create('crawl-1', 15)]
  create('crawl-2', 15)
  create('archive', 14, { 'flotsam.keep': 'true' })
  create('crawl-3', 2)
  const known = join(folderWith({ known: [...tracked, 'end', ''].join('\n') }), 'known')
  /** Ids are the engine's own, time goes on, and the width of a column is that of its longest cell. */
  const plain = (text: string) =>
    text
      .replaceAll(/\b[0-9a-f]{12}\b/g, '<id>')
      .replaceAll(/\b\d+s\b/g, '<s>')
      .replaceAll(/\b[\d-]{10}T[\d:]{8}Z/g, '<time>')
      .replaceAll(/busybox:latest\b/g, 'busybox')
      .replaceAll(/ +/g, ' ')
      .trim()
      .split('\n')
  for (const session of [scan, sweeps].flatMap((block) => block.split(/^(?=\$ )/m))) {
    const [prompt = '', ...lines] = session.split('\n')
    const words = prompt.replace('$ flotsam ', '').replace('--tracked known', `--tracked ${known}`)
    const { out } = await ranCli(`${words} --host ${engine.address}`)
    expect(sorted(plain(out))).toEqual(sorted(plain(lines.join('\n'))))
  }
})

test('README.md, As a command: run logs what is shown', () => {
  const [, , run = ''] = blocks('README.md', 'console', 'As a command')
  const container = {
    id: '75e2a737130514a7377a603426a1063441ffdc0d1a197e53320df35d0079e139',
    name: 'crawl-3',
    image: 'busybox',
  }
  const events: readonly UnstampedEvent[] = [
    { type: 'started', engine: 'unix:///run/engine.sock', dryRun: false },
    { type: 'sparedTotals', spared: 1, reasons: { 'keep-label': 1 } },
    { type: 'removed', ...container, confirmedBy: 'answer', failures: 0, wasTracked: false },
    { type: 'stopped', underWay: 0 },
  ]
  let written = ''
  const output = { isTerminal: false, write: (text: string) => (written += text) }
  const log = createLog({ level: 'info', output, isPretty: true, hasColor: false })
  for (const event of events) {
    const { message, fields } = lineOf(event)
    log.info(fields(), message())
  }
  const lines = (text: string) => [...text.matchAll(/^\[[\d:.]+\] (.*)$/gm)].map(([, line]) => line)
  expect(lines(run)).toEqual(lines(written))
  expect(lines(run)).toHaveLength(events.length)
})

test('docs/guide.md, Testing your agent: the test passes as it stands, and fails where Flotsam does nothing', async () => {
  const [snippet = ''] = blocks('docs/guide.md', 'ts', 'Testing your agent')
  const cli = buildCli()
  onTestFinished(() => cli.close())
  // Node 20 cannot read types.
  const script = snippet.replaceAll(/<string(?:, string)?>(?=\()|: string(?=\))/g, '')
  const idle = script
    .replace('20_000', '3_000')
    .replace('tracked: tasks,', 'tracked: tasks,\n    enabled: false,')
  // a host that has a Dockerode instance has installed it
  symlinkSync(join(root, 'node_modules/dockerode'), join(cli.folder, 'node_modules/dockerode'))
  writeFileSync(join(cli.folder, 'agent.mjs'), script)
  writeFileSync(join(cli.folder, 'idle.mjs'), idle)
  const run = (name: string) =>
    promisify(execFile)(process.execPath, ['--test', name], {
      cwd: cli.folder,
      env: { PATH: process.env['PATH'] },
    })
  const [agent, withoutFlotsam] = await Promise.allSettled([run('agent.mjs'), run('idle.mjs')])
  expect(agent).toMatchObject({
    status: 'fulfilled',
    value: { stdout: expect.stringMatching(/pass 1\n/) as unknown },
  })
  expect(withoutFlotsam).toMatchObject({
    status: 'rejected',
    reason: { message: expect.stringMatching(/^Command failed/) as unknown },
  })
}, 120_000)

describe('docs/least-privilege.md, What it requests', () => {
  const rows = rowsUnder('docs/least-privilege.md', 'What it requests')
  const named = (of: (cells: readonly string[]) => boolean) =>
    sorted(rows.filter(of).map(([request]) => bare(request)))

  /** Every request that the engine received, without ids. Its record omits the version. */
  const received = (engines: readonly EmbeddedEngine[]) => {
    const all = engines.flatMap(({ requests }) => requests.matching())
    return sorted(
      new Set(
        all.map(
          ({ method, path }) =>
            `${method} ${path
              .replace(/(sha256:)?[0-9a-f]{64}/, '{id}')
              .replace(/(?<=^\/libpod\/volumes\/)[^/]+/, '{name}')
              .replace(/^\/libpod/, '/v{version}/libpod')}`,
        ),
      ),
    )
  }

  async function rounds(dryRun: boolean): Promise<readonly EmbeddedEngine[]> {
    const podman = createEmbeddedEngine({ seed: 7, dialect: 'podman' })
    onTestFinished(() => podman.close())
    await podman.listen()
    const [newer, older] = [await listening(), await listening({ api: '1.41' })]
    const engines = [newer, older, podman]
    older.faults.add({
      kind: 'error',
      method: 'DELETE',
      status: 409,
      message: 'Unpause and then stop it',
      count: 1,
    })
    for (const [engine, status] of [
      [newer, 'running'],
      [older, 'paused'],
      [podman, 'running'],
    ] as const) {
      const volumes = ['data:/data']
      engine.containers.create({ name: 'leak', labels, status, volumes, createdAtMs: Date.now() - hourMs })
    }
    // Older than the leak, which it cannot need.
    const half = podman.containers.create({ name: 'half', createdAtMs: Date.now() - 2 * hourMs })
    podman.containers.failRemoval(half)
    for (const engine of engines) {
      const reconciler = createReconciler({
        owner,
        tracked: new Set(),
        engine: engine.address,
        restoreGrace: '0s',
        stopTimeout: engine === newer ? '1s' : '0s',
        filterListing: true,
        dryRun,
      })
      onTestFinished(() => reconciler.stop())
      const settled = new Promise<void>((resolve) => {
        reconciler.on('removed', () => resolve())
        reconciler.on('classified', (event) => event.dryRun && event.verdict === 'dangling' && resolve())
      })
      reconciler.start()
      await settled
    }
    return engines
  }

  test('the table has exactly the requests of a run', async () => {
    expect(received(await rounds(false))).toEqual(named(() => true))
  })

  test('a dry run sends only the requests that the table marks', async () => {
    expect(received(await rounds(true))).toEqual(named(([, , dry]) => dry === 'yes'))
  })

  test('scan, explain, sweep and a dry sweep send no others', async () => {
    const engine = await listening()
    engine.containers.create({ name: 'crawl-2', labels, createdAtMs: Date.now() - hourMs })
    const target = `--host ${engine.address} --owner com.example.agent=agent-7 --nothing-tracked`
    for (const command of ['scan', 'explain crawl-2', 'sweep --dry-run']) {
      expect((await ranCli(`${command} ${target}`)).code).toBe(0)
    }
    const scanning = named(([, , dry]) => dry === 'yes')
    expect(received([engine]).filter((request) => !scanning.includes(request))).toEqual([])
    expect((await ranCli(`sweep ${target}`)).out).toContain('1 removed')
    const all = named(() => true)
    expect(received([engine]).filter((request) => !all.includes(request))).toEqual([])
  })
})

test('docs/least-privilege.md, When something is denied: a denied stop is reported, and the next attempt removes', async () => {
  const engine = await listening()
  engine.containers.create({ name: 'crawl-2', labels, createdAtMs: Date.now() - hourMs })
  engine.faults.add({
    kind: 'error',
    method: 'POST',
    path: /\/stop$/,
    status: 403,
    message: 'not on the list',
  })
  const settings = {
    owner,
    tracked: new Set<string>(),
    engine: engine.address,
    restoreGrace: 0,
    stopTimeout: '1s' as const,
  }
  const reconciler = createReconciler(settings)
  onTestFinished(() => reconciler.stop())
  const reported: string[] = []
  reconciler.on('degraded', ({ about, message }) => reported.push(`${about}: ${message}`))
  const removed = new Promise((resolve) => reconciler.on('removed', resolve))
  reconciler.start()
  await removed
  expect(reported).toEqual([
    expect.stringMatching(
      /^tracking: .* is dangling, and has\(id\) has not returned true for any container yet/,
    ),
    expect.stringMatching(/^removal: crawl-2: cannot stop container .* denies access$/),
  ])
})

test('docs/nomad.md: every option of Flotsam exists, with that default', () => {
  const rows = rowsUnder('docs/nomad.md', 'Options')
  const settings = readSettings({ preset: 'nomad', tracked: new Set() })
  const inForce: Readonly<Record<string, unknown>> = {
    enabled: settings.enabled,
    dryRun: settings.dryRun,
    period: settings.periodMs,
    creationGrace: settings.creationGraceMs,
  }
  const asWritten = (text: string) => (text === '5m' ? 300_000 : (JSON.parse(text) as boolean))
  const shown = rows.map(([, , ours = '', value]) => [/`(\w+)`/.exec(ours)?.[1], asWritten(bare(value))])
  expect(Object.fromEntries(shown)).toEqual(inForce)
  for (const [, , ours = ''] of rows.slice(1)) {
    const flag = /`--([\w-]+)`/.exec(ours)?.[1] ?? ''
    expect(Object.keys(schema.properties)).toContain(
      flag.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase()),
    )
  }
})

test('docs/guide.md, Sessions for any command: what is shown leaves nothing behind', async () => {
  const [session = ''] = blocks('docs/guide.md', 'sh', 'Sessions for any command')
  const cli = buildCli()
  onTestFinished(() => cli.close())
  const engine = await listening()
  const key = 'com.example.agent'
  const seen = join(cli.folder, 'seen')
  const folder = folderWith({
    flotsam: `#!/bin/sh\nexec '${process.execPath}' '${cli.main}' "$@"\n`,
    // starts one as the docker command does
    docker: `#!${process.execPath}
const { request } = require('node:http')
const words = process.argv.slice(2)
require('node:fs').writeFileSync('${seen}', words.join(' '))
const ask = (path, body) =>
  new Promise((resolve) => {
    const headers = { 'Content-Type': 'application/json' }
    const asked = request({ socketPath: '${engine.address.replace('unix://', '')}', method: 'POST', path, headers })
    asked.on('response', (answer) => {
      let text = ''
      answer.on('data', (part) => (text += part)).on('end', () => resolve(text))
    })
    asked.end(body)
  })
const [key, value] = words[words.indexOf('--label') + 1].split('=')
ask('/containers/create', JSON.stringify({ Image: 'busybox', Cmd: ['sleep', '600'], Labels: { [key]: value } }))
  .then((text) => ask('/containers/' + JSON.parse(text).Id + '/start'))
  .then((text) => process.stderr.write(text))
`,
  })
  for (const name of ['flotsam', 'docker']) chmodSync(join(folder, name), 0o755)
  const env = {
    PATH: `${folder}:${process.env['PATH']}`,
    HOME: cli.folder,
    DOCKER_HOST: engine.address,
    FLOTSAM_SESSIONS: join(cli.folder, 'leases'),
  }
  const { stdout, stderr } = await promisify(execFile)('sh', ['-ec', session], { env })
  expect(stderr).toBe('')
  expect(readFileSync(seen, 'utf8')).toMatch(
    new RegExp(`^run --detach --label ${key}=[0-9a-f]{32} busybox sleep 600$`),
  )
  expect(stdout).toBe('0 sessions: 0 alive, 0 ended, 0 unknown\n')
  expect(engine.requests.matching({ method: 'DELETE' })).toHaveLength(1)
  expect(engine.containers.list()).toEqual([])
})
