/** The states of dockerd, and those of Podman alone: `configured`, `initialized`, `stopping`, `stopped`, `unknown`. */
export type ContainerStatus =
  | 'created'
  | 'running'
  | 'paused'
  | 'restarting'
  | 'removing'
  | 'exited'
  | 'dead'
  | 'configured'
  | 'initialized'
  | 'stopping'
  | 'stopped'
  | 'unknown'

export interface RestartPolicy {
  readonly name: '' | 'no' | 'always' | 'unless-stopped' | 'on-failure'
  /** For `on-failure`; 0 means no limit. */
  readonly maximumRetryCount: number
}

export interface Mount {
  readonly type: 'volume' | 'bind' | 'tmpfs'
  /** The name of the volume; undefined for other types. */
  readonly volume: string | undefined
  readonly isAnonymous: boolean
  /** The directory of the host, for a bind mount. */
  readonly source: string
  readonly target: string
  readonly mode: string
  readonly isWritable: boolean
}

/** A container's membership in a pod of Podman. */
export interface PodMember {
  readonly id: string
  readonly name: string
  /** Whether it is the infra container, which holds the namespaces of the others and is removed only with the pod. */
  readonly isInfra: boolean
}

export interface Platform {
  readonly os: string
  readonly architecture: string
}

/**
 * An immutable snapshot of a container. Each transition creates a new one, so a listing in progress, a stale listing or
 * a cache of the serialised form keeps the old one.
 */
export interface Container {
  readonly id: string
  readonly name: string
  /** A number that grows with each creation, regardless of the clock. */
  readonly sequence: number
  readonly createdAtMs: number
  /** The image as given at creation. */
  readonly image: string
  readonly imageId: string
  readonly labels: Readonly<Record<string, string>>
  readonly command: readonly string[]
  readonly env: readonly string[]
  readonly status: ContainerStatus
  readonly exitCode: number
  readonly error: string
  readonly pid: number
  readonly startedAtMs: number | undefined
  readonly finishedAtMs: number | undefined
  readonly restartCount: number
  /** Stopped or killed by a request, so its restart policy does not apply. */
  readonly wasStopped: boolean
  readonly mounts: readonly Mount[]
  /** `container:<full id>` if it shares another container's, as also for the next three. */
  readonly networkMode: string
  readonly pidMode: string
  readonly ipcMode: string
  readonly utsMode: string
  readonly cgroupParent: string
  /** Full ids of the containers that must run before it (`podman run --requires`). */
  readonly requires: readonly string[]
  readonly pod: PodMember | undefined
  /** The platform of its image. */
  readonly platform: Platform
  /** The container whose hostname, hosts and resolv.conf it uses: itself, or the holder of its network. Undefined before its first start. */
  readonly filesOf: string | undefined
  /** The state of an attempt to remove it. `cut-short`: on Podman it is half removed, and every answer that would show it fails. */
  readonly removal: 'under-way' | 'failed' | 'cut-short' | undefined
  readonly restartPolicy: RestartPolicy
  readonly autoRemove: boolean
  /** The parts of the create request that this engine only returns. */
  readonly config: Readonly<Record<string, unknown>>
  readonly hostConfig: Readonly<Record<string, unknown>>
}

export interface ImagePlatform extends Platform {
  readonly labels: Readonly<Record<string, string>>
}

export interface Image {
  /** `sha256:` and 64 hexadecimal digits. */
  readonly id: string
  readonly tags: readonly string[]
  readonly createdAtMs: number
  /** The labels of its first platform. */
  readonly labels: Readonly<Record<string, string>>
  /** At least one. */
  readonly platforms: readonly ImagePlatform[]
  /** False after the containerd image store lost its content. */
  readonly hasContent: boolean
  readonly command: readonly string[]
  readonly env: readonly string[]
  /** Directories at which its containers get an anonymous volume. */
  readonly volumes: readonly string[]
  readonly parentId: string
  readonly sizeBytes: number
}

export interface Volume {
  readonly name: string
  readonly isAnonymous: boolean
  readonly createdAtMs: number
  readonly labels: Readonly<Record<string, string>>
}

/** The emulated engine, as reported by `/version`, `/info` and the negotiation of the API version. */
export interface EngineVersion {
  readonly engine: string
  readonly api: string
  readonly minApi: string
}

/** Whether it has a process, or waits for a restart. */
export function isAlive({ status }: Container): boolean {
  return status === 'running' || status === 'paused' || status === 'restarting' || status === 'stopping'
}

const sharing = 'container:'

/** Returns the full id of the container whose namespace this mode shares. */
export function holderIn(mode: string): string | undefined {
  return mode.startsWith(sharing) ? mode.slice(sharing.length) : undefined
}

/** Returns the full ids of the containers that this one depends on. */
export function dependenciesOf(container: Container): string[] {
  const { networkMode, pidMode, ipcMode, utsMode, requires } = container
  const modes = [networkMode, pidMode, ipcMode, utsMode]
  // a fast path for the usual case
  if (requires.length === 0 && !modes.some((mode) => mode.startsWith(sharing))) return []
  const holders = modes.map(holderIn)
  return [...new Set([...holders, ...requires])].filter((id) => id !== undefined)
}

/** Returns the full id of the container in whose cgroup this one is. */
export function cgroupHolderOf({ cgroupParent }: Container): string | undefined {
  return cgroupParent === '' ? undefined : /[0-9a-f]{64}/.exec(cgroupParent)?.[0]
}
