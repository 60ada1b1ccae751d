import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import Dockerode from 'dockerode'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createDockerodeEngine, watchOnly } from '../../src/engine/dockerode-engine.ts'
import { readBody } from '../../src/engine/exchange.ts'
import type { CallOptions, Engine } from '../../src/engine/port.ts'
import { OptionError } from '../../src/errors.ts'
import { parseContainerId } from '../../src/ids.ts'
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

const id = parseContainerId('c0ffee'.padEnd(64, '0'))!
// a bare RegExp within toMatchObject would match anything
const says = (pattern: RegExp) => expect.stringMatching(pattern) as unknown
const limits = { deadlineMs: 10_000 }
const entry = { Id: id, Names: ['/one'], Labels: { a: 'b' }, State: 'running' }

type Verb = 'list' | 'info' | 'imageLabels' | 'networkMode' | 'remove' | 'stop' | 'unpause'
const verbs: Readonly<Record<Verb, (engine: Engine, call: CallOptions) => Promise<unknown>>> = {
  list: (engine, call) => engine.list(call),
  info: (engine, call) => engine.info(call),
  imageLabels: (engine, call) => engine.imageLabels('sha256:abc', call),
  networkMode: (engine, call) => engine.networkMode(id, call),
  remove: (engine, call) => engine.remove(id, { ...call, volumes: true }),
  stop: (engine, call) => engine.stop(id, { ...call, graceSeconds: 7 }),
  unpause: (engine, call) => engine.unpause(id, call),
}
const everyVerb = Object.keys(verbs) as Verb[]
const asking: readonly Verb[] = ['list', 'info', 'imageLabels', 'networkMode']
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
  test('nothing, by making it', async () => {
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

  test('volumes stay where they shall stay', async () => {
    server.behave(answers(204, ''))
    await engine.remove(id, { ...limits, volumes: false })
    expect(server.requests[0]?.query.get('v')).toBe('false')
  })

  test('a stop of what has stopped is no error', async () => {
    server.behave((response) => response.writeHead(304).end())
    await expect(run('stop')).resolves.toBeUndefined()
  })

  test.each(['', '../containers/x', 'a/../../b', 'a?b=c', '/', 'a b'])(
    'an image called %j is not asked for',
    async (imageId) => {
      await expect(engine.imageLabels(imageId, limits)).rejects.toMatchObject({ kind: 'invalid-answer' })
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

  test('a listing without the time, where the engine tells none', async () => {
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

  test.each([
    ['the labels of an image', { Config: { Labels: { a: 'b' } } }, { a: 'b' }],
    ['no labels', { Config: { Labels: null } }, {}],
    ['no configuration', { Config: null }, {}],
  ])('%s', async (_what, image, labels) => {
    server.behave(answers(200, image))
    await expect(engine.imageLabels('sha256:abc', limits)).resolves.toEqual(labels)
    expect(server.requests[0]?.path).toBe('/images/sha256:abc/json')
  })

  test.each([
    ['labels that are a text', { Config: { Labels: 'a' } }],
    ['a label that is a number', { Config: { Labels: { a: 1 } } }],
    ['an array', []],
    ['null', 'null'],
  ])('%s is an invalid image', async (_what, image) => {
    server.behave(answers(200, image))
    await expect(engine.imageLabels('sha256:abc', limits)).rejects.toMatchObject({ kind: 'invalid-answer' })
  })
})

describe('protected: the network of a container that the listing leaves out', () => {
  test('is read from the container itself', async () => {
    server.behave(answers(200, { HostConfig: { NetworkMode: 'container:abc' } }))
    await expect(engine.networkMode(id, limits)).resolves.toBe('container:abc')
    expect(server.requests[0]?.path).toBe(`/containers/${id}/json`)
  })

  test.each([
    ['no HostConfig', {}],
    ['a network that is a number', { HostConfig: { NetworkMode: 1 } }],
    ['null', 'null'],
  ])('%s is unknown, and never no network', async (_what, container) => {
    server.behave(answers(200, container))
    await expect(engine.networkMode(id, limits)).rejects.toMatchObject({ kind: 'invalid-answer' })
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

  test('no offset is told where our own clock jumped meanwhile', async () => {
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
    ['tells none', answers(200, {})],
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

describe('an engine that is not there', () => {
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

  test('a socket that nobody listens on', async () => {
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

  test('a port that nobody listens on', async () => {
    const gone = await startMisbehavingServer(neverAnswers, { on: 'tcp' })
    await gone.close()
    const refused = createDockerodeEngine({ engine: gone.address, clock })
    await expect(refused.list(limits)).rejects.toMatchObject({
      kind: 'unavailable',
      message: says(/ECONNREFUSED/),
    })
  })

  test('a socket that this user may not use', async () => {
    await chmod(server.socketPath, 0o000)
    // permissions do not bind root, so for the moment of the connection it is somebody else
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

  test('a refusal without end is cut and told by its status', async () => {
    server.behave((response) => {
      response.writeHead(500)
      response.on('drain', () => response.write('x'.repeat(100_000)))
      response.write('x'.repeat(100_000))
    })
    await expect(run('remove')).rejects.toMatchObject({ kind: 'refused', status: 500 })
  })
})

describe('unknown-is-spared: an answer that is not whole and valid is an error', () => {
  const whole = JSON.stringify([entry])
  test.each<[string, Behaviour, string]>([
    ['a page', answersPage(200), 'invalid-answer'],
    ['null', answers(200, 'null'), 'invalid-answer'],
    ['nothing', answers(200, ''), 'invalid-answer'],
    ['an object', answers(200, { message: 'x' }), 'invalid-answer'],
    ['cut JSON', answers(200, whole.slice(0, -1)), 'invalid-answer'],
    ['an entry without its id', answers(200, [entry, { Names: ['/x'] }]), 'invalid-answer'],
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
    ['accepted', answers(202, '')],
  ])('truthful: %s does not confirm a removal', async (_what, behaviour) => {
    server.behave(behaviour)
    await expect(run('remove')).rejects.toMatchObject({ kind: 'invalid-answer' })
  })
})

test('unknown-is-spared: a body that ends quietly before its time is cut, not short', async () => {
  const quiet = Object.assign(Readable.from([Buffer.from('[]')]), { complete: false })
  const chunks = async () => {
    for await (const chunk of readBody(quiet as unknown as IncomingMessage))
      expect(chunk).toEqual(Buffer.from('[]'))
  }
  await expect(chunks()).rejects.toThrow('closed in the middle')
})

describe('every-call-ends: an engine that is wedged', () => {
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

  test.each(everyVerb)('%s: given up from outside, its connection closes', async (verb) => {
    const outer = new AbortController()
    const ended = run(verb, { ...limits, signal: outer.signal }).catch((error: unknown) => error)
    await server.requested(1)
    expect(server.openConnections).toBe(1)
    outer.abort()
    expect(await ended).toMatchObject({ kind: 'timed-out', message: says(/given up/) })
    await server.quiet()
  })

  test('one that never lets a connection through ends at the deadline and sends nothing later', async () => {
    const agent = new Agent({ maxSockets: 1 })
    const queued = createDockerodeEngine({
      engine: instance(agent),
      clock,
    })
    const first = queued.list({ deadlineMs: 20_000 }).catch((error: unknown) => error)
    await server.requested(1)
    const second = queued.list({ deadlineMs: 10_000 }).catch((error: unknown) => error)
    await clock.advance(10_000)
    expect(await second).toMatchObject({ kind: 'timed-out' })
    await clock.advance(10_000)
    expect(await first).toMatchObject({ kind: 'timed-out' })
    await server.quiet()
    await clock.settle()
    expect(server.requests).toHaveLength(1)
  })
})

describe('a connection that breaks before any answer', () => {
  test.each(asking)('%s is asked once more at once', async (verb) => {
    const whole = { Version: '1', ApiVersion: '1', Config: {}, HostConfig: { NetworkMode: 'none' } }
    server.behave(inTurn(resets, answers(200, verb === 'list' ? [] : whole)))
    await expect(run(verb)).resolves.toBeDefined()
    expect(server.requests).toHaveLength(2)
  })

  test.each(asking)('%s is not asked a third time', async (verb) => {
    server.behave(resets)
    await expect(run(verb)).rejects.toMatchObject({ kind: 'unavailable', message: says(/ECONNRESET/) })
    expect(server.requests).toHaveLength(2)
  })

  test('the second time has no deadline of its own', async () => {
    server.behave(inTurn(resets, neverAnswers))
    const ended = engine.list(limits).catch((error: unknown) => error)
    await server.requested(2)
    await clock.advance(limits.deadlineMs)
    expect(await ended).toMatchObject({ kind: 'timed-out' })
  })

  test.each(changing)('fresh-look: %s is never resent', async (verb) => {
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
  test('keeps its own version, headers and agent', async () => {
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
    expect(seen).toEqual(Array.from({ length: 2 }, () => ['/v1.43/containers/json?all=true', 'me']).flat())
    expect(server.connections).toBe(1)
    agent.destroy()
  })

  test('removes too', async () => {
    server.behave(answers(204, ''))
    const given = createDockerodeEngine({ engine: instance(new Agent({ keepAlive: false })), clock })
    await given.remove(id, { ...limits, volumes: true })
    expect(server.requests).toMatchObject([{ method: 'DELETE', path: `/containers/${id}` }])
  })

  /** A modem as old ones are, which know no signal; `answered` resolves when it has handed over an answer. */
  function deafInstance(): { dockerode: Dockerode; answered: Promise<void> } {
    const { modem } = instance(new Agent({ keepAlive: false }))
    let tell = () => {}
    const answered = new Promise<void>((resolve) => (tell = resolve))
    const dial: typeof modem.dial = ({ path, method, options, isStream, statusCodes }, callback) =>
      modem.dial(Object.assign({ path, isStream, method, options, statusCodes }), (error, answer) => {
        callback?.(error, answer)
        tell()
      })
    return { dockerode: { modem: { dial } } as unknown as Dockerode, answered }
  }

  test('every-call-ends: with a modem that knows no signal an answer that has begun is cut', async () => {
    server.behave(stallsAfter('['))
    const { dockerode, answered } = deafInstance()
    const given = createDockerodeEngine({ engine: dockerode, clock })
    const ended = given.list(limits).catch((error: unknown) => error)
    await answered
    await clock.advance(limits.deadlineMs)
    expect(await ended).toMatchObject({ kind: 'timed-out' })
    await server.quiet()
    expect(server.connections).toBe(1)
  })

  test('every-call-ends: with a modem that knows no signal an answer after the end is dropped', async () => {
    let answerLate = () => {}
    server.behave((response, request) => (answerLate = () => stallsAfter('[')(response, request)))
    const { dockerode, answered } = deafInstance()
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

  test('may throw at once, and what comes of it is an error of the port', async () => {
    const modem = {
      dial: () => {
        throw new TypeError('broken modem')
      },
    }
    const given = createDockerodeEngine({ engine: { modem } as unknown as Dockerode, clock })
    await expect(given.list(limits)).rejects.toMatchObject({
      name: 'EngineError',
      message: says(/broken modem/),
    })
  })

  test('is refused where it is none', () => {
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

describe('dry-run: who may only watch', () => {
  test('sees the same', async () => {
    server.behave(answers(200, [entry]))
    const watching = watchOnly(engine)
    expect(watching.address).toBe(engine.address)
    expect((await watching.list(limits)).containers).toHaveLength(1)
  })

  test('has no way to change anything, at run time either', () => {
    const watching = watchOnly(engine)
    const verbs = ['address', 'list', 'info', 'imageLabels', 'networkMode', 'events']
    expect(new Set(Reflect.ownKeys(watching))).toEqual(new Set(verbs))
    expect(Object.getPrototypeOf(watching)).toBeNull()
    for (const verb of changing) expect(verb in watching).toBe(false)
    expect(Object.isFrozen(watching)).toBe(true)
    expect(Object.values(watching)).not.toContain(engine)
  })
})
