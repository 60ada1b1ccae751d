import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import Dockerode from 'dockerode'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { OptionError } from '../../src/domain/errors.ts'
import { resolveEngine } from '../../src/engine/address.ts'
import { machineSurroundings, type Surroundings } from '../../src/engine/surroundings.ts'

let home: string
let exists: (path: string) => boolean

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'flotsam-home-'))
  exists = (path) => path.startsWith(home) && existsSync(path)
})

afterEach(async () => {
  await rm(home, { recursive: true })
})

function around(env: Surroundings['env'] = {}, platform: NodeJS.Platform = 'linux'): Surroundings {
  return { env, homeDir: home, platform, readFile: (path) => readFileSync(path), exists }
}

function refusal(engine: unknown, env: Surroundings['env'] = {}): OptionError {
  try {
    resolveEngine(engine as string, around(env))
  } catch (error) {
    if (error instanceof OptionError) return error
    throw error
  }
  throw new Error(`${String(engine)} was accepted`)
}

async function write(path: string, content: unknown): Promise<void> {
  const whole = join(home, path)
  await mkdir(join(whole, '..'), { recursive: true })
  await writeFile(whole, typeof content === 'string' ? content : JSON.stringify(content))
}

async function writeContext(
  name: string,
  endpoint: object | undefined,
  directory = '.docker',
): Promise<string> {
  const digest = createHash('sha256').update(name).digest('hex')
  const meta = { Name: name, Endpoints: endpoint === undefined ? {} : { docker: endpoint } }
  await write(`${directory}/contexts/meta/${digest}/meta.json`, meta)
  return `${directory}/contexts/tls/${digest}/docker`
}

describe('an address', () => {
  test.each([
    [
      'unix:///run/a b.sock',
      { kind: 'socket', address: 'unix:///run/a b.sock', socketPath: '/run/a b.sock' },
    ],
    ['unix:///home/me@x/a.sock', { address: 'unix:///home/me@x/a.sock' }],
    ['npipe:////./pipe/docker_engine', { kind: 'socket', socketPath: '//./pipe/docker_engine' }],
    [String.raw`npipe://\\.\pipe\docker_engine`, { socketPath: '//./pipe/docker_engine' }],
    [
      'tcp://engine:2375',
      { kind: 'http', address: 'tcp://engine:2375', host: 'engine', port: 2375, tls: undefined },
    ],
    ['tcp://engine:80', { port: 80 }],
    ['tcp://engine', { address: 'tcp://engine:2375', port: 2375 }],
    ['tcp://:999', { address: 'tcp://localhost:999' }],
    ['tcp://', { address: 'tcp://localhost:2375' }],
    ['tcp://[::1]:999/', { address: 'tcp://[::1]:999', host: '::1', pathPrefix: '' }],
    ['TCP://engine:1', { address: 'tcp://engine:1' }],
    ['http://proxy/docker/', { address: 'http://proxy:80/docker', port: 80, pathPrefix: '/docker' }],
    ['https://proxy', { address: 'https://proxy:443', port: 443, tls: { verify: true, ca: undefined } }],
    ['ssh://me@far:2222', { kind: 'ssh', address: 'ssh://me@far:2222', host: 'far', user: 'me', port: 2222 }],
    ['ssh://far', { address: 'ssh://far', user: undefined, port: undefined, socketPath: '' }],
    ['ssh://far/run/x.sock', { address: 'ssh://far/run/x.sock', socketPath: '/run/x.sock' }],
  ])('%s', (engine, expected) => {
    expect(resolveEngine(engine, around())).toMatchObject(expected)
  })

  test.each([
    ['', 'the scheme is missing'],
    ['/var/run/docker.sock', 'the scheme is missing'],
    ['localhost:2375', 'the scheme is missing'],
    ['ftp://x', "scheme 'ftp' is unknown"],
    ['unix://', 'socket is empty'],
    ['unix://run/docker.sock', 'begin with a slash'],
    ['npipe://x', 'it is not the path of a pipe'],
    ['tcp://engine:0', 'within 1 and 65535'],
    ['tcp://engine:99999', 'within 1 and 65535'],
    ['tcp://engine:', 'host:port'],
    ['tcp://engine:a', 'host:port'],
    ['tcp://a b:1', 'host:port'],
    ['tcp://engine:1?x=y', 'host:port'],
    ['ssh://', 'no valid host'],
    ['ssh://-oProxyCommand=x', 'host'],
    ['ssh://-oProxyCommand@far', 'no valid user'],
  ])('%j is refused: %s', (engine, why) => {
    const { option, message } = refusal(engine)
    expect(option).toBe('engine')
    expect(message).toContain(why)
    const shown = JSON.stringify(engine.replace(/[?].*/, ''))
    expect(message).toContain(`option engine: ${shown} is not allowed; `)
    expect(message).toContain('allowed are unix:///path, tcp://host:port')
  })

  test.each(['tcp', 'http', 'https', 'ssh', 'foo'])(
    'a password in %s is refused and never shown',
    (scheme) => {
      for (const secret of ['hunter2', 'hun/hunter2', 'hun@hunter2', 'hun?hunter2', 'hunter2\n']) {
        const error = refusal(`${scheme}://me:${secret}@engine:1`)
        expect(inspect(error)).not.toContain('hunter2')
      }
    },
  )

  test('a query, which may hold a token, is never shown', () => {
    expect(inspect(refusal('tcp://engine:1?token=hunter2'))).not.toContain('hunter2')
  })
})

describe('the user’s own instance is described without secrets', () => {
  test.each([
    [{ socketPath: '/run/x.sock' }, 'unix:///run/x.sock'],
    [{ socketPath: '//./pipe/x' }, 'npipe:////./pipe/x'],
    [{ host: 'engine', port: 2375 }, 'http://engine:2375'],
    [{ host: 'http://engine', port: '2375' }, 'http://engine:2375'],
    [{ host: 'https://me:hunter2@engine:1/x?y' }, 'https://***@engine:1'],
    [{ host: 'engine', protocol: 'ssh', username: 'me', password: 'hunter2' }, 'ssh://engine'],
  ] as const)('%j', (options, address) => {
    const dockerode = new Dockerode(options)
    expect(resolveEngine(dockerode, around())).toEqual({ kind: 'instance', address, dockerode })
  })

  test('one that finds its socket by itself', () => {
    const dockerode = { modem: { dial: () => {}, socketPath: () => {} } } as unknown as Dockerode
    expect(resolveEngine(dockerode, around()).address).toBe("dockerode's own default socket")
  })
})

describe('with no address given it is the one that the docker command would use', () => {
  const addressWith = (env: Surroundings['env'], platform?: NodeJS.Platform) =>
    resolveEngine(undefined, around(env, platform)).address

  test("the platform's socket", async () => {
    expect(addressWith({})).toBe('unix:///var/run/docker.sock')
    expect(addressWith({}, 'win32')).toBe('npipe:////./pipe/docker_engine')
    await write('.docker/run/docker.sock', '')
    expect(addressWith({})).toBe(`unix://${home}/.docker/run/docker.sock`)
    exists = () => true
    expect(addressWith({})).toBe('unix:///var/run/docker.sock')
  })

  test('DOCKER_HOST, with or without a scheme; empty means unset', () => {
    expect(addressWith({ DOCKER_HOST: ' unix:///a.sock ' })).toBe('unix:///a.sock')
    expect(addressWith({ DOCKER_HOST: '127.0.0.1:99' })).toBe('tcp://127.0.0.1:99')
    expect(addressWith({ DOCKER_HOST: 'engine' })).toBe('tcp://engine:2375')
    expect(addressWith({ DOCKER_HOST: '', DOCKER_CONTEXT: '' })).toBe('unix:///var/run/docker.sock')
  })

  test('DOCKER_HOST wins over any context, and an address that is given over both', async () => {
    await writeContext('far', { Host: 'tcp://far:1' })
    const env = { DOCKER_HOST: 'tcp://host:1', DOCKER_CONTEXT: 'far' }
    expect(addressWith(env)).toBe('tcp://host:1')
    expect(addressWith({ ...env, DOCKER_CONTEXT: 'absent' })).toBe('tcp://host:1')
    expect(resolveEngine('tcp://given:1', around(env)).address).toBe('tcp://given:1')
  })

  test('DOCKER_CONTEXT wins over the configured context', async () => {
    await writeContext('far', { Host: 'tcp://far:1' })
    await writeContext('near', { Host: 'unix:///near.sock' })
    await write('.docker/config.json', { currentContext: 'near' })
    expect(addressWith({})).toBe('unix:///near.sock')
    expect(addressWith({ DOCKER_CONTEXT: 'far' })).toBe('tcp://far:1')
    expect(addressWith({ DOCKER_CONTEXT: 'default' })).toBe('unix:///var/run/docker.sock')
  })

  test('the context is read from DOCKER_CONFIG', async () => {
    await writeContext('far', { Host: 'ssh://me@far' }, 'elsewhere')
    await write('elsewhere/config.json', { currentContext: 'far' })
    expect(addressWith({ DOCKER_CONFIG: join(home, 'elsewhere') })).toBe('ssh://me@far')
    expect(addressWith({})).toBe('unix:///var/run/docker.sock')
  })

  test.each(['', 'default'])('a configured context %j means no context', async (currentContext) => {
    await write('.docker/config.json', { currentContext })
    expect(addressWith({})).toBe('unix:///var/run/docker.sock')
  })

  test('a context without a host means the socket of the platform', async () => {
    await writeContext('bare', { Host: '' })
    expect(addressWith({ DOCKER_CONTEXT: 'bare' })).toBe('unix:///var/run/docker.sock')
  })

  test('a bad DOCKER_HOST is named', () => {
    const { option, source, message } = refusal(undefined, { DOCKER_HOST: 'foo://bar' })
    expect([option, source]).toEqual(['engine', 'DOCKER_HOST'])
    expect(message).toContain('DOCKER_HOST: "foo://bar" is not allowed; ')
  })
})

describe('an unusable context is named', () => {
  test('one that does not exist', async () => {
    const fromEnvironment = refusal(undefined, { DOCKER_CONTEXT: 'absent' })
    expect(fromEnvironment).toMatchObject({
      option: 'engine',
      source: 'the docker context of DOCKER_CONTEXT',
    })
    expect(fromEnvironment.message).toContain('DOCKER_CONTEXT: "absent" is not allowed; ')
    expect(fromEnvironment.message).toContain('does not exist')
    await write('.docker/config.json', { currentContext: 'absent' })
    expect(refusal(undefined).source).toBe('the docker context of currentContext')
  })

  test.each([
    ['broken JSON', '{"auths":"hunter2', 'is not JSON'],
    ['an array', '[]', 'does not contain an object'],
    ['a context that is a number', '{"currentContext":7}', 'currentContext is 7'],
  ])('a configuration of %s', async (_what, config, why) => {
    await write('.docker/config.json', config)
    const error = refusal(undefined)
    expect(error.message).toContain(
      `the docker configuration: "${home}/.docker/config.json" is not allowed; `,
    )
    expect(error.message).toContain(why)
    expect(inspect(error)).not.toContain('hunter2')
  })

  test('a configuration that cannot be read', async () => {
    await mkdir(join(home, '.docker/config.json'), { recursive: true })
    expect(refusal(undefined).message).toContain('EISDIR')
  })

  test.each([
    ['no endpoint', undefined],
    ['a host that is a number', { Host: 7 }],
  ])('one with %s', async (_what, endpoint) => {
    await writeContext('odd', endpoint)
    expect(refusal(undefined, { DOCKER_CONTEXT: 'odd' }).message).toContain('has no docker endpoint')
  })

  test('one whose host is bad', async () => {
    await writeContext('odd', { Host: 'foo://me:hunter2@x' })
    const error = refusal(undefined, { DOCKER_CONTEXT: 'odd' })
    expect(error.source).toBe("docker context 'odd'")
    expect(error.message).toContain(`docker context 'odd': "foo://***@x" is not allowed; `)
    expect(inspect(error)).not.toContain('hunter2')
  })
})

describe('TLS', () => {
  const tlsOf = (engine: string | undefined, env: Surroundings['env']) => {
    const address = resolveEngine(engine, around(env))
    return address.kind === 'http' ? address.tls : 'no TCP'
  }
  const pem = (text: string) => Buffer.from(text)

  test('DOCKER_TLS_VERIFY asks for it by any text, `0` too, and not when empty', async () => {
    await write('certs/ca.pem', 'ca')
    const env = { DOCKER_CERT_PATH: join(home, 'certs') }
    for (const text of ['1', '0', 'false']) {
      const tls = { ca: pem('ca'), cert: undefined, key: undefined, verify: true }
      expect(tlsOf('tcp://a:1', { ...env, DOCKER_TLS_VERIFY: text })).toEqual(tls)
    }
    expect(tlsOf('tcp://a:1', { ...env, DOCKER_TLS_VERIFY: '' })).toBeUndefined()
    expect(tlsOf('tcp://a:2376', env)).toBeUndefined()
    expect(tlsOf('http://a:1', { ...env, DOCKER_TLS_VERIFY: '1' })).toBeUndefined()
  })

  test('without a path certificates come from the configuration; a socket needs none', async () => {
    await write('.docker/ca.pem', 'ca')
    await write('.docker/cert.pem', 'cert')
    await write('.docker/key.pem', 'key')
    const tls = { ca: pem('ca'), cert: pem('cert'), key: pem('key'), verify: true }
    expect(tlsOf('tcp://a:1', { DOCKER_TLS_VERIFY: '1' })).toEqual(tls)
    const env = { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: join(home, 'absent') }
    expect(tlsOf('unix:///a.sock', env)).toBe('no TCP')
  })

  test('TLS and no address mean the local TLS port', async () => {
    await write('.docker/ca.pem', 'ca')
    expect(resolveEngine(undefined, around({ DOCKER_TLS_VERIFY: '1' })).address).toBe('tcp://localhost:2376')
  })

  test.each([
    ['no authority', ['cert.pem', 'key.pem'], 'ca.pem, which verifies'],
    ['a certificate without its key', ['ca.pem', 'cert.pem'], 'key.pem is missing'],
    ['a key without its certificate', ['ca.pem', 'key.pem'], 'cert.pem is missing'],
  ])('%s is refused', async (_what, files, why) => {
    for (const file of files) await write(`certs/${file}`, 'x')
    const directory = join(home, 'certs')
    const error = refusal('tcp://a:1', { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: directory })
    expect(error.source).toBe('DOCKER_CERT_PATH')
    expect(error.message).toContain(directory)
    expect(error.message).toContain(why)
  })

  test('a file that cannot be read is refused', async () => {
    await mkdir(join(home, 'certs/ca.pem'), { recursive: true })
    await chmod(join(home, 'certs/ca.pem'), 0o755)
    const env = { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: join(home, 'certs') }
    expect(refusal('tcp://a:1', env).message).toContain('ca.pem: EISDIR')
  })

  test('a context brings its own, and the environment is ignored', async () => {
    const directory = await writeContext('far', { Host: 'tcp://far:1', SkipTLSVerify: false })
    const env = { DOCKER_CONTEXT: 'far', DOCKER_TLS_VERIFY: '1' }
    expect(tlsOf(undefined, env)).toBeUndefined()
    await write(`${directory}/ca.pem`, 'ca')
    expect(tlsOf(undefined, env)).toEqual({ ca: pem('ca'), cert: undefined, key: undefined, verify: true })
    await write(`${directory}/key.pem`, 'key')
    expect(refusal(undefined, env).source).toBe("docker context 'far'")
  })

  test('a context may ask not to verify', async () => {
    await writeContext('far', { Host: 'tcp://far:1', SkipTLSVerify: true })
    expect(tlsOf(undefined, { DOCKER_CONTEXT: 'far' })).toMatchObject({ verify: false })
  })
})

describe('a user without a home directory, as systemd makes one', () => {
  const homeless = (env: Surroundings['env'] = {}) => ({ ...around(env), homeDir: undefined })

  test('does without the configuration of docker, and finds the socket', () => {
    expect(resolveEngine(undefined, homeless())).toMatchObject({ address: 'unix:///var/run/docker.sock' })
    expect(resolveEngine('tcp://10.0.0.1', homeless())).toMatchObject({ address: 'tcp://10.0.0.1:2375' })
  })

  test('reads the configuration that DOCKER_CONFIG names', async () => {
    await writeContext('far', { Host: 'tcp://10.0.0.2:2375' }, 'config')
    const env = { DOCKER_CONFIG: join(home, 'config'), DOCKER_CONTEXT: 'far' }
    expect(resolveEngine(undefined, homeless(env))).toMatchObject({ address: 'tcp://10.0.0.2:2375' })
  })

  test.each([
    [{ DOCKER_CONTEXT: 'far' }, /DOCKER_CONFIG/],
    [{ DOCKER_TLS_VERIFY: '1' }, /DOCKER_CERT_PATH is missing/],
  ])('%o needs a directory, and the error names its variable', (env, message) => {
    expect(() => resolveEngine(undefined, homeless(env))).toThrow(message)
  })

  test('is no error', () => {
    const failing = () => {
      throw new Error('uv_os_homedir returned ENOENT (no such file or directory)')
    }
    expect(machineSurroundings(failing).homeDir).toBeUndefined()
    expect(machineSurroundings(() => '/home/a').homeDir).toBe('/home/a')
  })
})
