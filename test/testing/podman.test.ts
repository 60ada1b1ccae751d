import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createEmbeddedEngine, type EmbeddedEngine } from '../../src/testing/index.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { ask, begin, filters, listedIds, messageOf, until, type Received } from './support.ts'

let clock: FakeClock
let engine: EmbeddedEngine

beforeEach(async () => {
  clock = createFakeClock()
  engine = createEmbeddedEngine({ clock, dialect: 'podman' })
  await engine.listen()
})
afterEach(() => engine.close())

const get = (path: string): Promise<Received> => ask(engine.address, 'GET', path)
const remove = (reference: string): Promise<Received> =>
  ask(engine.address, 'DELETE', `/containers/${reference}?force=1`)
const statusOf = (id: string) => engine.containers.get(id)?.status

async function listedState(id: string): Promise<unknown> {
  const entries = JSON.parse((await get('/containers/json?all=1')).body) as { Id: string; State: string }[]
  return entries.find(({ Id }) => Id === id)?.State
}

describe('a forced removal', () => {
  test('waits for the stop timeout of the container, which is stopping until then', async () => {
    const id = engine.containers.create({ command: ['sleep', '86400'], stopTimeoutMs: 100_000 })
    const call = begin(engine.address, 'DELETE', `/containers/${id}?force=1`)
    await until(() => statusOf(id) === 'stopping')
    expect(await listedState(id)).toBe('stopping')
    await clock.advance(99_999)
    expect(statusOf(id)).toBe('stopping')
    await clock.advance(1)
    expect((await call.received).status).toBe(204)
    expect(engine.containers.size).toBe(0)
  })

  test('several at once are all answered 204, and a later one 404', async () => {
    const id = engine.containers.create({ command: ['sleep', '86400'] })
    const calls = [1, 2, 3].map(() => begin(engine.address, 'DELETE', `/containers/${id}?force=1`))
    await until(() => engine.requests.matching({ method: 'DELETE' }).length === 3)
    await until(() => statusOf(id) === 'stopping')
    await clock.advance(10_000)
    expect((await Promise.all(calls.map(({ received }) => received))).map(({ status }) => status)).toEqual([
      204, 204, 204,
    ])
    expect((await remove(id)).status).toBe(404)
  })

  test.each(['networkMode', 'pidMode', 'ipcMode', 'utsMode'] as const)(
    'of a container whose %s another shares is refused, and has stopped it',
    async (mode) => {
      const holder = engine.containers.create({ name: 'holder' })
      const guest = engine.containers.create({ [mode]: 'container:holder' })
      const refused = await remove(holder)
      expect([refused.status, messageOf(refused)]).toEqual([500, expect.stringContaining(guest)])
      expect(statusOf(holder)).toBe('exited')
      expect(statusOf(guest)).toBe(mode === 'pidMode' ? 'exited' : 'running')
      expect((await remove(guest)).status).toBe(204)
      expect((await remove(holder)).status).toBe(204)
    },
  )

  test('concurrent ones get the same answer, even a refusal', async () => {
    const holder = engine.containers.create({ command: ['sleep', '86400'] })
    engine.containers.create({ networkMode: `container:${holder}` })
    const calls = [1, 2].map(() => begin(engine.address, 'DELETE', `/containers/${holder}?force=1`))
    await until(() => engine.requests.matching({ method: 'DELETE' }).length === 2)
    await until(() => statusOf(holder) === 'stopping')
    await clock.advance(10_000)
    expect((await Promise.all(calls.map(({ received }) => received))).map(({ status }) => status)).toEqual([
      500, 500,
    ])
  })

  test('of a container that another requires is refused', async () => {
    const needed = engine.containers.create()
    const needing = engine.containers.create({ requires: [needed] })
    expect((await remove(needed)).status).toBe(500)
    expect((await remove(needing)).status).toBe(204)
    expect((await remove(needed)).status).toBe(204)
  })

  test('an inspection that comes in between finds nothing, with 500', async () => {
    const id = engine.containers.create()
    engine.faults.add({ kind: 'slow-removal', delayMs: Infinity })
    const call = begin(engine.address, 'DELETE', `/containers/${id}?force=1`)
    await until(() => statusOf(id) === 'removing')
    const raced = await get(`/containers/${id}/json`)
    expect([raced.status, messageOf(raced)]).toEqual([500, expect.stringMatching(/no such container$/)])
    engine.containers.finishRemoval(id)
    expect((await call.received).status).toBe(204)
    expect((await get(`/containers/${id}/json`)).status).toBe(404)
  })

  test('an interrupted one breaks every listing that would show it, until it is removed', async () => {
    const other = engine.containers.create({ labels: { owner: 'me' } })
    const id = engine.containers.create({ status: 'exited' })
    engine.faults.add({ kind: 'slow-removal', delayMs: Infinity, container: id })
    const call = begin(engine.address, 'DELETE', `/containers/${id}?force=1`)
    await until(() => statusOf(id) === 'removing')
    const cut = expect(call.received).rejects.toThrow()
    await engine.restart()
    await cut
    engine.faults.clear()
    const failed = await get('/containers/json?all=1')
    expect([failed.status, messageOf(failed)]).toEqual([500, expect.stringContaining('layer not known')])
    expect((await get(`/containers/json?${filters({ status: ['removing'] })}`)).status).toBe(500)
    expect((await get(`/containers/${id}/json`)).status).toBe(500)
    const own = JSON.parse((await get('/v5.0.0/libpod/containers/json?all=true')).body) as unknown
    expect(own).toMatchObject([
      { Id: id, State: 'removing', Names: [expect.any(String)], Created: expect.stringMatching(/Z$/) },
      { Id: other, State: 'running', Labels: { owner: 'me' }, ImageID: expect.not.stringContaining(':') },
    ])
    expect((await get(`/containers/json?${filters({ status: ['stopping'] })}`)).status).toBe(500)
    expect(await listedIds(engine, '')).toEqual([other])
    expect(await listedIds(engine, `all=1&${filters({ label: ['owner=me'] })}`)).toEqual([other])
    expect(await listedIds(engine, filters({ status: ['exited'] }))).toEqual([])
    expect((await remove(id)).status).toBe(204)
    expect(await listedIds(engine)).toEqual([other])
  })
})

describe('a pod', () => {
  test('has an infra container, whose name may reveal nothing, that holds the namespaces of the others', async () => {
    const pod = engine.containers.createPod({ infraName: 'plain' })
    const id = engine.containers.create({ pod, name: 'task' })
    const infra = engine.containers.get('plain')?.id ?? ''
    const libpod = async (which: string) =>
      JSON.parse((await get(`/v5.0.0/libpod/containers/${which}/json`)).body) as unknown
    expect(await libpod(infra)).toMatchObject({ IsInfra: true, Pod: pod, Dependencies: [] })
    expect(await libpod(id)).toMatchObject({ IsInfra: false, Pod: pod, Dependencies: [infra] })
    const entries = JSON.parse((await get('/containers/json')).body) as Record<string, unknown>[]
    expect(entries.find(({ Id }) => Id === infra)).toMatchObject({ ImageID: 'sha256:', Image: '' })
    expect(entries.some((one) => Object.hasOwn(one, 'HostConfig'))).toBe(false)
    expect((await get('/images/sha256:/json')).status).toBe(500)
    expect((await remove(infra)).status).toBe(500)
    expect(statusOf(infra)).toBe('running')
    expect((await remove(id)).status).toBe(204)
    expect((await remove(infra)).status).toBe(500)
  })

  test('is named after its id by default', () => {
    const pod = engine.containers.createPod()
    expect(engine.containers.list().map(({ name }) => name)).toEqual([`${pod.slice(0, 12)}-infra`])
  })
})

test('a crash loop alternates between stopped and running', async () => {
  const id = engine.containers.create({ restartPolicy: 'always' })
  engine.containers.exit(id, 1)
  expect(await listedState(id)).toBe('stopped')
  expect(await listedIds(engine, '')).toEqual([])
  await clock.advance(100)
  expect(await listedState(id)).toBe('running')
  engine.containers.exit(id, 1)
  expect((await remove(id)).status).toBe(204)
  await clock.advance(60_000)
  expect(engine.containers.size).toBe(0)
})

test.each([
  ['5.8.6', ['created', 'created', 'stopping', 'stopped', 'removing', 'unknown']],
  ['4.3.1', ['configured', 'initialized', 'stopping', 'stopped', 'removing', 'unknown']],
])('Podman %s lists the states that only it has', async (version, listed) => {
  const other = createEmbeddedEngine({ clock, dialect: 'podman', version: { engine: version } })
  await other.listen()
  const states = ['configured', 'initialized', 'stopping', 'stopped', 'removing', 'unknown'] as const
  for (const status of states) other.containers.create({ status })
  const { body } = await ask(other.address, 'GET', '/containers/json?all=1')
  expect((JSON.parse(body) as { State: string }[]).map(({ State }) => State)).toEqual(listed.toReversed())
  for (const { id } of other.containers.list())
    expect((await ask(other.address, 'DELETE', `/containers/${id}?force=1`)).status).toBe(204)
  await other.close()
})

test.each([
  ['5.4.2', 200, 0],
  ['5.8.6', 409, 1],
])(
  'Podman %s takes the containers along with their image, but for those that may not be',
  async (version, status, left) => {
    const other = createEmbeddedEngine({ clock, dialect: 'podman', version: { engine: version } })
    await other.listen()
    const imageId = other.images.add({ reference: 'app:1' })
    other.containers.create({ image: 'app:1' })
    expect((await ask(other.address, 'DELETE', `/images/${imageId}?force=1`)).status).toBe(status)
    expect(other.containers.size).toBe(left)
    for (const { id } of other.containers.list()) other.containers.kill(id)
    if (left > 0) expect((await ask(other.address, 'DELETE', `/images/${imageId}?force=1`)).status).toBe(200)
    expect(other.containers.size).toBe(0)
    await other.close()
  },
)

test('it reports a different engine id each time, and accepts any version of the API', async () => {
  const idOf = async () => (JSON.parse((await get('/info')).body) as { ID: string }).ID
  expect(await idOf()).not.toBe(await idOf())
  expect((await get('/v9.99/containers/json')).status).toBe(200)
})
