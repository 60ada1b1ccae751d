import { describe, expect, test } from 'vitest'

import {
  EngineError,
  FlotsamError,
  LifecycleError,
  mayHaveArrived,
  messageOf,
  OptionError,
} from '../src/errors.ts'

describe('every error of ours is told by its class, its name and its stable code', () => {
  const cause = new Error('below')

  test.each<[FlotsamError, string, string]>([
    [new OptionError('period', 'text', { cause }), 'OptionError', 'ERR_FLOTSAM_OPTION'],
    [new LifecycleError('text', { cause }), 'LifecycleError', 'ERR_FLOTSAM_LIFECYCLE'],
    [new EngineError('refused', 'text', { cause }), 'EngineError', 'ERR_FLOTSAM_ENGINE'],
  ])('%s', (error, name, code) => {
    expect(error).toBeInstanceOf(FlotsamError)
    expect([error.name, error.code, error.message, error.cause]).toEqual([name, code, 'text', cause])
    expect(String(error)).toBe(`${name}: text`)
  })

  test('an option error names the option', () => {
    expect(new OptionError('backoff.min', 'text').option).toBe('backoff.min')
  })

  test("an engine error has its kind, and the answer's status where there was one", () => {
    const { kind, status } = new EngineError('gone', 'text', { status: 404 })
    expect([kind, status]).toEqual(['gone', 404])
    expect(new EngineError('unavailable', 'text').status).toBeUndefined()
  })
})

describe('truthful: only a failure of the connection itself proves that the engine never got the request', () => {
  const failedWith = (cause?: unknown) => new EngineError('unavailable', 'text', { cause })

  test.each([
    'ENOENT',
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'EACCES',
    'EPERM',
  ])('%s came before anything was sent', (code) => {
    expect(mayHaveArrived(failedWith({ code }))).toBe(false)
  })

  test.each([
    { code: 'ECONNRESET' },
    { code: 'EPIPE' },
    { code: 'ETIMEDOUT' },
    { code: '' },
    { code: 7 },
    {},
    null,
    undefined,
    'ENOENT',
  ])('%j proves nothing', (cause) => {
    expect(mayHaveArrived(failedWith(cause))).toBe(true)
  })
})

describe('whatever was thrown, its message is one line and never empty', () => {
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
