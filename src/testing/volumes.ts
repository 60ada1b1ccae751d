import type { EventLog } from './events.ts'
import type { Mount, Volume } from './model.ts'
import type { IdSource } from './random.ts'
import { Refusal } from './refusal.ts'

/** The volumes of an engine, and the containers that use them. */
export class Volumes {
  readonly #byName = new Map<string, Volume>()
  readonly #users = new Map<string, Set<string>>()
  readonly #ids: IdSource
  readonly #events: EventLog
  readonly #now: () => number

  constructor(ids: IdSource, events: EventLog, now: () => number) {
    this.#ids = ids
    this.#events = events
    this.#now = now
  }

  get size(): number {
    return this.#byName.size
  }

  values(): IterableIterator<Volume> {
    return this.#byName.values()
  }

  /** Creates a volume, anonymous without a name. Returns the existing one if the name exists. */
  create(
    name?: string,
    labels: Readonly<Record<string, string>> = {},
    createdAtMs: number = this.#now(),
  ): Volume {
    const there = name === undefined ? undefined : this.#byName.get(name)
    if (there) return there
    const volume: Volume = {
      name: name ?? this.#ids.nextId(),
      isAnonymous: name === undefined,
      createdAtMs,
      labels: name === undefined ? { ...labels, 'com.docker.volume.anonymous': '' } : { ...labels },
    }
    this.#byName.set(volume.name, volume)
    this.#events.emit('volume', 'create', volume.name, { driver: 'local' })
    return volume
  }

  resolve(name: string): Volume {
    const volume = this.#byName.get(name)
    if (!volume) throw new Refusal(404, `get ${name}: no such volume`)
    return volume
  }

  has(name: string): boolean {
    return this.#byName.has(name)
  }

  userCount(name: string): number {
    return this.#users.get(name)?.size ?? 0
  }

  use(name: string, containerId: string): void {
    const users = this.#users.get(name)
    if (users) users.add(containerId)
    else this.#users.set(name, new Set([containerId]))
  }

  /** Called when a container is gone. With `andAnonymous`, its anonymous volumes that are no longer in use are removed. */
  release(mounts: readonly Mount[], containerId: string, andAnonymous: boolean): void {
    for (const { volume, isAnonymous } of mounts) {
      if (volume === undefined) continue
      const users = this.#users.get(volume)
      users?.delete(containerId)
      if (users?.size === 0) this.#users.delete(volume)
      if (andAnonymous && isAnonymous && !this.#users.has(volume)) this.#destroy(volume)
    }
  }

  remove(name: string): void {
    this.resolve(name)
    const users = this.#users.get(name)
    if (users) throw new Refusal(409, `remove ${name}: volume is in use - [${[...users].join(', ')}]`)
    this.#destroy(name)
  }

  /** Removes matching volumes that are not in use, and returns their names. */
  prune(matches: (volume: Volume) => boolean): string[] {
    const unused = [...this.#byName.values()].filter(({ name }) => !this.#users.has(name)).filter(matches)
    for (const { name } of unused) this.#destroy(name)
    this.#events.emit('volume', 'prune', '', { reclaimed: '0' })
    return unused.map(({ name }) => name)
  }

  #destroy(name: string): void {
    if (this.#byName.delete(name)) this.#events.emit('volume', 'destroy', name, { driver: 'local' })
  }
}
