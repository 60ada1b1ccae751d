import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createDockerodeEngine } from '../../src/engine/dockerode-engine.ts'
import { machineSurroundings } from '../../src/engine/surroundings.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { fakeId } from '../support/fake-engine.ts'
import {
  answers,
  type Behaviour,
  neverAnswers,
  startMisbehavingServer,
  writesRaw,
  type MisbehavingServer,
} from '../support/misbehaving-server.ts'

let server: MisbehavingServer
let directory: string
let clock: FakeClock

beforeEach(async () => {
  server = await startMisbehavingServer(answers(200, []))
  directory = await mkdtemp(join(tmpdir(), 'flotsam-ssh-'))
  clock = createFakeClock()
})

afterEach(async () => {
  await server.quiet()
  await server.close()
  await rm(directory, { recursive: true })
})

/** Puts a program named ssh first in PATH, which records its arguments and then behaves as given. */
async function installSsh(script: string): Promise<void> {
  const path = join(directory, 'ssh')
  const noteArguments = `printf '%s\\n' "$@" > '${directory}/arguments'`
  await writeFile(path, `#!/bin/sh\n${noteArguments}\n${script}\n`)
  await chmod(path, 0o755)
}

/** Joins its own input and output with the engine's socket, as \`docker system dial-stdio\` does. */
const dialStdio = () => {
  const program = `const s = require('net').connect(process.argv[1]); process.stdin.pipe(s); s.pipe(process.stdout)`
  return `exec '${process.execPath}' -e "${program}" '${server.socketPath}'`
}

function engineAt(engine: string, path = `${directory}:${process.env['PATH']}`) {
  const surroundings = { ...machineSurroundings(), env: { PATH: path } }
  return createDockerodeEngine({ engine, clock, surroundings })
}

const limits = { deadlineMs: 10_000 }

describe('an engine behind ssh', () => {
  test('answers through `docker system dial-stdio` on the remote host', async () => {
    await installSsh(dialStdio())
    await expect(engineAt('ssh://me@far:2222').list(limits)).resolves.toMatchObject({ containers: [] })
    const given = await readFile(join(directory, 'arguments'), 'utf8')
    expect(given.trimEnd().split('\n').join(' ')).toBe(
      '-o BatchMode=yes -o ConnectTimeout=30 -T -l me -p 2222 -- far docker system dial-stdio',
    )
  })

  test('a given socket is quoted for the remote shell', async () => {
    await installSsh(dialStdio())
    await engineAt("ssh://far/run/it's $(x).sock").list(limits)
    expect(await readFile(join(directory, 'arguments'), 'utf8')).toContain(
      String.raw`docker --host 'unix:///run/it'\''s $(x).sock' system dial-stdio`,
    )
  })

  test.each([
    ['me@far: Permission denied (publickey).', 'misconfigured'],
    ['Host key verification failed.', 'misconfigured'],
    ['sh: docker: not found', 'misconfigured'],
    ['ssh: connect to host far port 22: Connection refused', 'unavailable'],
  ])('%s', async (complaint, kind) => {
    await installSsh(`echo '${complaint}' >&2; exit 255`)
    await expect(engineAt('ssh://me@far').list(limits)).rejects.toMatchObject({
      kind,
      message: expect.stringContaining(complaint) as string,
    })
  })

  test('an ssh that fails without output is unavailable', async () => {
    await installSsh('exit 3')
    await expect(engineAt('ssh://far').list(limits)).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('ended with code 3') as string,
    })
  })

  test('without an ssh command it is a wrong configuration', async () => {
    await expect(engineAt('ssh://far', directory).list(limits)).rejects.toMatchObject({
      kind: 'misconfigured',
      message: expect.stringContaining('the ssh command cannot be run') as string,
    })
  })

  test('every-call-ends: at the deadline ssh is ended too', async () => {
    await installSsh(dialStdio())
    server.behave(neverAnswers)
    const ended = engineAt('ssh://far')
      .list(limits)
      .catch((error: unknown) => error)
    await server.requested(1)
    await clock.advance(limits.deadlineMs)
    expect(await ended).toMatchObject({ kind: 'timed-out' })
    await server.quiet()
    expect(server.openConnections).toBe(0)
  })
})

describe('fresh-scan: a change over ssh leaves once the engine itself has answered on the connection', () => {
  const id = fakeId(1)
  const remove = (maySend: () => boolean | Promise<boolean>) =>
    engineAt('ssh://far').remove(id, { ...limits, maySend, volumes: true, force: true })
  const methods = () => server.requests.map(({ method, connection }) => `${method} ${connection}`)
  /** A sign of life, and then the confirmation. */
  const live: Behaviour = (response, request) =>
    (request.method === 'HEAD' ? answers(200, '') : answers(204, ''))(response, request)

  test('the question is asked then, and the request goes over the same connection', async () => {
    await installSsh(dialStdio())
    server.behave(live)
    const seen: string[][] = []
    const maySend = () => {
      seen.push(methods())
      return true
    }
    expect(await remove(maySend)).toBe('done')
    expect(seen).toEqual([['HEAD 1']])
    expect(methods()).toEqual(['HEAD 1', 'DELETE 1'])
  })

  test('a request that may not leave is withheld, and ssh is ended', async () => {
    await installSsh(dialStdio())
    server.behave(live)
    expect(await remove(() => Promise.resolve(false))).toBe('withheld')
    await server.quiet()
    expect(methods()).toEqual(['HEAD 1'])
  })

  test('if the engine does not respond, the question is never asked', async () => {
    await installSsh(dialStdio())
    server.behave(neverAnswers)
    let isAsked = 0
    const ended = remove(() => ++isAsked > 0).catch((error: unknown) => error)
    await server.requested(1)
    await clock.advance(limits.deadlineMs)
    expect(await ended).toMatchObject({ kind: 'timed-out' })
    expect(isAsked).toBe(0)
    expect(methods()).toEqual(['HEAD 1'])
  })

  test.each<[string, Behaviour, string]>([
    ['an engine that is not ready', answers(503, ''), 'unavailable'],
    ['a connection that ends after one answer', answers(200, '', { connection: 'close' }), 'unavailable'],
    ['what is not HTTP', writesRaw('SSH-2.0-OpenSSH\r\n\r\n'), 'invalid-answer'],
    [
      'an answer followed by more bytes',
      writesRaw('HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n'),
      'invalid-answer',
    ],
  ])('%s carries nothing', async (_what, behaviour, kind) => {
    await installSsh(dialStdio())
    server.behave(behaviour)
    let isAsked = 0
    await expect(remove(() => ++isAsked > 0)).rejects.toMatchObject({ kind })
    await server.quiet()
    expect(isAsked).toBe(0)
    expect(methods()).toEqual(['HEAD 1'])
  })

  test('a refused login says why', async () => {
    await installSsh(`echo 'me@far: Permission denied (publickey).' >&2; exit 255`)
    await expect(remove(() => true)).rejects.toMatchObject({ kind: 'misconfigured' })
  })
})
