import { join, posix } from 'node:path'
import type { EngineClient } from '../domain/engine-client.ts'
import { OptionError } from '../domain/errors.ts'
import { kindOf, withoutSecrets } from '../domain/show.ts'
import { currentContext, dockerConfigDir } from './context.ts'
import { machineSurroundings, type Surroundings } from './surroundings.ts'
import { readTlsFiles, type TlsFiles } from './tls-files.ts'

/** An engine's address and how to connect to it. `address` is for display and never contains a secret. */
export type EngineAddress =
  | { readonly kind: 'socket'; readonly address: string; readonly socketPath: string }
  | HttpAddress
  | SshAddress
  | { readonly kind: 'instance'; readonly address: string; readonly dockerode: EngineClient }

export interface HttpAddress {
  readonly kind: 'http'
  readonly address: string
  readonly host: string
  readonly port: number
  /** Prefix of every API path, such as `/docker`; may be empty. */
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
  /** The engine's socket on the remote host; if empty, the remote docker command chooses it. */
  readonly socketPath: string
}

const allowed =
  'unix:///path, tcp://host:port, http://host:port, https://host:port, ssh://user@host, npipe:////./pipe/name'

/**
 * Resolves the engine's address as the docker command does: the given one, else DOCKER_HOST, else the current docker
 * context, else the platform's default socket. Reads files and never uses the network.
 *
 * @throws OptionError if the address is invalid
 */
export function resolveEngine(
  engine: string | EngineClient | undefined,
  surroundings: Surroundings = machineSurroundings(),
): EngineAddress {
  if (typeof engine === 'string') return parseAddress(engine, undefined, surroundings)
  if (engine !== undefined) return describeInstance(engine)
  const { env } = surroundings
  const named = env['DOCKER_HOST']?.trim()
  if (named) {
    // like the docker command, accepts `host:port` in DOCKER_HOST only
    const url = /^[\w.-]+(:\d+)?$/.test(named) ? `tcp://${named}` : named
    return parseAddress(url, 'DOCKER_HOST', surroundings)
  }
  const context = currentContext(surroundings)
  if (context === undefined) return platformDefault(surroundings)
  if (context.host === '') return platformSocket(surroundings)
  return parseAddress(context.host, context.source, surroundings, context.readTls)
}

/** Calls `readTls` for TCP only, so that a Unix socket needs no certificates. */
function parseAddress(
  text: string,
  source: string | undefined,
  surroundings: Surroundings,
  readTls: () => TlsFiles | undefined = () => environmentTls(surroundings),
): EngineAddress {
  const refuse = (why: string) =>
    new OptionError('engine', withoutSecrets(text), `${why}; allowed are ${allowed}`, { source })
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme === 'unix') return parseSocket(text.slice('unix://'.length), refuse)
  if (scheme === 'npipe') return parsePipe(text.slice('npipe://'.length), refuse)
  if (scheme === undefined || !['tcp', 'http', 'https', 'ssh'].includes(scheme)) {
    throw refuse(scheme === undefined ? 'the scheme is missing' : `the scheme '${scheme}' is unknown`)
  }
  const place = parsePlace(text.slice(scheme.length + '://'.length), refuse)
  if (scheme === 'ssh') return sshAddress(place, refuse)
  // the docker command ignores credentials, which would suggest a protection that is not there
  if (place.user !== undefined) throw refuse('a user or password in it would not be used')
  const tls = scheme === 'http' ? undefined : (readTls() ?? (scheme === 'https' ? systemTrust : undefined))
  return httpAddress(place, scheme, tls)
}

type Refuse = (why: string) => OptionError

// without certificates of its own, an https engine is verified against the system's certificate authorities
const systemTrust: TlsFiles = { ca: undefined, cert: undefined, key: undefined, verify: true }

function parseSocket(socketPath: string, refuse: Refuse): EngineAddress {
  if (socketPath === '') throw refuse('the path of the socket is empty')
  if (!posix.isAbsolute(socketPath)) throw refuse('the path of the socket must begin with a slash')
  return { kind: 'socket', address: `unix://${socketPath}`, socketPath }
}

function parsePipe(path: string, refuse: Refuse): EngineAddress {
  const pipe = path.replaceAll('\\', '/')
  if (!/^\/\/[^/]+\/pipe\/.+$/.test(pipe)) throw refuse('it is not the path of a pipe')
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

/** Host and port default as in the docker command: localhost, and 2375 even with TLS. */
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
  if (host === '' || host.startsWith('-')) throw refuse('it has no valid host')
  if (user?.includes(':')) throw refuse('ssh takes no password from an address: use keys and an agent')
  if (user === '' || user?.startsWith('-')) throw refuse('it has no valid user')
  const address = `ssh://${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}${path}`
  return { kind: 'ssh', address, host: host.replace(/^\[(.*)\]$/, '$1'), user, port, socketPath: path }
}

function environmentTls(surroundings: Surroundings): TlsFiles | undefined {
  const { env } = surroundings
  // any non-empty value enables TLS, even `0`, as in the docker command
  if (!env['DOCKER_TLS_VERIFY']) return undefined
  const directory = env['DOCKER_CERT_PATH'] || dockerConfigDir(surroundings)
  if (directory === undefined) {
    throw new OptionError(
      'engine',
      undefined,
      'set it to the directory of the certificates: there is no home directory',
      {
        source: 'DOCKER_CERT_PATH',
      },
    )
  }
  return readTlsFiles(directory, { source: 'DOCKER_CERT_PATH', needsCa: true, verify: true }, surroundings)
}

function platformDefault(surroundings: Surroundings): EngineAddress {
  // given certificates and no address, the docker command uses the local TLS port
  const tls = environmentTls(surroundings)
  if (tls === undefined) return platformSocket(surroundings)
  return httpAddress({ user: undefined, host: 'localhost', port: 2376, path: '' }, 'tcp', tls)
}

function platformSocket({ platform, homeDir, exists }: Surroundings): EngineAddress {
  if (platform === 'win32') {
    return { kind: 'socket', address: 'npipe:////./pipe/docker_engine', socketPath: '//./pipe/docker_engine' }
  }
  const system = '/var/run/docker.sock'
  const desktop = homeDir === undefined ? undefined : join(homeDir, '.docker', 'run', 'docker.sock')
  const socketPath = desktop !== undefined && !exists(system) && exists(desktop) ? desktop : system
  return { kind: 'socket', address: `unix://${socketPath}`, socketPath }
}

/** The fields of dockerode's modem that hold its address; most are missing from its types. */
interface ModemPlace {
  readonly dial?: unknown
  readonly socketPath?: unknown
  readonly protocol?: unknown
  readonly host?: unknown
  readonly port?: string | number
}

function describeInstance(dockerode: EngineClient): EngineAddress {
  const modem = (dockerode as { readonly modem?: ModemPlace } | null)?.modem
  if (typeof modem?.dial !== 'function') {
    throw new OptionError('engine', dockerode, `it must be a Dockerode instance, or ${allowed}`, {
      shown: kindOf(dockerode),
    })
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
