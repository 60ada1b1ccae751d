import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createDockerodeEngine, watchOnly } from '../../src/engine/dockerode-engine.ts'
import { readEvents } from '../../src/engine/event-stream.ts'
import { AnswerError } from '../../src/engine/failure.ts'
import type { Engine, EngineEvent } from '../../src/engine/port.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { fakeId } from '../support/fake-engine.ts'
import {
  answers,
  answersPage,
  type MisbehavingServer,
  neverAnswers,
  resets,
  startMisbehavingServer,
} from '../support/misbehaving-server.ts'

const id = fakeId(1)

const line = (fields: object = {}) =>
  `${JSON.stringify({
    status: 'start',
    id,
    from: 'busybox:test',
    Type: 'container',
    Action: 'start',
    Actor: { ID: id, Attributes: { 'com.example.agent': 'agent-7', image: 'busybox:test', name: 'task-1' } },
    scope: 'local',
    time: 1_700_000_000,
    timeNano: 1_700_000_000_000_000_000,
    ...fields,
  })}\n`

const reported: EngineEvent = {
  id,
  action: 'start',
  name: 'task-1',
  labels: { 'com.example.agent': 'agent-7', image: 'busybox:test', name: 'task-1' },
}

async function read(text: string | Buffer, cuts: readonly number[] = []): Promise<EngineEvent[]> {
  const bytes = Buffer.from(text)
  const places = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b)
  async function* chunks() {
    let from = 0
    for (const to of places) {
      yield bytes.subarray(from, to)
      from = to
    }
  }
  const events: EngineEvent[] = []
  for await (const event of readEvents(chunks())) events.push({ ...event, labels: { ...event.labels } })
  return events
}

describe('a stream of events is read', () => {
  test('one a line', async () => {
    expect(await read(line() + line({ Action: 'die' }))).toEqual([reported, { ...reported, action: 'die' }])
  })

  test('in chunks of any size, multi-byte characters included', async () => {
    const text = line({ Actor: { ID: id, Attributes: { name: 'größe-𝄞', a: '\n' } } }) + line()
    const whole = await read(text)
    expect(whole.map(({ name }) => name)).toEqual(['größe-𝄞', 'task-1'])
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { maxLength: 12 }), async (cuts) => {
        expect(await read(text, cuts)).toEqual(whole)
      }),
      { numRuns: 200 },
    )
  })

  test.each([
    ['a network', line({ Type: 'network' })],
    ['a name for an id', line({ Actor: { ID: 'task-1' } })],
    ['a short id', line({ Actor: { ID: id.slice(0, 12) } })],
    ['no actor', line({ Actor: undefined })],
    ['an action that is no word', line({ Action: 7 })],
    ['an empty line', '\r\n'],
    ['null', 'null\n'],
    ['an array', '[]\n'],
    ['a last line that is cut off', line().slice(0, -20)],
  ])('%s is left out', async (_, text) => {
    expect(await read(line() + text)).toEqual([reported])
  })

  test('attributes that are not strings are left out, and one named __proto__ is just a name', async () => {
    const attributes = JSON.parse('{"a":1,"b":null,"c":"d","__proto__":"e"}') as object
    const [event] = await read(line({ Actor: { ID: id, Attributes: attributes } }))
    expect(Object.entries(event?.labels ?? {})).toEqual([
      ['c', 'd'],
      ['__proto__', 'e'],
    ])
  })

  test.each([
    ['a page', '<html>denied</html>\n'],
    ['half a value', '{"Type":"container"\n'],
  ])('%s ends it', async (_, text) => {
    await expect(read(line() + text)).rejects.toThrow(AnswerError)
  })

  test('an endless line is rejected, and is not scanned again with every chunk', async () => {
    async function* endless() {
      const piece = Buffer.from('x'.repeat(1000))
      for (;;) yield piece
    }
    const reading = readEvents(endless())
    await expect(reading.next()).rejects.toThrow('longer than a million characters')
  })
})

describe('following the events of an engine', () => {
  let clock: FakeClock
  let server: MisbehavingServer
  let engine: Engine
  let received: string[]
  let abort: AbortController

  beforeEach(async () => {
    clock = createFakeClock()
    server = await startMisbehavingServer(neverAnswers)
    engine = createDockerodeEngine({ engine: server.address, clock })
    received = []
    abort = new AbortController()
  })

  afterEach(async () => {
    abort.abort()
    await server.quiet()
    expect(clock.pendingTimers).toBe(0)
    await server.close()
  })

  const follow = () =>
    engine.events({
      signal: abort.signal,
      actions: ['start', 'die'],
      onOpen: () => received.push('open'),
      onEvent: ({ action }) => received.push(action),
    })

  test('requests those of containers with these actions', async () => {
    server.behave(answers(200, ''))
    await follow()
    const asked = server.requests.map(({ method, path, query }) => [method, path, query.get('filters')])
    expect(asked).toEqual([['GET', '/events', '{"type":["container"],"event":["start","die"]}']])
  })

  test('reports that it is open before anything has happened, and each event as it arrives', async () => {
    let write: ((text: string) => void) | undefined
    let end: (() => void) | undefined
    server.behave((response) => {
      response.writeHead(200).flushHeaders()
      write = (text) => void response.write(text)
      end = () => void response.end()
    })
    const isReceived = async (count: number) => {
      while (received.length < count) await new Promise((resolve) => setImmediate(resolve))
    }
    const following = follow()
    await isReceived(1)
    write?.(line().slice(0, 30))
    write?.(line().slice(30) + line({ Action: 'die' }))
    await isReceived(3)
    end?.()
    await following
    expect(received).toEqual(['open', 'start', 'die'])
  })

  test('every-call-ends: its signal ends a request that is never answered, and leaves no connection', async () => {
    const following = follow()
    await server.requested(1)
    await clock.advance(24 * 3_600_000)
    abort.abort()
    await expect(following).rejects.toMatchObject({ kind: 'timed-out' })
    expect(received).toEqual([])
  })

  test('every-call-ends: its signal ends an open stream without events', async () => {
    server.behave((response) => response.writeHead(200).flushHeaders())
    const following = follow()
    while (received.length === 0) await new Promise((resolve) => setImmediate(resolve))
    abort.abort()
    await expect(following).rejects.toMatchObject({ kind: 'timed-out' })
  })

  test.each([
    ['a denial', answersPage(403), 'misconfigured'],
    ['an endpoint that is not there', answers(404, '{"message":"page not found"}'), 'misconfigured'],
    ['a failing engine', answers(500, '{"message":"boom"}'), 'unavailable'],
    ['a page instead of events', answersPage(200), 'invalid-answer'],
    ['a reset', resets, 'unavailable'],
  ])('%s is %s', async (_, behaviour, kind) => {
    server.behave(behaviour)
    await expect(follow()).rejects.toMatchObject({ kind })
  })

  test('a broken connection rejects, however it broke', async () => {
    server.behave((response) => {
      response.writeHead(200)
      response.write(line(), () => response.destroy())
    })
    await expect(follow()).rejects.toMatchObject({ kind: 'unavailable' })
    expect(received[0]).toBe('open')
  })

  test('dry-run: a read-only client may follow events too', async () => {
    server.behave(answers(200, line()))
    const call = {
      signal: abort.signal,
      actions: [],
      onOpen: () => {},
      onEvent: () => received.push('event'),
    }
    await watchOnly(engine).events(call)
    expect(received).toEqual(['event'])
  })
})
