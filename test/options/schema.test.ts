import { describe, expect, test } from 'vitest'
import { settings } from '../../src/options/command-settings.ts'
import { Refusal } from '../../src/options/refusal.ts'
import { commandOptions, options } from '../../src/options/schema.ts'

const all = [...Object.entries(options), ...Object.entries(commandOptions)]

describe('each entry of the schema', () => {
  test.each(all)('%s: reading its default gives the default', (_name, option) => {
    if (!('default' in option)) return
    const value = option.kind.read(option.default)
    expect(value).not.toBeInstanceOf(Refusal)
    expect(option.kind.read(value)).toEqual(value)
  })

  test.each(all)(
    '%s: its description is in whole sentences, none over 30 words',
    (_name, { description }) => {
      expect(description).toMatch(/^[`A-Z].*\.$/)
      for (const sentence of description.split(/(?<=\.) /)) {
        expect(sentence.split(' ').length, sentence).toBeLessThanOrEqual(30)
      }
    },
  )
})

describe('each setting of the command', () => {
  test.each(settings.map((setting) => [setting.key, setting] as const))(
    '%s: its default as text is the default',
    (_key, { name, kind, default: text }) => {
      const option = all.find(([one, { kind: its }]) => one === name && its === kind)?.[1]
      if (text === undefined) return expect(option).not.toHaveProperty('default')
      const value = option && 'default' in option ? option.kind.read(option.default) : undefined
      expect(value).toBeDefined()
      expect(kind.readPlain(text)).toEqual(value)
      expect(kind.parse(String(text))).toEqual(value)
    },
  )

  test('has a flag, a variable and a key of its own, all of one name', () => {
    for (const { key, flag, variable } of settings) {
      const words = flag.replace(/^--(no-)?/, '')
      expect(words.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())).toBe(key)
      expect(variable).toBe(`FLOTSAM_${words.replaceAll('-', '_').toUpperCase()}`)
    }
    for (const field of ['key', 'flag', 'variable'] as const) {
      expect(new Set(settings.map((setting) => setting[field])).size).toBe(settings.length)
    }
  })

  test('a default-on switch has the flag that turns it off, and no other switch has', () => {
    const negated = settings.filter(({ flag }) => flag.startsWith('--no-')).map(({ key }) => key)
    expect(negated).toEqual(['events', 'removeVolumes'])
  })

  test('every data option of the library except enabled has one', () => {
    const data = Object.entries(options).filter(([, { kind }]) => 'parse' in kind)
    const known = new Set(settings.map(({ name }) => name))
    expect(data.map(([name]) => name).filter((name) => !known.has(name))).toEqual(['enabled'])
    expect(data.length).toBeGreaterThan(20)
  })
})
