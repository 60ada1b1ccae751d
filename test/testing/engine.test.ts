import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createEmbeddedEngine, Refusal, type EmbeddedEngine } from '../../src/testing/index.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { ask, begin, dockerodeOf, filters, listedIds, messageOf, until } from './support.ts'

let clock: FakeClock
let engine: EmbeddedEngine

beforeEach(async () => {
  clock = createFakeClock()
  engine = createEmbeddedEngine({
    clock,
    images: [
      'busybox:latest',
      { reference: 'snapshot:1', labels: { owner: 'image', from: 'image' }, volumes: ['/data'] },
    ],
  })
  await engine.listen()
})

afterEach(() => engine.close())

const sleeping = { Image: 'busybox', Cmd: ['sleep', '60'], HostConfig: { NetworkMode: 'none' } }

describe('a container through dockerode', () => {
  test('goes from created through running and paused to gone', async () => {
    const docker = dockerodeOf(engine)
    const container = await docker.createContainer({ name: 'task', ...sleeping, Labels: { owner: 'me' } })
    expect(container.id).toMatch(/^[0-9a-f]{64}$/)
    const statusNow = async () => (await container.inspect()).State.Status
    expect(await statusNow()).toBe('created')
    await container.start()
    expect(await statusNow()).toBe('running')
    await container.pause()
    expect(await statusNow()).toBe('paused')
    await container.unpause()
    await clock.advance(5_000)
    const [listed] = await docker.listContainers({ all: true })
    expect(listed).toMatchObject({
      Id: container.id,
      Names: ['/task'],
      Image: 'busybox',
      Command: 'sleep 60',
      Created: Math.floor((clock.wallNow() - 5_000) / 1000),
      Ports: [],
      Labels: { owner: 'me' },
      State: 'running',
      Status: 'Up 5 seconds',
      HostConfig: { NetworkMode: 'none' },
      Mounts: [],
    })
    await container.remove({ force: true, v: true })
    expect(await docker.listContainers({ all: true })).toEqual([])
    await expect(container.inspect()).rejects.toMatchObject({ statusCode: 404 })
  })

  test('ends by itself when its command does, and wait returns the exit code', async () => {
    const docker = dockerodeOf(engine)
    const container = await docker.createContainer({ Image: 'busybox', Cmd: ['sh', '-c', 'exit 3'] })
    const ended = container.wait({ condition: 'next-exit' })
    await until(() => engine.requests.matching({ path: /wait$/ })[0]?.status === 200)
    await container.start()
    await clock.advance(1)
    expect(await ended).toEqual({ StatusCode: 3 })
    expect((await docker.listContainers({ all: true }))[0]?.Status).toBe('Exited (3) Less than a second ago')
  })

  test('gets the labels and anonymous volumes of its image, and its own label wins', async () => {
    const docker = dockerodeOf(engine)
    const body = {
      Image: 'snapshot:1',
      Cmd: ['serve'],
      Labels: { owner: 'me' },
      HostConfig: { Binds: ['kept:/kept'] },
    }
    const { id } = await docker.createContainer(body)
    const [listed] = await docker.listContainers({ all: true })
    expect(listed?.Labels).toEqual({ from: 'image', owner: 'me' })
    expect(listed?.Mounts.map(({ Destination }) => Destination)).toEqual(['/kept', '/data'])
    expect(listed?.ImageID).toBe((await docker.getImage('snapshot:1').inspect()).Id)
    const anonymous = engine.containers.get(id)?.mounts.find(({ isAnonymous }) => isAnonymous)?.volume ?? ''
    expect(engine.volumes.has(anonymous)).toBe(true)
    await docker.getContainer(id).remove({ v: true })
    expect(engine.volumes.has(anonymous)).toBe(false)
    expect(engine.volumes.has('kept')).toBe(true)
  })

  test('committed makes an image that carries its labels', async () => {
    const docker = dockerodeOf(engine)
    const id = engine.containers.create({ labels: { owner: 'me' } })
    await docker.getContainer(id).commit({ repo: 'copy', tag: '1', Labels: { more: 'y' } })
    const copy = engine.containers.create({ image: 'copy:1', labels: { other: 'x' } })
    expect(engine.containers.get(copy)?.labels).toEqual({ more: 'y', other: 'x', owner: 'me' })
  })

  test('stop sends SIGTERM, and SIGKILL only after the grace', async () => {
    const docker = dockerodeOf(engine)
    const polite = docker.getContainer(engine.containers.create({ command: ['serve'] }))
    await polite.stop({ t: 30 })
    expect((await polite.inspect()).State.ExitCode).toBe(143)
    const unstoppable = await docker.createContainer({
      Image: 'busybox',
      Cmd: ['sleep', '3600'],
      StopTimeout: 30,
    })
    await unstoppable.start()
    const stopped = unstoppable.stop()
    await until(() => clock.pendingTimers >= 2)
    await clock.advance(29_999)
    expect(engine.containers.get(unstoppable.id)?.status).toBe('running')
    await clock.advance(1)
    await stopped
    expect((await unstoppable.inspect()).State.ExitCode).toBe(137)
  })
})

describe('refusals are those of a real engine', () => {
  const refusals: [string, (id: string) => [string, string, unknown?], number, string | RegExp][] = [
    ['no such container', () => ['GET', '/containers/none/json'], 404, 'No such container: none'],
    [
      'removing a running one',
      (id) => ['DELETE', `/containers/${id}`],
      409,
      /^cannot remove container "[0-9a-f]{64}": container is running: stop the container before removing/,
    ],
    ['removing without a name', () => ['DELETE', '/containers/'], 400, 'invalid name or ID supplied: ""'],
    ['starting what runs', (id) => ['POST', `/containers/${id}/start`], 304, ''],
    ['unpausing what runs', (id) => ['POST', `/containers/${id}/unpause`], 500, /is not paused$/],
    ['pausing what is created', () => ['POST', '/containers/idle/pause'], 409, /is not running$/],
    ['stopping what is stopped', () => ['POST', '/containers/idle/stop'], 304, ''],
    [
      'killing what is stopped',
      () => ['POST', '/containers/idle/kill'],
      409,
      /^cannot kill container: idle: container [0-9a-f]{64} is not running$/,
    ],
    [
      'an unknown signal',
      (id) => ['POST', `/containers/${id}/kill?signal=BOGUS`],
      400,
      'Invalid signal: BOGUS',
    ],
    [
      'a taken name',
      () => ['POST', '/containers/create?name=idle', sleeping],
      409,
      /^Conflict\. The container name "\/idle" is already in use by container "[0-9a-f]{64}"\./,
    ],
    [
      'an impossible name',
      () => ['POST', '/containers/create?name=a%2Fb', sleeping],
      400,
      /^Invalid container name \(a\/b\)/,
    ],
    [
      'a missing image',
      () => ['POST', '/containers/create', { ...sleeping, Image: 'none' }],
      404,
      'No such image: none:latest',
    ],
    [
      'an unknown restart policy',
      () => ['POST', '/containers/create', { ...sleeping, HostConfig: { RestartPolicy: { Name: 'x' } } }],
      400,
      "invalid restart policy 'x'",
    ],
    ['filters that are no JSON', () => ['GET', '/containers/json?filters=%7Bbad'], 400, 'invalid filter'],
    [
      'an unknown filter',
      () => ['GET', `/containers/json?${filters({ bogus: ['x'] })}`],
      400,
      "invalid filter 'bogus'",
    ],
    [
      'an unknown status',
      () => ['GET', `/containers/json?${filters({ status: ['x'] })}`],
      400,
      "invalid filter 'status=x'",
    ],
    [
      'logs',
      (id) => ['GET', `/containers/${id}/logs?stdout=1`],
      501,
      'configured logging driver does not support reading',
    ],
    [
      'an unknown path, since 404 would read as no such container',
      () => ['GET', '/v1.41/containers/idle/changes'],
      501,
      'the embedded engine does not know GET /containers/idle/changes',
    ],
    ["a path of Podman's own", () => ['GET', '/v5.0.0/libpod/containers/idle/json'], 404, 'page not found'],
    [
      'too new an API',
      () => ['GET', '/v1.99/containers/json'],
      400,
      'client version 1.99 is too new. Maximum supported API version is 1.51',
    ],
  ]

  test.each(refusals)('%s', async (_what, request, status, message) => {
    const id = engine.containers.create({ name: 'task' })
    engine.containers.create({ name: 'idle', status: 'created' })
    const [method, path, body] = request(id)
    const received = await ask(engine.address, method, path, body)
    expect(received.status).toBe(status)
    if (status === 304) expect(received.body).toBe('')
    else
      expect(messageOf(received)).toEqual(
        typeof message === 'string' ? message : expect.stringMatching(message),
      )
  })

  test('too old an API, in plain text as then', async () => {
    const received = await ask(engine.address, 'GET', '/v1.11/containers/json')
    expect(received.status).toBe(400)
    expect(received.body).toMatch(
      /^client version 1\.11 is too old\. Minimum supported API version is 1\.24, please upgrade/,
    )
  })

  test('a prefix that two ids share, by the age of the engine', async () => {
    for (const [version, status] of [
      [{}, 400],
      [{ api: '1.41', engine: '20.10.24' }, 500],
    ] as const) {
      const other = createEmbeddedEngine({ clock, version })
      await other.listen({ port: 0 })
      other.containers.create({ id: `ab${'0'.repeat(62)}` })
      other.containers.create({ id: `ab${'1'.repeat(62)}` })
      expect((await ask(other.address, 'DELETE', '/containers/ab')).status).toBe(status)
      expect((await ask(other.address, 'DELETE', '/containers/ab0?force=1')).status).toBe(204)
      expect(other.containers.size).toBe(1)
      await other.close()
    }
  })

  test('a container in whose network it should run must be there and run', async () => {
    const holder = engine.containers.create({ name: 'holder' })
    const guest = engine.containers.create({
      name: 'guest',
      networkMode: 'container:holder',
      status: 'created',
    })
    expect(engine.containers.get(guest)?.networkMode).toBe(`container:${holder}`)
    engine.containers.kill(holder)
    const received = await ask(engine.address, 'POST', '/containers/guest/start')
    expect([received.status, messageOf(received)]).toEqual([
      409,
      `cannot join network of a non running container: ${holder}`,
    ])
    engine.containers.remove(holder)
    expect((await ask(engine.address, 'POST', '/containers/guest/start')).status).toBe(404)
  })
})

describe('listings', () => {
  test('show running ones, all of them newest first, or a limited number', async () => {
    const first = engine.containers.create({ name: 'first' })
    const ended = engine.containers.create({ status: 'exited' })
    const last = engine.containers.create({ status: 'paused' })
    expect(await listedIds(engine, '')).toEqual([last, first])
    expect(await listedIds(engine)).toEqual([last, ended, first])
    expect(await listedIds(engine, 'limit=2')).toEqual([last, ended])
    const old = engine.containers.create({ createdAtMs: clock.wallNow() - 60_000 })
    expect(await listedIds(engine)).toEqual([last, ended, first, old])
  })

  test('filter by label, name, id and status', async () => {
    const a = engine.containers.create({ name: 'alpha', labels: { k: 'v', other: '' } })
    const b = engine.containers.create({
      name: 'alphabet',
      labels: { k: 'w' },
      status: 'exited',
      exitCode: 3,
    })
    const listed = (wanted: unknown) => listedIds(engine, `all=1&${filters(wanted)}`)
    expect(await listed({ label: ['k'] })).toEqual([b, a])
    expect(await listed({ label: ['k=v'] })).toEqual([a])
    expect(await listed({ label: { 'k=v': true } })).toEqual([a])
    expect(await listed({ label: ['k=v', 'other'] })).toEqual([a])
    expect(await listed({ label: ['k=v', 'k=w'] })).toEqual([])
    expect(await listed({ label: ['toString'] })).toEqual([])
    expect(await listed({ name: ['alpha'] })).toEqual([b, a])
    expect(await listed({ name: ['^/alpha$'] })).toEqual([a])
    expect(await listed({ id: [b.slice(0, 10)] })).toEqual([b])
    expect(await listed({ exited: ['3'] })).toEqual([b])
    expect(await listed({ since: ['alpha'] })).toEqual([b])
    expect(await listedIds(engine, filters({ status: ['exited'] }))).toEqual([b])
  })

  test('a listing under way keeps to the moment at which it began', async () => {
    for (let index = 0; index < 600; index += 1) engine.containers.create({ name: `c${index}` })
    const listing = begin(engine.address, 'GET', '/containers/json')
    await until(() => engine.requests.matching({ path: '/containers/json' })[0]?.status === 200)
    for (const { id } of engine.containers.list()) engine.containers.remove(id)
    const { body } = await listing.received
    expect(JSON.parse(body)).toHaveLength(600)
  })
})

describe('restart policies', () => {
  test('bring back a container that died by itself, with increasing delays', async () => {
    const id = engine.containers.create({ restartPolicy: 'always' })
    engine.containers.exit(id, 1)
    expect(engine.containers.get(id)?.status).toBe('restarting')
    await clock.advance(100)
    expect(engine.containers.get(id)).toMatchObject({ status: 'running', restartCount: 1 })
    engine.containers.exit(id, 1)
    await clock.advance(199)
    expect(engine.containers.get(id)?.status).toBe('restarting')
    await clock.advance(1)
    expect(engine.containers.get(id)).toMatchObject({ status: 'running', restartCount: 2 })
  })

  test('do not bring back a container that was killed, nor what ended well under on-failure', () => {
    const killed = engine.containers.create({ restartPolicy: 'always' })
    engine.containers.kill(killed)
    expect(engine.containers.get(killed)?.status).toBe('exited')
    const done = engine.containers.create({ restartPolicy: 'on-failure' })
    engine.containers.exit(done, 0)
    expect(engine.containers.get(done)?.status).toBe('exited')
  })

  test('a removal overrides them', async () => {
    const id = engine.containers.create({ restartPolicy: 'always' })
    engine.containers.exit(id, 1)
    expect((await ask(engine.address, 'DELETE', `/containers/${id}?force=1`)).status).toBe(204)
    await clock.advance(60_000)
    expect(engine.containers.size).toBe(0)
    expect(clock.pendingTimers).toBe(0)
  })

  test('a container that removes itself is gone when it ends', async () => {
    const id = engine.containers.create({ autoRemove: true, volumes: ['/data'] })
    const removed = begin(engine.address, 'POST', `/containers/${id}/wait?condition=removed`)
    await until(() => engine.requests.matching({ containerId: id })[0]?.status === 200)
    engine.containers.exit(id, 7)
    expect(JSON.parse((await removed.received).body)).toEqual({ StatusCode: 7 })
    expect([engine.containers.size, [...engine.volumes.values()].length]).toEqual([0, 0])
  })
})

test('restart stops and starts, without changing the restart count', async () => {
  const id = engine.containers.create({ name: 'task' })
  await clock.advance(1_000)
  expect((await ask(engine.address, 'POST', '/containers/task/restart?t=0')).status).toBe(204)
  const { status, startedAtMs, restartCount } = engine.containers.get(id) ?? {}
  expect([status, startedAtMs, restartCount]).toEqual(['running', clock.wallNow(), 0])
})

test('a container that is renamed is found by its new name, and its old one is free', async () => {
  const id = engine.containers.create({ name: 'before' })
  engine.containers.create({ name: 'taken' })
  const rename = async (name: string) =>
    (await ask(engine.address, 'POST', `/containers/before/rename?name=${name}`)).status
  expect([await rename(''), await rename('before'), await rename('taken')]).toEqual([400, 400, 409])
  expect(await rename('after')).toBe(204)
  expect(engine.containers.get('after')?.id).toBe(id)
  expect(engine.containers.get('before')).toBeUndefined()
  expect(engine.containers.create({ name: 'before' })).not.toBe(id)
})

test('a paused container ends when it is unpaused, if its end was due meanwhile', async () => {
  const id = engine.containers.create({ command: ['sleep', '5'] })
  engine.containers.pause(id)
  await clock.advance(60_000)
  expect(engine.containers.get(id)?.status).toBe('paused')
  engine.containers.unpause(id)
  expect(engine.containers.get(id)).toMatchObject({ status: 'exited', exitCode: 0 })
})

test('a catchable signal reaches a paused container when it is unpaused', async () => {
  const id = engine.containers.create()
  engine.containers.pause(id)
  expect((await ask(engine.address, 'POST', `/containers/${id}/kill?signal=TERM`)).status).toBe(204)
  expect(engine.containers.get(id)?.status).toBe('paused')
  engine.containers.unpause(id)
  expect(engine.containers.get(id)).toMatchObject({ status: 'exited', exitCode: 143 })
})

test('a prune can be limited to older containers', async () => {
  const old = engine.containers.create({ status: 'created' })
  await clock.advance(600_000)
  engine.containers.create({ status: 'created' })
  const received = await ask(engine.address, 'POST', `/containers/prune?${filters({ until: ['5m'] })}`)
  expect(JSON.parse(received.body)).toMatchObject({ ContainersDeleted: [old] })
})

test('a body that is not JSON is refused', async () => {
  for (const body of [undefined, 'text']) {
    const received = await ask(engine.address, 'POST', '/containers/create', body)
    expect([received.status, engine.containers.size]).toEqual([400, 0])
  }
})

test('the direct methods refuse as the engine does, and say so', () => {
  expect(() => engine.containers.start('none')).toThrow(new Refusal(404, 'No such container: none'))
  expect(() => engine.containers.create({ id: 'short' })).toThrow('not 64 hexadecimal digits')
  expect(() => createEmbeddedEngine({ clock, images: [] }).containers.create()).toThrow('has no image')
  const id = engine.containers.create({ status: 'restarting' })
  expect(() => engine.containers.pause(id)).toThrow('is restarting, wait until the container is running')
})

test('a prune removes stopped containers with the label', async () => {
  const wanted = engine.containers.create({ status: 'exited', labels: { k: 'v' } })
  const others = [
    engine.containers.create({ labels: { k: 'v' } }),
    engine.containers.create({ status: 'exited' }),
  ]
  const received = await ask(engine.address, 'POST', `/containers/prune?${filters({ label: ['k=v'] })}`)
  expect(JSON.parse(received.body)).toEqual({ ContainersDeleted: [wanted], SpaceReclaimed: 0 })
  expect(engine.containers.list().map(({ id }) => id)).toEqual(others)
})

test('anonymous volumes stay without v=1, and are removed by a volume prune', async () => {
  const id = engine.containers.create({ volumes: ['/data', 'kept:/kept'] })
  await ask(engine.address, 'DELETE', `/containers/${id}?force=1`)
  const names = [...engine.volumes.values()].map(({ name }) => name)
  expect(names).toHaveLength(2)
  const received = await ask(engine.address, 'POST', '/volumes/prune')
  expect(JSON.parse(received.body)).toMatchObject({ VolumesDeleted: names.filter((name) => name !== 'kept') })
  const all = await ask(engine.address, 'POST', `/volumes/prune?${filters({ all: ['true'] })}`)
  expect(JSON.parse(all.body)).toMatchObject({ VolumesDeleted: ['kept'] })
})

test('answers are dated by the clock', async () => {
  const received = await ask(engine.address, 'GET', '/_ping')
  expect(received.headers).toMatchObject({
    date: new Date(clock.wallNow()).toUTCString(),
    'api-version': '1.51',
  })
  const info = await ask(engine.address, 'GET', '/v1.24/info')
  expect(JSON.parse(info.body)).toMatchObject({ SystemTime: new Date(clock.wallNow()).toISOString() })
})

test('the request log has each request and its result, and is bounded', async () => {
  const small = createEmbeddedEngine({ clock, requestLimit: 3 })
  await small.listen({ port: 0 })
  const id = small.containers.create({ name: 'task' })
  await ask(small.address, 'DELETE', '/v1.41/containers/task?force=1')
  const [entry] = small.requests.matching({ method: 'DELETE' })
  expect(entry).toMatchObject({
    path: '/containers/task',
    query: 'force=1',
    containerId: id,
    status: 204,
    bytes: 0,
  })
  await until(() => entry?.endedAtMs !== undefined)
  expect(entry?.closedEarly).toBe(false)
  for (let index = 0; index < 9; index += 1) await ask(small.address, 'GET', `/containers/c${index}/json`)
  expect([...small.requests].map(({ path, status }) => [path, status])).toEqual(
    [6, 7, 8].map((index) => [`/containers/c${index}/json`, 404]),
  )
  expect(small.requests.total).toBe(10)
  small.requests.clear()
  expect(small.requests.total).toBe(0)
  await small.close()
})
