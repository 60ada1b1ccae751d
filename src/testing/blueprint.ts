import type { Container, PodMember, RestartPolicy } from './model.ts'
import { Refusal } from './refusal.ts'

/** The properties from which a container is created, over HTTP or directly. */
export interface Blueprint {
  readonly name: string | undefined
  readonly image: string
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  readonly env: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  /** Directories at which an anonymous volume is requested. */
  readonly anonymousVolumes: readonly string[]
  readonly mounts: readonly AskedMount[]
  readonly networkMode: string
  readonly pidMode: string
  readonly ipcMode: string
  readonly utsMode: string
  readonly cgroupParent: string
  /** References to containers. */
  readonly requires: readonly string[]
  readonly pod: PodMember | undefined
  /** `os/architecture`; empty for the host's. */
  readonly platform: string
  readonly restartPolicy: RestartPolicy
  readonly autoRemove: boolean
  readonly config: Readonly<Record<string, unknown>>
  readonly hostConfig: Readonly<Record<string, unknown>>
}

/** A requested mount: a volume by name, a new anonymous one (no source), or a directory of the host. */
export interface AskedMount {
  readonly type: 'volume' | 'bind' | 'tmpfs'
  readonly source: string
  readonly target: string
  readonly mode: string
  readonly isWritable: boolean
}

const restartPolicies: readonly string[] = ['', 'no', 'always', 'unless-stopped', 'on-failure']

/** Reads the body of a create request. Throws the engine's refusal if it is invalid. */
export function readBlueprint(
  name: string | undefined,
  platform: string,
  body: Readonly<Record<string, unknown>>,
): Blueprint {
  const { HostConfig, NetworkingConfig: _unused, ...config } = body
  const hostConfig = asRecord(HostConfig)
  const restartPolicy = readRestartPolicy(asRecord(hostConfig['RestartPolicy']))
  const autoRemove = hostConfig['AutoRemove'] === true
  if (autoRemove && restartPolicy.name !== '' && restartPolicy.name !== 'no') {
    throw new Refusal(400, "can't create 'AutoRemove' container with restart policy")
  }
  return {
    name,
    image: asText(config['Image']),
    entrypoint: asWords(config['Entrypoint']),
    command: asWords(config['Cmd']),
    env: asTexts(config['Env']),
    labels: asLabels(config['Labels']),
    anonymousVolumes: Object.keys(asRecord(config['Volumes'])),
    mounts: [
      ...asTexts(hostConfig['Binds']).map(readBind),
      ...asArray(hostConfig['Mounts']).map((mount) => readMount(asRecord(mount))),
    ],
    networkMode: asText(hostConfig['NetworkMode']),
    pidMode: asText(hostConfig['PidMode']),
    ipcMode: asText(hostConfig['IpcMode']),
    utsMode: asText(hostConfig['UTSMode']),
    cgroupParent: asText(hostConfig['CgroupParent']),
    requires: [],
    pod: undefined,
    platform,
    restartPolicy,
    autoRemove,
    config,
    hostConfig,
  }
}

/** The blueprint for another container like this one. */
export function blueprintOf(container: Container): Blueprint {
  const { platform, mounts, labels } = container
  return {
    ...container,
    entrypoint: [],
    labels: { ...labels },
    anonymousVolumes: mounts.filter(({ isAnonymous }) => isAnonymous).map(({ target }) => target),
    mounts: mounts
      .filter(({ isAnonymous }) => !isAnonymous)
      .map(({ volume, source, ...mount }) => ({ ...mount, source: volume ?? source })),
    platform: `${platform.os}/${platform.architecture}`,
  }
}

/** `folder`, `source:folder` or `source:folder:mode`. */
export function readBind(text: string): AskedMount {
  const parts = text.split(':')
  const [source, target, mode] =
    parts.length === 1 ? ['', parts[0], ''] : [parts[0], parts[1], parts[2] ?? '']
  if (target === undefined || !target.startsWith('/')) {
    throw new Refusal(400, `invalid volume specification: '${text}'`)
  }
  return {
    type: source?.startsWith('/') === true ? 'bind' : 'volume',
    source: source ?? '',
    target,
    mode: mode ?? '',
    isWritable: !(mode ?? '').split(',').includes('ro'),
  }
}

function readMount(mount: Readonly<Record<string, unknown>>): AskedMount {
  const type = asText(mount['Type'])
  if (type !== 'volume' && type !== 'bind' && type !== 'tmpfs') {
    throw new Refusal(400, `invalid mount config for type "${type}": mount type unknown`)
  }
  const target = asText(mount['Target'])
  if (target === '')
    throw new Refusal(400, `invalid mount config for type "${type}": field Target must not be empty`)
  return { type, source: asText(mount['Source']), target, mode: '', isWritable: mount['ReadOnly'] !== true }
}

function readRestartPolicy(policy: Readonly<Record<string, unknown>>): RestartPolicy {
  const name = asText(policy['Name'])
  if (!isRestartPolicy(name)) throw new Refusal(400, `invalid restart policy '${name}'`)
  const count = policy['MaximumRetryCount']
  return { name, maximumRetryCount: typeof count === 'number' ? count : 0 }
}

function isRestartPolicy(name: string): name is RestartPolicy['name'] {
  return restartPolicies.includes(name)
}

export function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}
}

export function asText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

export function asTexts(value: unknown): string[] {
  return asArray(value).filter((item) => typeof item === 'string')
}

export function asLabels(value: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(asRecord(value)).map(([key, text]) => [key, asText(text)]))
}

function asWords(value: unknown): string[] {
  return typeof value === 'string' ? [value] : asTexts(value)
}

function asArray(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}
