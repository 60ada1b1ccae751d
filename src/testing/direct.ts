import { readBind } from './blueprint.ts'
import type { Containers } from './containers.ts'
import type { Images } from './images.ts'
import type { Container, ContainerStatus, PodMember, RestartPolicy } from './model.ts'
import { sigkill } from './programs.ts'
import type { IdSource } from './random.ts'

/** A container to create directly, without HTTP. */
export interface ContainerSpec {
  readonly name?: string
  /** The name or id of an image of the engine; empty for no image, as on Podman. Default: its first image. */
  readonly image?: string
  /**
   * Its command; by default one that runs until it is stopped. `['true']`, `['false']`, `['sleep', '5']` and
   * `['sh', '-c', 'exit 3']` are simulated, by the engine's clock.
   */
  readonly command?: readonly string[]
  readonly labels?: Readonly<Record<string, string>>
  /** The platform of its image, for example `linux/arm64`. Default: the host's. */
  readonly platform?: string
  /** For example `container:<id or name>`, as also for the next three. */
  readonly networkMode?: string
  /** Shown only by inspections, like the next four. `host` is the namespace of the host. */
  readonly pidMode?: string
  readonly ipcMode?: string
  readonly utsMode?: string
  /** The parent cgroup. A path that contains another container's full id is in the cgroup of that one. */
  readonly cgroupParent?: string
  /** Containers that must run before it, as for `podman run --requires`. */
  readonly requires?: readonly string[]
  /** The id of a pod from `createPod`, whose infra container holds the network, ipc and uts namespaces. */
  readonly pod?: string
  /** How long a stop, or a forced removal on Podman, waits before it kills the container. Default 10 s. */
  readonly stopTimeoutMs?: number
  /** As for `docker run --volume`: `/data` (an anonymous volume), `name:/data`, `/folder:/data:ro`. */
  readonly volumes?: readonly string[]
  readonly restartPolicy?: RestartPolicy['name']
  readonly autoRemove?: boolean
  /** Default: `running`. */
  readonly status?: ContainerStatus
  /** The exit code, if it has exited. Default 0. */
  readonly exitCode?: number
  /** In milliseconds since 1970, by the engine's clock. It is also the time of its start. Default: now. */
  readonly createdAtMs?: number
  /** 64 lower-case hexadecimal digits. Default: the next id from the engine's seed. */
  readonly id?: string
}

/** A pod of Podman. */
export interface PodSpec {
  /** Default: `pod`. */
  readonly name?: string
  /** Default: the first 12 digits of the pod's id and `-infra`. */
  readonly infraName?: string
  /** Default: none. */
  readonly infraImage?: string
  /** The network mode of the infra container, and so of the pod. */
  readonly networkMode?: string
  readonly labels?: Readonly<Record<string, string>>
}

/**
 * Direct access to the engine's containers, without HTTP and unnoticed by the program under test. Everything happens
 * synchronously. A reference is an id, a name or an unambiguous id prefix. Operations that an engine would refuse throw a
 * `Refusal`.
 */
export interface DirectContainers {
  readonly size: number
  /** Creates a container and returns its id. */
  create(spec?: ContainerSpec): string
  /** Creates a pod with a running infra container and returns its id. Podman refuses to remove that container; `remove` does not. */
  createPod(spec?: PodSpec): string
  /** Returns a snapshot of the container; undefined if there is none. */
  get(reference: string): Container | undefined
  /** Returns snapshots of all containers, oldest first. */
  list(): Container[]
  start(reference: string): void
  /** Lets its process exit. Its restart policy applies. */
  exit(reference: string, code?: number): void
  kill(reference: string): void
  pause(reference: string): void
  unpause(reference: string): void
  rename(reference: string, name: string): void
  /** Removes it immediately in any state; also ends a slow removal. */
  remove(reference: string, options?: { readonly volumes?: boolean }): void
  /**
   * Simulates a removal that failed or was interrupted. It leaves a dead container, which Docker before 28 lists as
   * `removing`. On Podman it leaves a half removed one, and complete listings fail until a removal succeeds.
   */
  failRemoval(reference: string): void
  /** Ends a slow removal in progress, so that it is answered. */
  finishRemoval(reference: string): void
}

export function createDirectContainers(
  containers: Containers,
  images: Images,
  ids: IdSource,
): DirectContainers {
  const { store, lifecycle, removals } = containers
  const pods = new Map<string, PodMember>()
  return {
    get size() {
      return store.size
    },
    create(spec = {}) {
      const image = spec.image ?? [...images.values()][0]?.tags[0]
      if (image === undefined) throw new Error('the engine has no image: add one, or give one')
      const pod = spec.pod === undefined ? undefined : pods.get(spec.pod)
      if (spec.pod !== undefined && !pod) throw new Error(`there is no pod ${spec.pod}`)
      return place(containers, spec, image, pod && { ...pod, isInfra: false })
    },
    createPod({ name = 'pod', infraName, infraImage = '', networkMode = '', labels = {} } = {}) {
      const id = ids.nextId()
      const pod: PodMember = { id, name, isInfra: true }
      pods.set(id, pod)
      const infra: ContainerSpec = { name: infraName ?? `${id.slice(0, 12)}-infra`, networkMode, labels }
      place(containers, infra, infraImage, pod)
      return id
    },
    get(reference) {
      const found = store.find(reference)
      return found === 'ambiguous' ? undefined : found
    },
    list: () => [...store.values()],
    start: (reference) => void lifecycle.start(containers.resolve(reference)),
    exit: (reference, code = 0) => lifecycle.exit(containers.resolve(reference).id, code),
    kill: (reference) => lifecycle.kill(containers.resolve(reference), sigkill),
    pause: (reference) => lifecycle.pause(containers.resolve(reference)),
    unpause: (reference) => lifecycle.unpause(containers.resolve(reference)),
    rename: (reference, name) => containers.rename(containers.resolve(reference), name),
    remove(reference, { volumes = false } = {}) {
      removals.removeNow(containers.resolve(reference).id, volumes)
    },
    failRemoval: (reference) => removals.fail(containers.resolve(reference)),
    finishRemoval: (reference) => removals.finish(containers.resolve(reference).id),
  }
}

const fullId = /^[0-9a-f]{64}$/

function place(
  containers: Containers,
  spec: ContainerSpec,
  image: string,
  pod: PodMember | undefined,
): string {
  const { status = 'running', exitCode = 0, id, createdAtMs } = spec
  if (id !== undefined && (!fullId.test(id) || containers.store.get(id))) {
    throw new Error(`not 64 hexadecimal digits, or taken already: ${id}`)
  }
  const infra = pod && [...containers.store.values()].find((one) => one.pod?.id === pod.id && one.pod.isInfra)
  const ofPod = infra && !pod?.isInfra ? `container:${infra.id}` : ''
  const container = containers.create(
    {
      name: spec.name,
      image,
      entrypoint: [],
      command: spec.command ?? ['serve'],
      env: [],
      labels: spec.labels ?? {},
      anonymousVolumes: [],
      mounts: (spec.volumes ?? []).map(readBind),
      networkMode: spec.networkMode ?? ofPod,
      pidMode: spec.pidMode ?? '',
      ipcMode: spec.ipcMode ?? ofPod,
      utsMode: spec.utsMode ?? ofPod,
      cgroupParent: spec.cgroupParent ?? '',
      requires: spec.requires ?? [],
      pod,
      platform: spec.platform ?? '',
      restartPolicy: { name: spec.restartPolicy ?? '', maximumRetryCount: 0 },
      autoRemove: spec.autoRemove ?? false,
      config: spec.stopTimeoutMs === undefined ? {} : { StopTimeout: spec.stopTimeoutMs / 1000 },
      hostConfig: {},
    },
    { id, createdAtMs },
  )
  if (['created', 'configured', 'initialized'].includes(status)) {
    containers.store.replace({ ...container, status })
    return container.id
  }
  containers.lifecycle.start(container)
  const started = containers.resolve(container.id)
  containers.store.replace({ ...started, startedAtMs: container.createdAtMs })
  if (status === 'paused') containers.lifecycle.pause(containers.resolve(container.id))
  else if (status !== 'running') end(containers, container.id, status, exitCode)
  return container.id
}

function end(containers: Containers, id: string, status: ContainerStatus, exitCode: number): void {
  const ended = containers.lifecycle.killForRemoval(containers.resolve(id))
  containers.store.replace({ ...ended, status, exitCode, wasStopped: status === 'exited' })
}
