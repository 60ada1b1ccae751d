import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, posix } from 'node:path'
import type Dockerode from 'dockerode'
import { OptionError } from '../errors.ts'
import { currentContext, dockerConfigDir } from './context.ts'
import { readTlsFiles, type TlsFiles } from './tls-files.ts'

/** Where an engine is and how it is reached. `address` is for people and never holds a secret. */
export type EngineAddress =
  | { readonly kind: 'socket'; readonly address: string; readonly socketPath: string }
  | HttpAddress
  | SshAddress
  | { readonly kind: 'instance'; readonly address: string; readonly dockerode: Dockerode }

export interface HttpAddress {
  readonly kind: 'http'
  readonly address: string
  readonly host: string
  readonly port: number
  /** Put before every path of the API: `/docker`, or empty. */
  readonly pathPrefix: string
  /** Undefined for plain http. */
  readonly tls: TlsFiles | undefined
}

export interface SshAddress {
  readonly kind: 'ssh'
  readonly address: string
  readonly host: string
  readonly user: string | undefined
  readonly port: number | undefined
  /** The engine's socket over there; empty where the remote docker command shall choose. */
  readonly socketPath: string
}

/** Everything outside the process that decides where the engine is. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly homeDir: string
  readonly platform: NodeJS.Platform
  /** Throws as `readFileSync` does. */
  readonly readFile: (path: string) => Buffer
  readonly exists: (path: string) => boolean
}

export function machineSurroundings(): Surroundings {
  return {
    env: process.env,
    homeDir: homedir(),
    platform: process.platform,
    readFile: (path) => readFileSync(path),
    exists: existsSync,
  }
}

const allowed =
  'unix:///path, tcp://host:port, http://host:port, https://host:port, ssh://user@host, npipe:////./pipe/name'

/**
 * Says where the engine is, as the docker command would: what is named; else DOCKER_HOST; else the current docker
 * context; else the platform's own socket. Touches files, never the network; throws an `OptionError` for what cannot be
 * used.
 */
export function resolveEngine(
  engine: string | Dockerode | undefined,
  surroundings: Surroundings = machineSurroundings(),
): EngineAddress {
  if (typeof engine === 'string') return parseAddress(engine, 'engine', surroundings)
  if (engine !== undefined) return describeInstance(engine)
  const { env } = surroundings
  const named = env['DOCKER_HOST']?.trim()
  if (named) {
    // the docker command takes `host:port` too, from here alone
    const url = /^[\w.-]+(:\d+)?$/.test(named) ? `tcp://${named}` : named
    return parseAddress(url, 'DOCKER_HOST', surroundings)
  }
  const context = currentContext(surroundings)
  if (context === undefined) return platformDefault(surroundings)
  if (context.host === '') return platformSocket(surroundings)
  return parseAddress(context.host, context.option, surroundings, context.readTls)
}

/** `readTls` is asked for TCP alone, so that a Unix socket does not need the certificates. */
function parseAddress(
  text: string,
  option: string,
  surroundings: Surroundings,
  readTls: () => TlsFiles | undefined = () => environmentTls(surroundings),
): EngineAddress {
  const shown = withoutSecrets(text)
  const refuse = (why: string) =>
    new OptionError(option, `${option} is '${shown}': ${why}; allowed are ${allowed}`)
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme === 'unix') return parseSocket(text.slice('unix://'.length), refuse)
  if (scheme === 'npipe') return parsePipe(text.slice('npipe://'.length), refuse)
  if (scheme === undefined || !['tcp', 'http', 'https', 'ssh'].includes(scheme)) {
    throw refuse(scheme === undefined ? 'it names no scheme' : `the scheme '${scheme}' is unknown`)
  }
  const place = parsePlace(text.slice(scheme.length + '://'.length), refuse)
  if (scheme === 'ssh') return sshAddress(place, refuse)
  // the docker command ignores them, which would leave somebody believing that they protect
  if (place.user !== undefined) throw refuse('a user or password in it would not be used')
  const tls = scheme === 'http' ? undefined : (readTls() ?? (scheme === 'https' ? systemTrust : undefined))
  return httpAddress(place, scheme, tls)
}

type Refuse = (why: string) => OptionError

// an https engine that no certificates are named for is checked against the machine's own authorities
const systemTrust: TlsFiles = { ca: undefined, cert: undefined, key: undefined, verify: true }

function parseSocket(socketPath: string, refuse: Refuse): EngineAddress {
  if (socketPath === '') throw refuse('the path of the socket is empty')
  if (!posix.isAbsolute(socketPath)) throw refuse('the path of the socket must begin with a slash')
  return { kind: 'socket', address: `unix://${socketPath}`, socketPath }
}

function parsePipe(path: string, refuse: Refuse): EngineAddress {
  const pipe = path.replaceAll('\\', '/')
  if (!/^\/\/[^/]+\/pipe\/.+$/.test(pipe)) throw refuse('it names no pipe')
  return { kind: 'socket', address: `npipe://${pipe}`, socketPath: pipe }
}

interface Place {
  readonly user: string | undefined
  readonly host: string
  readonly port: number | undefined
  readonly path: string
}

const placePattern = /^(?:([^@/?#]*)@)?(\[[0-9a-f:.]+\]|[\w.-]*)(?::(\d+))?(\/[^?#]*)?$/i

function parsePlace(text: string, refuse: Refuse): Place {
  const parts = placePattern.exec(text)
  if (parts === null) throw refuse('it is not of the form host:port')
  const [, user, host = '', digits, path = ''] = parts
  const port = digits === undefined ? undefined : Number(digits)
  if (port !== undefined && !(port >= 1 && port <= 65_535)) throw refuse('the port is not within 1 and 65535')
  return { user, host, port, path: path.replace(/\/+$/, '') }
}

/** A missing host or port is read as the docker command reads it: this machine, and 2375 even with TLS. */
function httpAddress(place: Place, scheme: string, tls: TlsFiles | undefined): HttpAddress {
  const host = place.host === '' ? 'localhost' : place.host
  const port = place.port ?? { http: 80, https: 443 }[scheme] ?? 2375
  return {
    kind: 'http',
    address: `${scheme}://${host}:${port}${place.path}`,
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port,
    pathPrefix: place.path,
    tls,
  }
}

function sshAddress({ user, host, port, path }: Place, refuse: Refuse): SshAddress {
  if (host === '' || host.startsWith('-')) throw refuse('it names no host')
  if (user?.includes(':')) throw refuse('ssh takes no password from an address: use keys and an agent')
  if (user === '' || user?.startsWith('-')) throw refuse('it names no user')
  const address = `ssh://${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}${path}`
  return { kind: 'ssh', address, host: host.replace(/^\[(.*)\]$/, '$1'), user, port, socketPath: path }
}

function environmentTls(surroundings: Surroundings): TlsFiles | undefined {
  const { env } = surroundings
  // any text counts, `0` too: so the docker command reads it
  if (!env['DOCKER_TLS_VERIFY']) return undefined
  const directory = env['DOCKER_CERT_PATH'] || dockerConfigDir(surroundings)
  return readTlsFiles(directory, { option: 'DOCKER_CERT_PATH', needsCa: true, verify: true }, surroundings)
}

function platformDefault(surroundings: Surroundings): EngineAddress {
  // with certificates and no address the docker command means the local TLS port
  const tls = environmentTls(surroundings)
  if (tls === undefined) return platformSocket(surroundings)
  return httpAddress({ user: undefined, host: 'localhost', port: 2376, path: '' }, 'tcp', tls)
}

function platformSocket({ platform, homeDir, exists }: Surroundings): EngineAddress {
  if (platform === 'win32') {
    return { kind: 'socket', address: 'npipe:////./pipe/docker_engine', socketPath: '//./pipe/docker_engine' }
  }
  const system = '/var/run/docker.sock'
  const desktop = join(homeDir, '.docker', 'run', 'docker.sock')
  const socketPath = !exists(system) && exists(desktop) ? desktop : system
  return { kind: 'socket', address: `unix://${socketPath}`, socketPath }
}

/** The parts of dockerode's modem that say where it goes; its types leave most of them out. */
interface ModemPlace {
  readonly dial?: unknown
  readonly socketPath?: unknown
  readonly protocol?: unknown
  readonly host?: unknown
  readonly port?: string | number
}

function describeInstance(dockerode: Dockerode): EngineAddress {
  const modem = (dockerode as { modem?: ModemPlace } | null)?.modem
  if (typeof modem?.dial !== 'function') {
    throw new OptionError(
      'engine',
      `engine is neither an address nor a Dockerode instance; allowed are ${allowed}`,
    )
  }
  return { kind: 'instance', address: describeModem(modem), dockerode }
}

function describeModem({ socketPath, protocol, host, port }: ModemPlace): string {
  if (typeof host === 'string' && host !== '') {
    const bare = withoutSecrets(host)
      .replace(/^[a-z]+:\/\//i, '')
      .replace(/[/?#].*$/, '')
    const tail = port === undefined || port === '' || /:\d+$/.test(bare) ? '' : `:${port}`
    const scheme = /^([a-z]+):\/\//i.exec(host)?.[1] ?? (typeof protocol === 'string' ? protocol : 'http')
    return `${scheme}://${bare}${tail}`
  }
  if (typeof socketPath !== 'string') return "dockerode's own default socket"
  return socketPath.startsWith('//') ? `npipe://${socketPath}` : `unix://${socketPath}`
}

/** As it may be shown: without what stands before the `@`, and without a query. */
function withoutSecrets(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?(?!\/).*@/is, '$1***@').replace(/[?#].*$/s, '')
}
