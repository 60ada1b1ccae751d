import { describe, expect, it } from 'vitest'
import { refuseUnknownVariables } from '../../src/cli/environment.ts'
import { environmentNames } from '../../src/cli/layers.ts'
import { createTestWorld, ranCli } from './support/cli-world.ts'

const known = environmentNames

describe('dry-run: an unknown FLOTSAM variable is refused, since it was set for a reason', () => {
  it.each([
    ['FLOTSAM_DRYRUN', 'true', 'FLOTSAM_DRY_RUN'],
    ['FLOTSAM_DRY_RUNS', 'true', 'FLOTSAM_DRY_RUN'],
    ['FLOTSAM_DRUN_RY', '1', 'FLOTSAM_DRY_RUN'],
    ['FLOTSAM_dry_run', 'true', 'FLOTSAM_DRY_RUN'],
    ['flotsam_dry_run', 'true', 'FLOTSAM_DRY_RUN'],
    ['FLOTSAM_DRY_RUN_', 'true', 'FLOTSAM_DRY_RUN'],
    ['FLOTSAM_DRYRUN', '', 'FLOTSAM_DRY_RUN'],
    ['FLOTSAM_NO_EVENTS', 'true', 'FLOTSAM_EVENTS'],
    ['FLOTSAM_TRACKED_FILE', '/run/ids', 'FLOTSAM_TRACKED'],
    ['FLOTSAM_CREATIONGRACE', '1h', 'FLOTSAM_CREATION_GRACE'],
    ['FLOTSAM_CONFIG_', 'x', 'FLOTSAM_CONFIG'],
    ['FLOTSAM_ORCHESTRATE', '0', 'FLOTSAM_ORCHESTRATED'],
  ])('%s=%s', async (name, value, nearest) => {
    for (const line of [
      'sweep --owner a=b --nothing-tracked --host unix:///nowhere',
      'run --owner a=b --nothing-tracked --host unix:///nowhere',
      'scan --owner a=b --host unix:///nowhere',
      'explain web --owner a=b --host unix:///nowhere',
      'config',
      'demo --host unix:///nowhere',
      'track /nowhere/known list',
      'replay /nowhere/run.jsonl',
    ]) {
      const world = createTestWorld({ env: { PATH: '/bin', [name]: value } })
      expect(await ranCli(line, world)).toEqual({
        code: 2,
        out: '',
        err: `error: ${name}: unknown environment variable, with the value ${JSON.stringify(value)} (Did you mean ${nearest}?)\n`,
      })
      expect(world.made).toEqual([])
    }
  })

  it('is refused although every flag is given as well', async () => {
    const world = createTestWorld({ env: { FLOTSAM_DRYRUN: 'false' } })
    expect((await ranCli('sweep --owner a=b --nothing-tracked --dry-run', world)).code).toBe(2)
  })

  it('of several the first by name is reported, on one line, whatever its value', async () => {
    const env = { FLOTSAM_Z: 'z', FLOTSAM_A: `\u001b[2J\n${'x'.repeat(500)}` }
    const { err } = await ranCli('config', createTestWorld({ env }))
    expect(err).toMatch(
      /^error: FLOTSAM_A: [^\n]*"\\u001b\[2J\\nx{80,100}… \(Did you mean FLOTSAM_\w+\?\)\n$/,
    )
    expect(err).not.toContain('\u001b')
  })

  it('help and the version need no environment', async () => {
    const env = { FLOTSAM_DRYRUN: 'true' }
    expect((await ranCli('--version', createTestWorld({ env }))).code).toBe(0)
    expect((await ranCli('sweep --help', createTestWorld({ env }))).code).toBe(0)
  })
})

describe('dry-run: an empty variable is refused, since its intended value was lost', () => {
  it.each(known)('%s=', async (name) => {
    for (const line of [
      'sweep --owner a=b --nothing-tracked --dry-run --host unix:///nowhere',
      'run --owner a=b --nothing-tracked --host unix:///nowhere',
      'config',
    ]) {
      const world = createTestWorld({ env: { [name]: '' } })
      expect(await ranCli(line, world)).toEqual({
        code: 2,
        out: '',
        err: expect.stringMatching(`^error: ${name}: "" is not allowed; it must [^\n]+\n$`) as string,
      })
      expect(world.made).toEqual([])
    }
  })
})

describe('variables that are read, or are not ours, pass', () => {
  it('every setting and the configuration file', () => {
    const env = Object.fromEntries(known.map((name) => [name, 'x']))
    expect(() => refuseUnknownVariables(env, known, true)).not.toThrow()
    expect(known).toContain('FLOTSAM_CONFIG')
    expect(known.length).toBeGreaterThan(15)
  })

  it('other programs’ variables', async () => {
    const env = { FLOTSAM: 'x', MY_FLOTSAM_DRYRUN: 'x', FLOTSAMDRYRUN: 'x', PATH: '/bin' }
    expect((await ranCli('config', createTestWorld({ env }))).code).toBe(0)
  })

  it('names are case-insensitive where the system treats them so', () => {
    const env = { Flotsam_Dry_Run: 'true' }
    expect(() => refuseUnknownVariables(env, known, false)).not.toThrow()
    expect(() => refuseUnknownVariables(env, known, true)).toThrow(/Did you mean FLOTSAM_DRY_RUN\?/)
    expect(() => refuseUnknownVariables({ flotsam_dryrun: '' }, known, false)).toThrow(/Did you mean/)
  })
})
