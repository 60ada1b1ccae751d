import type { Clock } from '../clock.ts'
import type { AskedMount, Blueprint } from './blueprint.ts'
import type { Dialect } from './dialect.ts'
import type { EventLog } from './events.ts'
import type { Faults } from './faults.ts'
import type { Images } from './images.ts'
import { Lifecycle } from './lifecycle.ts'
import { isAlive, type Container, type Mount } from './model.ts'
import { inventName, type IdSource } from './random.ts'
import { noSuchContainer, Refusal } from './refusal.ts'
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

export interface RemovalOptions {
  readonly force: boolean
  readonly volumes: boolean
}

const validName = /^\/?[a-zA-Z0-9][a-zA-Z0-9_.-]+$/

/** Where the engine keeps what belongs to containers, as far as answers name it. */
export const dataRoot = '/var/lib/docker'

/** Makes containers, finds them, and removes them. */
export class Containers {
  readonly store = new ContainerStore()
  readonly lifecycle: Lifecycle
  readonly #parts: ContainersParts
  /** Removals under way: what ends one now, and the timer that would. */
  readonly #removals = new Map<string, { readonly finish: () => void; readonly timer: unknown }>()
  #created = 0

  constructor(parts: ContainersParts) {
    this.#parts = parts
    this.lifecycle = new Lifecycle({
      clock: parts.clock,
      now: parts.now,
      store: this.store,
      events: parts.events,
      onAutoRemove: (id) => void this.removeNow(id, true),
    })
  }

  resolve(reference: string): Container {
    const found = this.store.find(reference)
    if (found === 'ambiguous') throw this.#parts.dialect.ambiguousPrefix(reference)
    if (!found) throw noSuchContainer(reference)
    return found
  }

  create(
    blueprint: Blueprint,
    asked: { id?: string | undefined; createdAtMs?: number | undefined } = {},
  ): Container {
    const { ids, images, events, now } = this.#parts
    const image = blueprint.image === '' ? undefined : images.resolve(blueprint.image)
    const arguments_ =
      blueprint.command.length > 0 || blueprint.entrypoint.length > 0 ? blueprint.command : image?.command
    const command = [...blueprint.entrypoint, ...(arguments_ ?? [])]
    if (command.length === 0) throw new Refusal(400, 'no command specified')
    const name = this.#freeName(blueprint.name)
    const id = asked.id ?? ids.nextId()
    this.#created += 1
    const container: Container = {
      id,
      name,
      sequence: this.#created,
      createdAtMs: asked.createdAtMs ?? now(),
      image: blueprint.image,
      imageId: image?.id ?? '',
      labels: sorted({ ...image?.labels, ...blueprint.labels }),
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
      mounts: this.#mount(id, blueprint, image?.volumes ?? []),
      networkMode: this.#networkMode(blueprint.networkMode),
      restartPolicy: blueprint.restartPolicy,
      autoRemove: blueprint.autoRemove,
      config: blueprint.config,
      hostConfig: blueprint.hostConfig,
    }
    this.store.add(container)
    events.emitOfContainer('create', container)
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

  /** Resolves when it is gone; meanwhile it is `removing`. Throws the engine's refusal. */
  async remove(container: Container, reference: string, { force, volumes }: RemovalOptions): Promise<void> {
    const { id, status } = container
    if (status === 'removing')
      throw new Refusal(409, `removal of container ${reference} is already in progress`)
    if (isAlive(container) && !force) throw new Refusal(409, refusalOfLiving(container))
    const dead = this.lifecycle.killForRemoval(container)
    const delayMs = this.#parts.faults.strikeRemoval(dead)
    if (delayMs > 0) await this.#removing(dead, delayMs)
    this.removeNow(id, volumes)
  }

  /** Takes it away at once, whatever state it is in. */
  removeNow(id: string, volumes: boolean): boolean {
    const container = this.store.get(id)
    if (!container) return false
    const gone = this.lifecycle.killForRemoval(container)
    this.store.delete(gone)
    this.#parts.volumes.release(gone.mounts, id, volumes)
    this.#parts.faults.noteRemoved(gone)
    this.#parts.events.emitOfContainer('destroy', gone)
    this.lifecycle.noteRemoved(gone)
    this.#endRemoval(id)
    return true
  }

  /** A slow removal of it, where one is under way, ends now. */
  finishRemoval(id: string): void {
    this.#removals.get(id)?.finish()
  }

  /** Killed, and its remains could not be cleared away. */
  markDead(container: Container): void {
    const dead = this.lifecycle.killForRemoval(container)
    this.store.replace({ ...dead, status: 'dead' })
  }

  /** The engine dies in the middle of them: what was being removed is dead, and stays. */
  abandonRemovals(): void {
    for (const [id, { timer }] of this.#removals) {
      this.#parts.clock.clearTimeout(timer)
      const container = this.store.get(id)
      if (container) this.store.replace({ ...container, status: 'dead' })
    }
    this.#removals.clear()
  }

  /** Removes all that do not run and that match; tells their ids. */
  prune(matches: (container: Container) => boolean): string[] {
    const prunable = [...this.store.values()].filter(
      (container) => !isAlive(container) && container.status !== 'removing' && matches(container),
    )
    for (const { id } of prunable) this.removeNow(id, false)
    this.#parts.events.emit('container', 'prune', '', { reclaimed: '0' })
    return prunable.map(({ id }) => id)
  }

  #removing(container: Container, delayMs: number): Promise<void> {
    this.store.replace({ ...container, status: 'removing' })
    return new Promise((finish) => {
      const timer = Number.isFinite(delayMs) ? this.#parts.clock.setTimeout(finish, delayMs) : undefined
      this.#removals.set(container.id, { finish, timer })
    })
  }

  #endRemoval(id: string): void {
    const removal = this.#removals.get(id)
    this.#removals.delete(id)
    this.#parts.clock.clearTimeout(removal?.timer)
    removal?.finish()
  }

  #freeName(asked: string | undefined, prefix = ''): string {
    if (asked === undefined || asked === '') return this.#inventName()
    if (!validName.test(asked)) {
      throw new Refusal(400, `Invalid container name (${asked}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`)
    }
    const name = asked.replace(/^\//, '')
    const owner = this.store.ownerOfName(name)
    if (owner === undefined) return name
    const advice = 'You have to remove (or rename) that container to be able to reuse that name.'
    const text = `Conflict. The container name "/${name}" is already in use by container "${owner}". ${advice}`
    throw new Refusal(409, `${prefix}${text}`)
  }

  #inventName(): string {
    for (let attempt = 0; ; attempt += 1) {
      const name = inventName(this.#parts.ids, attempt)
      if (this.store.ownerOfName(name) === undefined) return name
    }
  }

  #networkMode(asked: string): string {
    if (asked === '' || asked === 'default') return this.#parts.dialect.defaultNetworkMode
    if (!asked.startsWith('container:')) return asked
    const holder = this.store.find(asked.slice('container:'.length))
    return holder && holder !== 'ambiguous' ? `container:${holder.id}` : asked
  }

  #mount(containerId: string, blueprint: Blueprint, imageVolumes: readonly string[]): Mount[] {
    const taken = new Set(blueprint.mounts.map(({ target }) => target))
    const anonymous = [...new Set([...imageVolumes, ...blueprint.anonymousVolumes])]
      .filter((target) => !taken.has(target))
      .map((target): AskedMount => ({ type: 'volume', source: '', target, mode: '', isWritable: true }))
    return [...blueprint.mounts, ...anonymous].map((asked): Mount => {
      const { type, source, target, mode, isWritable } = asked
      if (type !== 'volume')
        return { type, volume: undefined, isAnonymous: false, source, target, mode, isWritable }
      const volume = this.#parts.volumes.create(source === '' ? undefined : source)
      this.#parts.volumes.use(volume.name, containerId)
      const folder = `${dataRoot}/volumes/${volume.name}/_data`
      return {
        type,
        volume: volume.name,
        isAnonymous: source === '',
        source: folder,
        target,
        mode,
        isWritable,
      }
    })
  }
}

/** As an engine lists them, whatever order they were given in. */
function sorted(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function refusalOfLiving({ id, status }: Container): string {
  const advice = status === 'paused' ? 'Unpause and then stop the container' : 'Stop the container'
  return `You cannot remove a ${status} container ${id}. ${advice} before attempting removal or force remove`
}
