import Dockerode from 'dockerode'
import { pino } from 'pino'
import { describe, expectTypeOf, test } from 'vitest'
import {
  type CommonOptions,
  createReconciler,
  createReconcilerLogic,
  type Duration,
  type EngineClient,
  type PartialOptions,
  type ReconcilerOptions,
} from '../../src/index.ts'
import type { options } from '../../src/options/schema.ts'
import type { OptionValues } from '../../src/options/values.ts'

// These tests are run by the compiler: a line that must not compile and does is an error of its own.

const owner = { label: 'com.example.agent', value: 'agent-7' } as const
const tracked = new Set<string>()
/** The options are only compiled, and never used. */
const expectTaken = (options: ReconcilerOptions) => expectTypeOf(options).toExtend<ReconcilerOptions>()

describe('the compiler requires what createReconciler needs', () => {
  test('an owner or a preset, and a tracker', () => {
    expectTypeOf(createReconciler).parameter(0).toEqualTypeOf<ReconcilerOptions>()
    expectTaken({ owner, tracked })
    expectTaken({ preset: 'nomad', tracked })
    expectTaken({ preset: 'nomad', owner, tracked })
    // @ts-expect-error: whose containers?
    expectTaken({ tracked })
    // @ts-expect-error: whose containers?
    expectTaken({ owner: undefined, tracked })
    // @ts-expect-error: whose containers?
    expectTaken({ owner: undefined, preset: undefined, tracked })
    // @ts-expect-error: what is tracked?
    expectTaken({ owner })
    // @ts-expect-error: what is tracked?
    expectTaken({ owner, tracked: undefined })
  })

  test('an owner with a value, or an explicit anyValue', () => {
    expectTaken({ owner: { label: 'a', value: 'b', anyValue: false }, tracked })
    expectTaken({ owner: { label: 'a', value: 'b', anyValue: undefined }, tracked })
    expectTaken({ owner: { label: 'a', anyValue: true }, tracked })
    // @ts-expect-error: which value?
    expectTaken({ owner: { label: 'a' }, tracked })
    // @ts-expect-error: one or any?
    expectTaken({ owner: { label: 'a', value: 'b', anyValue: true }, tracked })
    // @ts-expect-error: there is no such preset
    expectTaken({ preset: 'kubernetes', tracked })
  })

  test('of Dockerode and pino what is used of them, so that an instance of any version will do', () => {
    expectTaken({ owner, tracked, engine: new Dockerode({ socketPath: '/nowhere' }) })
    expectTaken({ owner, tracked, logger: pino({ level: 'silent' }) })
    // @ts-expect-error: there is no connection in it
    expectTaken({ owner, tracked, engine: {} })
    expectTaken({ owner, tracked, logger: console })
    // @ts-expect-error: it has no levels
    expectTaken({ owner, tracked, logger: { log: () => {} } })
  })

  test('no option that there is none of', () => {
    // @ts-expect-error: it is period
    expectTaken({ owner, tracked, perid: '5m' })
    // @ts-expect-error: containers in that state are never removed
    expectTaken({ owner, tracked, states: ['removing'] })
  })
})

test('every option that can be left out can be undefined', () => {
  type Optional = Omit<CommonOptions, 'tracked'>
  type Undefined = { readonly [TName in keyof Optional]-?: undefined }
  expectTypeOf<Undefined>().toExtend<Optional>()
  expectTaken({
    owner,
    preset: undefined,
    tracked,
    period: undefined,
    backoff: { min: undefined, max: undefined },
  })
  expectTaken({ preset: 'nomad', owner: undefined, tracked, engine: undefined })
  expectTypeOf<{ readonly [TName in keyof PartialOptions]-?: undefined }>().toExtend<PartialOptions>()
  createReconcilerLogic({ owner: undefined, preset: undefined, tracked: undefined })
})

describe('a duration', () => {
  test('is a number of milliseconds, or amounts with their units', () => {
    for (const duration of [
      '90s',
      '5m',
      '1h30m',
      '1.5h',
      '250ms',
      '.5s',
      '1h2m3s',
      '10us',
      '10µs',
      0,
      1.5,
    ] as const) {
      expectTypeOf(duration).toExtend<Duration>()
    }
    expectTypeOf<`${number}m`>().toExtend<Duration>()
  })

  test('no other string', () => {
    expectTypeOf<'5 minutes'>().not.toExtend<Duration>()
    expectTypeOf<'5 min'>().not.toExtend<Duration>()
    expectTypeOf<'5'>().not.toExtend<Duration>()
    expectTypeOf<'1d'>().not.toExtend<Duration>()
    expectTypeOf<'m5'>().not.toExtend<Duration>()
    expectTypeOf<''>().not.toExtend<Duration>()
    expectTypeOf<string>().not.toExtend<Duration>()
    // @ts-expect-error: it is 5m
    expectTaken({ owner, tracked, period: '5 minutes' })
  })
})

describe('the public types are derived from the schema', () => {
  test('they have its options, and no other', () => {
    expectTypeOf<keyof PartialOptions>().toEqualTypeOf<keyof typeof options>()
  })

  test('read options have a value wherever there is a default, in the unit of the name', () => {
    expectTypeOf<OptionValues['periodMs']>().toEqualTypeOf<number>()
    expectTypeOf<OptionValues['dryRun']>().toEqualTypeOf<boolean>()
    expectTypeOf<OptionValues['maxDanglingShare']>().toEqualTypeOf<number | undefined>()
    expectTypeOf<OptionValues['engine']>().toEqualTypeOf<EngineClient | string | undefined>()
    expectTypeOf<OptionValues['preset']>().toEqualTypeOf<'nomad' | undefined>()
    expectTypeOf<OptionValues>().not.toHaveProperty('period')
  })
})
