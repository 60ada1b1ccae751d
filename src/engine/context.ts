import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { messageOf, OptionError } from '../domain/errors.ts'
import { asRecord } from './as-record.ts'
import type { Surroundings } from './surroundings.ts'
import { readTlsFiles, type TlsFiles } from './tls-files.ts'

/** The engine of a docker context. */
export interface DockerContext {
  /** Used in the error message if the host is invalid. */
  readonly source: string
  /** Empty for the platform's default socket. */
  readonly host: string
  /** Returns undefined if the context has no TLS. */
  readonly readTls: () => TlsFiles | undefined
}

/** Undefined if DOCKER_CONFIG is not set and the user has no home directory. */
export function dockerConfigDir({ env, homeDir }: Surroundings): string | undefined {
  return env['DOCKER_CONFIG'] || (homeDir === undefined ? undefined : join(homeDir, '.docker'))
}

/** The context in use, from DOCKER_CONTEXT or the configuration; undefined if there is none or it is named `default`. */
export function currentContext(surroundings: Surroundings): DockerContext | undefined {
  const fromEnvironment = surroundings.env['DOCKER_CONTEXT']
  const name = fromEnvironment || configuredContext(surroundings)
  if (name === undefined || name === 'default') return undefined
  return readContext(name, fromEnvironment ? 'DOCKER_CONTEXT' : 'currentContext', surroundings)
}

function configuredContext(surroundings: Surroundings): string | undefined {
  const directory = dockerConfigDir(surroundings)
  if (directory === undefined) return undefined
  const path = join(directory, 'config.json')
  const refuse = (why: string, cause?: unknown) =>
    new OptionError('engine', path, why, { source: 'the docker configuration', cause })
  const config = readJson(path, surroundings, refuse)
  if (config === undefined) return undefined
  const name = asRecord(config)?.['currentContext'] ?? ''
  if (asRecord(config) === undefined) throw refuse('it does not contain an object')
  if (typeof name !== 'string') throw refuse(`currentContext is ${JSON.stringify(name)} and must be a string`)
  return name === '' ? undefined : name
}

function readContext(name: string, namedBy: string, surroundings: Surroundings): DockerContext {
  const refuse = (why: string, cause?: unknown) =>
    new OptionError('engine', name, why, { source: `the docker context of ${namedBy}`, cause })
  const source = `docker context '${name}'`
  const directory = dockerConfigDir(surroundings)
  if (directory === undefined) throw refuse('there is no home directory to find it in; set DOCKER_CONFIG')
  const contexts = join(directory, 'contexts')
  const digest = createHash('sha256').update(name).digest('hex')
  const path = join(contexts, 'meta', digest, 'meta.json')
  const meta = readJson(path, surroundings, refuse)
  if (meta === undefined)
    throw refuse(`it does not exist: there is no '${path}'; 'docker context ls' names the others`)
  const docker = asRecord(asRecord(asRecord(meta)?.['Endpoints'])?.['docker'])
  const host = docker?.['Host'] ?? ''
  if (docker === undefined || typeof host !== 'string') throw refuse(`'${path}' has no docker endpoint`)
  const skipsVerify = docker['SkipTLSVerify'] === true
  const readTls = () => {
    const directory = join(contexts, 'tls', digest, 'docker')
    const files = readTlsFiles(directory, { source, needsCa: false, verify: !skipsVerify }, surroundings)
    return files.ca !== undefined || files.cert !== undefined || skipsVerify ? files : undefined
  }
  return { source, host, readTls }
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
    // without the cause, which quotes the file and may contain credentials
    throw refuse(`'${path}' is not JSON`)
  }
}
