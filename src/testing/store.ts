import { cgroupHolderOf, dependenciesOf, type Container } from './model.ts'

const bucketDigits = 4

/**
 * All containers, indexed by id, name and id prefix. Adding, replacing and deleting take constant time.
 */
export class ContainerStore {
  readonly #byId = new Map<string, Container>()
  readonly #idByName = new Map<string, string>()
  /** Ids by their first digits. */
  readonly #buckets = new Map<string, Set<string>>()
  /** Containers by the id of the container that they refer to, which never changes. */
  readonly #naming = new Map<string, Set<string>>()
  readonly #onReplace: (before: Container) => void

  /** `onReplace` is called with the previous version of each changed container. */
  constructor(onReplace: (before: Container) => void = () => {}) {
    this.#onReplace = onReplace
  }

  get size(): number {
    return this.#byId.size
  }

  /** In the order of their creation. */
  values(): IterableIterator<Container> {
    return this.#byId.values()
  }

  get(id: string): Container | undefined {
    return this.#byId.get(id)
  }

  ownerOfName(name: string): string | undefined {
    return this.#idByName.get(name)
  }

  add(container: Container): void {
    this.#byId.set(container.id, container)
    this.#idByName.set(container.name, container.id)
    const key = container.id.slice(0, bucketDigits)
    const bucket = this.#buckets.get(key)
    if (bucket) bucket.add(container.id)
    else this.#buckets.set(key, new Set([container.id]))
    for (const named of namedBy(container)) {
      const naming = this.#naming.get(named)
      if (naming) naming.add(container.id)
      else this.#naming.set(named, new Set([container.id]))
    }
  }

  /** The containers that share a namespace or the cgroup of this one, or require it; oldest first. */
  namersOf(id: string): Container[] {
    return [...(this.#naming.get(id) ?? [])].flatMap((namer) => this.#byId.get(namer) ?? [])
  }

  replace(container: Container): void {
    const before = this.#byId.get(container.id)
    if (!before) throw new Error(`there is no container ${container.id} to replace`)
    if (before.name !== container.name) {
      this.#idByName.delete(before.name)
      this.#idByName.set(container.name, container.id)
    }
    this.#byId.set(container.id, container)
    this.#onReplace(before)
  }

  delete(container: Container): void {
    this.#byId.delete(container.id)
    this.#idByName.delete(container.name)
    const key = container.id.slice(0, bucketDigits)
    const bucket = this.#buckets.get(key)
    bucket?.delete(container.id)
    if (bucket?.size === 0) this.#buckets.delete(key)
    for (const named of namedBy(container)) {
      const naming = this.#naming.get(named)
      naming?.delete(container.id)
      if (naming?.size === 0) this.#naming.delete(named)
    }
  }

  /** Finds a container by full id, then by name, then by an unambiguous id prefix. */
  find(reference: string): Container | 'ambiguous' | undefined {
    const whole = this.#byId.get(reference)
    if (whole) return whole
    const id = this.#idByName.get(reference.replace(/^\//, ''))
    if (id !== undefined) return this.#byId.get(id)
    return reference === '' ? undefined : this.findByPrefix(reference)
  }

  findByPrefix(prefix: string): Container | 'ambiguous' | undefined {
    const candidates =
      prefix.length < bucketDigits
        ? this.#byId.keys()
        : (this.#buckets.get(prefix.slice(0, bucketDigits)) ?? [])
    let found: string | undefined
    for (const id of candidates) {
      if (!id.startsWith(prefix)) continue
      if (found !== undefined) return 'ambiguous'
      found = id
    }
    return found === undefined ? undefined : this.#byId.get(found)
  }
}

function namedBy(container: Container): string[] {
  const cgroupHolder = cgroupHolderOf(container)
  const dependencies = dependenciesOf(container)
  return cgroupHolder === undefined ? dependencies : [...dependencies, cgroupHolder]
}
