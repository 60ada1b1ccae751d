import { execFileSync } from 'node:child_process'
import { readFileSync, mkdtempSync, rmSync } from 'node:fs'
import { Agent, type ClientRequest } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import { connect, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import Dockerode from 'dockerode'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createDockerodeEngine } from '../../src/engine/dockerode-engine.ts'
import type { ChangeOptions, ChangeOutcome, Engine } from '../../src/engine/port.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { fakeId } from '../support/fake-engine.ts'
import { confirms, emptyListing, startWire, type Wire } from '../support/wire.ts'

const id = fakeId(1)
const deadlineMs = 10_000
const clock = createFakeClock()

let certificates: string
let tls: { key: Buffer; cert: Buffer }
const wires: Wire[] = []
const agents: Agent[] = []

beforeAll(() => {
  certificates = mkdtempSync(join(tmpdir(), 'flotsam-held-request-'))
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2', '-nodes']
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-keyout', 'key.pem']
  execFileSync('openssl', ['req', '-x509', ...key, ...subject, '-out', 'cert.pem'], {
    cwd: certificates,
    stdio: 'pipe',
  })
  tls = {
    key: readFileSync(join(certificates, 'key.pem')),
    cert: readFileSync(join(certificates, 'cert.pem')),
  }
})

afterAll(() => rmSync(certificates, { recursive: true }))

afterEach(async () => {
  for (const agent of agents.splice(0)) agent.destroy()
  // an agent of Node's own keeps what it may use again for seconds
  for (const wire of wires) for (const socket of wire.sockets) socket.end()
  await Promise.all(wires.map((wire) => wire.quiet()))
  expect(clock.pendingTimers).toBe(0)
  await Promise.all(wires.splice(0).map((wire) => wire.close()))
})

async function wireOn(on: 'unix' | 'tcp', options: { tls?: typeof tls } = {}): Promise<Wire> {
  const wire = await startWire({ on, ...options })
  wires.push(wire)
  return wire
}

function keep<T extends Agent>(agent: T): T {
  agents.push(agent)
  return agent
}

const at = (engine: string | Dockerode) => createDockerodeEngine({ engine, clock })
const instance = (options: object) => at(new Dockerode(options))

/** In the manner of agent-base: it makes its connections itself, some turns later, and hands them over. */
class OwnAgent extends Agent {
  addRequest(request: ClientRequest, options: { socketPath?: string; host?: string; port?: number }): void {
    setImmediate(() => {
      const { socketPath, host = '127.0.0.1', port = 0 } = options
      request.onSocket(socketPath === undefined ? connect(port, host) : connect(socketPath))
    })
  }
}

interface Road {
  readonly wire: Wire
  readonly engine: Engine
}

/** Each transport by which a request can reach an engine. */
const roads: Readonly<Record<string, () => Promise<Road>>> = {
  'a unix socket': async () => {
    const wire = await wireOn('unix')
    return { wire, engine: at(`unix://${wire.socketPath}`) }
  },
  TCP: async () => {
    const wire = await wireOn('tcp')
    return { wire, engine: at(`tcp://127.0.0.1:${wire.port}`) }
  },
  'an instance without an agent': async () => {
    const wire = await wireOn('unix')
    return { wire, engine: instance({ socketPath: wire.socketPath }) }
  },
  'an instance with a keep-alive agent': async () => {
    const wire = await wireOn('unix')
    return {
      wire,
      engine: instance({ socketPath: wire.socketPath, agent: keep(new Agent({ keepAlive: true })) }),
    }
  },
  'a connection that has carried a request before': async () => {
    const wire = await wireOn('unix')
    wire.answer = () => emptyListing
    const agent = keep(new Agent({ keepAlive: true, maxSockets: 1 }))
    const engine = instance({ socketPath: wire.socketPath, agent })
    await engine.list({ deadlineMs })
    await new Promise<void>((resolve) => setImmediate(resolve))
    expect(Object.keys(agent.freeSockets)).toHaveLength(1)
    wire.answer = () => confirms
    ;(wire.received as string[])[0] = ''
    return { wire, engine }
  },
  'an instance with an https agent': async () => {
    const wire = await wireOn('tcp', { tls })
    const agent = keep(new TlsAgent({ keepAlive: true, rejectUnauthorized: false }))
    return { wire, engine: instance({ host: '127.0.0.1', port: wire.port, protocol: 'https', agent }) }
  },
  'an agent that makes its connections itself': async () => {
    const wire = await wireOn('unix')
    return { wire, engine: instance({ socketPath: wire.socketPath, agent: new OwnAgent() }) }
  },
  'an agent with a connection of its own': async () => {
    const wire = await wireOn('unix')
    const agent = Object.assign(new Agent(), { createConnection: () => connect(wire.socketPath) })
    return { wire, engine: instance({ socketPath: '/nowhere', agent }) }
  },
  'a tunnel with TLS within': async () => {
    const wire = await wireOn('tcp', { tls })
    const createConnection = () => connectTls({ socket: connect(wire.port), rejectUnauthorized: false })
    const agent = Object.assign(new Agent(), { createConnection })
    return { wire, engine: instance({ socketPath: '/nowhere', agent }) }
  },
  'an instance whose dial was replaced and is bound': async () => {
    const wire = await wireOn('unix')
    const docker = new Dockerode({ socketPath: wire.socketPath })
    docker.modem.dial = docker.modem.dial.bind(docker.modem)
    return { wire, engine: at(docker) }
  },
}

const changes: Readonly<Record<string, (engine: Engine, call: ChangeOptions) => Promise<ChangeOutcome>>> = {
  remove: (engine, call) => engine.remove(id, { ...call, volumes: true, force: true }),
  stop: (engine, call) => engine.stop(id, { ...call, graceSeconds: 1 }),
  unpause: (engine, call) => engine.unpause(id, call),
}
const remove = changes['remove']!

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const turns = async (count: number) => {
  for (let at = 0; at < count; at++) await turn()
}
/** An error as a value, so that nothing rejects before it is handled. */
const ending = (call: Promise<unknown>) => call.catch((error: unknown) => error)
const bytesOn = ({ received }: Wire) => received.join('')

describe.each(Object.keys(roads))('fresh-scan: over %s', (road) => {
  test.each(Object.keys(changes))('%s asks once, before any byte, and then leaves', async (verb) => {
    const { wire, engine } = await roads[road]!()
    const seen: string[] = []
    const maySend = async () => {
      await turns(5)
      seen.push(bytesOn(wire))
      return true
    }
    const onSent = () => seen.push('sent')
    expect(await changes[verb]!(engine, { deadlineMs, maySend, onSent })).toBe('done')
    expect(seen).toEqual(['', 'sent'])
    expect(bytesOn(wire).match(/^(DELETE|POST) /gm)).toHaveLength(1)
  })

  test('the connection is established when the question is asked, and the bytes are written in the same turn', async () => {
    const { wire, engine } = await roads[road]!()
    const order: string[] = []
    wire.answer = (head) => {
      order.push(head.split(' ', 1)[0]!)
      return confirms
    }
    // it has come in by the next turn but one: nothing but the bytes themselves was left to be sent
    const maySend = () => {
      order.push('asked')
      expect(wire.openConnections).toBe(1)
      void turns(2).then(() => order.push('later'))
      return true
    }
    expect(await remove(engine, { deadlineMs, maySend })).toBe('done')
    expect(order.slice(0, 2)).toEqual(['asked', 'DELETE'])
  })

  test('a request that may not leave is withheld without an error and leaves nothing behind', async () => {
    const { wire, engine } = await roads[road]!()
    expect(await remove(engine, { deadlineMs, maySend: () => false })).toBe('withheld')
    await wire.quiet()
    expect(bytesOn(wire)).toBe('')
  })

  test('a connection that breaks while the question is pending carries nothing', async () => {
    const { wire, engine } = await roads[road]!()
    let isAsked = 0
    const maySend = async () => {
      isAsked += 1
      expect(wire.openConnections).toBe(1)
      for (const socket of wire.sockets) socket.destroy()
      await turns(10)
      return true
    }
    expect(await ending(remove(engine, { deadlineMs, maySend }))).toMatchObject({ kind: 'unavailable' })
    await turns(10)
    expect(bytesOn(wire)).toBe('')
    expect(isAsked).toBe(1)
  })
})

async function plainRoad(): Promise<Road> {
  return roads['a unix socket']!()
}

describe('fresh-scan: only exactly `true` lets a request leave', () => {
  test.each<[string, () => unknown]>([
    ['1', () => 1],
    ["'true'", () => 'true'],
    ['undefined', () => undefined],
    ['an object', () => ({})],
    ['a function', () => () => true],
    ['false, later', () => Promise.resolve(false)],
    ['1, later', () => Promise.resolve(1)],
    [
      'a throw',
      () => {
        throw new Error('no')
      },
    ],
    ['a rejection', () => Promise.reject(new Error('no'))],
    [
      'a thenable that throws',
      () => ({
        // oxlint-disable-next-line unicorn/no-thenable
        then() {
          throw new Error('no')
        },
      }),
    ],
  ])('not %s', async (_what, maySend) => {
    const { wire, engine } = await plainRoad()
    const call = { deadlineMs, maySend: maySend as () => boolean }
    for (const change of Object.values(changes)) expect(await change(engine, call)).toBe('withheld')
    await wire.quiet()
    expect(bytesOn(wire)).toBe('')
  })
})

describe('fresh-scan: no answer after the end of the call sends anything', () => {
  /** A question that the test answers. */
  function openQuestion() {
    let answer = (_may: boolean) => {}
    let resolveAsked = () => {}
    const asked = new Promise<void>((resolve) => (resolveAsked = resolve))
    const maySend = () => {
      resolveAsked()
      return new Promise<boolean>((resolve) => (answer = resolve))
    }
    return { maySend, asked, answer: () => answer(true) }
  }

  test('after its deadline', async () => {
    const { wire, engine } = await plainRoad()
    const { maySend, asked, answer } = openQuestion()
    const ended = ending(remove(engine, { deadlineMs, maySend }))
    await asked
    await clock.advance(deadlineMs)
    answer()
    expect(await ended).toMatchObject({ kind: 'timed-out' })
    await wire.quiet()
    expect(bytesOn(wire)).toBe('')
  })

  test('after its signal, in the very same turn', async () => {
    const { wire, engine } = await plainRoad()
    const { maySend, asked, answer } = openQuestion()
    const abort = new AbortController()
    const ended = ending(remove(engine, { deadlineMs, maySend, signal: abort.signal }))
    await asked
    answer()
    abort.abort()
    expect(await ended).toMatchObject({ kind: 'timed-out' })
    await wire.quiet()
    expect(bytesOn(wire)).toBe('')
  })

  test('not when the question itself aborts the call', async () => {
    const { wire, engine } = await plainRoad()
    const abort = new AbortController()
    const maySend = () => {
      abort.abort()
      return true
    }
    const ended = ending(remove(engine, { deadlineMs, maySend, signal: abort.signal }))
    expect(await ended).toMatchObject({ kind: 'timed-out' })
    await wire.quiet()
    expect(bytesOn(wire)).toBe('')
  })

  test('not when the question blocked the process past the deadline, so that its timer could not fire', async () => {
    const wire = await wireOn('unix')
    let lateMs = 0
    const slow = { ...clock, now: () => clock.now() + lateMs }
    const engine = createDockerodeEngine({ engine: `unix://${wire.socketPath}`, clock: slow })
    const maySend = () => {
      lateMs = deadlineMs
      return true
    }
    const onSent = vi.fn()
    expect(await ending(remove(engine, { deadlineMs, maySend, onSent }))).toMatchObject({ kind: 'timed-out' })
    await wire.quiet()
    expect([bytesOn(wire), onSent.mock.calls.length]).toEqual(['', 0])
  })
})

describe('fresh-scan: the question waits for the connection', () => {
  test('behind a queue: two connections, both of them busy', async () => {
    const wire = await wireOn('unix')
    wire.answer = () => undefined
    const agent = keep(new Agent({ maxSockets: 2 }))
    const engine = instance({ socketPath: wire.socketPath, agent })
    const busy = [1, 2].map(() => ending(engine.list({ deadlineMs: 10_000 })))
    await wire.opened(2)
    let isAsked = 0
    const maySend = () => {
      isAsked += 1
      return true
    }
    const removed = remove(engine, { deadlineMs: 60_000, maySend })
    await clock.advance(9_999)
    await turns(20)
    expect(isAsked).toBe(0)
    wire.answer = () => confirms
    await clock.advance(1)
    await Promise.all(busy)
    expect(await removed).toBe('done')
    expect(isAsked).toBe(1)
    expect(bytesOn(wire).match(/^DELETE /gm)).toHaveLength(1)
  })

  test('in a queue until the deadline: it is never asked, and nothing is sent when a connection is free', async () => {
    const wire = await wireOn('unix')
    wire.answer = () => undefined
    const engine = instance({ socketPath: wire.socketPath, agent: keep(new Agent({ maxSockets: 1 })) })
    const busy = ending(engine.list({ deadlineMs: 20_000 }))
    await wire.opened(1)
    let isAsked = 0
    const call = { deadlineMs: 10_000, maySend: () => ++isAsked > 0 }
    const ended = ending(remove(engine, call))
    await clock.advance(10_000)
    expect(await ended).toMatchObject({ kind: 'timed-out' })
    await clock.advance(10_000)
    await busy
    await wire.quiet()
    await turns(20)
    expect(isAsked).toBe(0)
    expect(bytesOn(wire)).not.toContain('DELETE')
  })

  test.each(['own', 'instance'])('for the TLS handshake: %s', async (kind) => {
    const wire = await wireOn('tcp', { tls })
    let shakeHands = () => {}
    wire.beforeHandshake = () => new Promise((resolve) => (shakeHands = resolve))
    const agent = keep(new TlsAgent({ rejectUnauthorized: false }))
    const engine =
      kind === 'own'
        ? createDockerodeEngine({ engine: `https://127.0.0.1:${wire.port}`, clock, surroundings: trusting() })
        : instance({ host: '127.0.0.1', port: wire.port, protocol: 'https', agent })
    let isAsked = 0
    const removed = remove(engine, { deadlineMs, maySend: () => ++isAsked === 1 })
    await wire.opened(1)
    await turns(20)
    expect(isAsked).toBe(0)
    shakeHands()
    expect(await removed).toBe('done')
    expect(isAsked).toBe(1)
  })

  test('for a connection that an agent passes on before it is established', async () => {
    const wire = await wireOn('unix')
    const socket = new Socket()
    const agent = Object.assign(new Agent(), { createConnection: () => socket })
    const engine = instance({ socketPath: '/nowhere', agent })
    let isAsked = 0
    const removed = remove(engine, { deadlineMs, maySend: () => ++isAsked === 1 })
    await turns(20)
    expect(isAsked).toBe(0)
    socket.connect(wire.socketPath)
    expect(await removed).toBe('done')
    expect(isAsked).toBe(1)
  })

  /** The machine as it is, but for certificates that every engine here is known by. */
  function trusting() {
    const files: Readonly<Record<string, string>> = { 'ca.pem': 'cert.pem' }
    return {
      env: { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certificates },
      homeDir: certificates,
      platform: process.platform,
      exists: () => false,
      readFile: (path: string) => {
        const name = files[path.slice(certificates.length + 1)]
        if (name === undefined) throw Object.assign(new Error('none'), { code: 'ENOENT' })
        return readFileSync(join(certificates, name))
      },
    }
  }
})

describe('fresh-scan: a request that cannot be held back is not sent', () => {
  const cannot = { kind: 'misconfigured' }

  test('by a modem that has nothing but a dial', async () => {
    const wire = await wireOn('unix')
    const { modem } = new Dockerode({ socketPath: wire.socketPath })
    const dial = modem.dial.bind(modem)
    const engine = at({ modem: { dial } } as unknown as Dockerode)
    expect(await ending(remove(engine, { deadlineMs, maySend: () => true }))).toMatchObject(cannot)
    await turns(10)
    expect(wire.received).toEqual([])
  })

  test('by a dial that goes to another modem', async () => {
    const wire = await wireOn('unix')
    const [docker, other] = [1, 2].map(() => new Dockerode({ socketPath: wire.socketPath }))
    docker!.modem.dial = (options, callback) => other!.modem.dial(options, callback)
    let isAsked = 0
    const call = { deadlineMs, maySend: () => ++isAsked > 0 }
    expect(await ending(remove(at(docker!), call))).toMatchObject(cannot)
    await turns(10)
    expect([isAsked, bytesOn(wire)]).toEqual([0, ''])
  })

  test('with headers that are sent ahead', async () => {
    const wire = await wireOn('unix')
    const engine = instance({ socketPath: wire.socketPath, headers: { Expect: '100-continue' } })
    let isAsked = 0
    const call = { deadlineMs, maySend: () => ++isAsked > 0 }
    expect(await ending(remove(engine, call))).toMatchObject(cannot)
    await turns(10)
    expect([isAsked, bytesOn(wire)]).toEqual([0, ''])
  })

  test('a second time, by a dial that retries', async () => {
    const wire = await wireOn('unix')
    const docker = new Dockerode({ socketPath: wire.socketPath })
    const dial = docker.modem.dial.bind(docker.modem)
    docker.modem.dial = (options, callback) => {
      dial(options, callback)
      dial(options, () => {})
    }
    let isAsked = 0
    const call = { deadlineMs, maySend: () => ++isAsked === 1 }
    expect(await remove(at(docker), call)).toBe('done')
    expect(isAsked).toBe(1)
    expect(bytesOn(wire).match(/^DELETE /gm)).toHaveLength(1)
  })
})

describe('truthful: bytes that arrive before the request has left do not answer it', () => {
  test('an unsolicited confirmation', async () => {
    const { wire, engine } = await plainRoad()
    wire.onOpen = (socket) => void socket.write(confirms)
    const maySend = async () => {
      await turns(20)
      return true
    }
    const ended = await ending(remove(engine, { deadlineMs, maySend }))
    expect(ended).toMatchObject({ name: 'EngineError', kind: 'invalid-answer' })
    await wire.quiet()
    expect(bytesOn(wire)).toBe('')
  })

  test.each(['before', 'as'])('one that is left over %s a connection is used again', async (arrives) => {
    const { wire, engine } = await roads['a connection that has carried a request before']!()
    wire.answer = () => 'HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n'
    for (const socket of wire.sockets) socket.write(confirms)
    if (arrives === 'before') await turns(5)
    const ended = await ending(remove(engine, { deadlineMs, maySend: () => true }))
    expect(ended).toMatchObject({
      name: 'EngineError',
      kind: expect.stringMatching(/refused|invalid-answer/) as unknown,
    })
  })
})

describe('read-only requests are sent as before', () => {
  test('a listing is not held back', async () => {
    const { wire, engine } = await plainRoad()
    wire.answer = () => emptyListing
    onTestFinished(() => expect(wire.received).toHaveLength(1))
    expect(await engine.list({ deadlineMs })).toMatchObject({ containers: [] })
  })
})
