import { createRequire } from 'node:module'
import { connect } from 'node:net'
import Dockerode from 'dockerode'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/domain/clock.ts'
import { createDockerodeEngine } from '../../src/engine/dockerode-engine.ts'
import type { Engine } from '../../src/engine/port.ts'
import { fakeId } from '../support/fake-engine.ts'
import {
  answers,
  type MisbehavingServer,
  neverAnswers,
  startMisbehavingServer,
} from '../support/misbehaving-server.ts'

/** What of the ssh library the modem brings along; its own ssh is made with it. */
interface Ssh {
  readonly Server: new (options: object, onClient: (client: Client) => void) => SshServer
  readonly utils: { generateKeyPairSync(type: string): { readonly private: string } }
}
interface SshServer {
  listen(port: number, host: string, then: () => void): void
  close(): void
  address(): { readonly port: number }
}
interface Client {
  on(event: string, listener: (...args: never[]) => void): Client
}
interface Channel extends NodeJS.ReadWriteStream {
  end(): this
}

const fromHere = createRequire(import.meta.url)
const ssh = createRequire(fromHere.resolve('docker-modem'))('ssh2') as Ssh

let server: MisbehavingServer
let far: SshServer
let engine: Engine
/** What has to happen before a login succeeds. */
let login: () => Promise<void>

beforeEach(async () => {
  server = await startMisbehavingServer((response, request) =>
    (request.method === 'HEAD' ? answers(200, '') : answers(204, ''))(response, request),
  )
  login = () => Promise.resolve()
  const hostKeys = [ssh.utils.generateKeyPairSync('ed25519').private]
  far = new ssh.Server({ hostKeys }, (client) => {
    client
      .on('error', () => {})
      .on('authentication', (attempt: { accept(): void }) => void login().then(() => attempt.accept()))
      .on('session', (accept: () => Client) => {
        accept().on('exec', (acceptExec: () => Channel) => {
          const channel = acceptExec()
          const socket = connect(server.socketPath)
          socket.on('error', () => {}).on('close', () => channel.end())
          channel.on('error', () => {}).on('close', () => socket.destroy())
          channel.pipe(socket).pipe(channel)
        })
      })
  })
  await new Promise<void>((resolve) => far.listen(0, '127.0.0.1', resolve))
  const options = {
    protocol: 'ssh',
    host: '127.0.0.1',
    port: far.address().port,
    username: 'me',
    password: 'x',
  }
  engine = createDockerodeEngine({
    engine: new Dockerode(options as Dockerode.DockerOptions),
    clock: systemClock,
  })
})

afterEach(async () => {
  await server.quiet()
  await server.close()
  far.close()
})

const methods = () => server.requests.map(({ method, connection }) => `${method} ${connection}`)
const remove = (maySend: () => boolean | Promise<boolean>, deadlineMs = 20_000) =>
  engine.remove(fakeId(1), { deadlineMs, maySend, volumes: true, force: true })

describe('fresh-scan: over the ssh of the modem itself', () => {
  test('a change is sent once the engine has answered, on the same connection', async () => {
    const seen: string[][] = []
    const maySend = async () => {
      await new Promise<void>((resolve) => setImmediate(resolve))
      seen.push(methods())
      return true
    }
    expect(await remove(maySend)).toBe('done')
    expect(seen).toEqual([['HEAD 1']])
    expect(methods()).toEqual(['HEAD 1', 'DELETE 1'])
  })

  test('the question waits for the login', async () => {
    let letIn = () => {}
    let knocked = () => {}
    const atTheDoor = new Promise<void>((resolve) => (knocked = resolve))
    login = () => {
      knocked()
      return new Promise((resolve) => (letIn = resolve))
    }
    let isAsked = 0
    const removed = remove(() => ++isAsked === 1)
    await atTheDoor
    for (let turns = 0; turns < 20; turns++) await new Promise<void>((resolve) => setImmediate(resolve))
    expect(isAsked).toBe(0)
    letIn()
    expect(await removed).toBe('done')
    expect(isAsked).toBe(1)
  })

  test('a request that may not leave is withheld, and the connection closes', async () => {
    expect(await remove(() => false)).toBe('withheld')
    await server.quiet()
    expect(methods()).toEqual(['HEAD 1'])
  })

  test('an engine that does not respond gets no change request', async () => {
    server.behave(neverAnswers)
    let isAsked = 0
    const ended = remove(() => ++isAsked > 0, 1_500).catch((error: unknown) => error)
    expect(await ended).toMatchObject({ kind: 'timed-out' })
    await server.quiet()
    expect(isAsked).toBe(0)
    expect(methods().filter((method) => method.startsWith('DELETE'))).toEqual([])
  })
})
