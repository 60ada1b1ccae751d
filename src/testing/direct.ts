import { readBind } from './blueprint.ts'
import type { Containers } from './containers.ts'
import type { Images } from './images.ts'
import type { Container, ContainerStatus, PodMember, RestartPolicy } from './model.ts'
import { sigkill } from './programs.ts'
import type { IdSource } from './random.ts'

/** A container to put into the engine directly. */
export interface ContainerSpec {
  readonly name?: string
  /** A name or id of an image that the engine has; empty: none, as Podman can. Default: its first one. */
  readonly image?: string
  /**
   * What it would run; by default something that runs until it is ended. `['true']`, `['false']`, `['sleep', '5']` and
   * `['sh', '-c', 'exit 3']` do what they say, by the engine's clock.
   */
  readonly command?: readonly string[]
  readonly labels?: Readonly<Record<string, string>>
  /** Which variant of its image, for example `linux/arm64`; default: the host's. */
  readonly platform?: string
  /** For example `container:<id or name>`; the same for the next three. */
  readonly networkMode?: string
  /** Inspections tell it, and listings do not; the same for the next four. `host` is the engine's own. */
  readonly pidMode?: string
  readonly ipcMode?: string
  readonly utsMode?: string
  /** A folder of cgroups; with another container's full id in it: that one's. */
  readonly cgroupParent?: string
  /** Containers that have to run before it, as for `podman run --requires`. */
  readonly requires?: readonly string[]
  /** The id of a pod, from `createPod`: its infra container holds the network, ipc and uts namespaces. */
  readonly pod?: string
  /** How long a stop, or a forced removal by Podman, waits before it kills; default 10 s. */
  readonly stopTimeoutMs?: number
  /** As for `docker run --volume`: `/data` (an anonymous volume), `name:/data`, `/folder:/data:ro`. */
  readonly volumes?: readonly string[]
  readonly restartPolicy?: RestartPolicy['name']
  readonly autoRemove?: boolean
  /** Default: `running`. */
  readonly status?: ContainerStatus
  /** For one that has ended; default 0. */
  readonly exitCode?: number
  /** Milliseconds since 1970 by the engine's clock; default: now. It was started right then, unless it is only created. */
  readonly createdAtMs?: number
  /** 64 lower-case hexadecimal digits; default: the next one of the engine's seed. */
  readonly id?: string
}

/** A pod of Podman. */
export interface PodSpec {
  /** Default: `pod`. */
  readonly name?: string
  /** Default: the first digits of the pod's id and `-infra`. */
  readonly infraName?: string
  /** Default: none. */
  readonly infraImage?: string
  /** Of all that are in it. */
  readonly networkMode?: string
  readonly labels?: Readonly<Record<string, string>>
}

/**
 * The engine's containers, without HTTP: what a test does behind the back of the program under test. Everything happens
 * at once; containers are named by id, name or unambiguous prefix; what an engine would refuse throws a `Refusal`.
 */
export interface DirectContainers {
  readonly size: number
  /** Returns the new container's id. */
  create(spec?: ContainerSpec): string
  /** Returns the id of a new pod, whose infra container runs. Podman refuses to remove that one; `remove` does not. */
  createPod(spec?: PodSpec): string
  /** A snapshot of the container as it is now, or undefined when there is none. */
  get(reference: string): Container | undefined
  /** Snapshots of all of them, oldest first. */
  list(): Container[]
  start(reference: string): void
  /** Its process ends by itself; a restart policy may bring it back. */
  exit(reference: string, code?: number): void
  kill(reference: string): void
  pause(reference: string): void
  unpause(reference: string): void
  rename(reference: string, name: string): void
  /** Takes it away at once, whatever state it is in; also ends a slow removal. */
  remove(reference: string, options?: { readonly volumes?: boolean }): void
  /**
   * Leaves what a removal leaves that has failed or was cut short: a dead container, which Docker before 28 lists as
   * `removing`; on Podman a half removed one, for whose sake listings of everything fail until a removal comes through.
   */
  failRemoval(reference: string): void
  /** Ends a slow removal that is under way, so that its answer goes out. */
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
      if (image === undefined) throw new Error('the engine has no image: give it one, or name one')
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
