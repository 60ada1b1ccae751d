import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createEmbeddedEngine, type EmbeddedEngine } from '../../src/testing/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { ask, filters, messageOf } from './support.ts'

let engine: EmbeddedEngine

beforeEach(async () => {
  const images = ['busybox:latest', { reference: 'registry.example:5000/app', labels: { k: 'v' } }]
  engine = createEmbeddedEngine({ clock: createFakeClock(), images })
  await engine.listen()
})

afterEach(() => engine.close())

async function send(method: string, path: string, body?: unknown): Promise<[number, unknown]> {
  const received = await ask(engine.address, method, path, body)
  return [received.status, received.body === '' ? undefined : (JSON.parse(received.body) as unknown)]
}

async function tagsListed(wanted: unknown = {}): Promise<string[]> {
  const [, images] = await send('GET', `/images/json?${filters(wanted)}`)
  return (images as { RepoTags: string[] }[]).flatMap(({ RepoTags }) => RepoTags).sort()
}

describe('images', () => {
  test('are found by name, by name and tag, by id and by the beginning of it', () => {
    const image = engine.images.find('busybox')
    expect(image?.tags).toEqual(['busybox:latest'])
    const id = image?.id ?? ''
    for (const reference of [id, id.slice(7), id.slice(7, 19), 'docker.io/library/busybox:latest']) {
      expect(engine.images.find(reference)).toBe(image)
    }
    expect(engine.images.find('registry.example:5000/app')?.tags).toEqual([
      'registry.example:5000/app:latest',
    ])
    expect(engine.images.find('none')).toBeUndefined()
  })

  test('are listed by label and by reference', async () => {
    expect(await tagsListed({ label: ['k=v'] })).toEqual(['registry.example:5000/app:latest'])
    expect(await tagsListed({ reference: ['busy*'] })).toEqual(['busybox:latest'])
    expect(await tagsListed({ reference: ['b.sybox'] })).toEqual([])
  })

  test('get another name, lose one, and are gone with the last', async () => {
    expect((await send('POST', '/images/busybox/tag?repo=copy&tag=1'))[0]).toBe(201)
    expect(await send('DELETE', '/images/busybox')).toEqual([200, [{ Untagged: 'busybox:latest' }]])
    const id = engine.images.find('copy:1')?.id
    expect(await send('DELETE', '/images/copy:1')).toEqual([200, [{ Untagged: 'copy:1' }, { Deleted: id }]])
    expect(await tagsListed()).toEqual(['registry.example:5000/app:latest'])
    expect((await send('DELETE', '/images/copy:1'))[0]).toBe(404)
  })

  test('in use are kept unless forced, and then lose their names only', async () => {
    const id = engine.containers.create({ image: 'busybox' })
    const refused = await ask(engine.address, 'DELETE', '/images/busybox')
    expect([refused.status, messageOf(refused)]).toEqual([
      409,
      expect.stringContaining(`container ${id.slice(0, 12)} is using its referenced image`),
    ])
    expect(await send('DELETE', '/images/busybox?force=1')).toEqual([200, [{ Untagged: 'busybox:latest' }]])
    expect(engine.images.find(engine.containers.get(id)?.imageId ?? '')?.tags).toEqual([])
  })

  test('a name that is given again leaves its former image without one', () => {
    const before = engine.images.find('busybox')?.id ?? ''
    const after = engine.images.add({ reference: 'busybox' })
    expect(engine.images.find('busybox')?.id).toBe(after)
    expect(engine.images.find(before)?.tags).toEqual([])
  })
})

describe('volumes', () => {
  test('are made, found, listed and removed, but not while one is used', async () => {
    expect(await send('POST', '/volumes/create', { Name: 'kept', Labels: { k: 'v' } })).toMatchObject([
      201,
      { Name: 'kept', Labels: { k: 'v' } },
    ])
    const id = engine.containers.create({ volumes: ['kept:/kept'] })
    engine.volumes.create('free')
    const names = async (wanted: unknown) => {
      const [, { Volumes }] = (await send('GET', `/volumes?${filters(wanted)}`)) as [
        number,
        { Volumes: { Name: string }[] },
      ]
      return Volumes.map(({ Name }) => Name)
    }
    expect(await names({})).toEqual(['kept', 'free'])
    expect(await names({ dangling: ['true'] })).toEqual(['free'])
    expect(await names({ dangling: ['false'] })).toEqual(['kept'])
    expect(await names({ label: ['k=v'] })).toEqual(['kept'])
    expect(await names({ name: ['fr'] })).toEqual(['free'])
    expect(await send('DELETE', '/volumes/kept')).toEqual([
      409,
      { message: `remove kept: volume is in use - [${id}]` },
    ])
    engine.containers.remove(id)
    expect((await send('DELETE', '/volumes/kept'))[0]).toBe(204)
    expect(await send('DELETE', '/volumes/kept')).toEqual([404, { message: 'get kept: no such volume' }])
    expect((await send('DELETE', '/volumes/kept?force=1'))[0]).toBe(204)
    expect((await send('GET', '/volumes/kept'))[0]).toBe(404)
  })

  test('a volume shared by two containers goes with neither while the other is there', () => {
    const first = engine.containers.create({ volumes: ['/data'] })
    const shared = engine.containers.get(first)?.mounts[0]?.volume ?? ''
    const second = engine.containers.create({ volumes: [`${shared}:/theirs`] })
    engine.containers.remove(first, { volumes: true })
    expect(engine.volumes.has(shared)).toBe(true)
    engine.containers.remove(second, { volumes: true })
    expect(engine.volumes.has(shared)).toBe(true)
  })

  test('mounts of every kind are shown as they were asked for', async () => {
    const HostConfig = {
      Binds: ['/folder:/bound:ro', 'kept:/kept'],
      Mounts: [
        { Type: 'tmpfs', Target: '/tmp' },
        { Type: 'bind', Source: '/other', Target: '/second', ReadOnly: true },
        { Type: 'volume', Target: '/anonymous' },
      ],
    }
    const [, created] = await send('POST', '/containers/create', {
      Image: 'busybox',
      Cmd: 'serve',
      HostConfig,
    })
    const { Id } = created as { Id: string }
    const [, inspected] = await send('GET', `/containers/${Id}/json`)
    const { Mounts } = inspected as { Mounts: Record<string, unknown>[] }
    expect(
      Mounts.map(({ Type, Name, Source, Destination, RW }) => [Type, Name ?? Source, Destination, RW]),
    ).toEqual([
      ['bind', '/folder', '/bound', false],
      ['volume', 'kept', '/kept', true],
      ['tmpfs', '', '/tmp', true],
      ['bind', '/other', '/second', false],
      ['volume', expect.stringMatching(/^[0-9a-f]{64}$/), '/anonymous', true],
    ])
  })

  test.each([
    [{ Binds: ['bad'] }, "invalid volume specification: 'bad'"],
    [{ Mounts: [{ Type: 'odd', Target: '/a' }] }, 'invalid mount config for type "odd": mount type unknown'],
    [{ Mounts: [{ Type: 'bind' }] }, 'invalid mount config for type "bind": field Target must not be empty'],
    [
      { AutoRemove: true, RestartPolicy: { Name: 'always' } },
      "can't create 'AutoRemove' container with restart policy",
    ],
  ])('%j is refused', async (HostConfig, message) => {
    const body = { Image: 'busybox', Cmd: ['serve'], HostConfig }
    expect(await send('POST', '/containers/create', body)).toEqual([400, { message }])
    expect(engine.containers.size).toBe(0)
  })
})
