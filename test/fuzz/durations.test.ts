import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OptionError } from '../../src/domain/errors.ts'
import { formatDuration, parseDuration } from '../../src/options/duration.ts'
import { readSettings } from '../../src/supervision/settings.ts'
import { strangeText } from './json.ts'
import { fuzz, fuzzTimeoutMs } from './support.ts'

const units = ['ns', 'us', 'µs', 'μs', 'ms', 's', 'm', 'h'] as const
const inNanoseconds: Readonly<Record<(typeof units)[number], bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
}

const amount = fc.record({
  whole: fc.stringMatching(/^\d{0,5}$/),
  hasPoint: fc.boolean(),
  fraction: fc.stringMatching(/^\d{0,4}$/),
  unit: fc.constantFrom(...units),
})

/** By the grammar, a number of digits before or after the point, and a unit; counted in whole numbers. */
function spell(
  parts: readonly { whole: string; hasPoint: boolean; fraction: string; unit: (typeof units)[number] }[],
) {
  let isDuration = parts.length > 0
  let picoseconds = 0n
  const text = parts.map(({ whole, hasPoint, fraction, unit }) => {
    const after = hasPoint ? fraction : ''
    if (whole === '' && after === '') isDuration = false
    picoseconds += (BigInt(whole || '0') * 10_000n + BigInt(after.padEnd(4, '0'))) * inNanoseconds[unit]
    return `${whole}${hasPoint ? '.' : ''}${after}${unit}`
  })
  return { text: text.join(''), ms: isDuration ? Number(picoseconds) / 1e10 : undefined }
}

const pieces = fc.constantFrom(
  ...units,
  '1',
  '90',
  '.',
  '1.5',
  '-',
  '+',
  'e',
  ' ',
  '_',
  '٣',
  '\n',
  'd',
  'H',
  '0x',
  ',',
  '∞',
)

describe('a duration', () => {
  test('of the grammar is read as the grammar says', { timeout: fuzzTimeoutMs }, async () => {
    await fuzz(
      1000,
      fc.property(fc.array(amount, { maxLength: 4 }), (parts) => {
        const { text, ms } = spell(parts)
        if (ms === undefined) expect(parseDuration(text), text).toBeUndefined()
        else expect(Math.abs((parseDuration(text) ?? Number.NaN) - ms), text).toBeLessThanOrEqual(ms * 1e-12)
      }),
    )
  })

  test('a near miss is accepted only where the grammar allows it', { timeout: fuzzTimeoutMs }, async () => {
    // Go's own words: a sequence of decimal numbers, each with optional fraction and a unit suffix
    const grammar = /^((\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h))+$/
    await fuzz(
      2000,
      fc.property(
        fc.oneof(
          fc.array(pieces, { maxLength: 5 }).map((all) => all.join('')),
          strangeText,
        ),
        (text) => {
          expect(parseDuration(text) !== undefined, JSON.stringify(text)).toBe(
            grammar.test(text) && !text.includes('\n'),
          )
        },
      ),
    )
  })

  test('is refused in one clear line, or taken within its limits', { timeout: fuzzTimeoutMs }, async () => {
    const names = [
      'period',
      'creationGrace',
      'restoreGrace',
      'releaseGrace',
      'recoveryGrace',
      'stopTimeout',
    ] as const
    const value = fc.oneof(
      fc.array(amount, { maxLength: 2 }).map((parts) => spell(parts).text),
      fc.double(),
      fc.integer(),
      strangeText,
      fc.jsonValue(),
      fc.constantFrom(
        Number.NaN,
        Infinity,
        -Infinity,
        -0,
        2 ** 31,
        2 ** 53,
        1e308,
        '9'.repeat(400),
        null,
        true,
        [],
        ['5m'],
        {},
        { valueOf: () => 5 },
        5n,
        Symbol('5m'),
        new Date(0),
      ),
    )
    const base = { owner: { label: 'a', value: 'b' }, tracked: new Set<string>(), allowShortGrace: true }
    await fuzz(
      1000,
      fc.property(fc.constantFrom(...names), value, (name, given) => {
        try {
          const ms = readSettings({ ...base, [name]: given })[`${name}Ms`]
          expect(Number.isFinite(ms) && ms >= 0 && ms <= 365 * 24 * 3_600_000).toBe(true)
          expect(parseDuration(formatDuration(ms))).toBeTypeOf('number')
        } catch (error) {
          if (!(error instanceof OptionError)) throw error
          expect(error.option).toBe(name)
          expect(error.message).toMatch(new RegExp(`^option ${name}: [^\\r\\n]+$`))
          expect(error.message.length).toBeLessThan(400)
        }
      }),
    )
  })
})
