import Dockerode from 'dockerode'
import * as fc from 'fast-check'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { ArgumentError, OptionError } from '../../src/domain/errors.ts'
import { options as schema } from '../../src/options/schema.ts'
import type { PartialOptions, ReconcilerOptions } from '../../src/options/types.ts'
import { readSettings } from '../../src/supervision/settings.ts'
import { memoryLeases, sessionId, sessionIn } from '../support/memory-leases.ts'
import { summary } from '../support/summary.ts'

const owner = { label: 'com.example.agent', value: 'agent-7' }
const tracked = new Set<string>()
const least = { owner, tracked }

const read = (options: object = {}) => readSettings({ ...least, ...options })

function refusal(options: unknown): OptionError {
  try {
    readSettings(options as ReconcilerOptions)
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    return error
  }
  return expect.unreachable('nothing was refused')
}

/** The option that is named, and what is said of its value. */
function refusalOf(option: string, value: unknown): readonly [string, string] {
  const given = Object.defineProperty({ ...least }, option, { value, enumerable: true })
  const { option: named, message, value: shown } = refusal(given)
  expect(shown).toBe(value)
  return [named, message.replace(`option ${named}: `, '').replace(`option ${named} `, '')]
}

const durationFrom = (shortest: string, longest = '8760h') =>
  `it must be a duration from ${shortest} to ${longest}, such as "90s", "5m" or "1h30m", or a number of milliseconds`
const labelForm = 'it must be a label name: not empty, without spaces or "="'
const ownerForm =
  'it must be { label, value } with this agent\'s own value, { label, session }, { label, leases } or { label, anyValue: true }; a label must not be empty, and must not contain spaces or "="'
const onlyOne = 'it must have only one of value, session and leases, and not'
const sessionForm = 'its session must be what openSession() resolves with'
const awaited = 'its session is a promise; give what openSession() resolves with, by await'
const leasesForm = 'its leases must have the method isHeld(id)'
const leases = memoryLeases()
const session = sessionIn(leases, sessionId(1))
const selfForm = 'it must be a container id of at least 12 digits, or a container name'
const backoffForm =
  'it must be { min, max }: durations from 100ms to 8760h, the first no longer than the second'
const statesForm = 'it must be a list of one or more of created, running, paused, restarting, exited, dead'
const shareForm = 'it must be a number above 0 and up to 1'

describe('every option has its documented default', () => {
  test('with only an owner and a tracker', () => {
    const { ownership, ...settings } = read()
    expect(settings).toEqual({
      owner,
      preset: undefined,
      enabled: true,
      dryRun: false,
      periodMs: 300_000,
      creationGraceMs: 300_000,
      restoreGraceMs: 300_000,
      releaseGraceMs: 30_000,
      recoveryGraceMs: 30_000,
      sessionGraceMs: 60_000,
      leases: undefined,
      allowShortGrace: false,
      states: new Set(['created', 'running', 'paused', 'restarting', 'dead']),
      orchestrated: false,
      keepLabel: 'flotsam.keep',
      filterListing: false,
      filter: undefined,
      events: true,
      self: undefined,
      backoff: { min: 1000, max: 60_000 },
      backoffMinMs: 1000,
      backoffMaxMs: 60_000,
      removeVolumes: true,
      stopTimeoutMs: 0,
      maxConcurrentRemovals: 2,
      maxRemovalsPerScan: 50,
      maxDanglingShare: undefined,
      tracked,
      engine: undefined,
      beforeRemove: undefined,
      logger: undefined,
      inspect: undefined,
    })
    expect(ownership.labels).toEqual({ 'com.example.agent': 'agent-7' })
  })

  test('an option that is given as undefined has its default', () => {
    const names = Object.keys(given)
    const { ownership: _, ...settings } = read(Object.fromEntries(names.map((name) => [name, undefined])))
    const { ownership: __, ...defaults } = read()
    expect(settings).toEqual(defaults)
    expect(read({ backoff: { min: undefined, max: undefined } }).backoffMaxMs).toBe(60_000)
  })
})

const beforeRemove = () => true
const inspect = () => {}
const logger = pino({ level: 'silent' })
const engine = new Dockerode({ socketPath: '/nowhere.sock' })

/** Every option but the owner and the tracker, none with its default. */
const given = {
  engine,
  enabled: false,
  dryRun: true,
  period: '1h30m',
  creationGrace: 20_000,
  restoreGrace: '0s',
  releaseGrace: 0,
  recoveryGrace: '10s',
  sessionGrace: '70s',
  allowShortGrace: true,
  states: ['created', 'exited'],
  orchestrated: true,
  keepLabel: 'keep',
  filterListing: true,
  events: false,
  self: 'agent',
  backoff: { min: '100ms', max: '1s' },
  removeVolumes: false,
  stopTimeout: '24h',
  maxConcurrentRemovals: 20,
  maxRemovalsPerScan: 10_000,
  maxDanglingShare: 1,
  beforeRemove,
  logger,
  inspect,
} satisfies PartialOptions

describe('every given option takes effect', () => {
  test('each with a value of its own', () => {
    const names = [...Object.keys(given), 'owner', 'preset', 'tracked']
    expect(names.toSorted()).toEqual(Object.keys(schema).toSorted())
    const { ownership: _, ...settings } = read(given)
    expect(settings).toEqual({
      owner,
      preset: undefined,
      enabled: false,
      dryRun: true,
      periodMs: 5_400_000,
      creationGraceMs: 20_000,
      restoreGraceMs: 0,
      releaseGraceMs: 0,
      recoveryGraceMs: 10_000,
      sessionGraceMs: 70_000,
      leases: undefined,
      allowShortGrace: true,
      states: new Set(['created', 'exited']),
      orchestrated: true,
      keepLabel: 'keep',
      filterListing: true,
      filter: 'com.example.agent=agent-7',
      events: false,
      self: 'agent',
      backoff: { min: 100, max: 1000 },
      backoffMinMs: 100,
      backoffMaxMs: 1000,
      removeVolumes: false,
      stopTimeoutMs: 86_400_000,
      maxConcurrentRemovals: 20,
      maxRemovalsPerScan: 10_000,
      maxDanglingShare: 1,
      tracked,
      engine,
      beforeRemove,
      logger,
      inspect,
    })
  })

  test('the recovery grace is never longer than the creation grace', () => {
    expect(read({ creationGrace: '10s' }).recoveryGraceMs).toBe(10_000)
    expect(read({ creationGrace: '10s', recoveryGrace: '1h' }).recoveryGraceMs).toBe(10_000)
  })

  test('anyValue owns every value, and says so in the filter', () => {
    const { ownership, filter } = read({ owner: { label: 'agent', anyValue: true }, filterListing: true })
    expect(ownership.owns(summary({ labels: { agent: 'any' } }))).toBe(true)
    expect(filter).toBe('agent')
  })

  test('owned-only: a value is matched exactly, even with anyValue: false', () => {
    for (const anyValue of [undefined, false]) {
      const { ownership } = read({ owner: { ...owner, anyValue } })
      expect(ownership.owns(summary({ labels: { 'com.example.agent': 'agent-8' } }))).toBe(false)
      expect(ownership.labels).toEqual({ 'com.example.agent': 'agent-7' })
    }
  })

  test('a preset owns by itself, and an owner narrows it', () => {
    const container = summary({ labels: { 'com.hashicorp.nomad.alloc_id': 'x' } })
    expect(readSettings({ preset: 'nomad', tracked }).ownership.owns(container)).toBe(true)
    expect(readSettings({ preset: 'nomad', owner, tracked }).ownership.owns(container)).toBe(false)
  })

  test.each([new Map(), new Set(), { has: () => false }, { has: () => false, ready: () => true }])(
    'tracker %#',
    (one) => {
      expect(read({ tracked: one }).tracked).toBe(one)
    },
  )

  test('inspect may be an observer as well as a function', () => {
    const observer = { next() {} }
    expect(read({ inspect: observer }).inspect).toBe(observer)
  })

  test('changing a list later has no effect', () => {
    const states = ['exited']
    const settings = read({ states })
    states.push('running')
    expect(settings.states).toEqual(new Set(['exited']))
  })
})

describe('an invalid duration is refused', () => {
  const durations: [option: string, shortest: string, longest?: string][] = [
    ['period', '100ms'],
    ['creationGrace', '1ms'],
    ['restoreGrace', '0s'],
    ['releaseGrace', '0s'],
    ['recoveryGrace', '1ms'],
    ['stopTimeout', '0s', '24h'],
  ]

  test.each<[unknown, string]>([
    ['5', '"5"'],
    ['1h foo', '"1h foo"'],
    ['-1s', '"-1s"'],
    ['', '""'],
    [' 5m', '" 5m"'],
    [-5, '-5'],
    [Number.NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [-Infinity, '-Infinity'],
    [null, 'null'],
    [true, 'true'],
    [5n, '5n'],
    [{}, '{}'],
    [['5m'], '["5m"]'],
    [() => '5m', 'a function'],
  ])('%o', (value, shown) => {
    for (const [option, shortest, longest] of durations) {
      expect(refusalOf(option, value)).toEqual([
        option,
        `${shown} is not allowed; ${durationFrom(shortest, longest)}`,
      ])
    }
    for (const end of ['min', 'max']) {
      // null is as good as none for a part
      if (value === null) continue
      expect(refusalOf('backoff', { [end]: value })[1]).toMatch(backoffForm)
    }
  })

  test.each(durations)('%s: its limits are inclusive', (option, shortest, longest = '8760h') => {
    const others = { allowShortGrace: true }
    for (const limit of [shortest, longest]) expect(() => read({ ...others, [option]: limit })).not.toThrow()
    const form = durationFrom(shortest, longest)
    expect(refusalOf(option, `${longest}1ms`)[1]).toBe(`"${longest}1ms" is not allowed; ${form}`)
    const below = { '100ms': '99.9ms', '1ms': '0s' }[shortest]
    if (below) expect(refusalOf(option, below)[1]).toBe(`"${below}" is not allowed; ${form}`)
  })
})

describe('an option of the wrong type is refused', () => {
  const hasForm = 'it must have a method has(id), as a Map or a Set does'
  const engineForm = 'it must be an address or a Dockerode instance'

  test.each<[string, unknown, string]>([
    ['enabled', 'yes', '"yes" is not allowed; it must be true or false'],
    ['enabled', null, 'null is not allowed; it must be true or false'],
    ['dryRun', 1, '1 is not allowed; it must be true or false'],
    ['filterListing', {}, '{} is not allowed; it must be true or false'],
    ['preset', 'kubernetes', '"kubernetes" is not allowed; it must be nomad'],
    ['states', 'running', `"running" is not allowed; ${statesForm}`],
    ['states', [], `[] is not allowed; ${statesForm}`],
    ['states', ['running', 'removing'], `["running","removing"] is not allowed; ${statesForm}`],
    ['states', ['Running'], `["Running"] is not allowed; ${statesForm}`],
    ['keepLabel', '', `"" is not allowed; ${labelForm}`],
    ['keepLabel', 'a=b', `"a=b" is not allowed; ${labelForm}`],
    ['keepLabel', false, `false is not allowed; ${labelForm}`],
    ['self', '', `"" is not allowed; ${selfForm}`],
    ['self', 'c0ffee', `"c0ffee" is not allowed; ${selfForm}`],
    ['self', 'my agent', `"my agent" is not allowed; ${selfForm}`],
    ['self', ['agent'], `["agent"] is not allowed; ${selfForm}`],
    ['backoff', '1s', `"1s" is not allowed; ${backoffForm}`],
    ['backoff', null, `null is not allowed; ${backoffForm}`],
    ['backoff', ['1s', '2s'], `["1s","2s"] is not allowed; ${backoffForm}`],
    ['backoff', { minimum: '1s' }, `{"minimum":"1s"} is not allowed; ${backoffForm}`],
    ['backoff', { min: '99ms' }, `{"min":"99ms"} is not allowed; ${backoffForm}`],
    ['backoff', { min: '2m' }, `{"min":"2m"} is not allowed; ${backoffForm}`],
    ['backoff', { max: '500ms' }, `{"max":"500ms"} is not allowed; ${backoffForm}`],
    ['maxConcurrentRemovals', 0, '0 is not allowed; it must be a whole number from 1 to 20'],
    ['maxConcurrentRemovals', 21, '21 is not allowed; it must be a whole number from 1 to 20'],
    ['maxConcurrentRemovals', 2.5, '2.5 is not allowed; it must be a whole number from 1 to 20'],
    ['maxConcurrentRemovals', Number.NaN, 'NaN is not allowed; it must be a whole number from 1 to 20'],
    ['maxRemovalsPerScan', '50', '"50" is not allowed; it must be a whole number from 1 to 10000'],
    ['maxRemovalsPerScan', 10_001, '10001 is not allowed; it must be a whole number from 1 to 10000'],
    ['maxRemovalsPerScan', Infinity, 'Infinity is not allowed; it must be a whole number from 1 to 10000'],
    ['maxDanglingShare', 0, `0 is not allowed; ${shareForm}`],
    ['maxDanglingShare', 1.01, `1.01 is not allowed; ${shareForm}`],
    ['maxDanglingShare', '50%', `"50%" is not allowed; ${shareForm}`],
    ['maxDanglingShare', Number.NaN, `NaN is not allowed; ${shareForm}`],
    ['tracked', undefined, `is missing; ${hasForm}`],
    ['tracked', null, `null is not allowed; ${hasForm}`],
    ['tracked', ['c0ffee'], `["c0ffee"] is not allowed; ${hasForm}`],
    ['tracked', { has: true }, `{"has":true} is not allowed; ${hasForm}`],
    [
      'tracked',
      { has: () => true, ready: true },
      '{ ready: true } is not allowed; its ready must be a method',
    ],
    [
      'tracked',
      { has: () => true, ready: null },
      '{ ready: null } is not allowed; its ready must be a method',
    ],
    ['tracked', new WeakSet(), 'a WeakMap or WeakSet is not allowed; it cannot hold container ids'],
    ['engine', 2375, `2375 is not allowed; ${engineForm}`],
    ['engine', null, `null is not allowed; ${engineForm}`],
    ['beforeRemove', true, 'true is not allowed; it must be a function'],
    ['beforeRemove', null, 'null is not allowed; it must be a function'],
    [
      'logger',
      null,
      'null is not allowed; it must be a pino logger, or have the methods debug, info, warn and error',
    ],
    [
      'logger',
      'info',
      '"info" is not allowed; it must be a pino logger, or have the methods debug, info, warn and error',
    ],
    ['inspect', {}, '{} is not allowed; it must be a function or an observer'],
    ['inspect', null, 'null is not allowed; it must be a function or an observer'],
    ['inspect', { next: true }, '{"next":true} is not allowed; it must be a function or an observer'],
  ])('%s %j', (option, value, message) => {
    expect(refusalOf(option, value)).toEqual([option, message])
  })

  test.each([
    { host: 'engine.example', key: 'PRIVATE' },
    {},
    { modem: undefined },
    { modem: null },
    { modem: {} },
    { modem: { dial: 'tcp://x' } },
  ])('an engine that nothing can be asked of is not shown, since it may hold a key: %j', (one) => {
    expect(refusalOf('engine', one)).toEqual(['engine', `an object is not allowed; ${engineForm}`])
  })

  test('an object with the methods of Dockerode is accepted, whatever its class', () => {
    const one = { modem: { dial() {} } }
    expect(read({ engine: one }).engine).toBe(one)
    expect(read({ engine: 'tcp://127.0.0.1:2375' }).engine).toBe('tcp://127.0.0.1:2375')
  })

  test('a long value is not shown in full', () => {
    const [, message] = refusalOf(
      'tracked',
      Array.from({ length: 10_000 }, () => 'c0ffee'),
    )
    expect(message.length).toBeLessThan(200)
    expect(message).toContain('…')
  })

  test.each<[unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    ['unix:///var/run/docker.sock', '"unix:///var/run/docker.sock"'],
    [5, '5'],
    [() => {}, 'a function'],
  ])('options that are %s are no options', (options, shown) => {
    const message = `the options are ${shown}; they must be an object`
    expect(() => readSettings(options as ReconcilerOptions)).toThrow(new ArgumentError(message))
  })

  const methods = ['debug', 'info', 'warn', 'error']
  const logger = Object.fromEntries(methods.map((name) => [name, () => {}]))

  test.each([
    ['the four methods', logger],
    ['the console', console],
    ['pino', pino({ level: 'silent' })],
    ['pino with levels of its own', pino({ level: 'silent', customLevels: { audit: 35 } })],
  ])('what has the methods that are called may log: %s', (_, one) => {
    expect(read({ logger: one }).logger).toBe(one)
  })

  const message = 'is not allowed; it must be a pino logger, or have the methods debug, info, warn and error'

  test.each(methods)('a logger without %s would fail in the middle of a removal', (name) => {
    expect(refusalOf('logger', { ...logger, [name]: undefined })).toEqual(['logger', `{} ${message}`])
    expect(refusalOf('logger', { ...logger, [name]: true })[1]).toBe(`{"${name}":true} ${message}`)
  })

  test('a logger whose isLevelEnabled is no method is refused', () => {
    const one = { ...logger, isLevelEnabled: true }
    expect(refusalOf('logger', one)).toEqual(['logger', `{"isLevelEnabled":true} ${message}`])
  })

  test('not-self: too few hexadecimal digits for an id are refused; with any other character they are a name', () => {
    expect(refusalOf('self', '0123456789a')).toEqual(['self', `"0123456789a" is not allowed; ${selfForm}`])
    for (const self of ['0123456789ab', 'cafe-x', 'x-cafe', 'x', '/agent', 'my.agent_1-a']) {
      expect(read({ self }).self).toBe(self)
    }
    for (const self of ['.agent', '//agent', 'agent/', 'agent!', '!agent', '-agent']) {
      expect(refusalOf('self', self)).toEqual(['self', `"${self}" is not allowed; ${selfForm}`])
    }
  })
})

describe('owned-only: the owner must be given in full', () => {
  test('nothing at all', () => {
    expect(refusal({ tracked }).message).toBe('option owner is missing; it is required without preset')
    expect(refusal({}).option).toBe('owner')
  })

  test.each<[unknown, string]>([
    [null, 'null'],
    ['agent', '"agent"'],
    [['agent'], '["agent"]'],
    [{}, '{}'],
    [{ label: '', value: 'x' }, '{"label":"","value":"x"}'],
    [{ label: 'a b', value: 'x' }, '{"label":"a b","value":"x"}'],
    [{ label: 'a=b', anyValue: true }, '{"label":"a=b","anyValue":true}'],
    [{ label: 5, value: 'x' }, '{"label":5,"value":"x"}'],
    [{ label: 'a' }, '{"label":"a"}'],
    [{ label: 'a', value: undefined }, '{"label":"a"}'],
    [{ label: 'a', anyValue: false }, '{"label":"a","anyValue":false}'],
    [{ label: 'a', anyValue: 'true' }, '{"label":"a","anyValue":"true"}'],
    [{ label: 'a', value: 'b', anyValue: 'true' }, '{"label":"a","value":"b","anyValue":"true"}'],
    [{ label: 'a', value: '' }, '{"label":"a","value":""}'],
    [{ label: 'a', value: 7 }, '{"label":"a","value":7}'],
    [{ label: 'a', value: null }, '{"label":"a","value":null}'],
    [{ label: 'a', value: 'b', anyValue: true }, '{"label":"a","value":"b","anyValue":true}'],
    [{ label: 'a', value: 'b', values: [] }, '{"label":"a","value":"b","values":[]}'],
  ])('%j', (value, shown) => {
    for (const others of [{}, { preset: 'nomad' }]) {
      const { option, message } = refusal({ owner: value, tracked, ...others })
      expect([option, message]).toEqual(['owner', `option owner: ${shown} is not allowed; ${ownerForm}`])
    }
  })

  test.each<[string, object, string, string]>([
    ['a session and a value', { session, value: 'x' }, 'session: an object', `${onlyOne}: value, session`],
    [
      'a session and leases',
      { session, leases },
      'session: an object, leases: an object',
      `${onlyOne}: session, leases`,
    ],
    ['a session and any value', { session, anyValue: true }, 'session: an object', ownerForm],
    ['a promise of a session', { session: Promise.resolve(session) }, 'session: an object', awaited],
    ['no session', { session: undefined }, 'session: undefined', sessionForm],
    ['a session without a store', { session: { ...session, leases: {} } }, 'session: an object', sessionForm],
    [
      'a session with another id',
      { session: { ...session, id: 'agent-7' } },
      'session: an object',
      sessionForm,
    ],
    ['leases that are no store', { leases: [] }, 'leases: an object', leasesForm],
    ['a store whose list is no method', { leases: { ...leases, list: [] } }, 'leases: an object', leasesForm],
    ['no leases', { leases: undefined }, 'leases: undefined', leasesForm],
  ])('%s: the error says what is wrong, and shows nothing of a store', (_, given, shown, requirement) => {
    const { message } = refusal({ owner: { label: 'a', ...given }, tracked })
    expect(message).toBe(`option owner: { label: "a", ${shown} } is not allowed; ${requirement}`)
  })

  test('a preset has no sessions', () => {
    const { message } = refusal({ owner: { label: 'a', session }, preset: 'nomad', tracked })
    expect(message).toBe(
      'option owner: { label: "a", session: an object } is not allowed; with preset it must be a label with a value; a preset has no sessions',
    )
  })

  test('live-session: a session owns its label with every value, and labels its containers with its id', () => {
    const { leases: store, ownership } = read({ owner: { label: 'a', session } })
    expect(store).toBe(leases)
    expect(ownership.labels).toEqual({ a: session.id })
    expect(ownership.filter).toBe('a')
    const sessionOf = (value: string) => ownership.sessionOf?.(summary({ labels: { a: value } }))
    expect([sessionOf(session.id), sessionOf(sessionId(2)), sessionOf('x'), sessionOf('')]).toEqual([
      undefined,
      sessionId(2),
      'x',
      '',
    ])
    expect(ownership.owns(summary({ labels: { a: 'x' } }))).toBe(true)
    expect(ownership.owns(summary({ labels: { b: session.id } }))).toBe(false)
  })

  test('live-session: leases alone own the label with every value, and give no labels', () => {
    const { leases: store, ownership } = read({ owner: { label: 'a', leases } })
    expect(store).toBe(leases)
    expect(ownership.labels).toBeUndefined()
    expect(ownership.sessionOf?.(summary({ labels: { a: session.id } }))).toBe(session.id)
  })

  test('a value beside anyValue is refused even if it is undefined', () => {
    const value = { label: 'a', anyValue: true, value: undefined }
    expect(refusalOf('owner', value)).toEqual([
      'owner',
      `{"label":"a","anyValue":true} is not allowed; ${ownerForm}`,
    ])
  })
})

describe('an unknown option is refused', () => {
  test.each([
    ['perid', 'period'],
    ['Owner', 'owner'],
    ['creation_grace', 'creationGrace'],
    ['maxRemovalsPerLook', 'maxRemovalsPerScan'],
    ['selfs', 'self'],
  ])('%s: did you mean %s?', (name, nearest) => {
    expect(refusalOf(name, 1)).toEqual([
      name,
      `1 is not allowed; there is no such option; did you mean ${nearest}?`,
    ])
  })

  test.each(['foo', 'constructor', '__proto__', ''])('%j', (name) => {
    expect(refusalOf(name, 1)).toEqual([name, expect.stringContaining('there is no such option')])
  })

  test('an undefined one counts as not given, whatever its name', () => {
    expect(read({ foo: undefined }).periodMs).toBe(300_000)
  })
})

describe('options that contradict each other are refused', () => {
  test('the keep label cannot be the owner label', () => {
    const { option, message } = refusal({ ...least, keepLabel: 'com.example.agent' })
    expect([option, message]).toEqual([
      'owner',
      'option owner: {"label":"com.example.agent","value":"agent-7"} is not allowed; its label must not be that of keepLabel, or nothing is ever removed',
    ])
    const usual = { ...least, owner: { label: 'flotsam.keep', anyValue: true } }
    expect(refusal(usual).option).toBe('owner')
  })

  test('nor the label that names the image of an owned container', () => {
    const { option, message } = refusal({ ...least, keepLabel: 'com.example.agent.image' })
    expect([option, message]).toEqual([
      'keepLabel',
      'option keepLabel: "com.example.agent.image" is not allowed; it must not be the label of owner with .image, which labels() sets, or nothing is ever removed',
    ])
  })

  test('nor the label by which a preset owns', () => {
    const keepLabel = 'com.hashicorp.nomad.alloc_id'
    const { option, message } = refusal({ preset: 'nomad', tracked, keepLabel })
    expect([option, message]).toEqual([
      'keepLabel',
      `option keepLabel: "${keepLabel}" is not allowed; it must not be the label of preset, or nothing is ever removed`,
    ])
    expect(read({ keepLabel }).keepLabel).toBe(keepLabel)
    expect(readSettings({ preset: 'nomad', tracked, keepLabel: 'keep' }).keepLabel).toBe('keep')
  })

  test.each(['creationGrace', 'recoveryGrace'])(
    'awake-time: a short %s must be allowed explicitly',
    (option) => {
      const message =
        '9999 is not allowed; it must be at least 10s, or allowShortGrace must be given (for tests and demonstrations)'
      expect(refusalOf(option, 9999)).toEqual([option, message])
      expect(refusal({ ...least, [option]: '9.9s', allowShortGrace: false }).option).toBe(option)
      expect(read({ [option]: '10s' })).toMatchObject({ [`${option}Ms`]: 10_000 })
      expect(read({ [option]: '1ms', allowShortGrace: true })).toMatchObject({ [`${option}Ms`]: 1 })
    },
  )

  test('a filter needs one label that all owned containers have', () => {
    const message =
      'option filterListing: true is not allowed; preset matches more than one label, so it needs unfiltered listings'
    for (const narrowed of [{}, { owner }]) {
      expect(refusal({ preset: 'nomad', tracked, filterListing: true, ...narrowed }).message).toBe(message)
    }
  })
})

describe('no bad option passes silently', () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withObjectString: true,
    withSet: true,
    withSparseArray: true,
  })
  const strange = fc.constantFrom<unknown>(
    Symbol('x'),
    () => 1,
    Number.NaN,
    -0,
    5n,
    new Date(Number.NaN),
    Object.create(null),
    /x/,
  )
  const junk = fc.oneof(anything, strange)
  const options = ['owner', 'preset', 'tracked', ...Object.keys(given)]

  test.each(options)('any value of %s is accepted or refused with an OptionError', (option) => {
    const plausible = fc.record(
      { min: junk, max: junk, label: junk, value: junk, anyValue: junk, has: junk },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.oneof(junk, plausible, fc.array(junk)), (value) => {
        let settings: ReturnType<typeof readSettings>
        try {
          settings = read({ [option]: value })
        } catch (error) {
          expect(error).toBeInstanceOf(OptionError)
          expect((error as OptionError).option).toBe(option)
          expect((error as OptionError).message.length).toBeLessThan(600)
          return
        }
        const numbers = Object.values(settings).filter((setting) => typeof setting === 'number')
        expect(numbers.every((number) => Number.isFinite(number) && number >= 0)).toBe(true)
        expect(Math.min(settings.periodMs, settings.creationGraceMs)).toBeGreaterThanOrEqual(1)
      }),
      { numRuns: 200 },
    )
  })

  test('an object that cannot be formatted is refused with a message', () => {
    const ring: Record<string, unknown> = Object.create(null)
    ring['ring'] = ring
    expect(refusalOf('period', ring)).toEqual([
      'period',
      `an object is not allowed; ${durationFrom('100ms')}`,
    ])
    expect(refusalOf('period', Symbol('5m'))).toEqual([
      'period',
      `Symbol(5m) is not allowed; ${durationFrom('100ms')}`,
    ])
  })
})
