import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/domain/clock.ts'
import { type ContainerId, parseContainerId } from '../../src/domain/ids.ts'
import { createDockerodeEngine } from '../../src/engine/dockerode-engine.ts'
import { AnswerError, GoneError } from '../../src/engine/failure.ts'
import { readInspection } from '../../src/engine/inspection.ts'
import type { Engine } from '../../src/engine/port.ts'
import { fakeId } from '../support/fake-engine.ts'
import {
  answers,
  type Behaviour,
  type MisbehavingServer,
  neverAnswers,
  startMisbehavingServer,
} from '../support/misbehaving-server.ts'
import { type RecordedAnswer, recordedEngines, recordedInspection, recordedOf } from '../support/recorded.ts'
import { wholeContainer } from '../support/whole-container.ts'

const id = fakeId(1)
const fullId = /^[0-9a-f]{64}$/

function read(container: unknown, libpod?: unknown, of: ContainerId = id) {
  return readInspection(of, { container, libpod, engineNowMs: 7 })
}

describe('positive-evidence: the answers of real engines are read completely', () => {
  const all = recordedEngines.flatMap((engine) =>
    Object.entries(recordedOf(engine).inspection).map(([name, body]) => ({ engine, name, body })),
  )

  // what Podman 5.8's compatible API says of a state that it has no word for
  const wordless = new Set(['podman-5.8.6/db-stopping', 'podman-5.8.6/db-unknown'])

  test.each(all.filter(({ engine, name }) => !wordless.has(`${engine}/${name}`)))(
    '$engine: $name',
    ({ name, body }) => {
      const inspected = read(body, undefined, parseContainerId(body['Id']))
      const state = body['State'] as Record<string, string>
      expect(inspected).toMatchObject({
        id: body['Id'],
        name: String(body['Name']).slice(1),
        imageId: name === 'rootfs' ? '' : body['Image'],
        state: state['Status'],
        labels: (body['Config'] as Record<string, object>)['Labels'],
        engineNowMs: 7,
        isInfra: undefined,
        isAutoRemoved: (body['HostConfig'] as { AutoRemove: boolean }).AutoRemove,
      })
      expect(inspected.createdAtMs).toBe(Date.parse(String(body['Created'])))
      const hasRun = state['StartedAt'] !== '0001-01-01T00:00:00Z'
      expect(inspected.startedAtMs).toBe(hasRun ? Date.parse(state['StartedAt']!) : undefined)
      const hasEnded = state['FinishedAt'] !== '0001-01-01T00:00:00Z'
      expect(inspected.finishedAtMs).toBe(hasEnded ? Date.parse(state['FinishedAt']!) : undefined)
    },
  )

  test.each([...wordless])('%s: contradictory or without a state, it is unknown', (path) => {
    const [engine = '', name = ''] = path.split('/')
    const body = recordedInspection(engine, name)
    expect(() => read(body, undefined, parseContainerId(body['Id']))).toThrow(AnswerError)
  })

  test.each(recordedEngines)(
    '%s: guests name their holders by id, even when they were given a name',
    (engine) => {
      const of = (name: string) => {
        const body = recordedInspection(engine, name)
        return read(body, undefined, parseContainerId(body['Id'])).namespaces
      }
      for (const shared of [of('guest-network-by-name').network, of('guest-pid').pid, of('guest-ipc').ipc]) {
        expect(shared.slice('container:'.length)).toMatch(fullId)
      }
    },
  )

  test('it includes how often a restart policy has started it', () => {
    for (const engine of recordedEngines) {
      const body = recordedInspection(engine, 'restarting')
      expect(read(body, undefined, parseContainerId(body['Id'])).restartCount).toBeGreaterThan(0)
    }
  })

  test('it includes how a process detects that it runs inside', () => {
    const body = recordedInspection('dockerd-20.10.24', 'volumes')
    const { selfMarks } = read(body, undefined, parseContainerId(body['Id']))
    expect(selfMarks.hostnamePath).toMatch(new RegExp(`/${String(body['Id'])}/hostname$`))
    expect(selfMarks.hostsPath).toMatch(/\/hosts$/)
    expect(selfMarks.resolvConfPath).toMatch(/\/resolv.conf$/)
    expect(selfMarks.upperDir).toMatch(/\/diff$/)
    expect(selfMarks.mounts.map(({ destination }) => destination).toSorted()).toEqual([
      '/anonymous',
      '/host',
      '/named',
    ])
    expect(selfMarks.mayMount).toBe(false)
  })

  test.each<[string, Readonly<Record<string, unknown>>, boolean]>([
    ['--privileged', { Privileged: true }, true],
    ['SYS_ADMIN', { CapAdd: ['NET_RAW', 'SYS_ADMIN'] }, true],
    ['CAP_SYS_ADMIN', { CapAdd: ['CAP_SYS_ADMIN'] }, true],
    ['all capabilities', { CapAdd: ['ALL'] }, true],
    ['another capability', { CapAdd: ['CAP_SYS_ADMIN_X', 'NET_ADMIN'] }, false],
    ['no word on privileges', { Privileged: undefined }, true],
  ])('whether it may mount file systems, with %s: %o, %s', (_, given, mayMount) => {
    const body = recordedInspection('dockerd-20.10.24', 'volumes')
    const hostConfig = { ...(body['HostConfig'] as object), ...given }
    const { selfMarks } = read({ ...body, HostConfig: hostConfig }, undefined, parseContainerId(body['Id']))
    expect(selfMarks.mayMount).toBe(mayMount)
  })
})

describe('positive-evidence: an incomplete inspection is rejected', () => {
  const whole = wholeContainer(id) as Record<string, Record<string, unknown>>

  test('the complete one is read', () => {
    expect(read(whole)).toMatchObject({ id, state: 'running', labels: { a: 'b' }, restartCount: 0 })
  })

  const paths = [
    'Id',
    'Created',
    'Name',
    'Image',
    'RestartCount',
    'HostnamePath',
    'HostsPath',
    'ResolvConfPath',
    'Mounts',
    'State',
    'State.Status',
    'State.Running',
    'State.Paused',
    'State.Restarting',
    'State.Dead',
    'State.StartedAt',
    'State.FinishedAt',
    'Config',
    'Config.Labels',
    'HostConfig',
    'HostConfig.NetworkMode',
    'HostConfig.PidMode',
    'HostConfig.IpcMode',
    'HostConfig.UTSMode',
    'HostConfig.CgroupParent',
  ]
  const strange: readonly [string, unknown][] = [
    ['absent', undefined],
    ['null', null],
    ['an array in an array', [[]]],
    ['a function’s worth of nothing', Symbol.iterator],
  ]
  test.each(paths.flatMap((path) => strange.map(([what, value]) => ({ path, what, value }))))(
    '$path is $what',
    ({ path, value }) => {
      const [field = '', inner] = path.split('.')
      const changed = inner === undefined ? value : { ...whole[field], [inner]: value }
      expect(() => read({ ...whole, [field]: changed })).toThrow(AnswerError)
    },
  )

  test.each<[string, object]>([
    ['no network', { HostConfig: { ...whole['HostConfig'], NetworkMode: '' } }],
    ['no state', { State: { ...whole['State'], Status: '' } }],
    ['a label that is a number', { Config: { Labels: { a: 1 } } }],
    ['a creation before 1970', { Created: '0001-01-01T00:00:00Z' }],
    ['a time that is none', { Created: 'yesterday' }],
    ['a mount without a destination', { Mounts: [{ Source: '/a' }] }],
    ['a count below zero', { RestartCount: -1 }],
    ['a layer that is a number', { GraphDriver: { Data: { UpperDir: 1 } } }],
  ])('%s', (_what, fields) => {
    expect(() => read(wholeContainer(id, fields as Record<string, unknown>))).toThrow(AnswerError)
  })

  test.each([null, [], 'text', 7, {}, { message: 'x' }])('%j', (answer) => {
    expect(() => read(answer)).toThrow(AnswerError)
  })

  test('an answer about a container named like the id is about another container', () => {
    expect(() => read(wholeContainer(fakeId(2), { Name: `/${id}` }))).toThrow(GoneError)
  })

  const flags = ['Running', 'Paused', 'Restarting', 'Dead']
  const consistent: Readonly<Record<string, readonly string[]>> = {
    created: [''],
    running: ['Running'],
    paused: ['Running Paused'],
    restarting: ['Running Restarting'],
    removing: ['', 'Dead'],
    dead: ['Dead'],
    exited: [''],
  }
  test.each(Object.keys(consistent))('a state that contradicts itself is unknown: %s', (status) => {
    const sixteen = Array.from({ length: 16 }, (_, bits) => flags.filter((_flag, at) => bits & (1 << at)))
    const believed = sixteen.filter((set) => {
      const says = Object.fromEntries(flags.map((flag) => [flag, set.includes(flag)]))
      const state = { ...whole['State'], Status: status, ...says }
      try {
        return read({ ...whole, State: state }).state === status
      } catch (error) {
        expect(error).toBeInstanceOf(AnswerError)
        return false
      }
    })
    expect(believed.map((set) => set.join(' ')).toSorted()).toEqual(consistent[status]!.toSorted())
  })
})

describe('the Podman API', () => {
  const libpod = (fields: object = {}) => ({
    Id: id,
    IsInfra: false,
    Dependencies: [],
    State: { Status: 'running', Running: true, Paused: false },
    ...fields,
  })
  const silent = wholeContainer(id)

  test('an infra container, and what it depends on', () => {
    const inspected = read(silent, libpod({ IsInfra: true, Dependencies: [fakeId(3)] }))
    expect(inspected.isInfra).toBe(true)
    expect(inspected.namespaces.dependencies).toEqual([fakeId(3)])
    expect(read(silent, libpod()).isInfra).toBe(false)
  })

  test.each([
    ['0001-01-01T00:00:00Z', undefined],
    ['2026-01-01T00:00:03Z', Date.parse('2026-01-01T00:00:03Z')],
    [undefined, undefined],
  ])('its last restore: %s', (RestoredAt, restoredAtMs) => {
    const State = { Status: 'running', Running: true, Paused: false, RestoredAt }
    expect(read(silent, libpod({ State })).restoredAtMs).toBe(restoredAtMs)
  })

  test.each([
    ['stopping', 'podman-5.8.6', 'db-stopping'],
    ['unknown', 'podman-5.8.6', 'db-unknown'],
    ['stopped', 'podman-5.8.6', 'db-stopped'],
  ])('the state is %s, as listed, when the compatible API has no word for it', (status, engine, name) => {
    const body = recordedInspection(engine, name)
    const own = { ...libpod(), Id: body['Id'], State: { Status: status, Running: false, Paused: false } }
    expect(read(body, own, parseContainerId(body['Id'])).state).toBe(status)
  })

  test.each(['configured', 'initialized'])('%s is created, as listed', (status) => {
    const own = libpod({ State: { Status: status, Running: false, Paused: false } })
    expect(read(silent, own).state).toBe('created')
  })

  test.each<[string, object]>([
    ['a state that its fields deny', { State: { Status: 'exited', Running: true, Paused: false } }],
    ['no state', { State: { Status: '', Running: false, Paused: false } }],
    ['dependencies that are a text', { Dependencies: 'abc' }],
    ['a dependency that is a number', { Dependencies: [1] }],
    ['no word on whether it is infra', { IsInfra: undefined }],
  ])('%s is no evidence', (_what, fields) => {
    expect(() => read(silent, libpod(fields))).toThrow(AnswerError)
  })

  test('about another container: gone', () => {
    expect(() => read(silent, libpod({ Id: fakeId(2) }))).toThrow(GoneError)
  })
})

describe('an inspection asks', () => {
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
  const inspect = () => engine.inspect(id, { deadlineMs: 10_000 })
  const paths = () => server.requests.map(({ method, path }) => `${method} ${path}`)
  const podman = { server: 'Libpod/5.4.2 (linux)' }
  const own = {
    Id: id,
    IsInfra: true,
    Dependencies: null,
    State: { Status: 'running', Running: true, Paused: false },
  }

  /** The compatible API answers, and Podman's own as given. */
  const podmanThat =
    (behaviour: Behaviour): Behaviour =>
    (response, request) => {
      const isOwn = request.url?.includes('/libpod/')
      ;(isOwn ? behaviour : answers(200, wholeContainer(id), podman))(response, request)
    }

  test('dockerd once, and reports its clock', async () => {
    server.behave(
      answers(200, wholeContainer(id), {
        server: 'Docker/28.5.2 (linux)',
        date: 'Thu, 15 Jan 2026 12:00:07 GMT',
      }),
    )
    expect(await inspect()).toMatchObject({
      id,
      isInfra: undefined,
      engineNowMs: Date.UTC(2026, 0, 15, 12, 0, 7),
    })
    expect(paths()).toEqual([`GET /containers/${id}/json`])
  })

  test('Podman’s own API too, in the version that it reports', async () => {
    server.behave(podmanThat(answers(200, own, podman)))
    expect(await inspect()).toMatchObject({ isInfra: true })
    expect(paths()).toEqual([`GET /containers/${id}/json`, `GET /v5.4.2/libpod/containers/${id}/json`])
  })

  test('also where a proxy puts its own name in the place of Podman’s', async () => {
    const behindProxy = { server: 'nginx', 'libpod-api-version': '5.4.2' }
    server.behave((response, request) => {
      const isOwn = request.url?.includes('/libpod/')
      answers(200, isOwn ? own : wholeContainer(id), behindProxy)(response, request)
    })
    expect(await inspect()).toMatchObject({ isInfra: true })
    expect(paths()).toEqual([`GET /containers/${id}/json`, `GET /v5.4.2/libpod/containers/${id}/json`])
  })

  test.each<[string, Behaviour]>([
    ['403', answers(403, '<html>Forbidden</html>')],
    ['404 of a proxy', answers(404, 'Not Found')],
    ['501', answers(501, '')],
  ])('where a proxy denies that with %s, what it would say is not known', async (_what, behaviour) => {
    server.behave(podmanThat(behaviour))
    expect(await inspect()).toMatchObject({ id, isInfra: undefined, state: 'running' })
  })

  test.each<[string, Behaviour, string]>([
    [
      'gone meanwhile',
      answers(404, {
        cause: 'no such container',
        message: `no container with name or ID "${id}" found: no such container`,
        response: 404,
      }),
      'gone',
    ],
    [
      'gone, but about no particular container',
      answers(404, { cause: 'no such container', message: 'no such container', response: 404 }),
      'invalid-answer',
    ],
    ['broken', answers(500, { message: 'database is locked' }), 'refused'],
    ['cut', answers(200, '{'), 'invalid-answer'],
  ])('and what is %s there is no evidence', async (_what, behaviour, kind) => {
    server.behave(podmanThat(behaviour))
    await expect(inspect()).rejects.toMatchObject({ kind })
  })

  const race = answers(500, {
    cause: 'no such container',
    message: `${id} found in database: no such container`,
  })

  test('again when Podman answers that a removal overtook it', async () => {
    let count = 0
    const gone = answers(404, { message: `no container with name or ID "${id}" found: no such container` })
    server.behave((response, request) => (count++ === 0 ? race : gone)(response, request))
    await expect(inspect()).rejects.toMatchObject({ kind: 'gone', status: 404 })
    expect(server.requests).toHaveLength(2)
  })

  test('only once, and nothing else with that status again', async () => {
    server.behave(race)
    await expect(inspect()).rejects.toMatchObject({ kind: 'refused', status: 500 })
    expect(server.requests).toHaveLength(2)
    server.behave(answers(500, { message: 'device or resource busy' }))
    await expect(inspect()).rejects.toMatchObject({ kind: 'refused', status: 500 })
    expect(server.requests).toHaveLength(3)
  })

  test.each<[string, Behaviour, string]>([
    ['404', answers(404, { message: `No such container: ${id}` }), 'gone'],
    ['404 about nothing', answers(404, { message: 'x' }), 'invalid-answer'],
    [
      '404 about no container in particular',
      answers(404, { message: 'No such container' }),
      'invalid-answer',
    ],
    [
      '404 about another container',
      answers(404, { message: `No such container: ${fakeId(2)}` }),
      'invalid-answer',
    ],
    [
      '404 about the start of its id',
      answers(404, { message: `No such container: ${id.slice(0, 12)}` }),
      'invalid-answer',
    ],
    [
      '404 about something else of the container',
      answers(404, { message: `snapshot ${id} does not exist: not found` }),
      'invalid-answer',
    ],
    ['another container', answers(200, wholeContainer(fakeId(2), { Name: `/${id}` })), 'gone'],
    ['404 of a proxy', answers(404, '404 page not found'), 'misconfigured'],
    ['404 for a page', answers(404, { message: 'page not found' }), 'misconfigured'],
    ['nothing', answers(200, ''), 'invalid-answer'],
    ['an error with the status of success', answers(200, { message: 'x' }), 'invalid-answer'],
  ])('%s is %s', async (_what, behaviour, kind) => {
    server.behave(behaviour)
    await expect(inspect()).rejects.toMatchObject({ name: 'EngineError', kind })
  })

  test.each(recordedEngines)('of what %s does not know: gone', async (recorded) => {
    const { status, body } = recordedOf(recorded).errors['inspect-unknown'] as RecordedAnswer
    const unknown = parseContainerId('f'.repeat(64)) as ContainerId
    server.behave(answers(status, body))
    await expect(engine.inspect(unknown, { deadlineMs: 10_000 })).rejects.toMatchObject({ kind: 'gone' })
    await expect(inspect()).rejects.toMatchObject({ kind: 'invalid-answer' })
  })
})
