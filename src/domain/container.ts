import type { ContainerId } from './ids.ts'

/** A container's entry in a listing, reduced to what the rules need. */
export interface ContainerSummary {
  readonly id: ContainerId
  /** The first name without its leading slash; empty if the engine returned none. */
  readonly name: string
  /** All names, without leading slashes. */
  readonly names: readonly string[]
  /** The image reference as requested at creation. */
  readonly image: string
  /** The image's id; empty if the engine returned none, or the container has no image. */
  readonly imageId: string
  /** True if the engine reports that there is no image, so that no label can come from one; otherwise undefined. */
  readonly hasNoImage?: true | undefined
  /** The container's platform, such as `linux/amd64` or `linux/arm64/v8`; empty if the engine did not return it. */
  readonly platform: string
  /** `created`, `running`, `paused`, `restarting`, `removing`, `exited`, `dead`; empty if the engine returned none. */
  readonly state: string
  /** Milliseconds since the Unix epoch by the engine's clock, in whole seconds; undefined if the engine returned none. */
  readonly createdAtMs: number | undefined
  readonly labels: Readonly<Record<string, string>>
  /** `HostConfig.NetworkMode`, for example `bridge` or `container:<id>`; empty if the engine returned none. */
  readonly networkMode: string
  /** The mount points inside the container. */
  readonly mountTargets: readonly string[]
  /**
   * Why its entry could not be read; undefined if it was. Then only the id is certain: the other fields are empty, or those of
   * an earlier listing.
   */
  readonly unreadable?: string | undefined
}

/** Namespaces shared with another container, in the engine's notation: `container:<id or name>`. */
export interface SharedNamespaces {
  readonly network: string
  readonly pid: string
  readonly ipc: string
  readonly uts: string
  /** May contain the id of a container in whose cgroup it runs; empty if the engine chose the cgroup. */
  readonly cgroupParent: string
  /** Ids or names of dependencies reported by the engine (Podman's `--requires`, a pod's infra container). */
  readonly dependencies: readonly string[]
}

/** A directory or file of the engine's host that is mounted into the container. */
export interface InspectedMount {
  readonly source: string
  readonly destination: string
}

/** The part of an inspection that identifies this process's own container. All paths are on the engine's host. */
export interface SelfMarks {
  /** The file mounted as `/etc/hostname`, `/etc/hosts`, `/etc/resolv.conf`; empty if the engine returned none. */
  readonly hostnamePath: string
  readonly hostsPath: string
  readonly resolvConfPath: string
  /** The writable layer of its root file system; empty if the engine did not return it. */
  readonly upperDir: string
  readonly mounts: readonly InspectedMount[]
  /** Whether it has the privileges with which an engine within could mount file systems (`--privileged`, `SYS_ADMIN`). */
  readonly mayMount: boolean
}

/** What a container shares with others, and what limits with whom. */
export interface Shares extends Pick<
  Inspection,
  'name' | 'state' | 'createdAtMs' | 'startedAtMs' | 'namespaces'
> {
  readonly selfMarks: HolderMarks
}

/** Files that dockerd mounts into a container, in the folder of the one whose network it uses. */
export type HolderMarks = Pick<SelfMarks, 'hostnamePath' | 'hostsPath' | 'resolvConfPath'>

/** The inspection of one container. Always complete: a response with missing fields is an error. */
export interface Inspection {
  /** The id in the response, which equals the requested one. */
  readonly id: ContainerId
  readonly name: string
  readonly imageId: string
  readonly labels: Readonly<Record<string, string>>
  /** `State.Status`, as reported by the engine. */
  readonly state: string
  /** Milliseconds since the Unix epoch, by the engine's clock. */
  readonly createdAtMs: number
  /** Its last start; undefined if it never ran. */
  readonly startedAtMs: number | undefined
  /** Its last exit; undefined if it never exited. */
  readonly finishedAtMs: number | undefined
  /** Its last restore from a checkpoint, by Podman's own API; undefined if the engine did not return one. */
  readonly restoredAtMs: number | undefined
  /** How often its restart policy has started it since the last manual start. */
  readonly restartCount: number
  readonly namespaces: SharedNamespaces
  /** Whether it is a pod's infra container, which is removed with the pod; undefined if the engine did not return it. */
  readonly isInfra: boolean | undefined
  /** The engine removes it as soon as it ends (`--rm`). */
  readonly isAutoRemoved: boolean
  readonly selfMarks: SelfMarks
  /** The engine's clock at the time of the response; undefined if it returned none. */
  readonly engineNowMs: number | undefined
}
