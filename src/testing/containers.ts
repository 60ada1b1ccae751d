import type { Clock } from '../domain/clock.ts'
import { blueprintOf, type AskedMount, type Blueprint } from './blueprint.ts'
import type { Dialect } from './dialect.ts'
import type { EventLog } from './events.ts'
import type { Faults } from './faults.ts'
import { withTag, type Images } from './images.ts'
import { Lifecycle } from './lifecycle.ts'
import { holderIn, isAlive, type Container, type Image, type ImagePlatform, type Mount } from './model.ts'
import { inventName, type IdSource } from './random.ts'
import { Refusal } from './refusal.ts'
import { Removals } from './removals.ts'
import { ContainerStore } from './store.ts'
import type { Volumes } from './volumes.ts'

export interface ContainersParts {
  readonly clock: Clock
  /** The engine's wall clock. */
  readonly now: () => number
  readonly ids: IdSource
  readonly events: EventLog
  readonly images: Images
  readonly volumes: Volumes
  readonly faults: Faults
  readonly dialect: Dialect
}

const validName = /^\/?[a-zA-Z0-9][a-zA-Z0-9_.-]+$/

/** The engine's data directory, as shown in answers. */
export const dataRoot = '/var/lib/docker'

/** The architecture of containers whose image has no platform: that of the host. */
const hostArchitecture = 'amd64'
const taskIdLabel = 'com.docker.swarm.task.id'

/** Creates and finds containers. `Lifecycle` and `Removals` change them. */
export class Containers {
  readonly store: ContainerStore
  readonly lifecycle: Lifecycle
  readonly removals: Removals
  readonly #parts: ContainersParts
  readonly #respawns = new Set<unknown>()
  #created = 0

  constructor(parts: ContainersParts) {
    this.#parts = parts
    this.store = new ContainerStore((before) => parts.faults.noteReplaced(before))
    this.lifecycle = new Lifecycle({
      clock: parts.clock,
      now: parts.now,
      store: this.store,
      events: parts.events,
      dialect: parts.dialect,
      onAutoRemove: (id) => void this.removals.removeNow(id, true),
    })
    this.removals = new Removals({
      ...parts,
      store: this.store,
      lifecycle: this.lifecycle,
      onRemoved: (container) => this.#respawn(container),
    })
  }

  resolve(reference: string): Container {
    const found = this.store.find(reference)
    if (found === 'ambiguous') throw this.#parts.dialect.ambiguousPrefix(reference)
    if (!found) throw this.#parts.dialect.noSuchContainer(reference)
    return found
  }

  create(
    blueprint: Blueprint,
    asked: { id?: string | undefined; createdAtMs?: number | undefined } = {},
  ): Container {
    const { ids, images, events, now, dialect } = this.#parts
    const image = blueprint.image === '' ? undefined : images.resolve(blueprint.image)
    const arguments_ =
      blueprint.command.length > 0 || blueprint.entrypoint.length > 0 ? blueprint.command : image?.command
    const command = [...blueprint.entrypoint, ...(arguments_ ?? [])]
    if (command.length === 0) throw new Refusal(400, 'no command specified')
    const platform = image
      ? this.#platform(image, blueprint.platform)
      : { os: 'linux', architecture: hostArchitecture }
    const imageLabels = 'labels' in platform ? platform.labels : {}
    const name = this.#freeName(blueprint.name)
    const id = asked.id ?? ids.nextId()
    const createdAtMs = asked.createdAtMs ?? now()
    this.#created += 1
    const container: Container = {
      id,
      name,
      sequence: this.#created,
      createdAtMs,
      image: image ? dialect.imageName(withTagAsGiven(blueprint.image, dialect.isPodman)) : '',
      imageId: image?.id ?? '',
      labels: sorted({ ...imageLabels, ...blueprint.labels }),
      command,
      env: [...blueprint.env, ...(image?.env ?? [])],
      status: 'created',
      exitCode: 0,
      error: '',
      pid: 0,
      startedAtMs: undefined,
      finishedAtMs: undefined,
      restartCount: 0,
      wasStopped: false,
      mounts: this.#mount({ id, createdAtMs }, blueprint, image?.volumes ?? []),
      networkMode: this.#networkMode(blueprint.networkMode),
      pidMode: this.#mode(blueprint.pidMode, dialect.unsharedMode),
      ipcMode: this.#mode(blueprint.ipcMode, dialect.defaultIpcMode),
      utsMode: this.#mode(blueprint.utsMode, dialect.unsharedMode),
      cgroupParent: blueprint.cgroupParent,
      requires: blueprint.requires.map((reference) => this.resolve(reference).id),
      pod: blueprint.pod,
      platform: { os: platform.os, architecture: platform.architecture },
      filesOf: undefined,
      removal: undefined,
      restartPolicy: blueprint.restartPolicy,
      autoRemove: blueprint.autoRemove,
      config: blueprint.config,
      hostConfig: blueprint.hostConfig,
    }
    this.store.add(container)
    // a container created with a time in the past has its event at that time
    events.emitOfContainer('create', container, {}, container.createdAtMs)
    return container
  }

  rename(container: Container, name: string): void {
    if (name.replace(/^\//, '') === container.name) {
      throw new Refusal(400, 'Renaming a container with the same name as its current name')
    }
    const renamed: Container = {
      ...container,
      name: this.#freeName(name, 'Error when allocating new name: '),
    }
    this.store.replace(renamed)
    this.#parts.events.emitOfContainer('rename', renamed, { oldName: `/${container.name}` })
  }

  /** Removes all matching containers that are not running, and returns their ids. */
  prune(matches: (container: Container) => boolean): string[] {
    const prunable = [...this.store.values()].filter(
      (container) => !isAlive(container) && container.status !== 'removing' && matches(container),
    )
    for (const { id } of prunable) this.removals.removeNow(id, false)
    this.#parts.events.emit('container', 'prune', '', { reclaimed: '0' })
    return prunable.map(({ id }) => id)
  }

  /** Cancels pending recreations. */
  close(): void {
    for (const timer of this.#respawns) this.#parts.clock.clearTimeout(timer)
    this.#respawns.clear()
  }

  /** Simulates an orchestrator that recreates the container. */
  #respawn(container: Container): void {
    const { clock, faults, ids, images } = this.#parts
    const delayMs = faults.strikeRespawn(container)
    if (delayMs === undefined) return
    const timer = clock.setTimeout(() => {
      this.#respawns.delete(timer)
      const isNameFree = this.store.ownerOfName(container.name) === undefined
      const hasImage = container.image === '' || images.find(container.image) !== undefined
      if (!isNameFree || !hasImage) return
      const labels = { ...container.labels }
      if (Object.hasOwn(labels, taskIdLabel)) labels[taskIdLabel] = ids.nextId().slice(0, 25)
      this.lifecycle.startUnasked(this.create({ ...blueprintOf(container), labels }))
    }, delayMs)
    this.#respawns.add(timer)
  }

  #platform(image: Image, asked: string): ImagePlatform {
    const [first, ...others] = image.platforms
    if (!first) throw new Error(`image ${image.id} has no platform`)
    const all = [first, ...others]
    if (asked === '') return all.find(({ architecture }) => architecture === hostArchitecture) ?? first
    const found = all.find(({ os, architecture }) => asked === `${os}/${architecture}`)
    if (!found) throw this.#parts.dialect.noSuchImage(image.tags[0] ?? image.id)
    return found
  }

  #freeName(asked: string | undefined, prefix = ''): string {
    if (asked === undefined || asked === '') return this.#inventName()
    if (!validName.test(asked)) {
      throw new Refusal(400, `Invalid container name (${asked}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`)
    }
    const name = asked.replace(/^\//, '')
    const owner = this.store.ownerOfName(name)
    if (owner === undefined) return name
    const refusal = this.#parts.dialect.nameTaken(name, owner)
    throw prefix === '' ? refusal : new Refusal(refusal.status, `${prefix}${refusal.message}`)
  }

  #inventName(): string {
    for (let attempt = 0; ; attempt += 1) {
      const name = inventName(this.#parts.ids, attempt)
      if (this.store.ownerOfName(name) === undefined) return name
    }
  }

  #networkMode(asked: string): string {
    if (asked === '' || asked === 'default') return this.#parts.dialect.defaultNetworkMode
    return this.#mode(asked, asked)
  }

  /** Replaces the reference to an existing holder with its full id. */
  #mode(asked: string, unshared: string): string {
    if (asked === '') return unshared
    const reference = holderIn(asked)
    const holder = reference === undefined ? undefined : this.store.find(reference)
    return holder && holder !== 'ambiguous' ? `container:${holder.id}` : asked
  }

  #mount(
    container: Pick<Container, 'id' | 'createdAtMs'>,
    blueprint: Blueprint,
    imageVolumes: readonly string[],
  ): Mount[] {
    const { volumes, dialect } = this.#parts
    const taken = new Set(blueprint.mounts.map(({ target }) => target))
    const anonymous = [...new Set([...imageVolumes, ...blueprint.anonymousVolumes])]
      .filter((target) => !taken.has(target))
      .map((target): AskedMount => ({ type: 'volume', source: '', target, mode: '', isWritable: true }))
    return [...blueprint.mounts, ...anonymous].map((asked): Mount => {
      const { type, source, target, mode, isWritable } = asked
      if (type !== 'volume')
        return { type, volume: undefined, isAnonymous: false, source, target, mode, isWritable }
      const volume =
        source === '' ? volumes.create(undefined, {}, container.createdAtMs) : volumes.create(source)
      volumes.use(volume.name, container.id)
      const folder = `${dataRoot}/volumes/${volume.name}/_data`
      return {
        type,
        volume: volume.name,
        // on Podman a volume stays anonymous, even if it is mounted by name
        isAnonymous: source === '' || (dialect.isPodman && volume.isAnonymous),
        source: folder,
        target,
        mode,
        isWritable,
      }
    })
  }
}

/** Sorts labels by name, as an engine lists them. */
function sorted(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Podman always shows the tag. */
function withTagAsGiven(image: string, isNamed: boolean): string {
  return isNamed ? withTag(image) : image
}
