import { readBind } from './blueprint.ts'
import type { Containers } from './containers.ts'
import type { Images } from './images.ts'
import type { Container, ContainerStatus, RestartPolicy } from './model.ts'
import { sigkill } from './programs.ts'

/** A container to put into the engine directly. */
export interface ContainerSpec {
  readonly name?: string
  /** A name or id of an image that the engine has; default: its first one. */
  readonly image?: string
  /**
   * What it would run; by default something that runs until it is ended. `['true']`, `['false']`, `['sleep', '5']` and
   * `['sh', '-c', 'exit 3']` do what they say, by the engine's clock.
   */
  readonly command?: readonly string[]
  readonly labels?: Readonly<Record<string, string>>
  /** For example `container:<id or name>`. */
  readonly networkMode?: string
  /** As for `docker run --volume`: `/data` (an anonymous volume), `name:/data`, `/folder:/data:ro`. */
  readonly volumes?: readonly string[]
  readonly restartPolicy?: RestartPolicy['name']
  readonly autoRemove?: boolean
  /** Default: `running`. */
  readonly status?: ContainerStatus
  /** For one that has ended; default 0. */
  readonly exitCode?: number
  /** Milliseconds since 1970 by the engine's clock; default: now. */
  readonly createdAtMs?: number
  /** 64 lower-case hexadecimal digits; default: the next one of the engine's seed. */
  readonly id?: string
}

/**
 * The engine's containers, without HTTP: what a test does behind the back of the program under test. Everything happens
 * at once; containers are named by id, name or unambiguous prefix; what an engine would refuse throws a `Refusal`.
 */
export interface DirectContainers {
  readonly size: number
  /** Returns the new container's id. */
  create(spec?: ContainerSpec): string
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
  /** Ends a slow removal that is under way, so that its answer goes out. */
  finishRemoval(reference: string): void
}

export function createDirectContainers(containers: Containers, images: Images): DirectContainers {
  const { store, lifecycle } = containers
  return {
    get size() {
      return store.size
    },
    create(spec = {}) {
      const image = spec.image ?? [...images.values()][0]?.tags[0]
      if (image === undefined) throw new Error('the engine has no image: give it one, or name one')
      return place(containers, spec, image)
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
      containers.removeNow(containers.resolve(reference).id, volumes)
    },
    finishRemoval: (reference) => containers.finishRemoval(containers.resolve(reference).id),
  }
}

const fullId = /^[0-9a-f]{64}$/

function place(containers: Containers, spec: ContainerSpec, image: string): string {
  const { status = 'running', exitCode = 0, id, createdAtMs } = spec
  if (id !== undefined && (!fullId.test(id) || containers.store.get(id))) {
    throw new Error(`not 64 hexadecimal digits, or taken already: ${id}`)
  }
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
      networkMode: spec.networkMode ?? '',
      restartPolicy: { name: spec.restartPolicy ?? '', maximumRetryCount: 0 },
      autoRemove: spec.autoRemove ?? false,
      config: {},
      hostConfig: {},
    },
    { id, createdAtMs },
  )
  if (status === 'created') return container.id
  containers.lifecycle.start(container)
  if (status === 'paused') containers.lifecycle.pause(containers.resolve(container.id))
  else if (status !== 'running') end(containers, container.id, status, exitCode)
  return container.id
}

function end(containers: Containers, id: string, status: ContainerStatus, exitCode: number): void {
  const ended = containers.lifecycle.killForRemoval(containers.resolve(id))
  containers.store.replace({ ...ended, status, exitCode, wasStopped: status === 'exited' })
}
