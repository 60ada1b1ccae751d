import { describe, expect, test } from 'vitest'
import { EngineError, type FailureKind } from '../../src/domain/errors.ts'
import {
  AnswerError,
  CutError,
  GoneError,
  StatusError,
  toEngineError,
  type Verb,
} from '../../src/engine/failure.ts'

const address = 'unix:///var/run/docker.sock'

function kindOf(thrown: unknown, verb: Verb): FailureKind {
  return toEngineError(thrown, { verb, address, subject: 'abc' }).kind
}

const everyVerb: readonly Verb[] = ['list', 'info', 'imageLabels', 'inspect', 'remove', 'stop', 'unpause']

describe('a system error is known by its code', () => {
  test.each<[string, FailureKind]>([
    ['ENOENT', 'unavailable'],
    ['ECONNREFUSED', 'unavailable'],
    ['ECONNRESET', 'unavailable'],
    ['EPIPE', 'unavailable'],
    ['ENOTFOUND', 'unavailable'],
    ['EHOSTUNREACH', 'unavailable'],
    ['ETIMEDOUT', 'unavailable'],
    ['EAI_AGAIN', 'unavailable'],
    ['ESOMETHINGNEW', 'unavailable'],
    ['EACCES', 'misconfigured'],
    ['EPERM', 'misconfigured'],
    ['EINVAL', 'misconfigured'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'misconfigured'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'misconfigured'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'misconfigured'],
    ['CERT_HAS_EXPIRED', 'misconfigured'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'misconfigured'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'misconfigured'],
    ['HPE_INVALID_CONSTANT', 'invalid-answer'],
    ['ABORT_ERR', 'timed-out'],
  ])('%s is %s', (code, kind) => {
    for (const verb of everyVerb) expect(kindOf(Object.assign(new Error('text'), { code }), verb)).toBe(kind)
  })
})

describe('an answer is known by its status', () => {
  const alreadyUnderWay = 'removal of container abc is already in progress'
  test.each<[number, string, Partial<Record<Verb, FailureKind>>]>([
    [301, '', { list: 'misconfigured', remove: 'misconfigured' }],
    [400, 'client version 9 is too new', { list: 'misconfigured', remove: 'misconfigured' }],
    [401, '', { list: 'misconfigured', remove: 'misconfigured' }],
    [
      403,
      'answered with a web page',
      { list: 'misconfigured', remove: 'misconfigured', stop: 'misconfigured' },
    ],
    [404, 'no such container', { remove: 'gone', stop: 'gone', unpause: 'gone', imageLabels: 'gone' }],
    [404, 'page not found', { list: 'misconfigured', info: 'misconfigured' }],
    [409, alreadyUnderWay, { remove: 'in-progress' }],
    [409, 'You cannot remove a paused container abc', { remove: 'refused' }],
    [409, '', { remove: 'refused' }],
    [418, '', { list: 'misconfigured', remove: 'refused' }],
    [429, '', { list: 'unavailable', remove: 'unavailable' }],
    [500, 'device or resource busy', { remove: 'refused', stop: 'refused', unpause: 'refused' }],
    [500, 'layer does not exist', { list: 'unavailable', info: 'unavailable', imageLabels: 'refused' }],
    [500, alreadyUnderWay, { remove: 'in-progress', list: 'unavailable' }],
    [500, 'the backup is in progress', { remove: 'refused' }],
    [502, '', { list: 'unavailable', remove: 'unavailable' }],
    [503, '', { list: 'unavailable', remove: 'unavailable' }],
    [504, '', { list: 'unavailable', remove: 'unavailable' }],
    [202, '', { remove: 'invalid-answer', list: 'invalid-answer' }],
  ])('%i %s', (status, detail, kinds) => {
    for (const [verb, kind] of Object.entries(kinds)) {
      const error = toEngineError(new StatusError(status, detail, true), { verb: verb as Verb, address })
      expect([verb, error.kind, error.status]).toEqual([verb, kind, status])
    }
  })

  test('a truncated answer is unavailable, one that breaks the API is invalid', () => {
    expect(kindOf(new CutError(), 'list')).toBe('unavailable')
    expect(kindOf(new AnswerError('x'), 'list')).toBe('invalid-answer')
    expect(kindOf(new GoneError('x'), 'inspect')).toBe('gone')
  })

  test('positive-evidence: a 404 not worded by an engine says nothing about the container', () => {
    for (const verb of ['inspect', 'imageLabels', 'remove', 'stop', 'unpause'] as const) {
      expect(kindOf(new StatusError(404, 'Not Found', false), verb)).toBe('misconfigured')
      expect(kindOf(new StatusError(404, 'No such container', true), verb)).toBe('gone')
    }
  })
})

describe('the message', () => {
  test('is one line with the verb, the address, the cause and what to check', () => {
    const thrown = Object.assign(new Error('connect EACCES /var/run/docker.sock'), { code: 'EACCES' })
    const error = toEngineError(thrown, { verb: 'list', address })
    expect(error.message).toBe(
      'cannot list containers at unix:///var/run/docker.sock: permission denied (EACCES); is this user in the docker group?',
    )
    expect(error.cause).toBe(thrown)
  })

  test('names the container and what the engine said', () => {
    const error = toEngineError(new StatusError(500, 'device\n busy', true), {
      verb: 'remove',
      address,
      subject: 'abc',
    })
    expect(error.message).toBe(`cannot remove container abc at ${address}: device busy (HTTP 500)`)
  })

  test.each(['unpausedWithin', 'events'] as const)(
    '%s: where Podman keeps no events, it says what to set',
    (verb) => {
      const thrown = new StatusError(500, 'cannot read events with the "none" backend', true)
      const { kind, message } = toEngineError(thrown, { verb, address })
      expect(kind).toBe('unavailable')
      expect(message).toMatch(/set events_logger in the engine's containers\.conf to "file" or "journald"$/)
    },
  )

  test('is never empty, whatever was thrown', () => {
    const refused = Object.assign(new AggregateError([new Error('a'), new Error('b')]), {
      code: 'ECONNREFUSED',
    })
    for (const thrown of [refused, undefined, null, 'text', 7, new Error('')]) {
      const { message, kind } = toEngineError(thrown, { verb: 'info', address })
      expect(kind).toBe('unavailable')
      expect(message).toMatch(/^cannot ask for the version at unix:\/\/\/var\/run\/docker\.sock: ./)
    }
  })

  test('an error of the port passes unchanged', () => {
    const error = new EngineError('gone', 'x')
    expect(toEngineError(error, { verb: 'list', address })).toBe(error)
  })
})
