import { afterEach, beforeEach, expect, test } from 'vitest'
import { createEmbeddedEngine, type EmbeddedEngine } from '../../src/testing/index.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { ask, begin, dockerodeOf, filters, until } from './support.ts'

let clock: FakeClock
let engine: EmbeddedEngine

beforeEach(async () => {
  clock = createFakeClock()
  engine = createEmbeddedEngine({ clock })
  await engine.listen()
})

afterEach(() => engine.close())

interface Reported {
  readonly Type: string
  readonly Action: string
  readonly id: string
  readonly time: number
  readonly Actor: { readonly ID: string; readonly Attributes: Record<string, string> }
}

function read(body: string): Reported[] {
  return body
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Reported)
}

const nowSeconds = () => Math.floor(clock.wallNow() / 1000)
const containersOnly = filters({ type: ['container'] })

/** What a listener receives while the script runs; the stream ends by the clock. */
async function listenDuring(
  query: string,
  script: () => void,
): Promise<{ reported: Reported[]; pieces: readonly string[] }> {
  const { received } = begin(engine.address, 'GET', `/events?until=${nowSeconds() + 60}&${query}`)
  await until(
    () => engine.requests.matching({ path: '/events' })[0]?.status === 200 && clock.pendingTimers > 0,
  )
  script()
  await clock.advance(60_000)
  const { body, pieces } = await received
  return { reported: read(body), pieces }
}

test('each change is emitted as it happens, with the labels of the container', async () => {
  const { reported } = await listenDuring(containersOnly, () => {
    const id = engine.containers.create({ name: 'task', labels: { k: 'v' } })
    engine.containers.pause(id)
    engine.containers.unpause(id)
    engine.containers.kill(id)
    engine.containers.remove(id)
  })
  expect(reported.map(({ Action }) => Action)).toEqual([
    'create',
    'start',
    'pause',
    'unpause',
    'kill',
    'die',
    'destroy',
  ])
  expect(reported[5]?.Actor.Attributes).toEqual({
    k: 'v',
    exitCode: '137',
    image: 'busybox:latest',
    name: 'task',
  })
  expect(new Set(reported.map(({ time }) => time))).toEqual(new Set([nowSeconds() - 60]))
})

test('filters are applied', async () => {
  const query = filters({ type: ['container'], event: ['die', 'destroy'], label: ['k=v'] })
  const { reported } = await listenDuring(query, () => {
    for (const labels of [{ k: 'v' }, { k: 'w' }])
      engine.containers.remove(engine.containers.create({ labels }))
  })
  expect(reported.map(({ Action, Actor }) => [Action, Actor.Attributes['k']])).toEqual([
    ['die', 'v'],
    ['destroy', 'v'],
  ])
})

test('since replays the remembered past, and until ends the stream', async () => {
  const from = nowSeconds()
  await clock.advance(5_000)
  const id = engine.containers.create()
  await clock.advance(5_000)
  engine.containers.kill(id)
  await clock.advance(5_000)
  const actions = async (query: string) =>
    read((await ask(engine.address, 'GET', `/events?${containersOnly}&${query}`)).body).map(
      ({ Action }) => Action,
    )
  expect(await actions(`since=${from}&until=${nowSeconds()}`)).toEqual(['create', 'start', 'kill', 'die'])
  expect(await actions(`since=${from + 6}&until=${nowSeconds()}`)).toEqual(['kill', 'die'])
  expect(await actions(`since=${from}&until=${from + 6}`)).toEqual(['create', 'start'])
  for (let index = 0; index < 400; index += 1) engine.containers.create({ status: 'created' })
  expect(await actions(`since=0&until=${nowSeconds()}`)).toHaveLength(256)
})

test('times in nanoseconds grow with every event', async () => {
  const { pieces } = await listenDuring(containersOnly, () => {
    for (let index = 0; index < 3; index += 1) engine.containers.create({ status: 'created' })
  })
  const nanos =
    pieces
      .join('')
      .match(/(?<="timeNano":)\d{19}/g)
      ?.map(BigInt) ?? []
  expect(nanos).toHaveLength(3)
  expect([...nanos].sort((a, b) => (a < b ? -1 : 1))).toEqual(nanos)
  expect(new Set(nanos).size).toBe(3)
})

test('event-chunks: several values come in one chunk, or one value in several', async () => {
  const createThree = () => {
    for (let index = 0; index < 3; index += 1) engine.containers.create({ status: 'created' })
  }
  const plain = await listenDuring(containersOnly, createThree)
  expect(plain.pieces.map((piece) => read(piece).length)).toEqual([1, 1, 1])
  engine.requests.clear()
  const joined = engine.faults.add({ kind: 'event-chunks', joined: 3 })
  const together = await listenDuring(containersOnly, createThree)
  expect(together.pieces.map((piece) => read(piece).length)).toEqual([3])
  joined.clear()
  engine.requests.clear()
  engine.faults.add({ kind: 'event-chunks', splitBytes: 100 })
  const split = await listenDuring(containersOnly, createThree)
  expect(split.reported).toHaveLength(3)
  expect(Math.max(...split.pieces.map((piece) => piece.length))).toBe(100)
})

test('a disconnected listener is dropped, and a restart of the engine disconnects it', async () => {
  const docker = dockerodeOf(engine)
  const listeners = async () => ((await docker.info()) as { NEventsListener: number }).NEventsListener
  const leaving = begin(engine.address, 'GET', '/events')
  const cutOff = begin(engine.address, 'GET', '/events').received
  await until(
    () => engine.requests.matching({ path: '/events' }).filter(({ status }) => status === 200).length === 2,
  )
  expect(await listeners()).toBe(2)
  leaving.giveUp()
  await until(() =>
    engine.requests.matching({ path: '/events' }).some(({ endedAtMs }) => endedAtMs !== undefined),
  )
  expect(await listeners()).toBe(1)
  await engine.restart()
  expect((await cutOff).isWhole).toBe(false)
  expect(await listeners()).toBe(0)
})

test('a past period is answered from memory, with only the requested actions', async () => {
  const pauseAndUnpause = (name: string) => {
    const id = engine.containers.create({ name })
    engine.containers.pause(id)
    engine.containers.unpause(id)
    return id
  }
  pauseAndUnpause('too-early')
  await clock.advance(60_000)
  const since = nowSeconds()
  const meant = pauseAndUnpause('meant')
  await clock.advance(60_000)
  const until = nowSeconds() - 30
  pauseAndUnpause('too-late')
  const wanted = filters({ type: ['container'], event: ['unpause'] })
  const { body } = await ask(engine.address, 'GET', `/events?since=${since}&until=${until}&${wanted}`)
  expect(read(body).map(({ Action, id }) => [Action, id])).toEqual([['unpause', meant]])
})
