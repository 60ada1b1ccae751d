import { createHash } from 'node:crypto'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OptionError } from '../../src/domain/errors.ts'
import { type EngineAddress, resolveEngine } from '../../src/engine/address.ts'
import { type Surroundings } from '../../src/engine/surroundings.ts'
import { anyJsonText, notJson, strangeText } from './json.ts'
import { fuzz, fuzzTimeoutMs } from './support.ts'

const secret = 'hunter2'

type Kind = EngineAddress['kind'] | 'refused'

/** The kind of address, or one refusal that names the option; any other result fails. */
function kindOf(engine: string | undefined, surroundings: Surroundings): Kind {
  try {
    const address = resolveEngine(engine, surroundings)
    expectUsable(address)
    return address.kind
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    expect(error.option).not.toBe('')
    expect(error.message).not.toContain(secret)
    expect(JSON.stringify(error)).not.toContain(secret)
    return 'refused'
  }
}

function expectUsable(address: EngineAddress): void {
  expect(address.address).not.toContain(secret)
  if (address.kind === 'socket') expect(address.socketPath).toMatch(/^[/\\]/)
  if (address.kind === 'http') {
    expect(address.host).toMatch(/^[\w.:-]+$/)
    expect(Number.isInteger(address.port) && address.port >= 1 && address.port <= 65_535).toBe(true)
    expect(address.pathPrefix).not.toMatch(/[?#]/)
  }
  // nothing that ssh would take for one of its options
  if (address.kind === 'ssh')
    for (const word of [address.host, address.user ?? 'a']) expect(word).toMatch(/^[^-]/)
}

const around = (
  env: Record<string, string>,
  files: ReadonlyMap<string, string> = new Map(),
  platform: NodeJS.Platform = 'linux',
): Surroundings => ({
  env,
  homeDir: '/home/user',
  platform,
  readFile: (path) => {
    const text = files.get(path)
    if (text === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' })
    return Buffer.from(text)
  },
  exists: () => false,
})

const piece = fc.oneof(
  fc.constantFrom(
    'unix',
    'tcp',
    'http',
    'https',
    'ssh',
    'npipe',
    'ftp',
    'TCP',
    ':',
    '://',
    '/',
    '//',
    '\\',
    '@',
    '-',
    '..',
    '[::1]',
    '[',
    ']',
    '127.0.0.1',
    'host',
    ':2375',
    ':0',
    ':65536',
    ':99999999999',
    ':-1',
    '?',
    '#',
    '%00',
    '%',
    ' ',
    '\n',
    '\0',
    '.',
    './pipe/x',
    '-oProxyCommand=x',
  ),
  strangeText,
)
const text = fc.oneof(
  fc.array(piece, { maxLength: 6 }).map((all) => all.join('')),
  fc
    .tuple(
      fc.constantFrom('unix://', 'tcp://', 'http://', 'https://', 'ssh://', 'npipe://', ''),
      fc.array(piece, { maxLength: 4 }),
    )
    .map(([scheme, all]) => scheme + all.join('')),
)

describe('where the engine is', () => {
  test('any given address leads to an engine or is refused', { timeout: fuzzTimeoutMs }, async () => {
    let usable = 0
    await fuzz(
      2000,
      fc.property(
        text,
        fc.boolean(),
        fc.constantFrom<NodeJS.Platform>('linux', 'win32', 'darwin'),
        (text, isEnv, platform) => {
          const env: Record<string, string> = isEnv ? { DOCKER_HOST: text } : {}
          if (kindOf(isEnv ? undefined : text, around(env, new Map(), platform)) !== 'refused') usable++
        },
      ),
    )
    expect(usable).toBeGreaterThan(100)
  })

  test('secrets in an address are never shown', { timeout: fuzzTimeoutMs }, async () => {
    await fuzz(
      500,
      fc.property(
        fc.constantFrom('unix', 'tcp', 'http', 'https', 'ssh', 'npipe', 'ftp', ''),
        fc.constantFrom(
          `user:${secret}@host`,
          `${secret}@host`,
          `host:2375?token=${secret}`,
          `host#${secret}`,
          `a:${secret}@b@host:1`,
        ),
        fc.constantFrom('', '/path', ':99999', ' ', '\n'),
        (scheme, place, end) => {
          // a user's name is shown where ssh has a use for it
          const isName = scheme === 'ssh' && place === `${secret}@host`
          if (isName) return
          const kind = kindOf(`${scheme === '' ? '' : `${scheme}://`}${place}${end}`, around({}))
          expect(['refused', 'socket', 'http', 'ssh']).toContain(kind)
          expect(kind === 'refused' || scheme !== 'ftp').toBe(true)
        },
      ),
    )
  })

  test('any content of the files of a docker context', { timeout: fuzzTimeoutMs }, async () => {
    const config = fc.oneof(
      { weight: 4, arbitrary: fc.constant('{"currentContext":"far"}') },
      anyJsonText.map((name) => `{"currentContext":${name}}`),
      anyJsonText,
      notJson,
    )
    const meta = fc.oneof(
      { weight: 4, arbitrary: text.map((host) => JSON.stringify({ Endpoints: { docker: { Host: host } } })) },
      anyJsonText.map((host) => `{"Endpoints":{"docker":{"Host":${host},"SkipTLSVerify":${host}}}}`),
      anyJsonText.map((endpoints) => `{"Endpoints":${endpoints}}`),
      anyJsonText,
      notJson,
    )
    const tls = fc.subarray(['ca.pem', 'cert.pem', 'key.pem'])
    const kinds = new Set<Kind>()
    await fuzz(
      1000,
      fc.property(config, meta, tls, fc.option(text, { nil: undefined }), (config, meta, tls, named) => {
        const name = named ?? 'far'
        const digest = createHash('sha256').update(name).digest('hex')
        const home = '/home/user/.docker'
        const files = new Map([
          [join(home, 'config.json'), config],
          [join(home, 'contexts/meta', digest, 'meta.json'), meta],
          ...tls.map((file) => [join(home, 'contexts/tls', digest, 'docker', file), secret] as const),
        ])
        kinds.add(kindOf(undefined, around(named === undefined ? {} : { DOCKER_CONTEXT: named }, files)))
      }),
    )
    expect(kinds).toEqual(new Set<Kind>(['refused', 'socket', 'http', 'ssh']))
  })
})
