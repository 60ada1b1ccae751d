import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/domain/clock.ts'
import { EngineError } from '../../src/domain/errors.ts'
import { createDockerodeEngine } from '../../src/engine/dockerode-engine.ts'
import type { Engine, EngineEvent } from '../../src/engine/port.ts'
import { fakeId } from '../support/fake-engine.ts'
import { anyJsonText, notJson, strangeText } from './json.ts'
import { type RawEngine, startRawEngine } from './raw-engine.ts'
import { expectNothingUncaught, fuzz, fuzzTimeoutMs } from './support.ts'

expectNothingUncaught()

let server: RawEngine
let engine: Engine
beforeAll(async () => {
  server = await startRawEngine()
  engine = createDockerodeEngine({ engine: server.address, clock: systemClock })
})
afterAll(() => server.close())

interface Received {
  readonly events: readonly EngineEvent[]
  readonly end: 'ended' | EngineError
}

async function receive(pieces: readonly (string | Buffer)[]): Promise<Received> {
  server.answer = () => ({ pieces: ['HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n', ...pieces] })
  const events: EngineEvent[] = []
  const { signal } = new AbortController()
  try {
    await engine.events({ signal, actions: [], onOpen: () => {}, onEvent: (event) => events.push(event) })
    return { events, end: 'ended' }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    return { events, end: error }
  }
}

const id = fc.oneof(
  { weight: 5, arbitrary: fc.constant(JSON.stringify(fakeId(1))) },
  fc.constantFrom(JSON.stringify(fakeId(1).toUpperCase()), JSON.stringify(fakeId(1).slice(0, 12)), '[]'),
  anyJsonText,
)
const line = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        fc.constantFrom('"container"', '"image"', 'null', '["container"]'),
        fc.oneof(
          fc.constantFrom('"start"', '"die"', '"exec_create: sh"', '7'),
          strangeText.map((text) => JSON.stringify(text)),
        ),
        id,
        fc.oneof(
          fc.constantFrom(
            '{"name":"task","com.example.agent":"agent-7"}',
            '{"name":7}',
            '{"__proto__":"x"}',
            '[]',
          ),
          anyJsonText,
        ),
      )
      .map(
        ([type, action, id, attributes]) =>
          `{"Type":${type},"Action":${action},"Actor":{"ID":${id},"Attributes":${attributes}}}`,
      ),
  },
  anyJsonText,
  fc.constantFrom('', ' ', '\r'),
)
const lines = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: line },
    notJson.map((text) => text.replaceAll('\n', ' ')),
  ),
  { maxLength: 5 },
)

/** The events of a stream up to its first line that is not JSON; a last line without an end was cut off. */
function reportedBy(text: string): { readonly actions: readonly string[]; readonly isSound: boolean } {
  const actions: string[] = []
  for (const one of text.split('\n').slice(0, -1)) {
    if (one.trim() === '') continue
    let said: unknown
    try {
      said = JSON.parse(one)
    } catch {
      return { actions, isSound: false }
    }
    const { Type: type, Action: action, Actor: actor } = (said ?? {}) as Record<string, unknown>
    const id = (actor as { ID?: unknown } | null | undefined)?.ID
    const isAbout = typeof id === 'string' && /^[0-9a-f]{64}$/.test(id) && !id.includes('\n')
    if (type === 'container' && typeof action === 'string' && isAbout) actions.push(action)
  }
  return { actions, isSound: true }
}

describe('any content of an event stream', () => {
  test(
    'well-formed events are delivered in order, up to the first malformed one',
    { timeout: fuzzTimeoutMs },
    async () => {
      let reported = 0
      await fuzz(
        250,
        fc.asyncProperty(
          lines,
          fc.array(fc.nat(400), { maxLength: 4 }),
          fc.boolean(),
          async (lines, cuts, isWhole) => {
            const text = lines.map((one) => `${one}\n`).join('') + (isWhole ? '' : '{"Type":"cont')
            const bytes = Buffer.from(text)
            const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort(
              (a, b) => a - b,
            )
            const pieces = places.slice(1).map((to, at) => bytes.subarray(places[at], to))
            const { events, end } = await receive(pieces.filter(({ length }) => length > 0))
            // as they come out of their bytes: a lone surrogate is none any more
            const { actions, isSound } = reportedBy(bytes.toString())
            expect(events.map(({ action }) => action)).toEqual(actions)
            if (isSound) expect(end).toBe('ended')
            else expect((end as EngineError).kind).toBe('invalid-answer')
            for (const { id, name, labels } of events) {
              expect(id).toBe(fakeId(1))
              expect(name).toBeTypeOf('string')
              for (const value of Object.values(labels)) expect(value).toBeTypeOf('string')
            }
            reported += events.length
          },
        ),
      )
      expect(reported).toBeGreaterThan(30)
    },
  )

  test('an endless line is rejected before it fills the memory', { timeout: fuzzTimeoutMs }, async () => {
    const piece = Buffer.alloc(64 * 1024, 'a')
    const { events, end } = await receive(Array.from({ length: 200 }, () => piece))
    expect(events).toEqual([])
    expect((end as EngineError).kind).toBe('invalid-answer')
  })

  test(
    'a stream that breaks, or was none, ends in an error of the port',
    { timeout: fuzzTimeoutMs },
    async () => {
      const head = fc.constantFrom(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
        'HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n',
        'HTTP/1.1 500 No\r\n\r\n',
        'HTTP/1.1 301 Gone\r\nLocation: x:y\r\n\r\n',
        'HTTP/1.1',
        '',
      )
      const rest = fc.oneof(
        fc.constantFrom('', '2\r\n{}', 'zz\r\n', '5\r\n{"a":'),
        lines.map((all) => all.join('\n')),
      )
      await fuzz(
        80,
        fc.asyncProperty(head, rest, async (head, rest) => {
          server.answer = () => ({ pieces: [head, rest].filter((piece) => piece !== '') })
          const { signal } = new AbortController()
          const events: EngineEvent[] = []
          const call = {
            signal,
            actions: [],
            onOpen: () => {},
            onEvent: (event: EngineEvent) => events.push(event),
          }
          await expect(engine.events(call)).rejects.toBeInstanceOf(EngineError)
          for (const event of events) expect(event.id).toMatch(/^[0-9a-f]{64}$/)
        }),
      )
    },
  )
})
