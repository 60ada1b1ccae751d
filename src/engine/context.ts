import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { messageOf, OptionError } from '../errors.ts'
import type { Surroundings } from './address.ts'
import { asRecord } from './record.ts'
import { readTlsFiles, type TlsFiles } from './tls-files.ts'

/** The engine that a docker context names. */
export interface DockerContext {
  /** Who to name when its host cannot be used. */
  readonly option: string
  /** Empty: the platform's own socket. */
  readonly host: string
  /** Undefined: the context asks for no TLS. */
  readonly readTls: () => TlsFiles | undefined
}

export function dockerConfigDir({ env, homeDir }: Surroundings): string {
  return env['DOCKER_CONFIG'] || join(homeDir, '.docker')
}

/** The context in use: DOCKER_CONTEXT's, else the configured one; undefined where that is none, or the one named `default`. */
export function currentContext(surroundings: Surroundings): DockerContext | undefined {
  const fromEnvironment = surroundings.env['DOCKER_CONTEXT']
  const name = fromEnvironment || configuredContext(surroundings)
  if (name === undefined || name === 'default') return undefined
  return readContext(name, fromEnvironment ? 'DOCKER_CONTEXT' : 'currentContext', surroundings)
}

function configuredContext(surroundings: Surroundings): string | undefined {
  const path = join(dockerConfigDir(surroundings), 'config.json')
  const refuse = (why: string, cause?: unknown) =>
    new OptionError('currentContext', `the docker configuration '${path}' cannot be used: ${why}`, { cause })
  const config = readJson(path, surroundings, refuse)
  if (config === undefined) return undefined
  const name = asRecord(config)?.['currentContext'] ?? ''
  if (asRecord(config) === undefined) throw refuse('it holds no object')
  if (typeof name !== 'string') throw refuse(`currentContext is ${JSON.stringify(name)} and must be a name`)
  return name === '' ? undefined : name
}

function readContext(name: string, source: string, surroundings: Surroundings): DockerContext {
  const option = `docker context '${name}'`
  const refuse = (why: string, cause?: unknown) =>
    new OptionError(source, `the ${option} (named by ${source}) cannot be used: ${why}`, { cause })
  const contexts = join(dockerConfigDir(surroundings), 'contexts')
  const digest = createHash('sha256').update(name).digest('hex')
  const path = join(contexts, 'meta', digest, 'meta.json')
  const meta = readJson(path, surroundings, refuse)
  if (meta === undefined)
    throw refuse(`it does not exist: there is no '${path}'; 'docker context ls' names the others`)
  const docker = asRecord(asRecord(asRecord(meta)?.['Endpoints'])?.['docker'])
  const host = docker?.['Host'] ?? ''
  if (docker === undefined || typeof host !== 'string') throw refuse(`'${path}' names no docker endpoint`)
  const skipsVerify = docker['SkipTLSVerify'] === true
  const readTls = () => {
    const directory = join(contexts, 'tls', digest, 'docker')
    const files = readTlsFiles(directory, { option, needsCa: false, verify: !skipsVerify }, surroundings)
    return files.ca !== undefined || files.cert !== undefined || skipsVerify ? files : undefined
  }
  return { option, host, readTls }
}

function readJson(
  path: string,
  { readFile }: Surroundings,
  refuse: (why: string, cause?: unknown) => OptionError,
): unknown {
  let text: string
  try {
    text = readFile(path).toString()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw refuse(messageOf(error), error)
  }
  try {
    return JSON.parse(text)
  } catch {
    // the cause is not kept: it quotes the file, which may hold credentials
    throw refuse(`'${path}' is not JSON`)
  }
}
