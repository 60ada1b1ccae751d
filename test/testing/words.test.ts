import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createEmbeddedEngine, type EmbeddedEngine } from '../../src/testing/index.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { ask, begin, filters, listedIds, until, type Received } from './support.ts'

let clock: FakeClock
let engine: EmbeddedEngine

beforeEach(async () => {
  clock = createFakeClock()
  engine = createEmbeddedEngine({ clock })
  await engine.listen()
})
afterEach(() => engine.close())

const get = (path: string): Promise<Received> => ask(engine.address, 'GET', path)
const parsed = ({ body }: Received): unknown => JSON.parse(body)
const remove = async (reference: string): Promise<number> =>
  (await ask(engine.address, 'DELETE', `/containers/${reference}?force=1`)).status

interface Inspection {
  readonly Id: string
  readonly Created: string
  readonly RestartCount: number
  readonly HostnamePath: string
  readonly Platform: string
  readonly State: Readonly<Record<string, unknown>>
  readonly HostConfig: Readonly<Record<string, unknown>>
}

async function inspection(reference: string): Promise<Inspection> {
  return parsed(await get(`/containers/${reference}/json`)) as Inspection
}

async function entry(id: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  return (parsed(await get('/containers/json?all=1')) as { Id: string }[]).find(({ Id }) => Id === id)
}

describe('an inspection', () => {
  test('has times to the nanosecond, and the start of each run', async () => {
    const id = engine.containers.create({ name: 'task' })
    const first = await inspection('task')
    expect(first.Created).toMatch(/^2026-01-15T12:00:00\.000\d{6}Z$/)
    await clock.advance(1_000)
    engine.containers.pause(id)
    engine.containers.unpause(id)
    expect((await inspection('task')).State).toEqual(first.State)
    await ask(engine.address, 'POST', '/containers/task/restart?t=0')
    const second = (await inspection('task')).State['StartedAt']
    expect(second).not.toBe(first.State['StartedAt'])
    expect(second).toMatch(/^2026-01-15T12:00:01\.000/)
  })

  test('counts its policy’s restarts, until it is started by a request', async () => {
    const id = engine.containers.create({ restartPolicy: 'always' })
    engine.containers.exit(id, 1)
    await clock.advance(100)
    expect((await inspection(id)).RestartCount).toBe(1)
    engine.containers.kill(id)
    engine.containers.start(id)
    expect((await inspection(id)).RestartCount).toBe(0)
  })

  test('has what a listing lacks: whose namespaces and cgroup a container is in', async () => {
    const holder = engine.containers.create({ name: 'holder' })
    const guest = engine.containers.create({
      pidMode: 'container:holder',
      ipcMode: 'container:holder',
      utsMode: 'host',
      cgroupParent: `/docker/${holder}`,
    })
    expect((await inspection(guest)).HostConfig).toMatchObject({
      PidMode: `container:${holder}`,
      IpcMode: `container:${holder}`,
      UTSMode: 'host',
      CgroupParent: `/docker/${holder}`,
    })
    expect(await entry(guest)).toMatchObject({ HostConfig: { NetworkMode: 'bridge' } })
    expect(JSON.stringify(await entry(guest))).not.toContain(holder)
  })

  test("a guest's guest names the files of the first holder", async () => {
    const first = engine.containers.create({ name: 'first' })
    engine.containers.create({ name: 'second', networkMode: 'container:first' })
    engine.containers.create({ name: 'third', networkMode: 'container:second' })
    expect((await inspection('third')).HostnamePath).toContain(first)
    expect(engine.containers.get('third')?.networkMode).toBe(
      `container:${engine.containers.get('second')?.id}`,
    )
  })
})

describe('shared namespaces', () => {
  test('a pid namespace ends with its holder, a network or ipc namespace does not', async () => {
    const holder = engine.containers.create()
    const mode = `container:${holder}`
    const inPid = engine.containers.create({ pidMode: mode })
    const inNetwork = engine.containers.create({ networkMode: mode })
    const inIpc = engine.containers.create({ ipcMode: mode })
    expect(await remove(holder)).toBe(204)
    expect(engine.containers.get(inPid)).toMatchObject({ status: 'exited', exitCode: 137 })
    expect([inNetwork, inIpc].map((id) => engine.containers.get(id)?.status)).toEqual(['running', 'running'])
  })

  test('a container with the host’s processes ends everything in its cgroup', async () => {
    const host = engine.containers.create({ pidMode: 'host' })
    const own = engine.containers.create()
    const guests = [host, own].map((id) => engine.containers.create({ cgroupParent: `/docker/${id}` }))
    expect([await remove(host), await remove(own)]).toEqual([204, 204])
    expect(guests.map((id) => engine.containers.get(id)?.status)).toEqual(['exited', 'running'])
  })

  test('a guest whose holder is gone stays down, whatever its restart policy, and says why', async () => {
    const holder = engine.containers.create({ name: 'holder' })
    const guest = engine.containers.create({ pidMode: 'container:holder', restartPolicy: 'always' })
    expect(await remove(holder)).toBe(204)
    await clock.advance(60_000)
    expect(engine.containers.get(guest)).toMatchObject({
      status: 'exited',
      error: `No such container: ${holder}`,
    })
  })
})

test('a container is found by its id, then by its name, then by the first digits of its id', async () => {
  const nameLikeAnId = 'a'.repeat(64)
  const named = engine.containers.create({ name: nameLikeAnId })
  expect((await inspection(nameLikeAnId)).Id).toBe(named)
  const withThatId = engine.containers.create({ id: nameLikeAnId })
  expect((await inspection(nameLikeAnId)).Id).toBe(withThatId)
  engine.containers.create({ name: named.slice(0, 12) })
  expect((await inspection(named.slice(0, 12))).Id).not.toBe(named)
  expect((await inspection(named.slice(0, 11))).Id).toBe(named)
  engine.containers.remove(withThatId)
  expect(await remove(nameLikeAnId)).toBe(204)
  expect(engine.containers.get(named)).toBeUndefined()
})

describe('what a removal leaves', () => {
  test.each([
    ['20.10.24', '1.41', 'removing', 'Removal In Progress'],
    ['26.1.5', '1.45', 'removing', 'Removal In Progress'],
    ['28.5.2', '1.51', 'dead', 'Dead'],
  ])(
    'Docker %s lists a failed one as is recorded, inspects it as dead and lets it go',
    async (version, api, state, status) => {
      const other = createEmbeddedEngine({ clock, version: { engine: version, api } })
      await other.listen()
      const id = other.containers.create()
      other.containers.failRemoval(id)
      const received = await ask(other.address, 'GET', `/containers/json?all=1`)
      expect(JSON.parse(received.body)).toMatchObject([{ Id: id, State: state, Status: status }])
      const inspected = await ask(other.address, 'GET', `/containers/${id}/json`)
      expect(JSON.parse(inspected.body)).toMatchObject({ State: { Status: 'dead', Dead: true } })
      expect((await ask(other.address, 'DELETE', `/containers/${id}`)).status).toBe(204)
      await other.close()
    },
  )

  test('an engine that comes back lists abandoned containers as dead', async () => {
    const other = createEmbeddedEngine({ clock, version: { engine: '26.1.5', api: '1.45' } })
    await other.listen()
    other.containers.failRemoval(other.containers.create())
    await other.restart()
    const received = await ask(other.address, 'GET', `/containers/json?all=1`)
    expect(JSON.parse(received.body)).toMatchObject([{ State: 'dead', Status: 'Dead' }])
    await other.close()
  })

  test('one in progress is inspected as removing', async () => {
    const id = engine.containers.create()
    engine.faults.add({ kind: 'slow-removal', delayMs: Infinity })
    const call = begin(engine.address, 'DELETE', `/containers/${id}?force=1`)
    await until(() => engine.containers.get(id)?.removal === 'under-way')
    expect((await inspection(id)).State).toMatchObject({ Status: 'removing', Dead: true })
    expect(await entry(id)).toMatchObject({ State: 'dead' })
    engine.containers.finishRemoval(id)
    expect((await call.received).status).toBe(204)
  })
})

describe('images', () => {
  test('an image removed under a container is gone for ever, and the container runs', async () => {
    const imageId = engine.images.add({ reference: 'app:1' })
    const id = engine.containers.create({ image: 'app:1', status: 'created' })
    expect((await ask(engine.address, 'DELETE', `/images/${imageId}?force=1`)).status).toBe(200)
    expect((await ask(engine.address, 'POST', `/containers/${id}/start`)).status).toBe(204)
    expect((await get(`/images/${imageId}/json`)).status).toBe(404)
    expect(await entry(id)).toMatchObject({ Image: imageId, ImageID: imageId, State: 'running' })
  })

  test('an image of a running container cannot be taken away by its id, and by its name only untagged', async () => {
    const imageId = engine.images.add({ reference: 'app:1' })
    engine.containers.create({ image: 'app:1' })
    expect((await ask(engine.address, 'DELETE', `/images/${imageId}?force=1`)).status).toBe(409)
    expect((await ask(engine.address, 'DELETE', '/images/app:1')).status).toBe(409)
    expect(parsed(await ask(engine.address, 'DELETE', '/images/app:1?force=1'))).toEqual([
      { Untagged: 'app:1' },
    ])
    expect(parsed(await get(`/images/${imageId}/json`))).toMatchObject({ Id: imageId, RepoTags: [] })
  })

  test('the containerd store answers for an image whose content it has lost, and for the platform of a container', async () => {
    const other = createEmbeddedEngine({ clock, dialect: 'dockerd-containerd' })
    await other.listen()
    const platforms = [{ architecture: 'amd64' }, { architecture: 'arm64', labels: { on: 'arm' } }]
    const id = other.images.add({ reference: 'app:1', labels: { on: 'host' }, platforms })
    const container = other.containers.create({ image: 'app:1', platform: 'linux/arm64' })
    expect(other.containers.get(container)?.labels).toEqual({ on: 'arm' })
    const ask_ = async (path: string) => JSON.parse((await ask(other.address, 'GET', path)).body) as unknown
    const ofContainer = { ImageManifestDescriptor: { platform: { architecture: 'arm64', os: 'linux' } } }
    expect(await ask_('/containers/json')).toMatchObject([ofContainer])
    expect(await ask_(`/containers/${container}/json`)).toMatchObject({
      ...ofContainer,
      GraphDriver: { Data: null },
    })
    expect(await ask_('/v1.47/containers/json')).not.toMatchObject([ofContainer])
    const arm = encodeURIComponent(JSON.stringify({ os: 'linux', architecture: 'arm64' }))
    expect(await ask_(`/images/${id}/json`)).toMatchObject({
      Architecture: 'amd64',
      Config: { Labels: { on: 'host' } },
    })
    expect(await ask_(`/images/${id}/json?platform=${arm}`)).toMatchObject({
      Architecture: 'arm64',
      Config: { Labels: { on: 'arm' } },
    })
    expect(await ask_(`/v1.48/images/${id}/json?platform=${arm}`)).toMatchObject({ Architecture: 'amd64' })
    const s390x = encodeURIComponent(JSON.stringify({ os: 'linux', architecture: 's390x' }))
    expect((await ask(other.address, 'GET', `/images/${id}/json?platform=${s390x}`)).status).toBe(404)
    other.images.loseContent(id)
    expect(await ask_(`/images/${id}/json`)).toMatchObject({
      Id: id,
      Os: '',
      Architecture: '',
      RootFS: {},
      Config: { Labels: null },
    })
    await other.close()
  })
})

describe('answers that contradict each other', () => {
  test('a listing names an id twice, each time with something else', async () => {
    const id = engine.containers.create({ name: 'task' })
    engine.faults.add({ kind: 'duplicate', container: id, with: { State: 'exited', Names: ['/other'] } })
    expect(parsed(await get('/containers/json?all=1'))).toMatchObject([
      { Id: id, State: 'running', Names: ['/task'] },
      { Id: id, State: 'exited', Names: ['/other'] },
    ])
  })

  test('a patch changes a part of the answer, leaves the rest, and takes fields away', async () => {
    const id = engine.containers.create({ labels: { owner: 'me' } })
    const other = engine.containers.create({ labels: { owner: 'me' } })
    engine.faults.add({ kind: 'patch', of: 'listing', container: id, with: { Labels: undefined } })
    const state = { Status: 'exited', Running: false }
    const patch = engine.faults.add({
      kind: 'patch',
      of: 'inspection',
      container: id,
      with: { State: state },
      count: 1,
    })
    const shown = await entry(id)
    expect([shown?.['Id'], Object.hasOwn(shown ?? {}, 'Labels')]).toEqual([id, false])
    expect(await entry(other)).toMatchObject({ Labels: { owner: 'me' } })
    expect((await inspection(id)).State).toMatchObject({ ...state, ExitCode: 0 })
    expect([(await inspection(id)).State['Status'], patch.struck]).toEqual(['running', 1])
    const { Id } = parsed(await get('/images/busybox/json')) as { Id: string }
    engine.faults.add({ kind: 'patch', of: 'image', image: 'busybox:latest', with: { Id: 'sha256:other' } })
    expect(parsed(await get(`/images/${Id}/json`))).toMatchObject({ Id: 'sha256:other', Os: 'linux' })
  })

  test('a late listing shows the past for a while, and the inspection the present', async () => {
    const id = engine.containers.create()
    engine.faults.add({ kind: 'late-listing', delayMs: 200 })
    engine.containers.kill(id)
    expect((await entry(id))?.['State']).toBe('running')
    expect((await inspection(id)).State['Status']).toBe('exited')
    await clock.advance(100)
    engine.containers.start(id)
    await clock.advance(99)
    expect((await entry(id))?.['State']).toBe('running')
    await clock.advance(1)
    expect((await entry(id))?.['State']).toBe('exited')
    await clock.advance(100)
    expect((await entry(id))?.['State']).toBe('running')
    engine.containers.remove(id)
    expect(await listedIds(engine)).toEqual([])
  })

  test('an engine that has just come up streams events, and lets all else wait', async () => {
    engine.faults.add({ kind: 'slow-start', delayMs: 900 })
    await engine.restart()
    const listing = begin(engine.address, 'GET', '/containers/json')
    const events = begin(engine.address, 'GET', '/events')
    expect((await get('/_ping')).status).toBe(200)
    await until(() => engine.requests.matching({ path: '/events' })[0]?.status === 200)
    expect(engine.requests.matching({ path: '/containers/json' })[0]?.status).toBeUndefined()
    await clock.advance(900)
    expect((await listing.received).status).toBe(200)
    expect((await get('/containers/json')).status).toBe(200)
    events.giveUp()
    await events.received.catch(() => {})
  })
})

test('from 1.52 of the API on events have no fields but those of their actor', async () => {
  const other = createEmbeddedEngine({ clock, version: { engine: '29.0.0', api: '1.52', minApi: '1.44' } })
  await other.listen()
  const id = other.containers.create()
  const range = `since=1&until=${clock.wallNow() / 1000}&${filters({ event: ['start'] })}`
  const [now, before] = await Promise.all(
    ['', '/v1.51'].map(async (prefix) => (await ask(other.address, 'GET', `${prefix}/events?${range}`)).body),
  )
  expect(JSON.parse(before ?? '')).toMatchObject({ status: 'start', id, Actor: { ID: id } })
  const plain = JSON.parse(now ?? '') as object
  expect(plain).toMatchObject({ Type: 'container', Action: 'start', Actor: { ID: id } })
  expect(['status', 'id', 'from'].filter((key) => Object.hasOwn(plain, key))).toEqual([])
  await other.close()
})

test('a supervised container comes back after each removal, by its name, with a task of its own', async () => {
  const label = 'com.docker.swarm.task.id'
  const first = engine.containers.create({
    name: 'web.1',
    labels: { [label]: 'first', keep: 'k' },
    volumes: ['/data'],
  })
  const watch = engine.faults.add({ kind: 'respawn', container: 'web.1', delayMs: 11_000 })
  expect(await remove(first)).toBe(204)
  await clock.advance(10_999)
  expect(engine.containers.size).toBe(0)
  await clock.advance(1)
  const second = engine.containers.get('web.1')
  expect(second).toMatchObject({ status: 'running', image: 'busybox:latest', labels: { keep: 'k' } })
  expect(second?.id).not.toBe(first)
  expect(second?.labels[label]).toMatch(/^[0-9a-f]{25}$/)
  expect(second?.mounts).toHaveLength(1)
  engine.containers.remove('web.1')
  await clock.advance(11_000)
  expect([engine.containers.size, watch.struck]).toEqual([1, 2])
  watch.clear()
  engine.containers.remove('web.1')
  await clock.advance(60_000)
  expect(engine.containers.size).toBe(0)
})
