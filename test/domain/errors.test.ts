import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import {
  ArgumentError,
  EngineError,
  FlotsamError,
  LifecycleError,
  messageOf,
  OptionError,
} from '../../src/domain/errors.ts'

describe('every error of ours is identified by its class, its name and a stable code', () => {
  const cause = new Error('below')

  test.each<[FlotsamError, string, string]>([
    [new ArgumentError('text', { cause }), 'ArgumentError', 'ERR_FLOTSAM_ARGUMENT'],
    [new LifecycleError('text', { cause }), 'LifecycleError', 'ERR_FLOTSAM_LIFECYCLE'],
    [new EngineError('refused', 'text', { cause }), 'EngineError', 'ERR_FLOTSAM_ENGINE'],
  ])('%s', (error, name, code) => {
    expect(error).toBeInstanceOf(FlotsamError)
    expect([error.name, error.code, error.message, error.cause]).toEqual([name, code, 'text', cause])
    expect(String(error)).toBe(`${name}: text`)
  })

  test('an option error consists of the option, its value and the requirement', () => {
    const error = new OptionError('period', '5x', 'it must be a duration', { cause })
    expect(error).toMatchObject({ name: 'OptionError', code: 'ERR_FLOTSAM_OPTION', cause })
    expect([error.option, error.value, error.requirement]).toEqual(['period', '5x', 'it must be a duration'])
    expect(error.message).toBe('option period: "5x" is not allowed; it must be a duration')
    expect(new OptionError('owner', undefined, 'give it').message).toBe('option owner is missing; give it')
  })

  test('an option error names where the value came from, if not from the option itself', () => {
    const error = new OptionError('engine', 'x', 'it names no scheme', { source: 'DOCKER_HOST' })
    expect(error).toMatchObject({ option: 'engine', source: 'DOCKER_HOST' })
    expect(error.message).toBe('DOCKER_HOST: "x" is not allowed; it names no scheme')
  })

  test('an option error that is logged shows no secret that was given in place of something else', () => {
    const secret = { key: 'PRIVATE' }
    const error = new OptionError('engine', secret, 'it must be an address', { shown: 'an object' })
    expect(error.value).toBe(secret)
    expect(inspect(error)).not.toContain('PRIVATE')
    expect(JSON.stringify(Object.entries(error))).not.toContain('PRIVATE')
  })

  test("an engine error has its kind, and the answer's status where there was one", () => {
    const { kind, status } = new EngineError('gone', 'text', { status: 404 })
    expect([kind, status]).toEqual(['gone', 404])
    expect(new EngineError('unavailable', 'text').status).toBeUndefined()
  })
})

describe('the message of any thrown value is one line and never empty', () => {
  const unspeakable = {
    toString() {
      throw new Error('no words')
    },
  }
  const proxied = new Proxy(() => {}, {
    get() {
      throw new Error('no words')
    },
  })

  test.each<[string, unknown, string]>([
    ['an error', new Error('disk full'), 'disk full'],
    ['an error without a message, by its name', new RangeError(''), 'RangeError'],
    ['an error without either', Object.assign(new Error(''), { name: '' }), 'no message'],
    ['many lines', new Error('\n one\n\n  two\tthree '), 'one two three'],
    ['a text', 'text', 'text'],
    ['only spaces', ' \n ', 'no message'],
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a symbol', Symbol('x'), 'Symbol(x)'],
    ['an error with a message that is no text', Object.assign(new Error(), { message: 7 }), '7'],
    ['an object that refuses to be put into words', unspeakable, 'something without words (object)'],
    ['an object without a prototype', Object.create(null), 'something without words (object)'],
    ['a function that refuses everything', proxied, 'something without words (function)'],
  ])('%s', (_, thrown, message) => {
    expect(messageOf(thrown)).toBe(message)
  })
})
