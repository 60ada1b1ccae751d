import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { settings as all } from '../../src/options/command-settings.ts'
import { createTestWorld, ranCli } from './support/cli-world.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotsam-config-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function file(content: string, name = 'flotsam.yaml'): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

const configOf = (line: string, env: Record<string, string> = {}) => ranCli(line, createTestWorld({ env }))

async function inForce(line: string, env: Record<string, string> = {}) {
  const { out, err, code } = await configOf(`config --json ${line}`, env)
  expect([code, err]).toEqual([0, ''])
  return JSON.parse(out) as Record<string, { value: unknown; source: string }>
}

describe('where a setting comes from', () => {
  test('flags win over the environment, the environment over the file, and the file over the defaults', async () => {
    const path = await file('period: 1m\ncreationGrace: 2m\nrestoreGrace: 3m\n')
    const settings = await inForce(`--config ${path} --period 11m`, {
      FLOTSAM_PERIOD: '12m',
      FLOTSAM_CREATION_GRACE: '13m',
    })
    expect(settings['period']).toEqual({ value: '11m', source: '--period' })
    expect(settings['creationGrace']).toEqual({ value: '13m', source: 'FLOTSAM_CREATION_GRACE' })
    expect(settings['restoreGrace']).toEqual({ value: '3m', source: `${path}:3` })
    expect(settings['releaseGrace']).toEqual({ value: '30s', source: 'default' })
  })

  test('the file can be named by the environment, and be JSON', async () => {
    const path = await file('{\n  "$schema": "./flotsam.schema.json",\n  "dryRun": true\n}', 'flotsam.json')
    expect(await inForce('', { FLOTSAM_CONFIG: path })).toMatchObject({
      dryRun: { value: true, source: `${path}:3` },
    })
  })

  test('a switch can be turned off by a stronger source', async () => {
    const path = await file('dryRun: true\n')
    expect(await inForce(`--config ${path}`, { FLOTSAM_DRY_RUN: 'false' })).toMatchObject({
      dryRun: { value: false, source: 'FLOTSAM_DRY_RUN' },
    })
  })

  test('a default-on switch can be turned off by any source, and on again by a stronger one', async () => {
    const path = await file('events: false\n')
    const off = { events: { value: false, source: `${path}:1` } }
    expect(await inForce(`--config ${path}`)).toMatchObject(off)
    const on = { events: { value: true, source: 'FLOTSAM_EVENTS' } }
    expect(await inForce(`--config ${path}`, { FLOTSAM_EVENTS: 'true' })).toMatchObject(on)
    const flagged = { events: { value: false, source: '--no-events' } }
    expect(await inForce('--no-events', { FLOTSAM_EVENTS: 'true' })).toMatchObject(flagged)
    expect(await inForce('')).toMatchObject({ events: { value: true, source: 'default' } })
  })

  test('a stronger source of tracked ids replaces a weaker one', async () => {
    const path = await file('tracked: /run/agent/ids\n')
    const settings = await inForce(`--config ${path} --nothing-tracked`)
    expect(settings['nothingTracked']).toEqual({ value: true, source: '--nothing-tracked' })
    expect(settings).not.toHaveProperty('tracked')
  })

  test('every default is shown, and settings without one are left out', async () => {
    const shown = await inForce('')
    const known = all.filter((setting) => setting.default !== undefined)
    expect(shown).toEqual(
      Object.fromEntries(
        known.map((setting) => [setting.key, { value: setting.default, source: 'default' }]),
      ),
    )
    expect(shown).toMatchObject({
      period: { value: '5m' },
      states: { value: 'created,running,paused,restarting,dead' },
      backoff: { value: '1s..60s' },
      maxConcurrentRemovals: { value: 2 },
      removeVolumes: { value: true },
    })
  })

  test('a list and a number are plain YAML', async () => {
    const path = await file('states: [created, exited]\nmaxRemovalsPerScan: 7\nmaxDanglingShare: 0.5\n')
    expect(await inForce(`--config ${path}`)).toMatchObject({
      states: { value: 'created,exited' },
      maxRemovalsPerScan: { value: 7 },
      maxDanglingShare: { value: 0.5 },
    })
  })

  test('the printed configuration is a file that gives the same settings', async () => {
    const { out } = await configOf('config --owner a=b --period 7m --nothing-tracked')
    const again = await inForce(`--config ${await file(out)}`)
    expect(again).toMatchObject({
      owner: { value: 'a=b' },
      period: { value: '7m' },
      nothingTracked: { value: true },
    })
  })
})

describe('an invalid file is one clear line, and exit code 2', () => {
  test.each([
    ['owner: a=b\nperiod: 5x\n', ':2: period: "5x" is not allowed; it must be a duration'],
    ['owner: a=b\n\nperiod: 0s\n', ':3: period: "0s" is not allowed; it must be a duration'],
    ['creationGrace: 9s\n', ':1: creationGrace: "9s" is not allowed; it must be at least 10s, or --allow'],
    ['a: b\n', ':1: unknown key "a" (Did you mean'],
    ['dryRun: maybe\n', ':1: dryRun: "maybe" is not allowed; it must be true or false'],
    ['orchestrated: "true"\n', ':1: orchestrated: "true" is not allowed; it must be true or false'],
    [
      'states: [created, {a: b}]\n',
      ':1: states: ["created",{"a":"b"}] is not allowed; it must be a list of one or more',
    ],
    ['- a\n', ':1: it must contain settings'],
    ['5m\n', ':1: it must contain settings'],
    ['a: b: c\n', ':1: '],
    ['period: 1m\nperiod: 2m\n', ':2: '],
    ['tracked: a\nnothingTracked: true\n', ':1: tracked and '],
    ['period:\n', ':1: period: null is not allowed'],
  ])('%j', async (content, complaint) => {
    const path = await file(content)
    const { code, out, err } = await configOf(
      `scan ${content.includes('owner') ? '' : '--owner x=y'} --config ${path}`,
    )
    expect(err).toContain(`error: ${path}${complaint}`)
    expect(err.trimEnd().split('\n')).toHaveLength(1)
    expect([code, out]).toEqual([2, ''])
  })

  test.each(['', '\n', '# period: 5m\n', '---\n', '~', 'null\n', '{}', '{"$schema": "x"}'])(
    'an empty one is named: %j',
    async (content) => {
      const path = await file(content)
      const named = `${path} contains no settings\n`
      expect(await configOf(`scan --owner a=b --config ${path}`)).toEqual({
        code: 2,
        out: '',
        err: `error: --config: ${named}`,
      })
      const { code, err } = await configOf('config', { FLOTSAM_CONFIG: path })
      expect([code, err]).toEqual([2, `error: FLOTSAM_CONFIG: ${named}`])
    },
  )

  test('an unreadable file is reported, with what named it', async () => {
    const named = '/nowhere/flotsam.yaml cannot be read: ENOENT'
    const byVariable = await configOf('config', { FLOTSAM_CONFIG: '/nowhere/flotsam.yaml' })
    expect(byVariable).toMatchObject({
      code: 2,
      err: expect.stringContaining(`error: FLOTSAM_CONFIG: ${named}`),
    })
    const byFlag = await configOf('config --config /nowhere/flotsam.yaml')
    expect(byFlag).toMatchObject({ code: 2, err: expect.stringContaining(`error: --config: ${named}`) })
  })
})

test('two trackers in the environment are one clear line, and exit code 2', async () => {
  const env = { FLOTSAM_TRACKED: 'a', FLOTSAM_NOTHING_TRACKED: '1' }
  expect(await configOf('scan --owner a=b', env)).toMatchObject({
    code: 2,
    err: 'error: FLOTSAM_TRACKED and FLOTSAM_NOTHING_TRACKED cannot be given together; give one of them\n',
  })
})
