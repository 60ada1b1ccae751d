import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { configurationSchema, defaults } from '../../src/cli/config.ts'
import { addSharedOptions } from '../../src/cli/options.ts'
import { readOptions } from '../../src/options.ts'
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

  test('a switch can be turned off by a stronger place', async () => {
    const path = await file('dryRun: true\n')
    expect(await inForce(`--config ${path}`, { FLOTSAM_DRY_RUN: 'false' })).toMatchObject({
      dryRun: { value: false, source: 'FLOTSAM_DRY_RUN' },
    })
  })

  test('what is on by default can be turned off by any place, and on again by a stronger one', async () => {
    const path = await file('events: false\n')
    const off = { events: { value: false, source: `${path}:1` } }
    expect(await inForce(`--config ${path}`)).toMatchObject(off)
    const on = { events: { value: true, source: 'FLOTSAM_EVENTS' } }
    expect(await inForce(`--config ${path}`, { FLOTSAM_EVENTS: 'true' })).toMatchObject(on)
    const flagged = { events: { value: false, source: '--no-events' } }
    expect(await inForce('--no-events', { FLOTSAM_EVENTS: 'true' })).toMatchObject(flagged)
    expect(await inForce('')).toMatchObject({ events: { value: true, source: 'default' } })
  })

  test('a stronger way to say what is tracked replaces a weaker one', async () => {
    const path = await file('tracked: /run/agent/ids\n')
    const settings = await inForce(`--config ${path} --nothing-tracked`)
    expect(settings['nothingTracked']).toEqual({ value: true, source: '--nothing-tracked' })
    expect(settings).not.toHaveProperty('tracked')
  })

  test('what is printed for people is a configuration file that gives the same settings', async () => {
    const { out } = await configOf('config --owner a=b --period 7m --nothing-tracked')
    const again = await inForce(`--config ${await file(out)}`)
    expect(again).toMatchObject({
      owner: { value: 'a=b' },
      period: { value: '7m' },
      nothingTracked: { value: true },
    })
  })
})

describe('a wrong configuration is one clear line, and exit code 2', () => {
  test.each([
    ['owner: a=b\nperiod: 5x\n', ':2: period: "5x" is not allowed; it must be a duration'],
    ['owner: a=b\n\nperiod: 0s\n', ':3: period: "0s" is not allowed; it must be'],
    ['period: 5\n', ':1: period: 5 is not allowed; it must be a text'],
    ['owner: a\n', ':1: owner: "a" is not allowed; it must be KEY=VALUE'],
    ['a: b\n', ':1: unknown key "a"; allowed: host, owner,'],
    ['dryRun: maybe\n', ':1: dryRun: "\\"maybe\\"" is not allowed; it must be true or false'],
    ['preset: swarm\n', ':1: preset: "swarm" is not allowed; it must be one of nomad'],
    ['logLevel: loud\n', ':1: logLevel: "loud" is not allowed; it must be one of trace'],
    ['- a\n', ':1: it must hold settings'],
    ['a: b: c\n', ':1: '],
    ['period: 1m\nperiod: 2m\n', ':2: '],
    ['tracked: a\nnothingTracked: true\n', ':1: tracked and '],
    ['period:\n', ':1: period: null is not allowed'],
  ])('%j', async (content, complaint) => {
    const path = await file(content)
    const { code, out, err } = await configOf(
      `scan --owner x=y --config ${path}`.replace(
        '--owner x=y',
        content.includes('owner') ? '' : '--owner x=y',
      ),
    )
    expect(err).toContain(`error: ${path}${complaint}`)
    expect(err.trimEnd().split('\n')).toHaveLength(1)
    expect([code, out]).toEqual([2, ''])
  })

  test.each([
    [{ FLOTSAM_PERIOD: '5' }, 'error: FLOTSAM_PERIOD: "5" is not allowed'],
    [
      { FLOTSAM_DRY_RUN: 'perhaps' },
      'error: FLOTSAM_DRY_RUN: "perhaps" is not allowed; it must be true or false',
    ],
    [{ FLOTSAM_TRACKED_URL: 'ftp://x' }, 'error: FLOTSAM_TRACKED_URL: '],
    [
      { FLOTSAM_TRACKED: 'a', FLOTSAM_NOTHING_TRACKED: '1' },
      'error: FLOTSAM_TRACKED and FLOTSAM_NOTHING_TRACKED cannot be given together',
    ],
    [{ FLOTSAM_CONFIG: '/nowhere/flotsam.yaml' }, 'error: --config: /nowhere/flotsam.yaml cannot be read'],
  ] as [Record<string, string>, string][])('%j', async (env, complaint) => {
    const { code, err } = await configOf('scan --owner a=b', env)
    expect(err).toContain(complaint)
    expect(code).toBe(2)
  })
})

test('the defaults that are shown are the library’s', () => {
  const settings = readOptions({ owner: { label: 'a', value: 'b' }, tracked: new Set<string>() })
  const shown = readOptions({
    owner: { label: 'a', value: 'b' },
    tracked: new Set<string>(),
    period: defaults['period'] as string,
    creationGrace: defaults['creationGrace'] as string,
    restoreGrace: defaults['restoreGrace'] as string,
    releaseGrace: defaults['releaseGrace'] as string,
    allowShortGrace: defaults['allowShortGrace'] as boolean,
    filterListing: defaults['filterListing'] as boolean,
    events: defaults['events'] as boolean,
    dryRun: defaults['dryRun'] as boolean,
  })
  const things = { ownership: 0, tracked: 0 }
  expect({ ...shown, ...things }).toEqual({ ...settings, ...things })
})

test('the published schema is that of the settings', async () => {
  const schema = configurationSchema(addSharedOptions(new Command()))
  await expect(`${JSON.stringify(schema, undefined, 2)}\n`).toMatchFileSnapshot('../../flotsam.schema.json')
})
