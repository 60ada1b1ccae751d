import type {
  HolderMarks,
  InspectedMount,
  Inspection,
  SelfMarks,
  SharedNamespaces,
  Shares,
} from '../domain/container.ts'
import { parseContainerId, type ContainerId } from '../domain/ids.ts'
import { asRecord } from './as-record.ts'
import { AnswerError, GoneError } from './failure.ts'
import { readLabels } from './summary.ts'

type Fields = Readonly<Record<string, unknown>>

/** The responses of one inspection. */
export interface InspectionAnswers {
  /** The response of the Docker Engine API. */
  readonly container: unknown
  /** The response of Podman's own API; undefined if it was not requested or is not accessible. */
  readonly libpod?: unknown
  readonly engineNowMs: number | undefined
}

/**
 * positive-evidence: parses an inspection. The response must be about the container with exactly this id, complete, and free
 * of contradictions.
 *
 * @throws GoneError if the response is about another container, which has the id as its name
 * @throws AnswerError if the response is invalid in any other way
 */
export function readInspection(
  id: ContainerId,
  { container, libpod, engineNowMs }: InspectionAnswers,
): Inspection {
  const answer = readObject(container, 'container')
  expectId(id, answer)
  const state = readObject(answer['State'], 'State')
  const own = libpod === undefined ? undefined : readLibpod(id, libpod)
  const hostConfig = readObject(answer['HostConfig'], 'HostConfig')
  return {
    id,
    name: readName(answer),
    // `sha256:` without digits means that there is no image
    imageId: readText(answer, 'Image').replace(/^sha256:$/, ''),
    labels: readOwnLabels(answer['Config']),
    state: own?.state ?? readState(state),
    createdAtMs: readCreatedAtMs(answer),
    startedAtMs: readTime(state, 'StartedAt'),
    finishedAtMs: readTime(state, 'FinishedAt'),
    restoredAtMs: own?.restoredAtMs,
    restartCount: readCount(answer, 'RestartCount'),
    namespaces: readNamespaces(hostConfig, own?.dependencies ?? []),
    isInfra: own?.isInfra,
    isAutoRemoved: hostConfig['AutoRemove'] === true,
    selfMarks: readSelfMarks(answer, hostConfig),
    engineNowMs,
  }
}

/** Parses what a container shares with others, as strictly as a whole inspection. */
export function readShares(id: ContainerId, container: unknown, libpod: unknown): Shares {
  const answer = readObject(container, 'container')
  expectId(id, answer)
  const own = libpod === undefined ? undefined : readLibpod(id, libpod)
  const hostConfig = readObject(answer['HostConfig'], 'HostConfig')
  const state = readObject(answer['State'], 'State')
  return {
    name: readName(answer),
    state: own?.state ?? readState(state),
    createdAtMs: readCreatedAtMs(answer),
    startedAtMs: readTime(state, 'StartedAt'),
    namespaces: readNamespaces(hostConfig, own?.dependencies ?? []),
    selfMarks: readHolderMarks(answer),
  }
}

function readName(answer: Fields): string {
  return readText(answer, 'Name').replace(/^\//, '')
}

function expectId(id: ContainerId, answer: Fields): void {
  const said = parseContainerId(answer['Id'])
  if (said === undefined) throw new AnswerError('the inspection lacks a full container id')
  if (said !== id)
    throw new GoneError('there is no container with that id, but another container has it as its name')
}

interface Libpod {
  readonly state: string
  readonly restoredAtMs: number | undefined
  readonly dependencies: readonly string[]
  readonly isInfra: boolean
}

/** Podman's compatible API lacks the states `stopping` and `unknown`, which its listings have; its own API has them. */
function readLibpod(id: ContainerId, libpod: unknown): Libpod {
  const answer = readObject(libpod, 'container')
  expectId(id, answer)
  const state = readObject(answer['State'], 'State')
  const status = readStatus(state)
  // unlike in the compatible API, `Running` is true only in the state `running`
  if (
    readFlag(state, 'Running') !== (status === 'running') ||
    readFlag(state, 'Paused') !== (status === 'paused')
  ) {
    throw new AnswerError(
      `the inspection contradicts itself: the state is ${status}, and its fields say otherwise`,
    )
  }
  return {
    // the names that its listing uses
    state: { configured: 'created', initialized: 'created' }[status] ?? status,
    restoredAtMs: state['RestoredAt'] === undefined ? undefined : readTime(state, 'RestoredAt'),
    dependencies: readTexts(answer['Dependencies'], 'Dependencies'),
    isInfra: readFlag(answer, 'IsInfra'),
  }
}

interface Flags {
  readonly running: boolean
  readonly paused: boolean
  readonly restarting: boolean
  readonly dead: boolean
}

const none: Flags = { running: false, paused: false, restarting: false, dead: false }
const running = { ...none, running: true }
/** The valid flags for each status. A status that is not listed here is accepted with any. */
const flagsByStatus: ReadonlyMap<string, readonly Flags[]> = new Map([
  ['created', [none]],
  ['running', [running]],
  ['paused', [{ ...running, paused: true }]],
  ['restarting', [{ ...running, restarting: true }]],
  // `dead` is set if an earlier removal failed
  ['removing', [none, { ...none, dead: true }]],
  ['dead', [{ ...none, dead: true }]],
  ['exited', [none]],
  ['stopped', [none]],
  ['stopping', [none]],
  ['unknown', [none]],
])

function readState(state: Fields): string {
  const status = readStatus(state)
  const [isRunning, isPaused] = [readFlag(state, 'Running'), readFlag(state, 'Paused')]
  const [isRestarting, isDead] = [readFlag(state, 'Restarting'), readFlag(state, 'Dead')]
  const isSo = ({ running, paused, restarting, dead }: Flags) =>
    running === isRunning && paused === isPaused && restarting === isRestarting && dead === isDead
  if (flagsByStatus.get(status)?.some(isSo) ?? true) return status
  throw new AnswerError(
    `the inspection contradicts itself: the state is ${status}, and its fields say otherwise`,
  )
}

function readStatus(state: Fields): string {
  const status = readText(state, 'Status')
  if (status === '') throw new AnswerError('the inspection has no state')
  return status
}

function readOwnLabels(config: unknown): Readonly<Record<string, string>> {
  const labels = asRecord(readObject(config, 'Config')['Labels'])
  const wrong = () => new AnswerError('the Labels of the inspection are missing, or have the wrong shape')
  if (labels === undefined) throw wrong()
  return readLabels(labels, wrong)
}

function readCreatedAtMs(answer: Fields): number {
  const createdAtMs = readTime(answer, 'Created')
  if (createdAtMs === undefined)
    throw new AnswerError('the inspection does not say when the container was created')
  return createdAtMs
}

function readNamespaces(hostConfig: Fields, dependencies: readonly string[]): SharedNamespaces {
  const network = readText(hostConfig, 'NetworkMode')
  if (network === '') throw new AnswerError('the inspection has no network mode')
  return {
    network,
    pid: readText(hostConfig, 'PidMode'),
    ipc: readText(hostConfig, 'IpcMode'),
    uts: readText(hostConfig, 'UTSMode'),
    cgroupParent: readText(hostConfig, 'CgroupParent'),
    dependencies,
  }
}

function readSelfMarks(answer: Fields, hostConfig: Fields): SelfMarks {
  const layers = asRecord(asRecord(answer['GraphDriver'])?.['Data'])?.['UpperDir'] ?? ''
  if (typeof layers !== 'string') throw wrongShape('UpperDir')
  return {
    ...readHolderMarks(answer),
    upperDir: layers,
    mounts: readMounts(answer['Mounts']),
    mayMount: hostConfig['Privileged'] !== false || readCapabilities(hostConfig).some(allowsMounts),
  }
}

function readHolderMarks(answer: Fields): HolderMarks {
  return {
    hostnamePath: readText(answer, 'HostnamePath'),
    hostsPath: readText(answer, 'HostsPath'),
    resolvConfPath: readText(answer, 'ResolvConfPath'),
  }
}

function readCapabilities(hostConfig: Fields): readonly string[] {
  return readTexts(hostConfig['CapAdd'] ?? null, 'CapAdd')
}

function allowsMounts(capability: string): boolean {
  return /^(?:CAP_)?(?:SYS_ADMIN|ALL)$/i.test(capability)
}

function readMounts(mounts: unknown): readonly InspectedMount[] {
  if (!Array.isArray(mounts)) throw wrongShape('Mounts')
  return mounts.map((mount) => {
    const fields = readObject(mount, 'Mounts')
    // a volume that was never mounted, and a tmpfs, have no source
    const source = fields['Source'] ?? ''
    if (typeof source !== 'string') throw wrongShape('Mounts')
    return { source, destination: readText(fields, 'Destination') }
  })
}

function readObject(value: unknown, field: string): Fields {
  const fields = asRecord(value)
  if (fields === undefined) throw wrongShape(field)
  return fields
}

function readText(fields: Fields, field: string): string {
  const text = fields[field]
  if (typeof text !== 'string') throw wrongShape(field)
  return text
}

function readTexts(value: unknown, field: string): readonly string[] {
  const texts: readonly unknown[] | undefined = value === null ? [] : Array.isArray(value) ? value : undefined
  if (!texts?.every((text) => typeof text === 'string')) throw wrongShape(field)
  return texts
}

function readFlag(fields: Fields, field: string): boolean {
  const flag = fields[field]
  if (typeof flag !== 'boolean') throw wrongShape(field)
  return flag
}

function readCount(fields: Fields, field: string): number {
  const count = fields[field]
  if (typeof count !== 'number' || !(count >= 0)) throw wrongShape(field)
  return count
}

/** `0001-01-01T00:00:00Z`, like any time before 1970, means never. */
function readTime(fields: Fields, field: string): number | undefined {
  const timeMs = Date.parse(readText(fields, field))
  if (Number.isNaN(timeMs)) throw wrongShape(field)
  return timeMs > 0 ? timeMs : undefined
}

function wrongShape(field: string): AnswerError {
  return new AnswerError(`the ${field} of the inspection is missing, or has the wrong shape`)
}
