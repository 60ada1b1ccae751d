import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import Dockerode from 'dockerode'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { OptionError } from '../../src/domain/errors.ts'
import { parseContainerId } from '../../src/domain/ids.ts'
import { createDockerodeEngine, watchOnly } from '../../src/engine/dockerode-engine.ts'
import { readBody } from '../../src/engine/exchange.ts'
import type { CallOptions, Engine } from '../../src/engine/port.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import {
  answers,
  answersPage,
  inTurn,
  neverAnswers,
  resets,
  stallsAfter,
  startMisbehavingServer,
  writesRaw,
  type Behaviour,
  type MisbehavingServer,
} from '../support/misbehaving-server.ts'
import { wholeContainer } from '../support/whole-container.ts'

const id = parseContainerId('c0ffee'.padEnd(64, '0'))!
// a bare RegExp within toMatchObject would match anything
const says = (pattern: RegExp) => expect.stringMatching(pattern) as unknown
const limits = { deadlineMs: 10_000 }
const entry = { Id: id, Names: ['/one'], Labels: { a: 'b' }, State: 'running' }

const image = { id: `sha256:${'ab'.repeat(32)}`, platform: '' }
const wholeImage = {
  Id: image.id,
  Os: 'linux',
  Architecture: 'amd64',
  RootFS: { Type: 'layers', Layers: ['sha256:1'] },
  Config: { Labels: { a: 'b' } },
}
const maySend = () => true

type Verb = 'list' | 'info' | 'identity' | 'imageLabels' | 'inspect' | 'remove' | 'stop' | 'unpause'
const verbs: Readonly<Record<Verb, (engine: Engine, call: CallOptions) => Promise<unknown>>> = {
  list: (engine, call) => engine.list(call),
  info: (engine, call) => engine.info(call),
  identity: (engine, call) => engine.identity(call),
  imageLabels: (engine, call) => engine.imageLabels(image, call),
  inspect: (engine, call) => engine.inspect(id, call),
  remove: (engine, call) => engine.remove(id, { ...call, maySend, volumes: true, force: true }),
  stop: (engine, call) => engine.stop(id, { ...call, maySend, graceSeconds: 7 }),
  unpause: (engine, call) => engine.unpause(id, { ...call, maySend }),
}
const everyVerb = Object.keys(verbs) as Verb[]
const asking: readonly Verb[] = ['list', 'info', 'identity', 'imageLabels', 'inspect']
const changing: readonly Verb[] = ['remove', 'stop', 'unpause']

let clock: FakeClock
let server: MisbehavingServer
let engine: Engine

beforeEach(async () => {
  clock = createFakeClock()
  server = await startMisbehavingServer(neverAnswers)
  engine = createDockerodeEngine({ engine: server.address, clock })
})

afterEach(async () => {
  // whatever a test was about: no call leaves a connection or a timer behind
  await server.quiet()
  expect(clock.pendingTimers).toBe(0)
  await server.close()
})

const run = (verb: Verb, call: CallOptions = limits) => verbs[verb](engine, call)

/** A Dockerode of the user's own; its types leave the agent out. */
function instance(agent: Agent, options: object = {}): Dockerode {
  return new Dockerode(Object.assign({ socketPath: server.socketPath, agent }, options))
}

/** Starts a call, waits until the server has it, and lets its deadline pass. */
async function runPastDeadline(verb: Verb): Promise<unknown> {
  const ended = run(verb).catch((error: unknown) => error)
  await server.requested(server.requests.length + 1)
  await clock.advance(limits.deadlineMs)
  return ended
}

describe('what is sent', () => {
  test('nothing on construction', async () => {
    expect(engine.address).toBe(server.address)
    await clock.advance(60_000)
    expect(server.connections).toBe(0)
  })

  test('a listing asks for all containers, by label where one is given', async () => {
    server.behave(answers(200, []))
    await engine.list(limits)
    await engine.list({ ...limits, label: 'com.example=a b&c' })
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(
      Array.from({ length: 2 }, () => 'GET /containers/json'),
    )
    expect(server.requests.map(({ query }) => Object.fromEntries(query))).toEqual([
      { all: 'true' },
      { all: 'true', filters: '{"label":["com.example=a b&c"]}' },
    ])
  })

  test.each([
    ['remove', 'DELETE', `/containers/${id}`, { force: 'true', v: 'true' }],
    ['stop', 'POST', `/containers/${id}/stop`, { t: '7' }],
    ['unpause', 'POST', `/containers/${id}/unpause`, {}],
  ] as const)('%s', async (verb, method, path, query) => {
    server.behave(answers(204, ''))
    await run(verb)
    expect(server.requests).toMatchObject([{ method, path }])
    expect(Object.fromEntries(server.requests[0]!.query)).toEqual(query)
  })

  test('unpauses in a period are read from the events of that period, and no other action is requested', async () => {
    const reported = { Type: 'container', Action: 'unpause', id, Actor: { ID: id, Attributes: {} } }
    const whole = 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'
    server.behave(
      inTurn(
        writesRaw(`${whole}${JSON.stringify(reported)}\n`),
        writesRaw(`${whole}{"Type":"network","time":1699999000}\n{"Type":"container","time":1699999500}\n`),
      ),
    )
    const period = { sinceMs: 1_700_000_000_000, untilMs: 1_700_000_060_000 }
    expect(await engine.unpausedWithin(period, limits)).toEqual({
      unpaused: new Set([id]),
      sinceMs: 1_699_999_001_000,
    })
    const { method, path, query } = server.requests[0]!
    expect(`${method} ${path}`).toBe('GET /events')
    expect(Number(query.get('since'))).toBe(1_700_000_000)
    expect(Number(query.get('until'))).toBe(1_700_000_060)
    expect(JSON.parse(query.get('filters') ?? '')).toEqual({ type: ['container'], event: ['unpause'] })
    // of all events, whatever they are about
    const past = server.requests[1]!
    expect(`${past.method} ${past.path}`).toBe('GET /events')
    expect([...past.query]).toEqual([
      ['since', '1.000'],
      ['until', '1700000062.000'],
    ])
  })

  test.each([
    ['nothing', '', undefined],
    ['in nanoseconds', '{"time":1699999000,"timeNano":1699999000250000001}\n', 1_699_999_000_251],
  ])('since when an engine remembers: %s', async (_what, past, sinceMs) => {
    const head = 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'
    server.behave(inTurn(writesRaw(head), writesRaw(`${head}${past}`)))
    expect(await engine.unpausedWithin({ sinceMs: 0, untilMs: 1 }, limits)).toEqual({
      unpaused: new Set(),
      sinceMs,
    })
  })

  test.each(['{"Type":"container"}\n', '{"time":"soon"}\n', '7\n', 'sorry\n'])(
    'positive-evidence: a first event without a time proves no memory: %j',
    async (past) => {
      const head = 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'
      server.behave(inTurn(writesRaw(head), writesRaw(`${head}${past}`)))
      await expect(engine.unpausedWithin({ sinceMs: 0, untilMs: 1 }, limits)).rejects.toMatchObject({
        kind: 'invalid-answer',
      })
    },
  )

  test('volumes are kept when they are to be kept', async () => {
    server.behave(answers(204, ''))
    await engine.remove(id, { ...limits, maySend, volumes: false, force: true })
    expect(server.requests[0]?.query.get('v')).toBe('false')
  })

  test('not-ours-to-stop: stopping a stopped container is no error, and did nothing', async () => {
    server.behave((response) => response.writeHead(304).end())
    await expect(run('stop')).resolves.toBe('unchanged')
  })

  test('protected: Podman, whose own API is denied, is not asked to stop what it might refuse to remove', async () => {
    const podman = { server: 'Libpod/5.8.6 (linux)' }
    let isDenied = true
    server.behave((response, request) => {
      const { method, url = '' } = request
      const isOwn = url.includes('/libpod/')
      const state = { Status: 'running', Running: true, Paused: false }
      const own = { Id: id, IsInfra: false, Dependencies: null, State: state }
      if (method === 'POST') return answers(204, '', podman)(response, request)
      if (isOwn && isDenied) return answers(403, 'not on the list')(response, request)
      return answers(200, isOwn ? own : wholeContainer(id), podman)(response, request)
    })
    const stops = () => server.requests.filter(({ method }) => method === 'POST').length
    await engine.inspect(id, limits)
    await expect(run('stop')).rejects.toMatchObject({ kind: 'misconfigured' })
    expect(stops()).toBe(0)
    isDenied = false
    await engine.inspect(id, limits)
    await expect(run('stop')).resolves.toBe('done')
    expect(stops()).toBe(1)
  })

  test.each(['', '../containers/x', 'a/../../b', 'a?b=c', '/', 'a b'])(
    'an image called %j is not asked for',
    async (imageId) => {
      await expect(engine.imageLabels({ id: imageId, platform: '' }, limits)).rejects.toMatchObject({
        kind: 'invalid-answer',
      })
      expect(server.requests).toEqual([])
    },
  )
})

describe('what comes back', () => {
  test('a listing, with the time of the engine', async () => {
    const body = JSON.stringify([entry])
    server.behave(answers(200, body, { date: 'Thu, 15 Jan 2026 12:00:07 GMT' }))
    await expect(engine.list(limits)).resolves.toMatchObject({
      containers: [{ id, name: 'one', labels: { a: 'b' } }],
      engineNowMs: Date.UTC(2026, 0, 15, 12, 0, 7),
      bytes: body.length,
    })
  })

  test('a listing without the time, when the engine sends none', async () => {
    server.behave((response) => {
      response.sendDate = false
      response.end('[]')
    })
    expect((await engine.list(limits)).engineNowMs).toBeUndefined()
  })

  test('a listing of many chunks, the bytes of one letter apart', async () => {
    const body = Buffer.from(JSON.stringify([{ ...entry, Labels: { a: 'é' } }]))
    const cut = body.indexOf(0xc3) + 1
    server.behave((response) => {
      response.write(body.subarray(0, cut))
      setImmediate(() => response.end(body.subarray(cut)))
    })
    expect((await engine.list(limits)).containers[0]?.labels).toEqual({ a: 'é' })
  })
})

describe('what distinguishes an engine from others', () => {
  const info = { ID: 'a1b2', Name: 'host', DockerRootDir: '/var/lib/docker' }
  const dockers = { server: 'Docker/28.5.2 (linux)' }
  const podmans = { server: 'Libpod/5.8.6 (linux)' }

  test.each<[string, object, Record<string, string>, string | undefined]>([
    ['the id of dockerd', info, dockers, 'a1b2'],
    [
      'on Podman, whose id is a new one each time, its storage and its host',
      info,
      podmans,
      '/var/lib/docker on host',
    ],
    ['nothing where a proxy hides what it is, since the id may be a new one each time', info, {}, undefined],
    ['nothing without an id', { ...info, ID: '' }, dockers, undefined],
    ['nothing with an id that is no text', { ...info, ID: 1 }, dockers, undefined],
    ['nothing without a storage', { ...info, DockerRootDir: undefined }, podmans, undefined],
    ['nothing without a host', { ...info, Name: '' }, podmans, undefined],
    ['nothing in an array', [info], dockers, undefined],
  ])('%s', async (_, body, headers, identity) => {
    server.behave(answers(200, body, headers))
    expect(await engine.identity(limits)).toBe(identity)
    expect(server.requests.map(({ path }) => path)).toEqual(['/info'])
  })

  test('a denial is an error', async () => {
    server.behave(answers(403, 'denied'))
    await expect(engine.identity(limits)).rejects.toMatchObject({ kind: 'misconfigured' })
  })
})

describe('honest-clock: the engine and its clock', () => {
  const docker = { Version: '28.2.2', ApiVersion: '1.50', Components: [{ Name: 'Engine' }] }

  test.each([
    ['Docker Engine', docker],
    ['Docker Engine', { Version: '28.2.2', ApiVersion: '1.50' }],
    ['Podman Engine', { ...docker, Components: [{ Name: 'Podman Engine' }] }],
  ])('%s', async (name, version) => {
    server.behave(answers(200, version))
    await expect(engine.info(limits)).resolves.toMatchObject({ name, version: '28.2.2', apiVersion: '1.50' })
  })

  test('the offset is taken at the middle of the call, from a date that is half a second old on average', async () => {
    server.behave((response) => {
      void clock.advance(3_000).then(() => answers(200, docker, { date: hourAhead })(response, undefined!))
    })
    const hourAhead = new Date(clock.wallNow() + 3_600_000).toUTCString()
    expect((await engine.info(limits)).clockOffsetMs).toBe(3_600_000 + 500 - 1_500)
  })

  test('no offset is given when our own clock jumped meanwhile', async () => {
    server.behave((response, request) => {
      clock.jumpWall(-60_000)
      answers(200, docker)(response, request)
    })
    expect((await engine.info(limits)).clockOffsetMs).toBeUndefined()
  })

  const dateless =
    (behaviour: Behaviour): Behaviour =>
    (response, request) => {
      response.sendDate = false
      behaviour(response, request)
    }

  test('without a date the system time is asked for', async () => {
    const SystemTime = new Date(clock.wallNow() - 5_000).toISOString().replace('Z', '123456Z')
    server.behave(dateless(inTurn(answers(200, docker), answers(200, { SystemTime }))))
    expect((await engine.info(limits)).clockOffsetMs).toBe(-5_000)
    expect(server.requests.map(({ path }) => path)).toEqual(['/version', '/info'])
  })

  test.each([
    ['refuses', answers(500, 'no')],
    ['sends none', answers(200, {})],
  ])('there is no offset where the engine %s', async (_what, behaviour) => {
    server.behave(dateless(inTurn(answers(200, docker), behaviour)))
    expect((await engine.info(limits)).clockOffsetMs).toBeUndefined()
  })

  test.each([
    ['an array', []],
    ['no version', {}],
    ['null', 'null'],
    ['text', 'OK'],
  ])('%s is an invalid answer', async (_what, body) => {
    server.behave(answers(200, body))
    await expect(engine.info(limits)).rejects.toMatchObject({ kind: 'invalid-answer' })
  })
})

describe('an absent engine', () => {
  async function temporary(): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'flotsam-absent-'))
    onTestFinished(() => rm(directory, { recursive: true }))
    return directory
  }

  test.each(everyVerb)('%s: no socket', async (verb) => {
    const path = join(await temporary(), 'absent.sock')
    const absent = createDockerodeEngine({ engine: `unix://${path}`, clock })
    await expect(verbs[verb](absent, limits)).rejects.toMatchObject({
      name: 'EngineError',
      kind: 'unavailable',
      message: expect.stringContaining(`at unix://${path}: no such socket (ENOENT)`) as string,
    })
  })

  test('a socket without a listener', async () => {
    const path = join(await temporary(), 'plain.sock')
    await writeFile(path, '')
    const refused = createDockerodeEngine({ engine: `unix://${path}`, clock })
    await expect(refused.list(limits)).rejects.toMatchObject({
      kind: 'unavailable',
      message: says(/ECONNREFUSED/),
    })
  })

  test('a socket in a directory that is a file', async () => {
    const path = join(await temporary(), 'file')
    await writeFile(path, '')
    const odd = createDockerodeEngine({ engine: `unix://${path}/engine.sock`, clock })
    await expect(odd.list(limits)).rejects.toMatchObject({ kind: 'misconfigured', message: says(/ENOTDIR/) })
  })

  test('a path that is too long for a socket', async () => {
    const directory = join(await temporary(), 'long'.repeat(30))
    await mkdir(directory)
    const long = createDockerodeEngine({ engine: `unix://${directory}/engine.sock`, clock })
    await expect(long.list(limits)).rejects.toMatchObject({ kind: says(/misconfigured|unavailable/) })
  })

  test('a port without a listener', async () => {
    const gone = await startMisbehavingServer(neverAnswers, { on: 'tcp' })
    await gone.close()
    const refused = createDockerodeEngine({ engine: gone.address, clock })
    await expect(refused.list(limits)).rejects.toMatchObject({
      kind: 'unavailable',
      message: says(/ECONNREFUSED/),
    })
  })

  test('a socket without permission', async () => {
    await chmod(server.socketPath, 0o000)
    // permissions do not bind root, so the connection is made as another user
    const isRoot = process.getuid?.() === 0
    if (isRoot) await chmod(join(server.socketPath, '..'), 0o755)
    if (isRoot) process.seteuid?.(65_534)
    const ended = await engine.list(limits).catch((error: unknown) => error)
    if (isRoot) process.seteuid?.(0)
    expect(ended).toMatchObject({
      kind: 'misconfigured',
      message: `cannot list containers at ${server.address}: permission denied (EACCES); is this user in the docker group?`,
    })
  })
})

describe('an engine that refuses', () => {
  test.each<[string, Behaviour, Verb, object]>([
    [
      'a proxy that denies',
      answersPage(403),
      'list',
      { kind: 'misconfigured', message: says(/web page \(HTTP 403\)/) },
    ],
    [
      'an API version',
      answers(400, { message: 'client version 9.99 is too new' }),
      'list',
      { kind: 'misconfigured', status: 400, message: says(/client version 9\.99 is too new/) },
    ],
    ['a page for 404', answersPage(404), 'list', { kind: 'misconfigured', status: 404 }],
    [
      '500 on a listing',
      answers(500, { message: 'bad image' }),
      'list',
      { kind: 'unavailable', message: says(/bad image/) },
    ],
    [
      '503',
      answers(503, 'starting'),
      'list',
      { kind: 'unavailable', message: says(/starting \(HTTP 503\)/) },
    ],
    [
      '404 on a removal',
      answers(404, { message: 'No such container' }),
      'remove',
      { kind: 'gone', status: 404 },
    ],
    ['404 on an image', answers(404, { message: 'no such image' }), 'imageLabels', { kind: 'gone' }],
    [
      'a removal under way',
      answers(409, { message: 'removal of container c0ffee is already in progress' }),
      'remove',
      { kind: 'in-progress', status: 409 },
    ],
    [
      'a paused one',
      answers(409, { message: 'You cannot remove a paused container' }),
      'remove',
      { kind: 'refused' },
    ],
    [
      'an unkillable one',
      answers(500, { message: 'device or\nresource busy' }),
      'remove',
      {
        kind: 'refused',
        message: says(/remove container c0ffee000000 .*: device or resource busy \(HTTP 500\)/),
      },
    ],
    ['500 without a body', answers(500, ''), 'remove', { kind: 'refused', message: says(/: HTTP 500$/) }],
    [
      'a refusal cut short',
      writesRaw('HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\n{'),
      'remove',
      { kind: 'refused' },
    ],
  ])('%s', async (_what, behaviour, verb, expected) => {
    server.behave(behaviour)
    await expect(run(verb)).rejects.toMatchObject(expected)
    expect(server.requests).toHaveLength(1)
  })

  test('an endless refusal is cut off and reported by its status', async () => {
    server.behave((response) => {
      response.writeHead(500)
      response.on('drain', () => response.write('x'.repeat(100_000)))
      response.write('x'.repeat(100_000))
    })
    await expect(run('remove')).rejects.toMatchObject({ kind: 'refused', status: 500 })
  })
})

describe('unknown-is-spared: an incomplete or invalid answer is an error', () => {
  const whole = JSON.stringify([entry])
  test.each<[string, Behaviour, string]>([
    ['a page', answersPage(200), 'invalid-answer'],
    ['null', answers(200, 'null'), 'invalid-answer'],
    ['nothing', answers(200, ''), 'invalid-answer'],
    ['an object', answers(200, { message: 'x' }), 'invalid-answer'],
    ['cut JSON', answers(200, whole.slice(0, -1)), 'invalid-answer'],
    ['another status than 200', answers(206, whole), 'invalid-answer'],
    ['what is not HTTP', writesRaw('SSH-2.0-OpenSSH\r\n\r\n'), 'invalid-answer'],
    [
      'a body shorter than said',
      writesRaw(`HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n${whole}`),
      'unavailable',
    ],
    [
      'chunks without their end',
      writesRaw(
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${whole.length.toString(16)}\r\n${whole}\r\n`,
      ),
      'unavailable',
    ],
    [
      'a connection that breaks in the middle',
      (response) => response.write(whole.slice(0, 9), () => response.destroy()),
      'unavailable',
    ],
  ])('%s', async (_what, behaviour, kind) => {
    server.behave(behaviour)
    await expect(engine.list(limits)).rejects.toMatchObject({ name: 'EngineError', kind })
    expect(server.requests).toHaveLength(1)
  })

  test.each([
    ['a page', answersPage(200)],
    ['some other answer', answers(200, { ok: true })],
    ['a status that no engine confirms with', answers(200, '')],
    ['a report', answers(200, [{ Id: id, Err: null }])],
    ['created', answers(201, '')],
    ['accepted', answers(202, '')],
    ['no content', answers(203, '')],
    ['a part', answers(206, '')],
  ])('truthful: %s does not confirm a change', async (_what, behaviour) => {
    server.behave(behaviour)
    for (const verb of changing) await expect(run(verb)).rejects.toMatchObject({ kind: 'invalid-answer' })
  })
})

test('unknown-is-spared: a body that ends early without an error is truncated, not short', async () => {
  const quiet = Object.assign(Readable.from([Buffer.from('[]')]), { complete: false })
  const chunks = async () => {
    for await (const chunk of readBody(quiet as unknown as IncomingMessage))
      expect(chunk).toEqual(Buffer.from('[]'))
  }
  await expect(chunks()).rejects.toThrow('closed in the middle')
})

describe('every-call-ends: a wedged engine', () => {
  test.each(everyVerb)('%s: accepts and never answers', async (verb) => {
    expect(await runPastDeadline(verb)).toMatchObject({ kind: 'timed-out', message: says(/within 10000 ms/) })
    await server.quiet()
    expect(server.requests).toHaveLength(1)
  })

  test.each([
    ['list', '['],
    ['list', ''],
    ['info', '{'],
    ['imageLabels', '{'],
    ['remove', ' '],
  ] as const)('%s: stalls after %j', async (verb, beginning) => {
    server.behave(stallsAfter(beginning))
    expect(await runPastDeadline(verb)).toMatchObject({ kind: 'timed-out' })
    await server.quiet()
    expect(server.requests).toHaveLength(1)
  })

  test('a refusal that stalls ends too', async () => {
    server.behave((response) => response.writeHead(500).write('{'))
    expect(await runPastDeadline('remove')).toMatchObject({ kind: 'timed-out' })
  })

  test.each(everyVerb)('%s: aborted from outside, its connection closes', async (verb) => {
    const outer = new AbortController()
    const ended = run(verb, { ...limits, signal: outer.signal }).catch((error: unknown) => error)
    await server.requested(1)
    expect(server.openConnections).toBe(1)
    outer.abort()
    expect(await ended).toMatchObject({ kind: 'timed-out', message: says(/aborted before/) })
    await server.quiet()
  })

  test('one that never completes a connection ends at the deadline and sends nothing later', async () => {
    const agent = new Agent({ maxSockets: 1 })
    const queued = createDockerodeEngine({
      engine: instance(agent),
      clock,
    })
    const first = queued.list({ deadlineMs: 20_000 }).catch((error: unknown) => error)
    await server.requested(1)
    const second = queued.list({ deadlineMs: 10_000 }).catch((error: unknown) => error)
    await clock.advance(10_000)
    expect(await second).toMatchObject({
      kind: 'timed-out',
      message: says(
        /: no complete answer within 10000 ms; its agent lets one request through at a time \(maxSockets\), and following the events takes one for good$/,
      ),
    })
    await clock.advance(10_000)
    expect(await first).toMatchObject({ kind: 'timed-out' })
    await server.quiet()
    await clock.settle()
    expect(server.requests).toHaveLength(1)
  })
})

test.each([
  [4, /within 10000 ms; its agent lets 4 requests through at a time/],
  [5, /within 10000 ms$/],
  [Infinity, /within 10000 ms$/],
])('an agent with %d sockets, and an engine that never answers', async (maxSockets, words) => {
  const given = createDockerodeEngine({ engine: instance(new Agent({ maxSockets })), clock })
  const asked = given.list({ deadlineMs: 10_000 }).catch((error: unknown) => error)
  await server.requested(1)
  await clock.advance(10_000)
  expect(await asked).toMatchObject({ kind: 'timed-out', message: says(words) })
})

describe('a connection that breaks before an answer', () => {
  test.each(asking)('%s is retried once, immediately', async (verb) => {
    const whole = {
      list: [],
      info: { Version: '1', ApiVersion: '1' },
      identity: { ID: 'a1b2' },
      imageLabels: wholeImage,
      inspect: wholeContainer(id),
    }
    server.behave(inTurn(resets, answers(200, whole[verb as keyof typeof whole], { server: 'Docker/28' })))
    await expect(run(verb)).resolves.toBeDefined()
    expect(server.requests).toHaveLength(2)
  })

  test.each(asking)('%s is not sent a third time', async (verb) => {
    server.behave(resets)
    await expect(run(verb)).rejects.toMatchObject({ kind: 'unavailable', message: says(/ECONNRESET/) })
    expect(server.requests).toHaveLength(2)
  })

  test('the retry has no deadline of its own', async () => {
    server.behave(inTurn(resets, neverAnswers))
    const ended = engine.list(limits).catch((error: unknown) => error)
    await server.requested(2)
    await clock.advance(limits.deadlineMs)
    expect(await ended).toMatchObject({ kind: 'timed-out' })
  })

  test.each(changing)('fresh-scan: %s is never resent', async (verb) => {
    server.behave(inTurn(resets, answers(204, '')))
    await expect(run(verb)).rejects.toMatchObject({ kind: 'unavailable', message: says(/ECONNRESET/) })
    expect(server.requests).toHaveLength(1)
  })

  test('a stale connection of a given instance costs a listing nothing', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const given = createDockerodeEngine({
      engine: instance(agent),
      clock,
    })
    server.behave(inTurn(answers(200, []), resets, answers(200, [entry])))
    await given.list(limits)
    expect((await given.list(limits)).containers).toHaveLength(1)
    expect(server.requests.map(({ connection }) => connection)).toEqual([1, 1, 2])
    agent.destroy()
  })
})

describe('flat', () => {
  test('a hundred calls that end in every way leave no connection, timer or warning', async () => {
    const warnings: Error[] = []
    const note = (warning: Error) => warnings.push(warning)
    process.on('warning', note)
    onTestFinished(() => void process.off('warning', note))
    const page = answersPage(200)
    const cut = writesRaw('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[')
    server.behave(
      inTurn(
        answers(200, []),
        ...Array.from({ length: 20 }, () => [answers(200, []), page, cut, resets]).flat(),
        neverAnswers,
      ),
    )
    const outer = new AbortController()
    const calls = Array.from({ length: 100 }, () => engine.list({ ...limits, signal: outer.signal }))
    const all = Promise.allSettled(calls)
    await server.requested(100)
    await clock.advance(limits.deadlineMs)
    expect(new Set((await all).map(({ status }) => status))).toEqual(new Set(['fulfilled', 'rejected']))
    await server.quiet()
    expect(warnings).toEqual([])
  })

  test('our own connections are never used twice', async () => {
    server.behave(answers(200, []))
    for (let count = 0; count < 5; count++) await engine.list(limits)
    expect(server.connections).toBe(5)
  })
})

describe('an instance of the user', () => {
  test('keeps its own version, headers and agent, but lists in the newest version', async () => {
    const agent = new Agent({ keepAlive: true })
    const seen: unknown[] = []
    server.behave((response, request) => {
      seen.push(request.url, request.headers['x-who'])
      answers(200, [])(response, request)
    })
    const engine = instance(agent, { version: 'v1.43', headers: { 'x-who': 'me' } })
    const given = createDockerodeEngine({ engine, clock })
    await given.list(limits)
    await given.list(limits)
    await given.info(limits).catch(() => undefined)
    expect(seen).toEqual([
      ...Array.from({ length: 2 }, () => ['/containers/json?all=true', 'me']).flat(),
      '/v1.43/version',
      'me',
    ])
    expect(server.connections).toBe(1)
    agent.destroy()
  })

  test.each([400, 403, 404])(
    'positive-evidence: where a proxy answers %i to what has no version, it lists in that of the instance',
    async (denied) => {
      server.behave((response, request) =>
        answers(request.url?.startsWith('/v1.43/') ? 200 : denied, [])(response, request),
      )
      const given = createDockerodeEngine({ engine: instance(new Agent(), { version: 'v1.43' }), clock })
      await given.list(limits)
      await given.list(limits)
      const path = '/containers/json'
      expect(server.requests.map((request) => request.path)).toEqual([path, `/v1.43${path}`, `/v1.43${path}`])
    },
  )

  test('removes too', async () => {
    server.behave(answers(204, ''))
    const given = createDockerodeEngine({ engine: instance(new Agent({ keepAlive: false })), clock })
    await given.remove(id, { ...limits, maySend, volumes: true, force: true })
    expect(server.requests).toMatchObject([{ method: 'DELETE', path: `/containers/${id}` }])
  })

  /** A modem as old ones are, which know no signal; `answered` resolves when it has handed over an answer. */
  function signalIgnoringInstance(): { dockerode: Dockerode; answered: Promise<void> } {
    const { modem } = instance(new Agent({ keepAlive: false }))
    let resolveAnswered = () => {}
    const answered = new Promise<void>((resolve) => (resolveAnswered = resolve))
    const dial: typeof modem.dial = ({ path, method, options, isStream, statusCodes }, callback) =>
      modem.dial(Object.assign({ path, isStream, method, options, statusCodes }), (error, answer) => {
        callback?.(error, answer)
        resolveAnswered()
      })
    return { dockerode: { modem: { dial } } as unknown as Dockerode, answered }
  }

  test('every-call-ends: with a modem that ignores signals an answer that has begun is cut off', async () => {
    server.behave(stallsAfter('['))
    const { dockerode, answered } = signalIgnoringInstance()
    const given = createDockerodeEngine({ engine: dockerode, clock })
    const ended = given.list(limits).catch((error: unknown) => error)
    await answered
    await clock.advance(limits.deadlineMs)
    expect(await ended).toMatchObject({ kind: 'timed-out' })
    await server.quiet()
    expect(server.connections).toBe(1)
  })

  test('every-call-ends: with a modem that ignores signals a late answer is dropped', async () => {
    let answerLate = () => {}
    server.behave((response, request) => (answerLate = () => stallsAfter('[')(response, request)))
    const { dockerode, answered } = signalIgnoringInstance()
    const given = createDockerodeEngine({ engine: dockerode, clock })
    const ended = given.list(limits).catch((error: unknown) => error)
    await server.requested(1)
    await clock.advance(limits.deadlineMs)
    expect(await ended).toMatchObject({ kind: 'timed-out' })
    expect(server.openConnections).toBe(1)
    answerLate()
    await answered
    await server.quiet()
    expect(server.connections).toBe(1)
  })

  test('may throw synchronously, which becomes an error of the port', async () => {
    const modem = {
      dial: () => {
        throw new TypeError('broken modem')
      },
    }
    const given = createDockerodeEngine({ engine: { modem }, clock })
    await expect(given.list(limits)).rejects.toMatchObject({
      name: 'EngineError',
      message: says(/broken modem/),
    })
  })

  test('is refused if it is not one', () => {
    for (const engine of [{}, null, 7, { modem: {} }]) {
      expect(() => createDockerodeEngine({ engine: engine as Dockerode, clock })).toThrow(OptionError)
    }
  })
})

describe('the environment of the process', () => {
  test('does not mix with an address that is given', async () => {
    const before = process.env['DOCKER_HOST']
    process.env['DOCKER_HOST'] = 'tcp://192.0.2.1:2375'
    onTestFinished(() => {
      if (before === undefined) delete process.env['DOCKER_HOST']
      else process.env['DOCKER_HOST'] = before
    })
    const given = createDockerodeEngine({ engine: server.address, clock })
    expect(process.env['DOCKER_HOST']).toBe('tcp://192.0.2.1:2375')
    server.behave(answers(200, []))
    await expect(given.list(limits)).resolves.toMatchObject({ containers: [] })
  })
})

describe('TCP', () => {
  test('an engine behind a prefix', async () => {
    const tcp = await startMisbehavingServer(answers(200, []), { on: 'tcp' })
    onTestFinished(() => tcp.close())
    const far = createDockerodeEngine({ engine: `http://127.0.0.1:${tcp.port}/docker/`, clock })
    await far.list(limits)
    expect(far.address).toBe(`http://127.0.0.1:${tcp.port}/docker`)
    expect(tcp.requests).toMatchObject([{ path: '/docker/containers/json' }])
    await tcp.quiet()
  })
})

describe('dry-run: a read-only client', () => {
  test('sees the same', async () => {
    server.behave(answers(200, [entry]))
    const watching = watchOnly(engine)
    expect(watching.address).toBe(engine.address)
    expect((await watching.list(limits)).containers).toHaveLength(1)
  })

  test('has no way to change anything, even at run time', () => {
    const watching = watchOnly(engine)
    const verbs = [
      'address',
      'list',
      'info',
      'identity',
      'imageLabels',
      'inspect',
      'shares',
      'unpausedWithin',
      'events',
    ]
    expect(new Set(Reflect.ownKeys(watching))).toEqual(new Set(verbs))
    expect(Object.getPrototypeOf(watching)).toBeNull()
    for (const verb of changing) expect(verb in watching).toBe(false)
    expect(Object.isFrozen(watching)).toBe(true)
    // formatting an engine, as `toContain` would, calls its inspect
    expect((Object.values(watching) as unknown[]).includes(engine)).toBe(false)
  })
})
