import { describe, expect, test } from 'vitest'
import { printable, show, withoutSecrets } from '../../src/domain/show.ts'

describe('an address in a message', () => {
  test.each([
    ['tcp://bob:secret@host:2376', 'tcp://***@host:2376'],
    ['https://host/path?token=secret', 'https://host/path'],
    ['ftp://bob:s@ecret@host', 'ftp://***@host'],
    ['ssh://bob@host#secret', 'ssh://bob@host'],
    ['ssh://bob:secret@host', 'ssh://***@host'],
    ['unix:///run/docker.sock', 'unix:///run/docker.sock'],
  ])('%s has no user, password or query: %s', (address, shown) => {
    expect(withoutSecrets(address)).toBe(shown)
    expect(show(address)).toBe(JSON.stringify(shown))
  })

  test('a value that is no address is shown as it is', () => {
    expect(show('bob@example.com?')).toBe('"bob@example.com?"')
  })
})

describe('foreign text in an output', () => {
  test.each([
    ['a line feed', 'a\nb'],
    ['a carriage return', 'a\rb'],
    ['an escape', 'a\u001Bb'],
    ['a control of C1', 'a\u009Bb'],
    ['a line separator', 'a\u2028b'],
    ['a paragraph separator', 'a\u2029b'],
    ['a next line', 'a\u0085b'],
    ['a right-to-left override', 'a\u202Eb'],
    ['an isolate', 'a\u2066b'],
    ['an Arabic letter mark', 'a\u061Cb'],
  ])('%s is a question mark', (_name, text) => {
    expect(printable(text)).toBe('a?b')
  })

  test('letters of every script stay', () => {
    expect(printable('жук-ダメ-שלום-🦀')).toBe('жук-ダメ-שלום-🦀')
  })
})
