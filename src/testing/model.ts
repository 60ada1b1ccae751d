export type ContainerStatus = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead'

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
  readonly networkMode: string
  readonly restartPolicy: RestartPolicy
  readonly autoRemove: boolean
  /** What the request gave and this engine only hands back. */
  readonly config: Readonly<Record<string, unknown>>
  readonly hostConfig: Readonly<Record<string, unknown>>
}

export interface Image {
  /** `sha256:` and 64 hexadecimal digits. */
  readonly id: string
  readonly tags: readonly string[]
  readonly createdAtMs: number
  readonly labels: Readonly<Record<string, string>>
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

export function isAlive(container: Container): boolean {
  return container.status === 'running' || container.status === 'paused' || container.status === 'restarting'
}
