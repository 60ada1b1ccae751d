import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OptionError, type ReconcilerOptions } from '../../src/index.ts'
import { settings } from '../../src/options/command-settings.ts'
import { Refusal } from '../../src/options/refusal.ts'
import { createTestWorld, ranCli } from '../cli/support/cli-world.ts'
import { anyJsonText, notJson, strangeText } from './json.ts'
import { expectNothingUncaught, fuzz, fuzzTimeoutMs } from './support.ts'

expectNothingUncaught()

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotsam-fuzz-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const names = settings.map(({ key }) => key)

const path = () => join(folder, 'flotsam.yaml')

/** What a file and an environment come to: settings, or one line on what is wrong with them. */
async function settingsFrom(
  file: string | Buffer,
  env: Record<string, string>,
): Promise<Readonly<Record<string, unknown>> | string> {
  await writeFile(path(), file)
  const { code, out, err } = await ranCli(['config', '--json', '--config', path()], createTestWorld({ env }))
  if (code === 0) {
    expect(err).toBe('')
    const said = JSON.parse(out) as Record<string, { readonly value: unknown }>
    return Object.fromEntries(Object.entries(said).map(([name, { value }]) => [name, value]))
  }
  expect([code, out]).toEqual([2, ''])
  expect(err).toMatch(/^error: [^\r\n]+\n$/)
  expect(err.length).toBeLessThan(2000)
  return err
}

function expectSound(known: Readonly<Record<string, unknown>> | string): void {
  if (typeof known === 'string') return
  expect(Object.getPrototypeOf(known)).toBe(Object.prototype)
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  for (const [name, value] of Object.entries(known)) {
    const { kind } = settings.find(({ key }) => key === name) ?? expect.unreachable(name)
    expect(kind.readPlain(value), name).not.toBeInstanceOf(Refusal)
  }
}

const plausible = fc.constantFrom(
  '5m',
  '90s',
  'true',
  'false',
  'yes',
  'no',
  '1',
  '0',
  'a=b',
  'a=*',
  'nomad',
  'info',
  'constructor',
  'hasOwnProperty',
  '/x',
  'unix:///x',
  'http://127.0.0.1/',
)
const yamlValue = fc.oneof(
  { weight: 3, arbitrary: plausible },
  anyJsonText,
  notJson.map((text) => text.replaceAll(/[\r\n]/g, ' ')),
  fc.constantFrom(
    '*a',
    '&a 5m',
    '*missing',
    '!!js/function x',
    '!!binary aGk=',
    '!!timestamp 2001-01-01',
    '!!set {a}',
    '|\n  5m',
    '>-\n  5m',
    '~',
    '.inf',
    '.nan',
    '0x10',
    '[*a, *a]',
    '{<<: *a}',
    '{? [a] : b}',
    '"\\ud800"',
    "'",
    '@',
    '`',
    '\t5m',
  ),
)
const yamlKey = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...names) },
  fc.constantFrom(
    '__proto__',
    'constructor',
    '<<',
    '? [a]',
    '? {a: b}\n',
    '*a',
    '&a period',
    '$schema',
    'PERIOD',
    'creation-grace',
    '1',
    'null',
    '""',
    '!!str period',
  ),
  strangeText.map((text) => JSON.stringify(text)),
)
/** Lines that by themselves are fine. */
const soundLines = settings
  .filter((setting) => setting.default !== undefined)
  .map((setting) => `${setting.key}: ${setting.default}`)
const sound = fc.uniqueArray(fc.constantFrom(...soundLines), { minLength: 1, maxLength: 3 })
const yaml = fc
  .array(fc.tuple(yamlKey, yamlValue), { maxLength: 4 })
  .map((lines) => lines.map(([key, value]) => `${key}: ${value}`).join('\n'))

const environment = fc
  .array(
    fc.tuple(
      fc.constantFrom(
        ...settings.map(({ variable }) => variable),
        'FLOTSAM_CONFIG',
        'FLOTSAM_JSON',
        'FLOTSAM_HELP',
        'FLOTSAM___PROTO__',
      ),
      fc.oneof(plausible, strangeText),
    ),
    { maxLength: 3 },
  )
  .map((all) => Object.fromEntries(all.map(([name, text]) => [name, text.replaceAll('\0', '')])))

/** Each alias stands for ten of the one before: written out, more than memory holds. */
function aliasBomb(depth: number, key: string): string {
  const lines = Array.from({ length: depth }, (_, at) => {
    const inner = at === 0 ? '"boom"' : `*x${at - 1}`
    return `${at === 0 ? '$schema' : `k${at}`}: &x${at} [${Array.from({ length: 10 }, () => inner).join(',')}]`
  })
  return [...lines, `${key}: *x${depth - 1}`].join('\n')
}

describe('a configuration file', () => {
  test(
    'any content gives valid settings or one line that says what is wrong',
    { timeout: fuzzTimeoutMs },
    async () => {
      let accepted = 0
      const file = fc.oneof(
        { weight: 4, arbitrary: yaml },
        { weight: 2, arbitrary: sound.map((lines) => lines.join('\n')) },
        anyJsonText,
        notJson,
        fc
          .dictionary(fc.constantFrom(...names), fc.oneof(plausible, fc.jsonValue()))
          .map((all) => JSON.stringify(all)),
        fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
        yaml.map((text) => `\ufeff${text}`),
        yaml.map((text) => `---\n${text}\n---\nperiod: 1m`),
      )
      await fuzz(
        200,
        fc.asyncProperty(file, async (text) => {
          const known = await settingsFrom(text, {})
          expectSound(known)
          if (typeof known !== 'string') accepted++
        }),
      )
      expect(accepted).toBeGreaterThan(10)
    },
  )

  test.each(['period', 'dryRun', 'unknown', '__proto__', '<<'])(
    'an alias bomb at %s is refused',
    async (key) => {
      const beganMs = performance.now()
      for (const depth of [3, 9]) expect(await settingsFrom(aliasBomb(depth, key), {})).toMatch(/^error: /)
      const directly = `${key}: [${aliasBomb(9, 'z')
        .split('\n')
        .map((line) => line.replace(/^\S+: /, ''))
        .join(', ')}]`
      expect(await settingsFrom(directly, {})).toMatch(/^error: /)
      expect(performance.now() - beganMs).toBeLessThan(3000)
    },
  )
})

describe('the environment', () => {
  test(
    'any content gives valid settings or one line that says what is wrong',
    { timeout: fuzzTimeoutMs },
    async () => {
      let accepted = 0
      await fuzz(
        200,
        fc.asyncProperty(environment, async (env) => {
          const known = await settingsFrom('dryRun: true', env)
          expectSound(known)
          if (typeof known !== 'string') accepted++
        }),
      )
      expect(accepted).toBeGreaterThan(20)
    },
  )

  test.each(['constructor', '__proto__', 'hasOwnProperty'])(
    'unknown-is-spared: %s, a member of every object, is not a yes',
    async (word) => {
      expect(await settingsFrom('dryRun: true', { FLOTSAM_NOTHING_TRACKED: word })).toBe(
        `error: FLOTSAM_NOTHING_TRACKED: "${word}" is not allowed; it must be true or false\n`,
      )
    },
  )

  test(
    'unknown-is-spared: nothing but a clear yes says that nothing is tracked',
    { timeout: fuzzTimeoutMs },
    async () => {
      const word = fc.oneof(
        plausible,
        strangeText,
        fc.constantFrom('TRUE', 'Yes', 'on', 'y', ' true', 'true ', 'valueOf'),
      )
      await fuzz(
        150,
        fc.asyncProperty(word, async (text) => {
          const made: ReconcilerOptions[] = []
          const createReconciler = (options: ReconcilerOptions): never => {
            made.push(options)
            throw new OptionError('test', 1, 'made')
          }
          const env = { FLOTSAM_OWNER: 'a=b', FLOTSAM_NOTHING_TRACKED: text.replaceAll('\0', '') }
          await ranCli(['sweep'], createTestWorld({ env, createReconciler }))
          expect(made.length > 0).toBe(['true', 'yes', '1'].includes(text.toLowerCase()))
        }),
      )
    },
  )
})
