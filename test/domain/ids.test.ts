import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseContainerId, shortId } from '../../src/domain/ids.ts'

const full = '4f66ad9f0b2e5b8d4c6f1a3e7d9b0c2a8e5f4d3c2b1a09f8e7d6c5b4a3928170'

describe('exact-id: only a full container id is accepted', () => {
  test('64 lower-case hexadecimal digits, as they are', () => {
    expect(parseContainerId(full)).toBe(full)
  })

  test.each([
    ['nothing', ''],
    ['a prefix, as people write them', full.slice(0, 12)],
    ['one digit too few', full.slice(0, 63)],
    ['one digit too many', `${full}0`],
    ['upper case, which names the same container nowhere', full.toUpperCase()],
    ['a digit that is none', `g${full.slice(1)}`],
    ['a name', 'web-1'],
    ['an id of an image', `sha256:${full}`],
    ['an id on a line of its own', `${full}\n`],
    ['two lines', `x\n${full}`],
    ['a path', `../${full}`],
    ['a number', 4],
    ['null', null],
    ['undefined', undefined],
    ['an object that says it is one', { toString: () => full }],
    ['a list with one', [full]],
  ])('%s is none', (_, text) => {
    expect(parseContainerId(text)).toBeUndefined()
  })

  test('every accepted id fits into a path unescaped', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f]{60,68}$/))
    fc.assert(
      fc.property(text, (candidate) => {
        const id = parseContainerId(candidate)
        expect(id === undefined || (encodeURIComponent(id) === candidate && id.length === 64)).toBe(true)
      }),
    )
  })
})

test('the short form is the usual twelve digits', () => {
  expect(shortId(full)).toBe('4f66ad9f0b2e')
})
