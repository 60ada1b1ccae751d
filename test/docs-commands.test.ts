import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'

import { defaults } from '../src/cli/config.ts'
import { environmentName } from '../src/cli/layers.ts'
import { createReconciler } from '../src/index.ts'
import { readOptions } from '../src/options.ts'
import { createEmbeddedEngine, type EmbeddedEngine } from '../src/testing/index.ts'
import { buildCli } from './cli/support/built-cli.ts'
import { createTestWorld, ranCli } from './cli/support/cli-world.ts'
import { bare, blocks, read, rowsUnder } from './support/pages.ts'

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

  test('the table has every setting with its flag and its variable, and no other', () => {
    const rows = rowsUnder(page, 'Configuration').map((cells) => cells.map(bare))
    const known = Object.keys(schema.properties).filter((name) => name !== '$schema')
    const flagOf = (name: string) => {
      const words = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
      return defaults[name] === true ? `--no-${words}` : `--${words}`
    }
    expect(known).toContain('creationGrace')
    expect(rows).toEqual(known.map((name) => [flagOf(name), environmentName(name), name]))
  })

  test('both files say the same, and the command tells of them what is shown', async () => {
    const [yaml = ''] = blocks(page, 'yaml', 'Configuration')
    const [json = ''] = blocks(page, 'json', 'Configuration')
    const [shown = ''] = blocks(page, 'console', 'Configuration')
    const [prompt = '', ...lines] = shown.trimEnd().split('\n')
    const folder = folderWith({ 'flotsam.yaml': yaml, 'flotsam.json': json })
    const [, variable = '', value = '', line = ''] = /^\$ (\w+)=(\w+) flotsam (.+)$/.exec(prompt) ?? []
    const told = async (name: string) => {
      const words = line.replace('flotsam.yaml', join(folder, name))
      const ran = await ranCli(words, createTestWorld({ env: { [variable]: value } }))
      return ran.out.replaceAll(`${folder}/`, '').trimEnd().split('\n')
    }
    expect(await told('flotsam.yaml')).toEqual(lines)
    const settings = (all: readonly string[]) => all.map((one) => one.replace(/ {2}# .*/, ''))
    expect(settings(await told('flotsam.json'))).toEqual(settings(lines))
  })
})

test('docs/guide.md, Why this one: what explain shows is what it says', async () => {
  const [shown = ''] = blocks('docs/guide.md', 'console', 'Why this one')
  const [prompt = '', ...lines] = shown.split('\n')
  const engine = await listening()
  const createdAtMs = Date.now() - hourMs
  engine.containers.create({ name: 'crawl-2', labels, createdAtMs })
  const holder = engine.containers.create({ name: 'pause', labels, createdAtMs })
  engine.containers.create({ name: 'proxy', createdAtMs, networkMode: `container:${holder}` })
  const { out } = await ranCli(`${prompt.replace('$ flotsam ', '')} --host ${engine.address}`)
  // ids are the engine's own
  const withoutIds = (text: string) => text.replaceAll(/\b[0-9a-f]{12}\b/g, '<id>')
  expect(withoutIds(out)).toBe(withoutIds(lines.join('\n')))
})

test('docs/guide.md, Testing your agent: the test passes as it stands, and fails where Flotsam does nothing', async () => {
  const [snippet = ''] = blocks('docs/guide.md', 'ts', 'Testing your agent')
  const cli = buildCli()
  onTestFinished(() => cli.close())
  // What Node 20 cannot read are the types.
  const script = snippet.replaceAll(/<string(?:, string)?>(?=\()|: string(?=\))/g, '')
  const idle = script
    .replace('20_000', '3_000')
    .replace('tracked: tasks,', 'tracked: tasks,\n    enabled: false,')
  writeFileSync(join(cli.folder, 'agent.mjs'), script)
  writeFileSync(join(cli.folder, 'idle.mjs'), idle)
  const run = (name: string) =>
    promisify(execFile)(process.execPath, ['--test', name], {
      cwd: cli.folder,
      env: { PATH: process.env['PATH'] },
    })
  expect((await run('agent.mjs')).stdout).toMatch(/pass 1\n/)
  await expect(run('idle.mjs')).rejects.toThrow('Command failed')
}, 30_000)

describe('docs/least-privilege.md, What it asks', () => {
  const rows = rowsUnder('docs/least-privilege.md', 'What it asks')
  const named = (of: (cells: readonly string[]) => boolean) =>
    sorted(rows.filter(of).map(([request]) => bare(request)))

  /** Every request that the engine has heard, with its ids taken out. */
  const heard = (engines: readonly EmbeddedEngine[]) => {
    const all = engines.flatMap(({ requests }) => requests.matching())
    return sorted(
      new Set(all.map(({ method, path }) => `${method} ${path.replace(/(sha256:)?[0-9a-f]{64}/, '{id}')}`)),
    )
  }

  /** Answers as Podman does, whose listings do not say whose network a container uses. */
  const withoutNetworks = async (engine: EmbeddedEngine) => {
    const id = engine.containers.create({ name: 'mute', labels, createdAtMs: Date.now() - hourMs })
    const [image] = engine.images.values()
    const { createdAtMs } = engine.containers.get(id) ?? { createdAtMs: 0 }
    const row = {
      Id: id,
      Names: ['/mute'],
      Image: 'busybox:latest',
      ImageID: image?.id,
      State: 'running',
      Created: Math.floor(createdAtMs / 1000),
      Labels: labels,
      Mounts: [],
    }
    engine.faults.add({ kind: 'body', path: '/containers/json', body: JSON.stringify([row]) })
  }

  async function rounds(dryRun: boolean): Promise<readonly EmbeddedEngine[]> {
    const engines = [await listening(), await listening({ api: '1.41' }), await listening()]
    const [newer, older, mute] = engines as [EmbeddedEngine, EmbeddedEngine, EmbeddedEngine]
    await withoutNetworks(mute)
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
    ] as const) {
      engine.containers.create({ name: 'leak', labels, status, createdAtMs: Date.now() - hourMs })
    }
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

  test('these are all the requests of a run, and there is no other', async () => {
    expect(heard(await rounds(false))).toEqual(named(() => true))
  })

  test('a dry run asks only what the table allows it', async () => {
    expect(heard(await rounds(true))).toEqual(named(([, , dry]) => dry === 'yes'))
  })

  test('scan, explain, sweep and a dry sweep ask nothing else', async () => {
    const engine = await listening()
    engine.containers.create({ name: 'crawl-2', labels, createdAtMs: Date.now() - hourMs })
    const target = `--host ${engine.address} --owner com.example.agent=agent-7 --nothing-tracked`
    for (const command of ['scan', 'explain crawl-2', 'sweep --dry-run']) {
      expect((await ranCli(`${command} ${target}`)).code).toBe(0)
    }
    const looking = named(([, , dry]) => dry === 'yes')
    expect(heard([engine]).filter((request) => !looking.includes(request))).toEqual([])
    expect((await ranCli(`sweep ${target}`)).out).toContain('1 removed')
    const all = named(() => true)
    expect(heard([engine]).filter((request) => !all.includes(request))).toEqual([])
  })
})

test('docs/least-privilege.md, When something is denied: a denied stop is told, and the next try removes', async () => {
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
    stopTimeout: '1s',
  }
  const reconciler = createReconciler(settings)
  onTestFinished(() => reconciler.stop())
  const told: string[] = []
  reconciler.on('trouble', ({ about, message }) => told.push(`${about}: ${message}`))
  const removed = new Promise((resolve) => reconciler.on('removed', resolve))
  reconciler.start()
  await removed
  expect(told).toEqual([expect.stringMatching(/^removal: crawl-2: cannot stop container .* denies us$/)])
})

test('docs/nomad.md: every option of ours exists, with that default', () => {
  const rows = rowsUnder('docs/nomad.md', 'Options')
  const settings = readOptions({ preset: 'nomad', tracked: new Set() })
  const inForce: Readonly<Record<string, unknown>> = {
    enabled: settings.isEnabled,
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
