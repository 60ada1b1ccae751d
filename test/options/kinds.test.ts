import { describe, expect, test } from 'vitest'
import {
  backoff,
  choice,
  duration,
  file,
  httpUrl,
  labelName,
  listOf,
  onOrOff,
  share,
  type TextKind,
  wholeNumber,
} from '../../src/options/kinds.ts'
import { nameOfOwner, ownerLabel } from '../../src/options/owner-label.ts'
import { Refusal } from '../../src/options/refusal.ts'
import { memoryLeases, sessionId, sessionIn } from '../support/memory-leases.ts'

/** How an option is given: to the library, as text by a flag or a variable, or in a configuration file. */
type Source = 'read' | 'parse' | 'readPlain'

interface Kinds {
  readonly kind: TextKind<unknown, '' | 'Ms'>
  /** Of the library, and of text. Those of a configuration file are those of text, or of the library for a plain value. */
  readonly requirements: readonly [library: string, text: string]
  readonly accepted: readonly (readonly [Source, given: unknown, value: unknown])[]
  readonly refused: Readonly<Record<Source, readonly unknown[]>>
}

const same = (requirement: string): readonly [string, string] => [requirement, requirement]
const words = ['created', 'running', 'dead'] as const
const backoffLimits = 'durations from 100ms to 8760h, the first no longer than the second'
const durationText = 'it must be a duration from 1s to 1h, such as "90s", "5m" or "1h30m"'

const kinds: Readonly<Record<string, Kinds>> = {
  duration: {
    kind: duration('1s', '1h'),
    requirements: [`${durationText}, or a number of milliseconds`, durationText],
    accepted: [
      ['read', '1s', 1000],
      ['read', '1h', 3_600_000],
      ['read', 1000, 1000],
      ['read', 3_600_000, 3_600_000],
      ['parse', '1m30s', 90_000],
      ['readPlain', '90s', 90_000],
    ],
    refused: {
      read: ['999ms', '3601s', 999, 3_600_001, Number.NaN, true, undefined, null, ['1s']],
      parse: ['', '1000', '5 minutes', '999ms', '2h'],
      readPlain: [1000, '999ms', ['1s'], null],
    },
  },
  'whole number': {
    kind: wholeNumber(2, 50),
    requirements: same('it must be a whole number from 2 to 50'),
    accepted: [
      ['read', 2, 2],
      ['read', 50, 50],
      ['parse', '2', 2],
      ['parse', '050', 50],
      ['readPlain', 50, 50],
    ],
    refused: {
      read: [1, 51, 2.5, '2', 2n, undefined],
      parse: ['1', '51', '2.0', '', ' 2', '2x', 'x2', '0000000002', '1e1'],
      readPlain: ['2', 1, [2], true],
    },
  },
  share: {
    kind: share(),
    requirements: same('it must be a number above 0 and up to 1'),
    accepted: [
      ['read', 1, 1],
      ['read', 1e-9, 1e-9],
      ['parse', '1', 1],
      ['parse', '.25', 0.25],
      ['parse', '1.', 1],
      ['parse', '00.25', 0.25],
      ['readPlain', 0.5, 0.5],
    ],
    refused: {
      read: [0, -0.5, 1.000_001, '1', Number.NaN],
      parse: ['0', '1.01', '', '.', 'x1', '1x', '0.5.5', '5e-1', '-1', '50%'],
      readPlain: ['0.5', 0, [1]],
    },
  },
  switch: {
    kind: onOrOff(),
    requirements: same('it must be true or false'),
    accepted: [
      ['read', true, true],
      ['read', false, false],
      ['parse', 'TRUE', true],
      ['parse', 'yes', true],
      ['parse', '1', true],
      ['parse', 'False', false],
      ['parse', 'no', false],
      ['parse', '0', false],
      ['readPlain', true, true],
    ],
    refused: {
      read: ['true', 1, undefined],
      parse: ['', 'on', '10', '01', 'notrue', 'untrue', 'falsely', 'trueish', 'nono'],
      readPlain: ['true', 1],
    },
  },
  choice: {
    kind: choice('LEVEL', words),
    requirements: same('it must be one of created, running, dead'),
    accepted: [
      ['read', 'dead', 'dead'],
      ['parse', 'created', 'created'],
      ['readPlain', 'running', 'running'],
    ],
    refused: { read: ['', 'Dead', 1, undefined], parse: ['', 'dead,created'], readPlain: [1, ['dead']] },
  },
  'the only choice': {
    kind: choice('NAME', ['nomad']),
    requirements: same('it must be nomad'),
    accepted: [['read', 'nomad', 'nomad']],
    refused: { read: ['kubernetes'], parse: ['kubernetes'], readPlain: [true] },
  },
  list: {
    kind: listOf('State', 'STATES', words),
    requirements: [
      'it must be a list of one or more of created, running, dead',
      'it must be one or more of created, running, dead, separated by commas',
    ],
    accepted: [
      ['read', ['dead', 'created'], ['dead', 'created']],
      ['parse', 'dead', ['dead']],
      ['parse', 'dead, created', ['dead', 'created']],
      ['readPlain', ['running'], ['running']],
      ['readPlain', 'running,dead', ['running', 'dead']],
    ],
    refused: {
      read: ['dead', [], ['asleep'], ['dead', 'asleep'], { 0: 'dead', length: 1 }, undefined],
      parse: ['', 'asleep', 'dead,', 'dead;created'],
      readPlain: [1, 'asleep', {}],
    },
  },
  'label name': {
    kind: labelName(),
    requirements: same('it must be a label name: not empty, without spaces or "="'),
    accepted: [
      ['read', 'com.example/keep', 'com.example/keep'],
      ['parse', 'k', 'k'],
      ['readPlain', 'k', 'k'],
    ],
    refused: {
      read: ['', ' k', 'k ', 'a b', 'a=b', 1, undefined],
      parse: ['', 'a=b', 'a\n'],
      readPlain: [false, ['k']],
    },
  },
  file: {
    kind: file(),
    requirements: same('it must name a file'),
    accepted: [
      ['read', ' ', ' '],
      ['parse', '/a', '/a'],
      ['readPlain', '/a', '/a'],
    ],
    refused: { read: ['', 1], parse: [''], readPlain: [['a']] },
  },
  url: {
    kind: httpUrl(),
    requirements: same('it must be http://… or https://…'),
    accepted: [
      ['read', new URL('https://x/'), new URL('https://x/')],
      ['read', 'http://x/', new URL('http://x/')],
      ['parse', 'https://x/', new URL('https://x/')],
      ['readPlain', 'http://x/', new URL('http://x/')],
    ],
    refused: {
      read: ['ftp://x', 'x', '', 1, null, ['http://x/']],
      parse: ['ftp://x', 'http:'],
      readPlain: [8080],
    },
  },
  backoff: {
    kind: backoff({ min: '1s', max: '60s' }, '100ms'),
    requirements: [`it must be { min, max }: ${backoffLimits}`, `it must be MIN..MAX: ${backoffLimits}`],
    accepted: [
      ['read', {}, { min: 1000, max: 60_000 }],
      ['read', { min: '2s' }, { min: 2000, max: 60_000 }],
      ['read', { max: 1000 }, { min: 1000, max: 1000 }],
      ['parse', '100ms..1h', { min: 100, max: 3_600_000 }],
      ['readPlain', '1s..2s', { min: 1000, max: 2000 }],
    ],
    refused: {
      read: [
        { min: '2s', max: '1s' },
        { min: '99ms' },
        { max: '8761h' },
        { min: '1s', most: '2s' },
        null,
        [],
        '1s..2s',
      ],
      parse: [
        '',
        '1s',
        '1s..',
        '..2s',
        '1s-2s',
        '2s..1s',
        '1s..2s..3s',
        ' ..2s',
        '...2s',
        '.1s..2s',
        '1s..2s\n',
      ],
      readPlain: [{ min: '1s' }, 5],
    },
  },
  owner: {
    kind: ownerLabel(),
    requirements: [
      'it must be { label, value } with this agent\'s own value, { label, session }, { label, leases } or { label, anyValue: true }; a label must not be empty, and must not contain spaces or "="',
      'it must be KEY=VALUE, KEY=* for any value, or KEY alone with --sessions; neither part may be empty, and KEY must not contain spaces',
    ],
    accepted: [
      ['read', { label: 'a', value: 'b' }, { label: 'a', value: 'b' }],
      ['read', { label: 'a', value: 'b', anyValue: false }, { label: 'a', value: 'b' }],
      ['read', { label: 'a', value: 'b', anyValue: undefined }, { label: 'a', value: 'b' }],
      ['read', { label: 'a', anyValue: true }, { label: 'a', anyValue: true }],
      ['parse', 'a=b', { label: 'a', value: 'b' }],
      ['parse', 'a=b=c d\ne', { label: 'a', value: 'b=c d\ne' }],
      ['parse', 'com.example=b', { label: 'com.example', value: 'b' }],
      ['parse', 'a=*', { label: 'a', anyValue: true }],
      ['parse', 'a=**', { label: 'a', value: '**' }],
      ['readPlain', 'a=b', { label: 'a', value: 'b' }],
    ],
    refused: {
      read: [
        'a=b',
        { label: 'a' },
        { label: 'a', value: '' },
        { label: 'a', value: 1 },
        { label: 'a', value: undefined },
        { label: 'a', value: undefined, anyValue: true },
        { label: 'a', value: 'b', anyValue: true },
        { label: 'a', value: 'b', anyValue: 'no' },
        { label: 'a', anyValue: false },
        { label: '', value: 'b' },
        { label: 'a b', value: 'b' },
        { label: 1, value: 'b' },
        Object.assign(() => {}, { label: 'a', value: 'b' }),
        { label: 'a', value: 'b', labels: 1 },
        null,
      ],
      parse: ['', 'a=', '=b', 'a b=c', ' a=b'],
      readPlain: [{ label: 'a', value: 'b' }, false],
    },
  },
}

describe.each(Object.entries(kinds))('%s', (_, { kind, requirements, accepted, refused }) => {
  const [ofLibrary, ofText] = requirements
  const give = (source: Source, given: unknown) => kind[source](given as string)

  test.each(accepted)('%s(%o)', (source, given, value) => {
    expect(give(source, given)).toEqual(value)
  })

  test('what it has read, it reads unchanged', () => {
    for (const [, , value] of accepted) expect(kind.read(value)).toEqual(value)
  })

  test.each(refused.read.map((given) => [given]))('read refuses %o', (given) => {
    expect(kind.read(given)).toEqual(new Refusal(ofLibrary))
  })

  test.each(refused.parse.map((given) => [given]))('parse refuses %o', (given) => {
    expect(give('parse', given)).toEqual(new Refusal(ofText))
  })

  test.each(refused.readPlain.map((given) => [given]))('readPlain refuses %o', (given) => {
    expect(give('readPlain', given)).toEqual(new Refusal(ofText))
  })
})

describe('a URL with credentials', () => {
  test.each(['http://user@x/', 'http://:secret@x/', 'https://user:secret@x/'])(
    '%s is refused without showing it',
    (url) => {
      const refusal = new Refusal(
        'it must have no credentials, which would not be sent',
        'a URL with a user or password',
      )
      expect(httpUrl().read(url)).toEqual(refusal)
      expect(httpUrl().read(new URL(url))).toEqual(refusal)
      expect(httpUrl().parse(url)).toEqual(refusal)
    },
  )
})

describe('what the guide says of them', () => {
  test('the type of the library’s values', () => {
    expect(choice('LEVEL', words).type).toBe("'created' | 'running' | 'dead'")
    expect(httpUrl().type).toBe('URL')
  })

  test('durations are settings in milliseconds, and nothing else has a unit', () => {
    const withUnit = Object.entries(kinds).filter(([, { kind }]) => kind.unit !== '')
    expect(withUnit.map(([name, { kind }]) => [name, kind.unit])).toEqual([['duration', 'Ms']])
  })
})

describe('the limits, in words', () => {
  test.each([
    [duration(), ''],
    [duration('1ms'), ''],
    [duration('2ms'), 'At least `2ms`.'],
    [duration('0s', '1m'), 'At most `1m`.'],
    [duration('1s', '1m'), 'At least `1s`. At most `1m`.'],
    [wholeNumber(1, 9), 'From 1 to 9.'],
    [share(), 'Above 0, up to 1.'],
    [choice('NAME', ['nomad']), ''],
    [choice('LEVEL', ['a', 'b']), 'One of `a`, `b`.'],
    [listOf('State', 'STATES', ['a', 'b']), 'Any of `a`, `b`.'],
    [labelName(), ''],
  ] as const)('%#', (kind, limits) => {
    expect(kind.limits).toBe(limits)
  })
})

test.each([
  [undefined, undefined, ''],
  [{ label: 'a', value: 'b' }, undefined, 'a=b'],
  [{ label: 'a', anyValue: true }, undefined, 'a=*'],
  [{ label: 'a', session: sessionIn(memoryLeases(), sessionId(1)) }, undefined, `a=${sessionId(1)}`],
  [{ label: 'a', leases: memoryLeases() }, undefined, 'a'],
  [undefined, 'nomad', 'nomad'],
  [{ label: 'a', value: 'b' }, 'nomad', 'nomad a=b'],
] as const)('the name of the owner %o with the preset %s: %j', (owner, preset, name) => {
  expect(nameOfOwner(owner, preset)).toBe(name)
})

test('owner: KEY alone can only be given to the command, which completes it', () => {
  const kind = ownerLabel()
  expect(kind.parse('a')).toEqual({ label: 'a' })
  expect(kind.readPlain('a')).toEqual({ label: 'a' })
  expect(kind.read({ label: 'a' })).toBeInstanceOf(Refusal)
})
