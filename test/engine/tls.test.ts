import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createDockerodeEngine } from '../../src/engine/dockerode-engine.ts'
import { machineSurroundings } from '../../src/engine/surroundings.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { answers, startMisbehavingServer, type MisbehavingServer } from '../support/misbehaving-server.ts'

let directory: string
let server: MisbehavingServer

const at = (...names: string[]) => join(directory, ...names)

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' })
}

function makeAuthority(name: string): void {
  const subject = ['-subj', `/CN=${name}`, '-days', '2']
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    `${name}.key`,
  ]
  openssl('req', '-x509', ...key, '-out', `${name}.pem`, ...subject)
}

/** Certificates as the docker command wants them: ca.pem, cert.pem and key.pem in one directory. */
function makeCertificate(name: string, authority: string): void {
  mkdirSync(at(name))
  writeFileSync(at('extensions'), 'subjectAltName = IP:127.0.0.1\n')
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    `${name}/key.pem`,
  ]
  openssl('req', ...key, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
  const by = [
    '-CA',
    `${authority}.pem`,
    '-CAkey',
    `${authority}.key`,
    '-CAcreateserial',
    '-extfile',
    'extensions',
  ]
  openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-days', '2', '-out', `${name}/cert.pem`)
  writeFileSync(at(name, 'ca.pem'), readFileSync(at(`${authority}.pem`)))
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'flotsam-tls-'))
  makeAuthority('ours')
  makeAuthority('theirs')
  makeCertificate('engine', 'ours')
  makeCertificate('client', 'ours')
  makeCertificate('stranger', 'theirs')
})

afterAll(() => rmSync(directory, { recursive: true }))

beforeEach(async () => {
  const read = (name: string) => readFileSync(at('engine', name))
  const tls = { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem'), requestCert: true }
  server = await startMisbehavingServer(answers(200, []), { on: 'tcp', tls })
})

afterEach(async () => {
  await server.quiet()
  await server.close()
})

function list(env: Record<string, string>, engine?: string) {
  const surroundings = { ...machineSurroundings(), env, homeDir: at('no-home') }
  return createDockerodeEngine({ engine, clock: createFakeClock(), surroundings }).list({
    deadlineMs: 10_000,
  })
}

const withCertificates = (name: string) => ({ DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: at(name) })

describe('TLS', () => {
  test('the engine and the client prove who they are', async () => {
    const authorized: unknown[] = []
    server.behave((response, request) => {
      authorized.push((request.socket as { authorized?: boolean }).authorized)
      answers(200, [])(response, request)
    })
    await expect(list(withCertificates('client'), server.address)).resolves.toMatchObject({ containers: [] })
    expect(authorized).toEqual([true])
  })

  test('an engine with a certificate of another authority is a wrong configuration and receives nothing', async () => {
    await expect(list(withCertificates('stranger'), server.address)).rejects.toMatchObject({
      kind: 'misconfigured',
      message: expect.stringContaining('TLS: ') as string,
    })
    await expect(list({}, `https://127.0.0.1:${server.port}`)).rejects.toMatchObject({
      kind: 'misconfigured',
    })
    expect(server.requests).toEqual([])
  })

  test('a client without the certificate that the engine requires is a wrong configuration', async () => {
    mkdirSync(at('bare'))
    writeFileSync(at('bare', 'ca.pem'), readFileSync(at('ours.pem')))
    await expect(list(withCertificates('bare'), server.address)).rejects.toMatchObject({
      kind: 'misconfigured',
      message: expect.stringContaining('TLS: tlsv13 alert certificate required') as string,
    })
    expect(server.requests).toEqual([])
  })

  test('TLS spoken to a plain-text port is a wrong configuration', async () => {
    const plain = await startMisbehavingServer(answers(200, []), { on: 'tcp' })
    await expect(list(withCertificates('client'), plain.address)).rejects.toMatchObject({
      kind: 'misconfigured',
    })
    await plain.close()
  })

  function writeContext(SkipTLSVerify: boolean): Record<string, string> {
    const digest = createHash('sha256').update('far').digest('hex')
    const config = mkdtempSync(at('config-'))
    mkdirSync(join(config, 'contexts/meta', digest), { recursive: true })
    mkdirSync(join(config, 'contexts/tls', digest, 'docker'), { recursive: true })
    const meta = { Name: 'far', Endpoints: { docker: { Host: server.address, SkipTLSVerify } } }
    writeFileSync(join(config, 'contexts/meta', digest, 'meta.json'), JSON.stringify(meta))
    const tls = { 'ca.pem': SkipTLSVerify ? 'stranger' : 'client', 'cert.pem': 'client', 'key.pem': 'client' }
    for (const [name, whose] of Object.entries(tls)) {
      writeFileSync(join(config, 'contexts/tls', digest, 'docker', name), readFileSync(at(whose, name)))
    }
    return { DOCKER_CONFIG: config, DOCKER_CONTEXT: 'far' }
  }

  test('the certificates of a docker context are used', async () => {
    await expect(list(writeContext(false))).resolves.toMatchObject({ containers: [] })
  })

  test('a docker context with verification off is obeyed', async () => {
    await expect(list(writeContext(true))).resolves.toMatchObject({ containers: [] })
  })
})
