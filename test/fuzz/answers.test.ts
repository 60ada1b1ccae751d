import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/domain/clock.ts'
import { EngineError } from '../../src/domain/errors.ts'
import { createDockerodeEngine } from '../../src/engine/dockerode-engine.ts'
import type { Engine } from '../../src/engine/port.ts'
import { fakeId } from '../support/fake-engine.ts'
import { anyJsonText, notJson, strangeText } from './json.ts'
import { type RawAnswer, type RawEngine, startRawEngine, wholeAnswer } from './raw-engine.ts'
import { expectNothingUncaught, fuzz, fuzzTimeoutMs } from './support.ts'

expectNothingUncaught()

let server: RawEngine
let engine: Engine
beforeAll(async () => {
  server = await startRawEngine()
  engine = createDockerodeEngine({ engine: server.address, clock: systemClock })
})
afterAll(() => server.close())

/** A new one for each run, so that a late request is not taken for one of the next run. */
let runs = 0
let id = fakeId(runs)
/** Short, since some answers never end. */
const hasty = 60
/** Longer than any pause of the machine that this runs on, where every answer is whole. */
const patient = 10_000
let deadlineMs = hasty

const maySend = () => true
const verbs = {
  list: () => engine.list({ deadlineMs }),
  info: () => engine.info({ deadlineMs }),
  imageLabels: () => engine.imageLabels({ id: 'sha256:busybox', platform: '' }, { deadlineMs }),
  inspect: () => engine.inspect(id, { deadlineMs }),
  remove: () => engine.remove(id, { deadlineMs, maySend, volumes: true, force: true }),
  stop: () => engine.stop(id, { deadlineMs, maySend, graceSeconds: 1 }),
  unpause: () => engine.unpause(id, { deadlineMs, maySend }),
}
const verb = fc.constantFrom(...(Object.keys(verbs) as (keyof typeof verbs)[]))
const kinds = [
  'unavailable',
  'misconfigured',
  'gone',
  'in-progress',
  'refused',
  'timed-out',
  'invalid-answer',
]

/** The result of a call: a value, or the one kind of error that the port allows; anything else fails here. */
async function outcomeOf(
  asked: () => Promise<unknown>,
): Promise<{ value: unknown } | { error: EngineError }> {
  const before = performance.now()
  try {
    return { value: await asked() }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    expect(kinds).toContain(error.kind)
    expect(error.message).not.toMatch(/[\r\n]/)
    return { error }
  } finally {
    expect(performance.now() - before).toBeLessThan(deadlineMs + 5000)
  }
}

const status = fc.oneof(
  fc.constantFrom(200, 204, 301, 304, 307, 400, 404, 409, 500, 503),
  fc.integer({ min: 200, max: 599 }),
  fc.constantFrom(100, 101, 102, 199, 600, 999),
)
const header = fc.oneof(
  fc.constantFrom(
    'Date: nonsense',
    'Date: Thu, 01 Jan 1970 00:00:00 GMT',
    'Date: Fri, 31 Dec 9999 23:59:59 GMT',
    'Date: 1e308',
    'Date: ',
    'Content-Type: text/html',
    'Connection: keep-alive',
    'Connection: close',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: gzip',
    'Content-Encoding: gzip',
    'Content-Length: 3',
    'Content-Length: -1',
    'Content-Length: 99999999999999999999',
    'Upgrade: tcp',
    'Location: /containers/json',
    'Location: no-scheme:x',
    'Location: http://127.0.0.1:1/',
    'Retry-After: 0',
    `X-Long: ${'x'.repeat(20_000)}`,
    'no colon',
    ': no name',
  ),
  strangeText.map((text) => `X-Strange: ${text.replaceAll(/[\r\n]/g, '')}`),
)
const statusLine = fc.oneof(
  { weight: 6, arbitrary: status.map((code) => `HTTP/1.1 ${code} Whatever`) },
  fc.constantFrom(
    'HTTP/1.1 200',
    'HTTP/1.0 200 OK',
    'HTTP/2.0 200 OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 OK',
    'HTTP/1.1 -1 No',
    'ICY 200 OK',
    'SSH-2.0-OpenSSH_9.2',
    '\u0016\u0003\u0001\u0002',
    '',
  ),
)
const body = fc.oneof(
  anyJsonText,
  notJson,
  fc.constantFrom(
    '5\r\n[]',
    '2\r\n[]\r\n0\r\n\r\n',
    'FFFFFFFFFFFF\r\n',
    '-1\r\n[]',
    '2;x=y\r\n[]\r\n0\r\n\r\n',
  ),
  anyJsonText.map((text) => `{"message":${text}}`),
)

/** An answer that begins like one of HTTP, and is cut into pieces, or cut off, anywhere. */
const rawAnswer: fc.Arbitrary<RawAnswer> = fc
  .record({
    statusLine,
    headers: fc.array(header, { maxLength: 4 }),
    hasLength: fc.boolean(),
    body,
    cuts: fc.array(fc.nat(300), { maxLength: 3 }),
    keptShare: fc.constantFrom(1, 1, 1, 0.9, 0.5, 0),
    staysOpen: fc.constantFrom(false, false, false, false, true),
  })
  .map(({ statusLine, headers, hasLength, body, cuts, keptShare, staysOpen }) => {
    const length = hasLength ? [`Content-Length: ${Buffer.byteLength(body)}`] : []
    const whole = Buffer.from([statusLine, ...headers, ...length, '', body].join('\r\n'))
    const bytes = whole.subarray(0, Math.ceil(whole.length * keptShare))
    const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
    const pieces = places.slice(1).map((to, at) => bytes.subarray(places[at], to))
    return { pieces: pieces.filter(({ length }) => length > 0), staysOpen }
  })

describe('whatever bytes an engine answers', () => {
  beforeAll(() => void (deadlineMs = hasty))

  test(
    'every call settles in time with a value or an error of the port',
    { timeout: fuzzTimeoutMs },
    async () => {
      const met = new Set<string>()
      await fuzz(
        250,
        fc.asyncProperty(verb, rawAnswer, async (verb, answer) => {
          server.answer = () => answer
          const outcome = await outcomeOf(verbs[verb])
          met.add('error' in outcome ? outcome.error.kind : 'value')
        }),
      )
      for (const kind of ['value', 'unavailable', 'misconfigured', 'refused', 'timed-out', 'invalid-answer'])
        expect([...met]).toContain(kind)
    },
  )

  test(
    'fresh-scan: a change is sent once, whatever becomes of its answer',
    { timeout: fuzzTimeoutMs },
    async () => {
      const change = fc.constantFrom('remove' as const, 'stop' as const, 'unpause' as const)
      await fuzz(
        120,
        fc.asyncProperty(change, rawAnswer, async (verb, answer) => {
          server.answer = () => answer
          id = fakeId(++runs)
          await outcomeOf(verbs[verb])
          const ours = server.requests.filter(({ path }) => path.includes(id))
          const path = {
            remove: `/containers/${id}?`,
            stop: `/containers/${id}/stop?`,
            unpause: `/containers/${id}/unpause`,
          }
          expect(ours.length).toBeLessThanOrEqual(1)
          for (const request of ours) expect(request.path.startsWith(path[verb])).toBe(true)
        }),
      )
    },
  )

  test('no connection is left behind', { timeout: fuzzTimeoutMs }, async () => {
    for (let turns = 0; server.openConnections > 0 && turns < 100; turns++)
      await new Promise<void>((resolve) => setTimeout(resolve, 10))
    expect(server.openConnections).toBe(0)
  })
})

describe('whatever an engine says of its refusal', () => {
  beforeAll(() => void (deadlineMs = patient))

  test(
    'the status decides the kind, and the sentence stays on one line',
    { timeout: fuzzTimeoutMs },
    async () => {
      const refusal = fc.oneof(
        body,
        anyJsonText.map((text) => `{"message":${text}}`),
      )
      await fuzz(
        200,
        fc.asyncProperty(verb, fc.integer({ min: 400, max: 599 }), refusal, async (verb, status, said) => {
          server.answer = () => wholeAnswer(status, said)
          const outcome = await outcomeOf(verbs[verb])
          if (!('error' in outcome)) throw new Error(`${verb} was happy with ${status}`)
          expect(outcome.error.status).toBe(status)
          expect(outcome.error.message.length).toBeLessThan(1000)
          expect(outcome.error.kind).toBe(expectedKind(verb, status, said, outcome.error.message))
        }),
      )
    },
  )
})

/** By the table of the API, in words of our own. */
function expectedKind(
  verb: keyof typeof verbs,
  status: number,
  said: string | Buffer,
  message: string,
): string {
  const asksForAll = verb === 'list' || verb === 'info'
  if ([400, 401, 403, 407].includes(status)) return 'misconfigured'
  if ([408, 429, 502, 503, 504].includes(status)) return 'unavailable'
  if (status === 404) {
    if (asksForAll || !isWordedByAnEngine(said)) return 'misconfigured'
    // that a container is gone says only an answer about this very one
    return verb === 'inspect' && !String(said).includes(id) ? 'invalid-answer' : 'gone'
  }
  if (status === 409) return /in progress|being removed/i.test(message) ? 'in-progress' : 'refused'
  if (asksForAll) return status < 500 ? 'misconfigured' : 'unavailable'
  return 'refused'
}

/** `{"message":"No such container: …"}` */
function isWordedByAnEngine(said: string | Buffer): boolean {
  try {
    const { message } = JSON.parse(String(said)) as { message?: unknown }
    return typeof message === 'string' && message !== 'page not found'
  } catch {
    return false
  }
}

describe('only a confirmation confirms', () => {
  beforeAll(() => void (deadlineMs = patient))

  test('a removal is accepted only for 200 and 204 without a body', { timeout: fuzzTimeoutMs }, async () => {
    await fuzz(
      150,
      fc.asyncProperty(fc.integer({ min: 200, max: 599 }), body, async (status, said) => {
        server.answer = () => wholeAnswer(status, said)
        const hasBody = ![204, 304].includes(status) && said.trim() !== ''
        const outcome = await outcomeOf(verbs.remove)
        expect('value' in outcome).toBe([200, 204].includes(status) && !hasBody)
      }),
    )
  })
})
