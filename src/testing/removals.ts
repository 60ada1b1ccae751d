import type { Clock } from '../domain/clock.ts'
import type { Dialect } from './dialect.ts'
import { removalOfHolder, removalOfInfra } from './dialects/podman.ts'
import type { EventLog } from './events.ts'
import type { Faults } from './faults.ts'
import { graceMsOf, type Lifecycle } from './lifecycle.ts'
import { dependenciesOf, isAlive, type Container } from './model.ts'
import { Refusal } from './refusal.ts'
import type { ContainerStore } from './store.ts'
import type { Volumes } from './volumes.ts'

export interface RemovalsParts {
  readonly clock: Clock
  readonly store: ContainerStore
  readonly lifecycle: Lifecycle
  readonly volumes: Volumes
  readonly faults: Faults
  readonly events: EventLog
  readonly dialect: Dialect
  readonly onRemoved: (container: Container) => void
}

export interface RemovalOptions {
  readonly force: boolean
  readonly volumes: boolean
  /** How long Podman waits for a running container to end by itself. Default: the container's own stop timeout. */
  readonly graceMs?: number
}

interface Removal {
  /** Awaited by further removal requests, on engines that let them wait. */
  done: Promise<void> | undefined
  /** Ends the simulated delay. */
  finish: () => void
  timer: unknown
}

/** Removals of containers: immediate, slow, incomplete or failed. */
export class Removals {
  readonly #parts: RemovalsParts
  readonly #underWay = new Map<string, Removal>()

  constructor(parts: RemovalsParts) {
    this.#parts = parts
  }

  /** Resolves when the container is removed. Throws the engine's refusal. */
  async remove(container: Container, reference: string, options: RemovalOptions): Promise<void> {
    if (this.#parts.dialect.isPodman) await this.#removeAsPodman(container, reference, options)
    else await this.#removeAsDockerd(container, reference, options)
  }

  /** Removes it immediately in any state. */
  removeNow(id: string, volumes: boolean): boolean {
    const { store, lifecycle, faults, events } = this.#parts
    const container = store.get(id)
    if (!container) return false
    const gone = lifecycle.killForRemoval(container)
    store.delete(gone)
    this.#parts.volumes.release(gone.mounts, id, volumes)
    faults.noteRemoved(gone)
    events.emitOfContainer('destroy', gone)
    lifecycle.noteRemoved(gone)
    this.#end(id)
    this.#parts.onRemoved(gone)
    return true
  }

  /** Ends a slow removal of it, if one is in progress. */
  finish(id: string): void {
    this.#underWay.get(id)?.finish()
  }

  /** Kills it and leaves the rest: dockerd keeps it as dead, Podman has half removed it. */
  fail(container: Container): void {
    const { store, lifecycle, dialect } = this.#parts
    const dead = lifecycle.killForRemoval(container)
    store.replace(
      dialect.isPodman
        ? { ...dead, status: 'removing', removal: 'cut-short' }
        : { ...dead, status: 'dead', removal: 'failed' },
    )
  }

  /** The engine goes down during removals. Removals that had failed before are visible again when it is back. */
  abandon(): void {
    const { clock, store, dialect } = this.#parts
    for (const [id, { timer }] of this.#underWay) {
      clock.clearTimeout(timer)
      const container = store.get(id)
      if (container?.removal === 'under-way') this.fail(container)
    }
    this.#underWay.clear()
    if (dialect.isPodman) return
    for (const container of store.values())
      if (container.removal === 'failed') store.replace({ ...container, removal: undefined })
  }

  async #removeAsDockerd(
    container: Container,
    reference: string,
    { force, volumes }: RemovalOptions,
  ): Promise<void> {
    const { lifecycle, faults, dialect } = this.#parts
    if (container.status === 'removing')
      throw new Refusal(409, `removal of container ${reference} is already in progress`)
    if (isAlive(container) && !force) throw dialect.removalOfLiving(container, reference)
    const dead = lifecycle.killForRemoval(container)
    const delayMs = faults.strikeRemoval(dead)
    if (delayMs > 0) await this.#takeTime(dead, delayMs)
    this.removeNow(container.id, volumes)
  }

  /** Requests during a removal wait for its end, and get the same answer. */
  #removeAsPodman(container: Container, reference: string, options: RemovalOptions): Promise<void> {
    const underWay = this.#underWay.get(container.id)
    if (underWay?.done) return underWay.done
    const removal: Removal = { done: undefined, finish: () => {}, timer: undefined }
    this.#underWay.set(container.id, removal)
    removal.done = this.#clearAway(container, reference, options, removal).finally(() => {
      if (this.#underWay.get(container.id) === removal) this.#underWay.delete(container.id)
    })
    return removal.done
  }

  async #clearAway(
    { id }: Container,
    reference: string,
    { force, volumes, graceMs }: RemovalOptions,
    removal: Removal,
  ): Promise<void> {
    const { store, lifecycle, faults, dialect } = this.#parts
    const container = store.get(id)
    if (!container) throw dialect.noSuchContainer(reference)
    if (container.pod?.isInfra) throw removalOfInfra(container)
    const isUp = isAlive(container) && container.status !== 'restarting'
    if (isUp && !force) throw dialect.removalOfLiving(container, reference)
    if (isUp && container.status !== 'paused')
      await lifecycle.stop(container, graceMs ?? graceMsOf(container))
    const stopped = store.get(id)
    if (!stopped || this.#underWay.get(id) !== removal) return
    const dead = lifecycle.killForRemoval(stopped)
    // a container with dependents is refused, but has been stopped by then
    const dependents = store.namersOf(id).filter((namer) => dependenciesOf(namer).includes(id))
    if (dependents.length > 0) throw removalOfHolder(container, dependents)
    const delayMs = faults.strikeRemoval(dead)
    if (delayMs > 0) await this.#takeTime(dead, delayMs)
    this.removeNow(id, volumes)
  }

  #takeTime(container: Container, delayMs: number): Promise<void> {
    this.#parts.store.replace({ ...container, status: 'removing', removal: 'under-way' })
    return new Promise((finish) => {
      const timer = Number.isFinite(delayMs) ? this.#parts.clock.setTimeout(finish, delayMs) : undefined
      const removal = this.#underWay.get(container.id)
      if (removal) Object.assign(removal, { finish, timer })
      else this.#underWay.set(container.id, { done: undefined, finish, timer })
    })
  }

  #end(id: string): void {
    const removal = this.#underWay.get(id)
    this.#underWay.delete(id)
    this.#parts.clock.clearTimeout(removal?.timer)
    removal?.finish()
  }
}
