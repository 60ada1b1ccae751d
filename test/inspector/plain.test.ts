import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createActor, fromTransition } from 'xstate'
import { plainOf } from '../../src/inspector/plain.ts'

const throwing = new Proxy(
  {},
  {
    ownKeys: () => {
      throw new Error('no')
    },
    get: () => {
      throw new Error('no')
    },
    has: () => {
      throw new Error('no')
    },
    getPrototypeOf: () => {
      throw new Error('no')
    },
  },
)

const circle: { name: string; self?: object } = { name: 'circle' }
circle.self = circle

describe('what a tab is shown of foreign data', () => {
  it.each([
    [
      'an error: its name and message, without its stack',
      new TypeError('wrong', { cause: 7 }),
      { name: 'TypeError', message: 'wrong' },
    ],
    ['an error deep inside', { a: [new Error('deep')] }, { a: [{ name: 'Error', message: 'deep' }] }],
    [
      'an actor: its id',
      {
        ref: createActor(
          fromTransition(() => 0, 0),
          { id: 'light' },
        ),
      },
      { ref: { xstate$$type: 1, id: 'light' } },
    ],
    [
      'a map',
      new Map<unknown, unknown>([
        ['a', 1],
        [{ b: 2 }, 3],
      ]),
      { a: 1, '{"b":2}': 3 },
    ],
    ['a set', new Set([1, 'two']), [1, 'two']],
    ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['a date that is none', new Date(Number.NaN), 'Invalid Date'],
    [
      'a URL, without what may be in its query',
      new URL('http://me:pw@host/path?token=1#x'),
      'http://host/path',
    ],
    ['bytes', { raw: Buffer.from('secret') }, { raw: '(6 bytes)' }],
    ['a big integer', 12n, '12n'],
    ['numbers that JSON has no word for', [Number.NaN, Infinity], ['NaN', 'Infinity']],
    ['a function', { run: function run() {} }, { run: { type: 'run' } }],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['nothing', [undefined, null], [null, null]],
    ['a circle', circle, { name: 'circle', self: '(circular)' }],
    ['the same twice, which is no circle', [circle.name, circle.name], ['circle', 'circle']],
    ['what cannot be read', { a: throwing, b: 1 }, { a: '(unreadable)', b: 1 }],
    [
      'a getter that throws',
      {
        get a() {
          throw new Error('no')
        },
        b: 1,
      },
      { a: '(unreadable)', b: 1 },
    ],
    [
      'a key that would reach a prototype',
      JSON.parse('{"__proto__":{"a":1},"b":2}'),
      JSON.parse('{"__proto__":{"a":1},"b":2}'),
    ],
  ])('%s', (_what, value: unknown, shown) => {
    expect(JSON.parse(JSON.stringify(plainOf(value)))).toEqual(shown)
  })

  it.each([
    'labels',
    'Labels',
    'label',
    'env',
    'Env',
    'environment',
    'headers',
    'auth',
    'authorization',
    'Proxy-Authorization',
    'password',
    'dbPassword',
    'secret',
    'client_secret',
    'token',
    'accessToken',
    'apiKey',
    'API_KEY',
    'x-api-key',
    'privateKey',
    'credentials',
    'cookie',
    'set-cookie',
    'connectionString',
  ])('%s is withheld, as deep as it may be', (name) => {
    const text = JSON.stringify(
      plainOf({ a: [{ [name]: { inside: 'hunter2' } }], b: new Map([[name, 'hunter2']]) }),
    )
    expect(text).not.toContain('hunter2')
    expect(JSON.parse(text)).toEqual({ a: [{ [name]: '(withheld)' }], b: { [name]: '(withheld)' } })
  })

  it('numbers and booleans are shown, except in an environment or labels', () => {
    expect(plainOf({ tokens: 7, hasSecret: true, labels: 3, env: false })).toEqual({
      tokens: 7,
      hasSecret: true,
      labels: '(withheld)',
      env: '(withheld)',
    })
  })

  it('truncates long, deep and large values', () => {
    const shown = plainOf({
      long: 'x'.repeat(10_000),
      much: Array.from({ length: 1000 }, (_, at) => at),
      deep: { a: { b: { c: { d: { e: { f: 1 } } } } } },
    }) as { long: string; much: unknown[]; deep: object }
    expect(shown.long).toHaveLength(501)
    expect(shown.much).toHaveLength(51)
    expect(shown.much.at(-1)).toBe('… 950 more')
    expect(JSON.stringify(shown.deep)).toBe('{"a":{"b":{"c":{"d":{"e":"…"}}}}}')
  })

  it('bounded: no value makes it throw, or produces more than 200 kB', () => {
    const wide = fc.constant(
      Object.fromEntries(
        Array.from({ length: 60 }, (_, at) => [
          `${'k'.repeat(400)}${at}`,
          Object.fromEntries(Array.from({ length: 60 }, (_, under) => [`${'k'.repeat(400)}${under}`, under])),
        ]),
      ),
    )
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withObjectString: true,
      withNullPrototype: true,
      withTypedArray: true,
      withSparseArray: true,
      withBoxedValues: true,
    })
    fc.assert(
      fc.property(fc.oneof(anything, wide, fc.array(wide, { maxLength: 3 })), (value) => {
        expect((JSON.stringify(plainOf(value)) ?? '').length).toBeLessThan(200_000)
      }),
    )
  })
})
