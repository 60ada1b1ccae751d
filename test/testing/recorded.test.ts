import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEmbeddedEngine, type EmbeddedEngine } from '../../src/testing/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { recordedEngines as recordedNames, recordedOf } from '../support/recorded.ts'
import { differencesOfShape, recordedEngines, type RecordedEngine } from './recorded.ts'
import { ask, filters, type Received } from './support.ts'

/** Images and containers like those that the answers were recorded of, under the same names. */
function furnish(engine: EmbeddedEngine, isPodman: boolean): void {
  const labels = { 'com.example.agent': 'agent-7' }
  const env = ['PATH=/bin']
  engine.images.add({ reference: 'busybox:latest', env, command: [] })
  engine.images.add({ reference: 'labelled:latest', env, labels })
  engine.images.add({ reference: 'moving:latest', env, labels: { 'com.example.round': '1' } })
  const { containers } = engine
  const create = (name: string, spec: Parameters<typeof containers.create>[0] = {}) =>
    containers.create({
      name,
      labels,
      image: 'busybox:latest',
      networkMode: 'none',
      stopTimeoutMs: 0,
      command: ['sleep', '86400'],
      ...spec,
    })
  create('running')
  create('created', { status: 'created' })
  create('exited-137', { status: 'exited', exitCode: 137 })
  create('paused', { status: 'paused' })
  create('holder')
  create('guest-network-by-name', { networkMode: 'container:holder' })
  create('guest-pid', { pidMode: 'container:holder' })
  create('guest-ipc', { ipcMode: 'container:holder' })
  create('no-labels', { labels: {} })
  create('image-label', { image: 'labelled:latest' })
  create('image-moved', { image: 'moving:latest' })
  engine.images.add({ reference: 'moving:latest', env, labels: { 'com.example.round': '2' } })
  create('restarting', { restartPolicy: 'always' })
  containers.exit('restarting', 1)
  create('start-failed', { status: 'created', command: ['/no/such/program'] })
  expect(() => containers.start('start-failed')).toThrow('no such file or directory')
  if (isPodman) {
    create('rootfs', { image: '' })
    const pod = containers.createPod({
      infraName: 'infra',
      infraImage: 'busybox:latest',
      networkMode: 'none',
      labels,
    })
    containers.create({ name: 'in-pod', pod, labels, image: 'busybox:latest', command: ['sleep', '86400'] })
    for (const status of ['configured', 'stopped', 'stopping', 'removing', 'unknown'] as const)
      create(`db-${status}`, { status })
  } else {
    create('removing')
    containers.failRemoval('removing')
  }
}

const withVolumes = {
  Image: 'busybox:latest',
  Cmd: ['sleep', '86400'],
  Labels: { 'com.example.agent': 'agent-7' },
  StopTimeout: 0,
  Volumes: { '/anonymous': {} },
  HostConfig: {
    NetworkMode: 'none',
    Binds: ['named:/named', '/tmp:/host:ro'],
    Tmpfs: { '/scratch': '' },
  },
}

/** What a recorded container had besides what its name says. */
const besides = new Set(['.Config.Healthcheck: not in the embedded answer'])
/** Those whose state was written into Podman's database had never run. */
const neverRan = '.HostConfig.Annotations: only in the embedded answer'

function bodyOf({ body }: Received): unknown {
  return body === '' ? '' : JSON.parse(body)
}

test('every engine that was recorded is answered like', () => {
  expect(recordedEngines.map(({ name }) => name)).toEqual(recordedNames)
})

describe.each(recordedEngines)('as $name', ({ name, dialect, version }: RecordedEngine) => {
  const isPodman = dialect === 'podman'
  const recorded = recordedOf(name)
  let engine: EmbeddedEngine

  beforeAll(async () => {
    engine = createEmbeddedEngine({ clock: createFakeClock(), dialect, version, images: [] })
    await engine.listen()
    furnish(engine, isPodman)
    expect((await ask(engine.address, 'POST', '/containers/create?name=volumes', withVolumes)).status).toBe(
      201,
    )
    engine.containers.start('volumes')
  })
  afterAll(() => engine.close())

  const get = (path: string): Promise<Received> => ask(engine.address, 'GET', path)

  test.each(Object.keys(recorded.listing))(
    'the entry of %s in a listing has the recorded shape',
    async (which) => {
      const received = await get(`/containers/json?all=1&${filters({ name: [`^/${which}$`] })}`)
      const [entry] = bodyOf(received) as Record<string, unknown>[]
      const wanted = recorded.listing[which]
      expect(differencesOfShape(wanted, entry)).toEqual([])
      // in a crash loop Podman shows the one or the other
      if (isPodman && which === 'restarting') expect(['stopped', 'running']).toContain(wanted?.['State'])
      else expect(entry?.['State']).toBe(wanted?.['State'])
      expect(entry?.['Names']).toEqual([`/${which}`])
      expect(String(entry?.['Image']).replace(/:[0-9a-f]{64}/, '')).toBe(
        String(wanted?.['Image']).replace(/:[0-9a-f]{64}/, ''),
      )
    },
  )

  test.each(Object.keys(recorded.inspection))(
    'the inspection of %s has the recorded shape',
    async (which) => {
      const inspection = bodyOf(await get(`/containers/${which}/json`)) as Record<string, unknown>
      const wanted = recorded.inspection[which]
      const hadNeverRun = which.startsWith('db-')
      const differences = differencesOfShape(wanted, inspection).filter(
        (one) => !besides.has(one) && !(hadNeverRun && one === neverRan),
      )
      expect(differences).toEqual([])
      // in a crash loop Podman shows the one state or the other
      if (isPodman && which === 'restarting') return
      expect(stateOf(inspection)).toEqual(stateOf(wanted ?? {}))
      if (hadNeverRun) return
      expect(hasStarted(inspection)).toBe(hasStarted(wanted ?? {}))
      expect(modesOf(inspection)).toEqual(modesOf(wanted ?? {}))
    },
  )

  test.each([
    ['normal', 'busybox:latest'],
    ['labelled', 'labelled:latest'],
    ['unknown', `sha256:${'f'.repeat(64)}`],
  ])('the inspection of an image that is %s has the recorded shape', async (which, reference) => {
    const received = await get(`/images/${reference}/json`)
    expect(received.status).toBe(recorded.image[which]?.status)
    expect(differencesOfShape(recorded.image[which]?.body, bodyOf(received))).toEqual([])
  })

  test('a listing of images has the recorded shape', async () => {
    const images = bodyOf(await get('/images/json')) as Record<string, unknown>[]
    const wanted = recorded.image['list']?.body as Record<string, unknown>[]
    expect(wanted).toHaveLength(2)
    for (const one of wanted) {
      const same = images.find(({ RepoTags }) => JSON.stringify(RepoTags) === JSON.stringify(one['RepoTags']))
      expect(differencesOfShape(one, same)).toEqual([])
    }
  })

  const sleeping = { Image: 'busybox', Cmd: ['sleep', '86400'], HostConfig: { NetworkMode: 'none' } }
  const refusals: Record<string, readonly [method: string, path: string, body?: unknown]> = {
    'create-name-taken': ['POST', '/containers/create?name=running', sleeping],
    'create-no-image': ['POST', '/containers/create', { ...sleeping, Image: 'nowhere' }],
    'create-bad-json': ['POST', '/containers/create'],
    'delete-paused-unforced': ['DELETE', '/containers/paused'],
    'delete-running-unforced': ['DELETE', '/containers/running'],
    'delete-unknown': ['DELETE', `/containers/${'f'.repeat(64)}?force=1`],
    'filter-not-json': ['GET', '/containers/json?filters=%7B'],
    'filter-unknown': ['GET', `/containers/json?${filters({ colour: ['red'] })}`],
    'inspect-unknown': ['GET', `/containers/${'f'.repeat(64)}/json`],
    'kill-exited': ['POST', '/containers/exited-137/kill'],
    'start-no-such-program': ['POST', '/containers/start-failed/start'],
    'unpause-running': ['POST', '/containers/running/unpause'],
    'image-delete-in-use': ['DELETE', '/images/labelled:latest'],
    ...(isPodman
      ? {
          'delete-infra': ['DELETE', '/containers/infra?force=1'],
          'stop-paused': ['POST', '/containers/paused/stop?t=0'],
        }
      : {}),
  }

  test.each(Object.keys(refusals))('the answer to %s has the recorded status and shape', async (which) => {
    const [method = '', path = '', body] = refusals[which] ?? []
    const received = await ask(engine.address, method, path, body)
    const wanted = recorded.errors[which]
    expect(received.status).toBe(wanted?.status)
    expect(differencesOfShape(wanted?.body, bodyOf(received))).toEqual([])
  })

  test('every answer bears the headers of the engine', async () => {
    for (const [which, path] of [
      ['ping', '/_ping'],
      ['inspection', '/containers/running/json'],
    ] as const) {
      const { headers } = await get(path)
      for (const key of ['Api-Version', 'Libpod-Api-Version', 'Docker-Experimental', 'Ostype'])
        expect([key, headers[key.toLowerCase()]]).toEqual([key, recorded.headers[which][key]])
      expect(headers['server']).toBe(recorded.headers[which]['Server']?.replace(/\+dfsg\d/, ''))
    }
  })

  test.runIf(isPodman)("Podman's own inspection has what was recorded", async () => {
    const inspection = bodyOf(await get('/v4.0.0/libpod/containers/infra/json')) as Record<string, unknown>
    for (const key of ['Id', 'Name', 'IsInfra', 'IsService', 'Pod', 'Image', 'ImageName'])
      expect([key, typeof inspection[key]]).toEqual([key, typeof recorded.libpod?.infra[key]])
    expect(inspection).toMatchObject({ IsInfra: true, Name: 'infra', Dependencies: [] })
  })
})

function stateOf(inspection: Readonly<Record<string, unknown>>): object {
  const state = inspection['State'] as Record<string, unknown>
  const { Status, Running, Paused, Restarting, Dead, ExitCode } = state
  return { Status, Running, Paused, Restarting, Dead, ExitCode }
}

function hasStarted(inspection: Readonly<Record<string, unknown>>): boolean {
  return (inspection['State'] as Record<string, unknown>)['StartedAt'] !== '0001-01-01T00:00:00Z'
}

/** Without the ids, which are random. */
function modesOf(inspection: Readonly<Record<string, unknown>>): object {
  const { NetworkMode, PidMode, IpcMode, UTSMode } = inspection['HostConfig'] as Record<string, string>
  const modes = [NetworkMode, PidMode, IpcMode, UTSMode].map((mode) => mode?.replace(/[0-9a-f]{64}/, 'ID'))
  const isOwn = (path: unknown) => String(path).includes(String(inspection['Id']))
  return [modes, inspection['HostnamePath'] === '', isOwn(inspection['HostnamePath'])]
}
