import Dockerode from 'dockerode'
import * as fc from 'fast-check'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'

import { OptionError } from '../src/errors.ts'
import { type ReconcilerOptions, readOptions } from '../src/options.ts'
import { summary } from './support/summary.ts'

const owner = { label: 'com.example.agent', value: 'agent-7' }
const tracked = new Set<string>()
const least: ReconcilerOptions = { owner, tracked }

const read = (options: object = {}) => readOptions({ ...least, ...options })

/** The option that an error names, and its whole message. */
function refusal(options: unknown): readonly [string, string] {
  try {
    readOptions(options as ReconcilerOptions)
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    return [error.option, error.message]
  }
  return expect.unreachable('nothing was refused')
}

const refusalOf = (option: string, value: unknown) => {
  const [named, message] = refusal(Object.defineProperty({ ...least }, option, { value, enumerable: true }))
  const usual = `option ${named}: `
  return message.startsWith(usual) ? [named, message.slice(usual.length)] : [named, message]
}

const durationForms = 'it must be a duration such as "90s", "5m" or "1h30m", or a number of milliseconds'
const labelForm = 'it must be a label name: not empty, without spaces and "="'
const ownerForm = "owner must be { label, value } with this agent's own value, or { label, anyValue: true }"
const selfForm = 'it must be a container id of at least 12 digits, or a container name'
const states = 'created, running, paused, restarting, exited, dead'

describe('every option has the default that is documented', () => {
  test('with nothing but an owner and a tracker', () => {
    const { ownership, ...settings } = read()
    expect(settings).toEqual({
      isEnabled: true,
      dryRun: false,
      periodMs: 300_000,
      creationGraceMs: 300_000,
      restoreGraceMs: 300_000,
      releaseGraceMs: 30_000,
      recoveryGraceMs: 30_000,
      states: new Set(['running', 'paused', 'restarting', 'dead']),
      keepLabel: 'flotsam.keep',
      filter: undefined,
      hearsEvents: true,
      self: undefined,
      backoffMinMs: 1000,
      backoffMaxMs: 60_000,
      removeVolumes: true,
      stopTimeoutMs: 0,
      maxConcurrentRemovals: 2,
      maxRemovalsPerLook: 50,
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
  allowShortGrace: true,
  states: ['created', 'exited'],
  keepLabel: 'keep',
  filterListing: true,
  events: false,
  self: 'agent',
  backoff: { min: '100ms', max: '1s' },
  removeVolumes: false,
  stopTimeout: '24h',
  maxConcurrentRemovals: 20,
  maxRemovalsPerLook: 10_000,
  maxDanglingShare: 1,
  beforeRemove,
  logger,
  inspect,
} satisfies Omit<ReconcilerOptions, 'owner' | 'tracked' | 'preset'>

describe('every option that is given counts', () => {
  test('each with a value of its own', () => {
    const { ownership: _, ...settings } = read(given)
    expect(settings).toEqual({
      isEnabled: false,
      dryRun: true,
      periodMs: 5_400_000,
      creationGraceMs: 20_000,
      restoreGraceMs: 0,
      releaseGraceMs: 0,
      recoveryGraceMs: 10_000,
      states: new Set(['created', 'exited']),
      keepLabel: 'keep',
      filter: 'com.example.agent=agent-7',
      hearsEvents: false,
      self: 'agent',
      backoffMinMs: 100,
      backoffMaxMs: 1000,
      removeVolumes: false,
      stopTimeoutMs: 86_400_000,
      maxConcurrentRemovals: 20,
      maxRemovalsPerLook: 10_000,
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
    expect(ownership.owns(summary({ labels: { agent: 'whoever' } }))).toBe(true)
    expect(filter).toBe('agent')
  })

  test('a preset owns by itself, and is narrowed by an owner', () => {
    const container = summary({ labels: { 'com.hashicorp.nomad.alloc_id': 'x' } })
    expect(readOptions({ preset: 'nomad', tracked }).ownership.owns(container)).toBe(true)
    expect(readOptions({ preset: 'nomad', owner, tracked }).ownership.owns(container)).toBe(false)
    expect(readOptions({ preset: 'nomad', owner, tracked, filterListing: true }).filter).toBe(
      'com.example.agent=agent-7',
    )
  })

  test.each([new Map(), new Set(), { has: () => false }, { has: () => false, ready: () => true }])(
    'tracker %#',
    (one) => {
      expect(read({ tracked: one }).tracked).toBe(one)
    },
  )

  test('an observer may inspect as well as a function', () => {
    const observer = { next() {} }
    expect(read({ inspect: observer }).inspect).toBe(observer)
  })
})

describe('a duration that cannot be used is refused', () => {
  const allDurations = [
    'period',
    'creationGrace',
    'restoreGrace',
    'releaseGrace',
    'recoveryGrace',
    'stopTimeout',
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
    for (const option of allDurations) {
      expect(refusalOf(option, value)).toEqual([option, `${shown} is not allowed; ${durationForms}`])
    }
    for (const end of ['min', 'max']) {
      expect(refusalOf('backoff', { [end]: value })).toEqual([
        `backoff.${end}`,
        `${shown} is not allowed; ${durationForms}`,
      ])
    }
  })

  test.each(['period', 'creationGrace', 'recoveryGrace'])('zero, for %s', (option) => {
    expect(refusalOf(option, '0s')).toEqual([option, '"0s" is not allowed; it must be longer than zero'])
    expect(refusalOf(option, 0)).toEqual([option, '0 is not allowed; it must be longer than zero'])
  })

  test.each(['restoreGrace', 'releaseGrace', 'stopTimeout'])('zero is a value for %s', (option) => {
    expect(() => read({ [option]: '0s' })).not.toThrow()
  })

  test('more than a year', () => {
    expect(read({ period: '8760h' }).periodMs).toBe(31_536_000_000)
    expect(refusalOf('period', '8760h1s')).toEqual([
      'period',
      '"8760h1s" is not allowed; it must be at most a year, 8760h',
    ])
  })

  test('a stop timeout longer than a timer can wait', () => {
    expect(refusalOf('stopTimeout', '25h')).toEqual([
      'stopTimeout',
      '"25h" is not allowed; it must be at most 24h',
    ])
  })

  test('a period, or a backoff, that would keep the engine busy', () => {
    expect(read({ period: 1000 }).periodMs).toBe(1000)
    expect(refusalOf('period', '99ms')).toEqual([
      'period',
      '"99ms" is not allowed; it must be at least 100ms',
    ])
    expect(refusalOf('backoff', { min: 99 })).toEqual([
      'backoff.min',
      '99 is not allowed; it must be at least 100ms',
    ])
  })
})

describe('an option of the wrong sort is refused', () => {
  test.each<[string, unknown, string, string]>([
    ['enabled', 'yes', 'enabled', '"yes" is not allowed; it must be a boolean'],
    ['enabled', null, 'enabled', 'null is not allowed; it must be a boolean'],
    ['dryRun', 1, 'dryRun', '1 is not allowed; it must be a boolean'],
    ['allowShortGrace', 'true', 'allowShortGrace', '"true" is not allowed; it must be a boolean'],
    ['filterListing', {}, 'filterListing', '{} is not allowed; it must be a boolean'],
    ['removeVolumes', 'no', 'removeVolumes', '"no" is not allowed; it must be a boolean'],
    ['preset', 'kubernetes', 'preset', '"kubernetes" is not allowed; it must be "nomad"'],
    [
      'states',
      'running',
      'states',
      `"running" is not allowed; it must be a list of one or more of ${states}`,
    ],
    ['states', [], 'states', `[] is not allowed; it must be a list of one or more of ${states}`],
    ['states', ['running', 'removing'], 'states.1', `"removing" is not allowed; it must be one of ${states}`],
    ['states', ['Running'], 'states.0', `"Running" is not allowed; it must be one of ${states}`],
    ['keepLabel', '', 'keepLabel', `"" is not allowed; ${labelForm}`],
    ['keepLabel', 'a=b', 'keepLabel', `"a=b" is not allowed; ${labelForm}`],
    ['keepLabel', false, 'keepLabel', 'false is not allowed; it must be a string'],
    ['self', '', 'self', `"" is not allowed; ${selfForm}`],
    ['self', 'c0ffee', 'self', `"c0ffee" is not allowed; ${selfForm}`],
    ['self', 'my agent', 'self', `"my agent" is not allowed; ${selfForm}`],
    ['self', ['agent'], 'self', '["agent"] is not allowed; it must be a string'],
    ['backoff', '1s', 'backoff', '"1s" is not allowed; it must be an object { min, max } of durations'],
    ['backoff', null, 'backoff', 'null is not allowed; it must be an object { min, max } of durations'],
    ['maxConcurrentRemovals', 0, 'maxConcurrentRemovals', '0 is not allowed; it must be at least 1'],
    ['maxConcurrentRemovals', 21, 'maxConcurrentRemovals', '21 is not allowed; it must be at most 20'],
    ['maxConcurrentRemovals', 2.5, 'maxConcurrentRemovals', '2.5 is not allowed; it must be a whole number'],
    ['maxConcurrentRemovals', Number.NaN, 'maxConcurrentRemovals', 'NaN is not allowed; it must be a number'],
    ['maxRemovalsPerLook', '50', 'maxRemovalsPerLook', '"50" is not allowed; it must be a number'],
    ['maxRemovalsPerLook', 10_001, 'maxRemovalsPerLook', '10001 is not allowed; it must be at most 10000'],
    ['maxRemovalsPerLook', Infinity, 'maxRemovalsPerLook', 'Infinity is not allowed; it must be a number'],
    ['maxDanglingShare', 0, 'maxDanglingShare', '0 is not allowed; it must be a number above 0 and up to 1'],
    [
      'maxDanglingShare',
      1.01,
      'maxDanglingShare',
      '1.01 is not allowed; it must be a number above 0 and up to 1',
    ],
    [
      'maxDanglingShare',
      '50%',
      'maxDanglingShare',
      '"50%" is not allowed; it must be a number above 0 and up to 1',
    ],
    [
      'maxDanglingShare',
      Number.NaN,
      'maxDanglingShare',
      'NaN is not allowed; it must be a number above 0 and up to 1',
    ],
    [
      'tracked',
      undefined,
      'tracked',
      'undefined is not allowed; it must have a method has(id), as a Map or a Set does',
    ],
    [
      'tracked',
      null,
      'tracked',
      'null is not allowed; it must have a method has(id), as a Map or a Set does',
    ],
    [
      'tracked',
      ['c0ffee'],
      'tracked',
      '["c0ffee"] is not allowed; it must have a method has(id), as a Map or a Set does',
    ],
    [
      'tracked',
      { has: true },
      'tracked',
      '{"has":true} is not allowed; it must have a method has(id), as a Map or a Set does',
    ],
    [
      'tracked',
      { has: () => true, ready: true },
      'tracked.ready',
      'true is not allowed; it must be a method',
    ],
    [
      'tracked',
      { has: () => true, ready: null },
      'tracked.ready',
      'null is not allowed; it must be a method',
    ],
    ['engine', 2375, 'engine', '2375 is not allowed; it must be an address or a Dockerode instance'],
    ['engine', null, 'engine', 'null is not allowed; it must be an address or a Dockerode instance'],
    ['beforeRemove', true, 'beforeRemove', 'true is not allowed; it must be a function'],
    ['beforeRemove', null, 'beforeRemove', 'null is not allowed; it must be a function'],
    ['logger', null, 'logger', 'null is not allowed; it must be a pino logger'],
    ['logger', 'info', 'logger', '"info" is not allowed; it must be a pino logger'],
    ['inspect', {}, 'inspect', '{} is not allowed; it must be a function or an observer'],
  ])('%s %j', (option, value, named, message) => {
    expect(refusalOf(option, value)).toEqual([named, message])
  })

  test('a logger that is not pino’s, since pino’s levels are asked for', () => {
    expect(refusalOf('logger', console)[0]).toBe('logger')
  })

  test('the settings of an engine instead of an engine are not shown: they may hold a key', () => {
    const settings = { host: 'engine.example', key: 'PRIVATE' }
    expect(refusalOf('engine', settings)).toEqual([
      'engine',
      'an object is not allowed; it must be an address or a Dockerode instance',
    ])
  })

  test('a long value is not shown as a whole', () => {
    const [option, message] = refusalOf(
      'tracked',
      Array.from({ length: 10_000 }, () => 'c0ffee'),
    )
    expect(option).toBe('tracked')
    expect(message?.length).toBeLessThan(200)
    expect(message).toContain('…')
  })

  test.each<[unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    ['unix:///var/run/docker.sock', '"unix:///var/run/docker.sock"'],
    [5, '5'],
    [() => {}, 'a function'],
  ])('options that are %s are no options', (options, shown) => {
    expect(refusal(options)).toEqual(['options', `the options are ${shown}; they must be an object`])
  })

  test.each([{}, { modem: undefined }, { modem: null }, { modem: {} }, { modem: { dial: 'tcp://x' } }])(
    'an engine that nothing can be asked of: %j',
    (one) => {
      expect(refusalOf('engine', one)).toEqual([
        'engine',
        'an object is not allowed; it must be an address or a Dockerode instance',
      ])
    },
  )

  test('what can be asked as a Dockerode is asked, of whatever class it is', () => {
    const one = { modem: { dial() {} } }
    expect(read({ engine: one }).engine).toBe(one)
    expect(read({ engine: 'tcp://127.0.0.1:2375' }).engine).toBe('tcp://127.0.0.1:2375')
  })

  const pinoMethods = ['debug', 'info', 'warn', 'error', 'child', 'isLevelEnabled']
  const pinoLike = Object.fromEntries(pinoMethods.map((name) => [name, () => {}]))

  test('what has the methods of pino that are called may log', () => {
    expect(read({ logger: pinoLike }).logger).toBe(pinoLike)
  })

  test.each(pinoMethods)('a logger without %s would fail in the middle of a removal', (name) => {
    const message = 'is not allowed; it must be a pino logger'
    expect(refusalOf('logger', { ...pinoLike, [name]: undefined })).toEqual(['logger', `{} ${message}`])
    expect(refusalOf('logger', { ...pinoLike, [name]: true })).toEqual([
      'logger',
      `{"${name}":true} ${message}`,
    ])
  })

  test.each<[unknown, string]>([
    [null, 'null'],
    ['all', '"all"'],
    [{ next: true }, '{"next":true}'],
  ])('%j cannot inspect', (value, shown) => {
    expect(refusalOf('inspect', value)).toEqual([
      'inspect',
      `${shown} is not allowed; it must be a function or an observer`,
    ])
  })

  test('not-self: hexadecimal digits too few for an id are refused; with anything else they are a name', () => {
    expect(refusalOf('self', '0123456789a')).toEqual(['self', `"0123456789a" is not allowed; ${selfForm}`])
    for (const self of ['0123456789ab', 'cafe-x', 'x-cafe', 'x', '/agent', 'my.agent_1-a']) {
      expect(read({ self }).self).toBe(self)
    }
    for (const self of ['.agent', '//agent', 'agent/', 'agent!', '!agent', '-agent']) {
      expect(refusalOf('self', self)).toEqual(['self', `"${self}" is not allowed; ${selfForm}`])
    }
  })

  test('limits belong to what is allowed', () => {
    expect(read({ maxConcurrentRemovals: 1, maxRemovalsPerLook: 1 })).toMatchObject({
      maxConcurrentRemovals: 1,
      maxRemovalsPerLook: 1,
    })
    expect(read({ period: '100ms', backoff: { min: '100ms' } })).toMatchObject({
      periodMs: 100,
      backoffMinMs: 100,
    })
    expect(refusalOf('maxRemovalsPerLook', 0)).toEqual([
      'maxRemovalsPerLook',
      '0 is not allowed; it must be at least 1',
    ])
    expect(read({ backoff: { max: '8760h' } }).backoffMaxMs).toBe(31_536_000_000)
  })
})

describe('owned-only: the owner is said in full, or refused', () => {
  test('nothing at all', () => {
    expect(refusal({ tracked })).toEqual([
      'owner',
      'option owner is missing; give { label, value }, or a preset',
    ])
  })

  test.each<[unknown, string, string]>([
    [null, 'owner', `option owner: null is not allowed; ${ownerForm}`],
    ['agent', 'owner', `option owner: "agent" is not allowed; ${ownerForm}`],
    [['agent'], 'owner', `option owner: ["agent"] is not allowed; ${ownerForm}`],
    [{}, 'owner.label', `option owner.label: undefined is not allowed; ${labelForm}`],
    [{ label: '', value: 'x' }, 'owner.label', `option owner.label: "" is not allowed; ${labelForm}`],
    [{ label: 'a b', value: 'x' }, 'owner.label', `option owner.label: "a b" is not allowed; ${labelForm}`],
    [
      { label: 'a=b', anyValue: true },
      'owner.label',
      `option owner.label: "a=b" is not allowed; ${labelForm}`,
    ],
    [{ label: 5, value: 'x' }, 'owner.label', `option owner.label: 5 is not allowed; ${labelForm}`],
    [{ label: 'a' }, 'owner.value', `option owner.value is missing for the label a; ${ownerForm}`],
    [
      { label: 'a', value: undefined },
      'owner.value',
      `option owner.value is missing for the label a; ${ownerForm}`,
    ],
    [
      { label: 'a', anyValue: false },
      'owner.value',
      `option owner.value is missing for the label a; ${ownerForm}`,
    ],
    [
      { label: 'a', anyValue: 'true' },
      'owner.value',
      `option owner.value is missing for the label a; ${ownerForm}`,
    ],
    [
      { label: 'a', value: '' },
      'owner.value',
      `option owner.value: "" is not allowed for the label a; ${ownerForm}`,
    ],
    [{ label: 'a', value: 7 }, 'owner', `option owner: {"label":"a","value":7} is not allowed; ${ownerForm}`],
    [
      { label: 'a', value: null },
      'owner',
      `option owner: {"label":"a","value":null} is not allowed; ${ownerForm}`,
    ],
    [
      { label: 'a', value: 'b', anyValue: true },
      'owner',
      `option owner: {"label":"a","value":"b","anyValue":true} is not allowed; ${ownerForm}`,
    ],
  ])('%j', (value, option, message) => {
    expect(refusal({ owner: value, tracked })).toEqual([option, message])
    expect(refusal({ owner: value, tracked, preset: 'nomad' })).toEqual([option, message])
  })

  test('a value beside anyValue is refused as a whole, even where it is undefined', () => {
    const value = { label: 'a', anyValue: true, value: undefined }
    expect(refusal({ owner: value, tracked })).toEqual([
      'owner',
      `option owner: {"label":"a","anyValue":true} is not allowed; ${ownerForm}`,
    ])
  })

  test('an empty label beside a preset does not widen it', () => {
    expect(refusal({ preset: 'nomad', tracked, owner: { label: 'client' } })[0]).toBe('owner.value')
  })
})

describe('an option that there is none of is refused with its path', () => {
  test.each(['foo', 'value', 'Owner', 'graceperiod', 'constructor', '__proto__', ''])('%j', (option) => {
    const [named, message] = refusal(
      Object.defineProperty({ ...least }, option, { value: 1, enumerable: true }),
    )
    expect(named).toBe(option)
    expect(message).toBe(
      `unknown option ${option}; allowed: owner, preset, enabled, dryRun, period, creationGrace, restoreGrace, releaseGrace, recoveryGrace, allowShortGrace, states, keepLabel, filterListing, events, self, backoff, removeVolumes, stopTimeout, maxConcurrentRemovals, maxRemovalsPerLook, maxDanglingShare, tracked, engine, beforeRemove, logger, inspect`,
    )
  })

  test('but what is undefined is not given, whatever its name', () => {
    expect(read({ foo: undefined }).periodMs).toBe(300_000)
  })

  test('within an option', () => {
    expect(refusalOf('backoff', { value: '1s' })).toEqual([
      'backoff.value',
      'unknown option backoff.value; allowed: backoff.min, backoff.max',
    ])
    expect(refusalOf('backoff', { minimum: '1s' })).toEqual([
      'backoff.minimum',
      'unknown option backoff.minimum; allowed: backoff.min, backoff.max',
    ])
    expect(refusalOf('owner', { ...owner, values: [] })).toEqual([
      'owner.values',
      'unknown option owner.values; allowed: owner.label, owner.value, owner.anyValue',
    ])
  })
})

describe('options that contradict each other are refused', () => {
  test('the keep label cannot be the owner label', () => {
    const message =
      'option keepLabel: "com.example.agent" is the owner label too; then nothing could ever be removed'
    expect(refusal({ ...least, keepLabel: 'com.example.agent' })).toEqual(['keepLabel', message])
  })

  test('nor what marks all that a preset owns', () => {
    const keepLabel = 'com.hashicorp.nomad.alloc_id'
    const message = `option keepLabel: "${keepLabel}" marks all that preset "nomad" owns; then nothing could ever be removed`
    expect(refusal({ preset: 'nomad', tracked, keepLabel })).toEqual(['keepLabel', message])
  })

  test('a short creation grace has to be allowed', () => {
    const message =
      'option creationGrace: 9.9s is not allowed; it must be at least 10s, or allowShortGrace must be true (for tests and demonstrations)'
    expect(refusal({ ...least, creationGrace: 9999 })).toEqual(['creationGrace', message])
    expect(refusal({ ...least, creationGrace: 9999, allowShortGrace: false })).toEqual([
      'creationGrace',
      message,
    ])
    expect(read({ creationGrace: '10s' }).creationGraceMs).toBe(10_000)
    expect(read({ creationGrace: '1ms', allowShortGrace: true })).toMatchObject({
      creationGraceMs: 1,
      recoveryGraceMs: 1,
    })
  })

  test('what marks all that a preset owns may keep where that preset is not used', () => {
    const keepLabel = 'com.hashicorp.nomad.alloc_id'
    expect(read({ keepLabel }).keepLabel).toBe(keepLabel)
    expect(readOptions({ preset: 'nomad', tracked, keepLabel: 'keep' }).keepLabel).toBe('keep')
  })

  test('awake-time: a short recovery grace has to be allowed, as a short creation grace has', () => {
    const message =
      'option recoveryGrace: 9.9s is not allowed; it must be at least 10s, or allowShortGrace must be true (for tests and demonstrations)'
    expect(refusal({ ...least, recoveryGrace: 9999 })).toEqual(['recoveryGrace', message])
    expect(refusal({ ...least, recoveryGrace: 9999, allowShortGrace: false })).toEqual([
      'recoveryGrace',
      message,
    ])
    expect(read({ recoveryGrace: '10s' }).recoveryGraceMs).toBe(10_000)
    expect(read({ recoveryGrace: '1ms', allowShortGrace: true }).recoveryGraceMs).toBe(1)
  })

  test('the shortest backoff cannot be longer than the longest', () => {
    expect(refusal({ ...least, backoff: { min: '2m' } })).toEqual([
      'backoff',
      'option backoff: min 2m is longer than max 1m',
    ])
    expect(refusal({ ...least, backoff: { max: '500ms' } })).toEqual([
      'backoff',
      'option backoff: min 1s is longer than max 500ms',
    ])
    expect(read({ backoff: { min: '1m' } }).backoffMinMs).toBe(60_000)
  })

  test('a filter needs one label', () => {
    const message =
      'option filterListing: true is not allowed with preset "nomad" alone; there is no one label to filter by, unless owner narrows it'
    expect(refusal({ preset: 'nomad', tracked, filterListing: true })).toEqual(['filterListing', message])
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

  test.each(options)('whatever %s is, it is used or refused with an OptionError', (option) => {
    const plausible = fc.record(
      { min: junk, max: junk, label: junk, value: junk, anyValue: junk, has: junk },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.oneof(junk, plausible, fc.array(junk)), (value) => {
        let settings: ReturnType<typeof readOptions>
        try {
          settings = read({ [option]: value })
        } catch (error) {
          expect(error).toBeInstanceOf(OptionError)
          expect((error as OptionError).option.split('.')[0]).toBe(option)
          expect((error as OptionError).message.length).toBeLessThan(600)
          return
        }
        const numbers = Object.values(settings).filter((setting) => typeof setting === 'number')
        expect(numbers.every((number) => Number.isFinite(number) && number >= 0)).toBe(true)
        expect(Math.min(settings.periodMs, settings.creationGraceMs)).toBeGreaterThanOrEqual(1000)
      }),
      { numRuns: 200 },
    )
  })

  test('an object that cannot even be written is refused in words', () => {
    const ring: Record<string, unknown> = Object.create(null)
    ring['ring'] = ring
    expect(refusalOf('period', ring)).toEqual(['period', `an object is not allowed; ${durationForms}`])
    expect(refusalOf('period', Symbol('5m'))).toEqual([
      'period',
      `Symbol(5m) is not allowed; ${durationForms}`,
    ])
  })
})
