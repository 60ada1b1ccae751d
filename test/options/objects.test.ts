import { describe, expect, test } from 'vitest'
import { beforeRemove, engine, inspect, logger, trackedThing } from '../../src/options/objects.ts'
import { Refusal } from '../../src/options/refusal.ts'

const id = 'a'.repeat(64)
const noop = () => {}
const levels = { debug: noop, info: noop, warn: noop, error: noop }

describe('what tracks', () => {
  const has = () => false

  test.each<[string, object]>([
    ['a Set of ids', new Set([id])],
    ['a Map of ids', new Map([[id, 1]])],
    ['anything with has()', { has }],
    ['and with ready()', { has, ready: () => true }],
    ['URLSearchParams with a has() of its own', Object.assign(new URLSearchParams(), { has })],
  ])('%s is used as given', (_, given) => {
    expect(trackedThing.read(given)).toBe(given)
  })

  const keys =
    'keys must be full container ids of 64 lower-case hexadecimal digits; for other keys give { has: (id, container) => … }'
  test.each<[string, unknown, Refusal]>([
    ['nothing', undefined, new Refusal('it must have a method has(id), as a Map or a Set does')],
    [
      'a has that is no method',
      { has: 1 },
      new Refusal('it must have a method has(id), as a Map or a Set does'),
    ],
    ['a WeakMap', new WeakMap(), new Refusal('it cannot hold container ids', 'a WeakMap or WeakSet')],
    ['a WeakSet', new WeakSet(), new Refusal('it cannot hold container ids', 'a WeakMap or WeakSet')],
    [
      'URLSearchParams',
      new URLSearchParams(),
      new Refusal('its has() does not take container ids; give a Map or a Set', 'URLSearchParams'),
    ],
    [
      'a ready that is no method',
      { has, ready: false },
      new Refusal('its ready must be a method', '{ ready: false }'),
    ],
    ['a Set of names', new Set(['web']), new Refusal(keys, 'its key "web"')],
    ['a Map of names', new Map([['web', 1]]), new Refusal(keys, 'its key "web"')],
  ])('%s is refused', (_, given, refusal) => {
    expect(trackedThing.read(given)).toEqual(refusal)
  })
})

describe('an engine', () => {
  test('is an address or an instance of Dockerode', () => {
    const dockerode = { modem: { dial: noop } }
    expect([engine.read('unix:///x'), engine.read(dockerode)]).toEqual(['unix:///x', dockerode])
    expect(engine.parse('tcp://x')).toBe('tcp://x')
    expect(engine.readPlain('tcp://x')).toBe('tcp://x')
  })

  test.each([
    [{ key: 'secret' }, 'an object'],
    [{ modem: { dial: 1 } }, 'an object'],
    [undefined, 'undefined'],
    [null, 'null'],
  ])('is refused without showing it: %o', (given, shown) => {
    expect(engine.read(given)).toEqual(new Refusal('it must be an address or a Dockerode instance', shown))
  })

  test('given as text must have an address', () => {
    expect(engine.parse('')).toEqual(new Refusal('it must be the address of an engine'))
  })
})

describe('functions and objects with methods', () => {
  const next = noop
  const isLevelEnabled = () => true

  test.each([
    [beforeRemove, noop],
    [logger, levels],
    [logger, { ...levels, isLevelEnabled }],
    [inspect, noop],
    [inspect, { next }],
  ])('%# is used as given', (kind, given) => {
    expect(kind.read(given)).toBe(given)
  })

  const ofLogger = 'it must be a pino logger, or have the methods debug, info, warn and error'
  test.each([
    [beforeRemove, { next }, 'it must be a function'],
    ...Object.keys(levels).map((level) => [logger, { ...levels, [level]: 1 }, ofLogger] as const),
    [logger, { ...levels, isLevelEnabled: true }, ofLogger],
    [logger, undefined, ofLogger],
    [inspect, { next: 1 }, 'it must be a function or an observer'],
    [inspect, null, 'it must be a function or an observer'],
  ] as const)('%# is refused', (kind, given, requirement) => {
    expect(kind.read(given)).toEqual(new Refusal(requirement))
  })

  test('what the guide says of them: a type, and no limits', () => {
    const all = [trackedThing, beforeRemove, logger, inspect]
    expect(all.map(({ type }) => type)).toEqual(['Tracked', 'BeforeRemove', 'Logger', 'Inspect'])
    expect(all.map(({ limits, unit }) => [limits, unit])).toEqual(all.map(() => ['', '']))
  })
})
