import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Setting, settings } from '../../src/options/command-settings.ts'
import { createTestWorld, ranCli } from './support/cli-world.ts'

interface Bad {
  /** No value of this kind at all. */
  readonly wrongType: string
  /** Of the right type, and outside of the limits; undefined where the kind has none. */
  readonly outOfLimits?: string
  /** The same value in a file. */
  readonly inFile: unknown
  readonly requirement: RegExp
}

/** By what stands for the value in the help. A new option of a known kind needs no line here. */
const bad: Readonly<Record<string, Bad>> = {
  DURATION: {
    wrongType: '5 minutes',
    outOfLimits: '8761h',
    inFile: 300_000,
    requirement: /^it must be a duration from \d+m?s to \d+h, such as "90s", "5m" or "1h30m"$/,
  },
  N: {
    wrongType: 'many',
    outOfLimits: '10001',
    inFile: '3',
    requirement: /^it must be a whole number from \d+ to \d+$/,
  },
  SHARE: {
    wrongType: 'half',
    outOfLimits: '1.01',
    inFile: '0.5',
    requirement: /^it must be a number above 0 and up to 1$/,
  },
  SWITCH: { wrongType: 'perhaps', inFile: 'true', requirement: /^it must be true or false$/ },
  NAME: { wrongType: 'kubernetes', inFile: true, requirement: /^it must be nomad$/ },
  LEVEL: { wrongType: 'loud', inFile: 30, requirement: /^it must be one of trace, debug, .*silent$/ },
  STATES: {
    wrongType: 'asleep',
    outOfLimits: 'running,asleep',
    inFile: ['asleep'],
    requirement: /^it must be (a list of )?one or more of created, .*dead(, separated by commas)?$/,
  },
  KEY: { wrongType: 'a=b', inFile: false, requirement: /^it must be a label name: not empty, / },
  'KEY=VALUE': {
    wrongType: '=label',
    inFile: { label: 'a', value: 'b' },
    requirement: /^it must be KEY=VALUE, /,
  },
  'MIN..MAX': {
    wrongType: '1s-60s',
    outOfLimits: '60s..1s',
    inFile: { min: '1s', max: '60s' },
    requirement: /^it must be MIN\.\.MAX: durations from 100ms to 8760h, /,
  },
  'ID|NAME': {
    wrongType: 'a/b',
    outOfLimits: 'c0ffee',
    inFile: 12,
    requirement: /^it must be a container id of at least 12 digits, or a container name$/,
  },
  FILE: { wrongType: '', inFile: ['a'], requirement: /^it must name a file$/ },
}
/** These have the same word in the help. */
const byKey: Readonly<Record<string, Bad>> = {
  // any other text is left to the engine's adapter, which knows the addresses
  host: { wrongType: '', inFile: 2375, requirement: /^it must be the address of an engine$/ },
  sessions: { wrongType: 'ftp://x', inFile: 6379, requirement: /^it must be a directory, or redis:/ },
  trackedUrl: { wrongType: 'ftp://x', inFile: 8080, requirement: /^it must be http:\/\/… or https:\/\/…$/ },
}
const badOf = ({ key, kind }: Setting) => byKey[key] ?? bad[kind.placeholder ?? 'SWITCH']

/** Where x is none. */
const goodOf: Readonly<Record<string, string>> = {
  owner: 'a=b',
  preset: 'nomad',
  maxDanglingShare: '1',
  trackedUrl: 'http://x/',
}

const known = settings.map((setting) => [setting.key, setting] as const)

/** The error for a value, after its source. */
async function complaintOf(place: string, args: readonly string[], env: Record<string, string> = {}) {
  const world = createTestWorld({ env })
  const { code, out, err } = await ranCli(['config', ...args], world)
  expect([code, out]).toEqual([2, ''])
  expect(err).toMatch(/^error: [^\n]*\n$/)
  expect(err.startsWith(`error: ${place}: `), err).toBe(true)
  const [shown, requirement] = err.slice(`error: ${place}: `.length, -1).split(' is not allowed; ')
  return { shown, requirement }
}

function fileOf(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'flotsam-bad-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'flotsam.yaml'), content)
  return join(folder, 'flotsam.yaml')
}

test('every setting has values that are refused', () => {
  expect(settings.filter((setting) => !badOf(setting))).toEqual([])
  expect(settings.length).toBeGreaterThan(25)
})

describe('a bad value is refused, with the place where it was given', () => {
  test.each(known)('%s', async (key, setting) => {
    const { flag, variable, kind } = setting
    const { wrongType, outOfLimits, inFile, requirement } = badOf(setting) as Bad
    const texts = new Set([wrongType, outOfLimits ?? '', ''])
    for (const text of texts) {
      const shown = JSON.stringify(text)
      const ofVariable = await complaintOf(variable, [], { [variable]: text })
      expect(ofVariable).toEqual({ shown, requirement: expect.stringMatching(requirement) })
      const path = fileOf(`# not on the first line\n${key}: ${shown}\n`)
      const ofFile = await complaintOf(`${path}:2: ${key}`, ['--config', path])
      expect(ofFile).toEqual({ shown, requirement: expect.stringMatching(requirement) })
      if (kind.placeholder === undefined) continue
      expect(await complaintOf(flag, [`${flag}=${text}`])).toEqual(ofVariable)
    }
    for (const value of [inFile, null]) {
      const path = fileOf(`{ ${JSON.stringify(key)}: ${JSON.stringify(value)} }`)
      const ofFile = await complaintOf(`${path}:1: ${key}`, ['--config', path])
      expect(ofFile).toEqual({
        shown: JSON.stringify(value),
        requirement: expect.stringMatching(requirement),
      })
    }
  })

  test.each(known)('%s: even if a stronger source overrides it', async (key, setting) => {
    const { flag, variable, kind } = setting
    const { wrongType } = badOf(setting) as Bad
    const good = setting.default ?? goodOf[key] ?? 'x'
    const args = kind.placeholder === undefined ? [flag] : [flag, String(good)]
    const { shown } = await complaintOf(variable, args, { [variable]: wrongType })
    expect(shown).toBe(JSON.stringify(wrongType))
  })
})

describe('a misspelt name is refused, and the right one suggested', () => {
  test.each(known)('%s', async (key, { flag, variable }) => {
    const wrong = `${key}s`
    const path = fileOf(`${wrong}: x\n`)
    const ofFile = await ranCli(`config --config ${path}`)
    expect(ofFile).toEqual({
      code: 2,
      out: '',
      err: `error: ${path}:1: unknown key "${wrong}" (Did you mean ${key}?)\n`,
    })
    const ofVariable = await ranCli('config', createTestWorld({ env: { [`${variable}S`]: 'x' } }))
    expect(ofVariable.code).toBe(2)
    expect(ofVariable.err).toContain(`(Did you mean ${variable}?)`)
    const ofFlag = await ranCli(`config ${flag}s`)
    expect(ofFlag.code).toBe(2)
    expect(ofFlag.err).toContain(`unknown option '${flag}s' (Did you mean `)
    expect(ofFlag.err).toContain(flag)
  })
})

describe('an option given twice on one line is refused', () => {
  const once = settings.map(({ flag, kind }) => [flag, kind.placeholder !== undefined] as const)
  const others = [['--json', false] as const, ['--config', true] as const]

  test.each([...once, ...others])('%s', async (flag, takesValue) => {
    const given = takesValue ? [flag, 'x'] : [flag]
    expect(await ranCli(['config', ...given, ...given])).toEqual({
      code: 2,
      out: '',
      err: `error: ${flag} may be given only once\n`,
    })
  })

  test.each([
    ['run --inspect --inspect 80', '--inspect'],
    ['demo --json --json', '--json'],
    ['demo --speed 2 --speed 3', '--speed'],
  ])('%s', async (line, flag) => {
    expect(await ranCli(line)).toEqual({ code: 2, out: '', err: `error: ${flag} may be given only once\n` })
  })
})
