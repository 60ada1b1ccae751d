import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import type * as Read from '../../src/options/read.ts'
import type * as Schema from '../../src/options/schema.ts'
import type * as World from '../cli/support/cli-world.ts'
import { read } from '../support/pages.ts'
import type * as Render from './support/render.ts'

const schema = '../../src/options/schema.ts'
const description = 'Removes what is older, `tracked` or not.'

let readOptions: typeof Read.readOptions
let rendered: typeof Render
let createTestWorld: typeof World.createTestWorld
let ranCli: typeof World.ranCli
// One more entry in the table, and no other change. The modules around it are loaded again, and for this file alone.
beforeAll(async () => {
  vi.resetModules()
  vi.doMock(schema, async (importOriginal) => {
    const original = await importOriginal<typeof Schema>()
    const { duration } = await import('../../src/options/kinds.ts')
    const maxAge = {
      kind: duration('1m'),
      description,
      default: '24h',
    }
    return { ...original, options: { ...original.options, maxAge } }
  })
  ;({ readOptions } = await import('../../src/options/read.ts'))
  ;({ createTestWorld, ranCli } = await import('../cli/support/cli-world.ts'))
  rendered = await import('./support/render.ts')
})
afterAll(() => {
  vi.doUnmock(schema)
  vi.resetModules()
})

const least = { owner: { label: 'a', value: 'b' }, tracked: new Set<string>() }
const requirement = 'it must be a duration from 1m to 8760h, such as "90s", "5m" or "1h30m"'

test('the library accepts a new option, applies its default and refuses invalid values', () => {
  expect(readOptions(least)).toMatchObject({ maxAgeMs: 86_400_000 })
  expect(readOptions({ ...least, maxAge: '2m' } as never)).toMatchObject({ maxAgeMs: 120_000 })
  expect(() => readOptions({ ...least, maxAge: '5s' } as never)).toThrow(
    `option maxAge: "5s" is not allowed; ${requirement}, or a number of milliseconds`,
  )
  expect(() => readOptions({ ...least, maxAeg: '5m' } as never)).toThrow('did you mean maxAge?')
})

test('the command has its flag, its variable and its key, validates them, and passes them on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flotsam-option-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'flotsam.yaml')
  writeFileSync(path, 'maxAge: 3m\n')
  const shown = async (line: string, env: Record<string, string> = {}) => {
    const { out } = await ranCli(`config --json ${line}`, createTestWorld({ env }))
    return (JSON.parse(out) as Record<string, unknown>)['maxAge']
  }
  expect(await shown('')).toEqual({ value: '24h', source: 'default' })
  expect(await shown(`--config ${path}`)).toEqual({ value: '3m', source: `${path}:1` })
  const env = { FLOTSAM_MAX_AGE: '4m' }
  expect(await shown(`--config ${path}`, env)).toEqual({ value: '4m', source: 'FLOTSAM_MAX_AGE' })
  expect(await shown('--max-age 5m', env)).toEqual({ value: '5m', source: '--max-age' })
  expect((await ranCli('config --max-age 5s')).err).toBe(
    `error: --max-age: "5s" is not allowed; ${requirement}\n`,
  )
  const world = createTestWorld()
  await ranCli('scan --owner a=b --host unix:///nowhere --max-age 6m', world)
  expect(world.made).toEqual([expect.objectContaining({ maxAge: 360_000 })])
  expect((await ranCli('scan --help')).out.replaceAll(/\s+/g, ' ')).toContain(
    '--max-age <DURATION> Removes what is older, tracked or not. At least 1m. (default: 24h)',
  )
})

test('CONTRIBUTING.md adds the same option', () => {
  const [, entry] = /```js\n([^]*?)\n *```/.exec(read('CONTRIBUTING.md')) ?? []
  for (const line of ["kind: duration('1m'),", `description: '${description}',`, `default: '24h',`]) {
    expect(entry).toContain(line)
  }
})

test('the types, the file’s schema and the tables of the guide have it', () => {
  expect(rendered.members()).toContain(
    "  /** Removes what is older, `tracked` or not. At least `1m`. Default: `'24h'`. */\n  readonly maxAge?: Duration | undefined",
  )
  expect(rendered.configurationSchema()).toHaveProperty('properties.maxAge', {
    type: 'string',
    minLength: 1,
    description: 'Removes what is older, tracked or not. At least 1m.',
    default: '24h',
  })
  expect(rendered.optionTable()).toContain(
    "| `maxAge` | `'24h'` | Removes what is older, `tracked` or not. At least `1m`. |",
  )
  expect(rendered.settingTable()).toContain('| `--max-age DURATION` | `FLOTSAM_MAX_AGE` | `maxAge` | `24h` |')
})
