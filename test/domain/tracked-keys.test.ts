import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { OptionError } from '../../src/domain/errors.ts'
import { firstWrongKey } from '../../src/domain/tracked-keys.ts'
import { createReconciler, type Tracked } from '../../src/index.ts'
import { fakeId } from '../support/fake-engine.ts'

const id = fakeId(1)
const foreign = (code: string) => runInNewContext(code) as object

/** Knows containers by name, with a `has` of its own. */
class ByName extends Map<string, string> {
  override has(key: string): boolean {
    return [...this.values()].includes(key)
  }
}
class Inherits extends Set<string> {}

describe('unknown-is-spared: a collection whose keys are no full ids cannot be asked by id', () => {
  test.each<[string, object, unknown]>([
    ['a Map of names', new Map([['web', {}]]), 'web'],
    ['a Set of names', new Set(['web']), 'web'],
    ['a short id', new Set([id, id.slice(0, 12)]), id.slice(0, 12)],
    ['upper case', new Set([id.toUpperCase()]), id.toUpperCase()],
    ['an id with a line feed', new Set([`${id}\n`]), `${id}\n`],
    ['an id with its algorithm', new Set([`sha256:${id}`]), `sha256:${id}`],
    ['numbers', new Map([[7, {}]]), 7],
    ['undefined', new Set([undefined]), undefined],
    ['objects', new Set([null]), null],
    [
      'the first of several',
      new Map([
        [id, 1],
        ['a', 2],
        ['b', 3],
      ] as [string, number][]),
      'a',
    ],
    ['a subclass that inherits has', new Inherits(['web']), 'web'],
    ['a Map of another realm', foreign("new Map([['web', 1]])"), 'web'],
    ['a Set of another realm', foreign("new Set(['web'])"), 'web'],
    [
      'one with another name',
      Object.defineProperty(new Map([['web', 1]]), Symbol.toStringTag, { value: 'Tasks' }),
      'web',
    ],
  ])('%s', (_what, tracked, key) => {
    expect(firstWrongKey(tracked)).toEqual({ key })
    expect(() => start(tracked as Tracked)).toThrow(OptionError)
  })

  test('the error names the key, what is allowed, and what to give instead', () => {
    expect(() => start(new Map([['web', {}]]))).toThrow(
      expect.objectContaining({
        option: 'tracked',
        message:
          'option tracked: its key "web" is not allowed; keys must be full container ids of 64 lower-case hexadecimal digits; for other keys give { has: (id, container) => … }',
      }) as Error,
    )
  })

  test.each<[string, object]>([
    ['a WeakMap', new WeakMap()],
    ['a WeakSet', new WeakSet()],
    ['a WeakSet of another realm', foreign('new WeakSet()')],
  ])('%s can hold no id at all', (_what, tracked) => {
    expect(() => start(tracked as Tracked)).toThrow(/a WeakMap or WeakSet is not allowed/)
  })
})

describe('unknown-is-spared: a collection of words is asked for words, not for ids', () => {
  class Inheriting extends URLSearchParams {}
  test.each<[string, object]>([
    ['URLSearchParams', new URLSearchParams([[id, '']])],
    ['URLSearchParams', new Inheriting()],
    ['Headers', new Headers([[id, '']])],
    ['FormData', new FormData()],
  ])('%s', (kind, tracked) => {
    expect(() => start(tracked as Tracked)).toThrow(
      `option tracked: ${kind} is not allowed; its has() does not take container ids; give a Map or a Set`,
    )
  })
})

class OwnWords extends URLSearchParams {
  override has(): boolean {
    return true
  }
}

test.each<[string, object]>([
  ['words with a has of their own', new OwnWords()],
  ['Headers with a has put on them', Object.assign(new Headers(), { has: () => true })],
  ['an empty Map', new Map()],
  ['an empty Set', new Set()],
  ['a Map of full ids', new Map([[id, {}]])],
  ['a Set of full ids', new Set([id, fakeId(2)])],
  ['a Set of another realm', foreign(`new Set(['${id}'])`)],
  ['an object with has', { has: () => false }],
  ['a function with has', Object.assign(() => {}, { has: () => false })],
  ['a subclass with a has of its own', new ByName([['web', id]])],
  ['a Map with a has put on it', Object.assign(new Map([['web', 1]]), { has: () => true })],
  [
    'something that calls itself a Map',
    { [Symbol.toStringTag]: 'Map', has: () => true, keys: () => ['web'] },
  ],
])('%s may be asked', (_what, tracked) => {
  expect(firstWrongKey(tracked)).toBeUndefined()
  expect(() => start(tracked as Tracked)).not.toThrow()
})

function start(tracked: Tracked): unknown {
  return createReconciler({ owner: { label: 'a', value: 'b' }, engine: 'unix:///nowhere', tracked })
}
