import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/domain/clock.ts'
import type { ContainerId } from '../../src/domain/ids.ts'
import { createDockerodeEngine } from '../../src/engine/dockerode-engine.ts'
import type { Engine } from '../../src/engine/port.ts'
import { createEmbeddedEngine } from '../../src/testing/index.ts'
import { fakeId } from '../support/fake-engine.ts'
import {
  answers,
  type Behaviour,
  type MisbehavingServer,
  neverAnswers,
  startMisbehavingServer,
} from '../support/misbehaving-server.ts'

const id = fakeId(1)
const volume = 'a'.repeat(64)
const created = '2026-11-28T22:16:32.828109767Z'
const podman = { server: 'Libpod/5.8.6 (linux)' }

let server: MisbehavingServer
let engine: Engine
beforeEach(async () => {
  server = await startMisbehavingServer(neverAnswers)
  engine = createDockerodeEngine({ engine: server.address, clock: systemClock })
})
afterEach(async () => {
  await server.quiet()
  await server.close()
})

interface Said {
  readonly mounts?: unknown
  readonly about?: string
  readonly volume?: object
  readonly status?: number
  readonly headers?: Record<string, string>
}

/** As Podman 4.3 and 5.8 answer. */
function says({ mounts = [{ Type: 'volume', Name: volume }], about = id, ...said }: Said = {}): Behaviour {
  const { status = 200, headers = podman } = said
  const container = { Id: about, Created: created, Mounts: mounts }
  const own = { Name: volume, CreatedAt: '2026-11-28T22:16:33.000192212Z', Anonymous: true, ...said.volume }
  return (response, { method, url = '' }) => {
    const isOwn = url.includes('/libpod/')
    const confirms = isOwn ? answers(200, [{ Id: id, Err: null }], headers) : answers(204, '', headers)
    if (method === 'DELETE') return confirms(response, { method, url } as never)
    if (url.endsWith('/containers/json?all=true'))
      return answers(200, [], headers)(response, { url } as never)
    const isVolume = url.includes('/libpod/volumes/')
    return answers(isVolume ? status : 200, isVolume ? own : container, headers)(response, { url } as never)
  }
}

/** Whether the removal takes volumes along, and what was asked for it. */
async function removed(said: Said = {}, volumes = true) {
  server.behave(says(said))
  await engine.list({ deadlineMs: 10_000 })
  const before = server.requests.length
  await engine.remove(id, { volumes, force: true, deadlineMs: 10_000, maySend: () => true })
  const asked = server.requests.slice(before).map(({ method, path }) => `${method} ${path}`)
  return { asked, v: server.requests.at(-1)?.query.get('v') }
}

describe('positive-evidence: on Podman only volumes made with the container are removed with it', () => {
  test('its own', async () => {
    expect(await removed()).toEqual({
      v: 'true',
      asked: [
        `GET /v5.8.6/libpod/containers/${id}/json`,
        `GET /v5.8.6/libpod/volumes/${volume}/json`,
        `DELETE /v5.8.6/libpod/containers/${id}`,
      ],
    })
  })

  test('none, and named ones, which Podman leaves alone', async () => {
    expect((await removed({ mounts: [] })).v).toBe('true')
    expect((await removed({ mounts: [{ Type: 'bind', Source: '/srv' }, { Type: 'tmpfs' }] })).v).toBe('true')
    const named = { Name: 'data', CreatedAt: '2020-01-01T00:00:00Z', Anonymous: undefined }
    expect((await removed({ mounts: [{ Type: 'volume', Name: 'data' }], volume: named })).v).toBe('true')
  })

  test.each<[string, Said]>([
    ['one that was there before it', { volume: { CreatedAt: '2026-11-28T22:16:32.827Z' } }],
    ['one that was made long after it', { volume: { CreatedAt: '2026-11-28T22:16:43Z' } }],
    [
      'an older one not reported as anonymous',
      { volume: { CreatedAt: created.replace('32', '12'), Anonymous: false } },
    ],
    ['one without a moment of creation', { volume: { CreatedAt: undefined } }],
    ['an answer about another volume', { volume: { Name: 'b'.repeat(64) } }],
    ['an answer about another container', { about: fakeId(2) }],
    ['a mount without a type', { mounts: [{ Name: volume }] }],
    ['a volume without a name', { mounts: [{ Type: 'volume' }] }],
    ['mounts that are none', { mounts: null }],
    ['a proxy that denies', { status: 403 }],
    ['a Podman that fails', { status: 500 }],
  ])('and leaves all where there is %s', async (_what, said) => {
    const { v, asked } = await removed(said)
    expect(v).toBe('false')
    expect(asked.at(-1)).toBe(`DELETE /v5.8.6/libpod/containers/${id}`)
  })

  test('nothing is asked when no volumes are to go, nor of dockerd', async () => {
    expect(await removed({}, false)).toEqual({
      v: 'false',
      asked: [`DELETE /v5.8.6/libpod/containers/${id}`],
    })
    expect(await removed({ headers: { server: 'Docker/28.5.2 (linux)' } })).toEqual({
      v: 'true',
      asked: [`DELETE /containers/${id}`],
    })
  })

  test.each<[string, Record<string, string>]>([
    ['a proxy that puts its own name in the place of Podman’s', { server: 'nginx' }],
    ['a proxy that takes it away', {}],
  ])('behind %s', async (_what, headers) => {
    const { v } = await removed({
      volume: { CreatedAt: '2026-11-28T22:16:32.827Z' },
      headers: { ...headers, 'libpod-api-version': '5.8.6' },
    })
    expect(v).toBe('false')
  })

  test('whatever a proxy of its own has answered in between', async () => {
    server.behave(says())
    await engine.list({ deadlineMs: 10_000 })
    server.behave(answers(403, 'not on the list', { server: 'haproxy' }))
    await expect(engine.info({ deadlineMs: 10_000 })).rejects.toThrow('not on the list')
    server.behave(says({ volume: { CreatedAt: '2026-11-28T22:16:32.827Z' } }))
    await engine.remove(id, { volumes: true, force: true, deadlineMs: 10_000, maySend: () => true })
    expect(server.requests.at(-1)?.query.get('v')).toBe('false')
  })

  test('the last question still comes after all of it', async () => {
    server.behave(says())
    await engine.list({ deadlineMs: 10_000 })
    const seen: number[] = []
    const maySend = () => seen.push(server.requests.length) < 0
    expect(await engine.remove(id, { volumes: true, force: true, deadlineMs: 10_000, maySend })).toBe(
      'withheld',
    )
    expect(seen).toEqual([3])
  })
})

describe('on an embedded Podman', () => {
  test('a volume that was kept stays, and one made with the container goes', async () => {
    const podmanEngine = createEmbeddedEngine({ dialect: 'podman' })
    await podmanEngine.listen()
    onTestFinished(() => podmanEngine.close())
    const { containers, volumes } = podmanEngine
    const adapter = createDockerodeEngine({ engine: podmanEngine.address, clock: systemClock })
    const createdAtMs = Date.now() - 3_600_000
    await adapter.list({ deadlineMs: 10_000 })
    const remove = (one: string) =>
      adapter.remove(one as ContainerId, {
        volumes: true,
        force: true,
        deadlineMs: 10_000,
        maySend: () => true,
      })

    const owner = containers.create({ volumes: ['/data'], createdAtMs })
    containers.remove(owner)
    const [kept] = [...volumes.values()].map(({ name }) => name)
    await remove(containers.create({ volumes: [`${kept}:/data`] }))
    await remove(containers.create({ volumes: ['/data'], createdAtMs }))
    expect([...volumes.values()].map(({ name }) => name)).toEqual([kept])

    const raw = containers.create({ volumes: [`${kept}:/data`] })
    containers.remove(raw, { volumes: true })
    expect([...volumes.values()]).toEqual([])
  })
})
