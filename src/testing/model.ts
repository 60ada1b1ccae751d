/** The states of dockerd, and those that only Podman knows: `configured`, `initialized`, `stopping`, `stopped`, `unknown`. */
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
  /** For `on-failure`; 0 is without limit. */
  readonly maximumRetryCount: number
}

export interface Mount {
  readonly type: 'volume' | 'bind' | 'tmpfs'
  /** The volume's name; undefined for other types. */
  readonly volume: string | undefined
  readonly isAnonymous: boolean
  /** The folder of the host, for a bind. */
  readonly source: string
  readonly target: string
  readonly mode: string
  readonly isWritable: boolean
}

/** Of which pod of Podman a container is. */
export interface PodMember {
  readonly id: string
  readonly name: string
  /** It holds the namespaces of the others, and goes only with the pod. */
  readonly isInfra: boolean
}

export interface Platform {
  readonly os: string
  readonly architecture: string
}

/**
 * One container at one moment. Never changed in place: a transition makes a new one, so whoever holds one (a listing
 * under way, a stale listing, a cache of its serialised form) holds a snapshot.
 */
export interface Container {
  readonly id: string
  readonly name: string
  /** Counts creations: what was created later has the greater one, whatever the clock said. */
  readonly sequence: number
  readonly createdAtMs: number
  /** As it was asked for. */
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
  /** Ended by somebody's stop or kill: no restart policy brings it back then. */
  readonly wasStopped: boolean
  readonly mounts: readonly Mount[]
  /** `container:<full id>` where it shares another container's; the same for the next three. */
  readonly networkMode: string
  readonly pidMode: string
  readonly ipcMode: string
  readonly utsMode: string
  readonly cgroupParent: string
  /** Full ids of the containers that have to run before it (`podman run --requires`). */
  readonly requires: readonly string[]
  readonly pod: PodMember | undefined
  /** Which variant of its image it was made from. */
  readonly platform: Platform
  /** Whose hostname, hosts and resolv.conf it has: its own id, or the holder's of its network. Undefined before a start. */
  readonly filesOf: string | undefined
  /** What became of an attempt to remove it. `cut-short`: Podman has lost half of it, and fails wherever it shows it. */
  readonly removal: 'under-way' | 'failed' | 'cut-short' | undefined
  readonly restartPolicy: RestartPolicy
  readonly autoRemove: boolean
  /** What the request gave and this engine only hands back. */
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
  /** Those of its first platform. */
  readonly labels: Readonly<Record<string, string>>
  /** At least one. */
  readonly platforms: readonly ImagePlatform[]
  /** The containerd image store can lose what an image consists of, and still answers. */
  readonly hasContent: boolean
  readonly command: readonly string[]
  readonly env: readonly string[]
  /** Where its containers get an anonymous volume. */
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

/** The engine that is played: what `/version`, `/info` and the negotiation of the API's version say. */
export interface EngineVersion {
  readonly engine: string
  readonly api: string
  readonly minApi: string
}

/** It has a process, or waits to have one again. */
export function isAlive({ status }: Container): boolean {
  return status === 'running' || status === 'paused' || status === 'restarting' || status === 'stopping'
}

const sharing = 'container:'

/** The full id of the container whose namespace this mode shares. */
export function holderIn(mode: string): string | undefined {
  return mode.startsWith(sharing) ? mode.slice(sharing.length) : undefined
}

/** The containers that this one cannot run without, by full id. */
export function dependenciesOf(container: Container): string[] {
  const { networkMode, pidMode, ipcMode, utsMode, requires } = container
  const modes = [networkMode, pidMode, ipcMode, utsMode]
  // nearly all depend on none, and this is asked of each that is created
  if (requires.length === 0 && !modes.some((mode) => mode.startsWith(sharing))) return []
  const holders = modes.map(holderIn)
  return [...new Set([...holders, ...requires])].filter((id) => id !== undefined)
}

/** The container in whose cgroup this one was put, by full id. */
export function cgroupHolderOf({ cgroupParent }: Container): string | undefined {
  return cgroupParent === '' ? undefined : /[0-9a-f]{64}/.exec(cgroupParent)?.[0]
}
