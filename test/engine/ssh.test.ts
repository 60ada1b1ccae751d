import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { machineSurroundings } from '../../src/engine/address.ts'
import { createDockerodeEngine } from '../../src/engine/dockerode-engine.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import {
  answers,
  neverAnswers,
  startMisbehavingServer,
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

/** Puts a program called ssh in the way, which notes its arguments and then does as told. */
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
  test('answers through `docker system dial-stdio` over there', async () => {
    await installSsh(dialStdio())
    await expect(engineAt('ssh://me@far:2222').list(limits)).resolves.toMatchObject({ containers: [] })
    const given = await readFile(join(directory, 'arguments'), 'utf8')
    expect(given.trimEnd().split('\n').join(' ')).toBe(
      '-o BatchMode=yes -o ConnectTimeout=30 -T -l me -p 2222 -- far docker system dial-stdio',
    )
  })

  test('a socket that is named is quoted for the shell over there', async () => {
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

  test('an ssh that fails without a word is unavailable', async () => {
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
