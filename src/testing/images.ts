import type { Dialect } from './dialect.ts'
import type { EventLog } from './events.ts'
import type { Image, ImagePlatform } from './model.ts'
import type { IdSource } from './random.ts'

/** An image that the engine has. */
export interface ImageSpec {
  /** `name` or `name:tag`. */
  readonly reference: string
  /** Every container of it gets these, unless it sets its own. */
  readonly labels?: Readonly<Record<string, string>>
  /**
   * Its variants, for an image of several; labels of their own take the place of those above. A container gets the one
   * it asks for, or that of the host, `linux/amd64`. Default: that one.
   */
  readonly platforms?: readonly {
    readonly architecture: string
    readonly os?: string
    readonly labels?: Readonly<Record<string, string>>
  }[]
  /** What a container runs that gives no command. */
  readonly command?: readonly string[]
  readonly env?: readonly string[]
  /** Folders at which every container of it gets an anonymous volume. */
  readonly volumes?: readonly string[]
  /** Milliseconds since 1970 by the engine's clock; default: now. */
  readonly createdAtMs?: number
}

const imageBytes = 1_982_291

/** The images of one engine. */
export class Images {
  readonly #byId = new Map<string, Image>()
  readonly #idByTag = new Map<string, string>()
  readonly #ids: IdSource
  readonly #events: EventLog
  readonly #now: () => number
  readonly #dialect: Dialect

  constructor(ids: IdSource, events: EventLog, now: () => number, dialect: Dialect) {
    this.#dialect = dialect
    this.#ids = ids
    this.#events = events
    this.#now = now
  }

  values(): IterableIterator<Image> {
    return this.#byId.values()
  }

  get size(): number {
    return this.#byId.size
  }

  /** Adds an image, takes its name from whichever image bore it, and returns its id. */
  add(spec: ImageSpec, parentId = ''): string {
    const platforms = platformsOf(spec)
    const image: Image = {
      id: `sha256:${this.#ids.nextId()}`,
      tags: [],
      createdAtMs: spec.createdAtMs ?? this.#now(),
      labels: { ...platforms[0]?.labels },
      platforms,
      hasContent: true,
      command: [...(spec.command ?? [])],
      env: [...(spec.env ?? [])],
      volumes: [...(spec.volumes ?? [])],
      parentId,
      sizeBytes: imageBytes,
    }
    this.#byId.set(image.id, image)
    this.tag(image.id, spec.reference)
    return image.id
  }

  tag(reference: string, tag: string): void {
    const image = this.resolve(reference)
    const name = withTag(tag)
    this.#untag(name)
    this.#byId.set(image.id, { ...image, tags: [...image.tags.filter((other) => other !== name), name] })
    this.#idByTag.set(name, image.id)
    this.#events.emit('image', 'tag', image.id, { ...image.labels, name })
  }

  find(reference: string): Image | undefined {
    const id = this.#idByTag.get(withTag(reference))
    if (id !== undefined) return this.#byId.get(id)
    const digits = reference.startsWith('sha256:') ? reference.slice('sha256:'.length) : reference
    const whole = this.#byId.get(`sha256:${digits}`)
    if (whole || !/^[0-9a-f]{4,63}$/.test(digits)) return whole
    const matches = [...this.#byId.values()].filter((image) => image.id.startsWith(`sha256:${digits}`))
    return matches.length === 1 ? matches[0] : undefined
  }

  resolve(reference: string): Image {
    const image = this.find(reference)
    if (!image) throw this.#dialect.noSuchImage(withTag(reference))
    return image
  }

  /** Whether this reference is one of its names, and not its id. */
  isName(reference: string): boolean {
    return this.#idByTag.has(withTag(reference))
  }

  /** Takes the name away, and leaves the image. */
  untag(name: string): void {
    this.#untag(withTag(name))
  }

  /** Takes it away with all its names, whatever is still made from it: from now on nobody can inspect it. */
  remove(reference: string): void {
    const image = this.resolve(reference)
    for (const tag of image.tags) this.#untag(tag)
    this.#byId.delete(image.id)
    this.#events.emit('image', 'delete', image.id, { name: image.id })
  }

  /**
   * What it consists of is gone, as happens in the containerd image store: an inspection still answers, and says neither
   * its platform nor its labels.
   */
  loseContent(reference: string): void {
    const image = this.resolve(reference)
    this.#byId.set(image.id, { ...image, hasContent: false })
  }

  #untag(name: string): void {
    const id = this.#idByTag.get(name)
    const image = id === undefined ? undefined : this.#byId.get(id)
    this.#idByTag.delete(name)
    if (image) this.#byId.set(image.id, { ...image, tags: image.tags.filter((tag) => tag !== name) })
  }
}

function platformsOf({ labels = {}, platforms = [{ architecture: 'amd64' }] }: ImageSpec): ImagePlatform[] {
  return platforms.map((platform) => ({
    os: platform.os ?? 'linux',
    architecture: platform.architecture,
    labels: { ...(platform.labels ?? labels) },
  }))
}

/** The reference as the engine spells it: without the registry and the library that are meant anyway, and with a tag. */
export function withTag(reference: string): string {
  if (reference.startsWith('sha256:') || reference.includes('@')) return reference
  const name = familiarName(reference)
  return name.lastIndexOf(':') > name.lastIndexOf('/') ? name : `${name}:latest`
}

export function familiarName(reference: string): string {
  return reference.replace(/^docker\.io\/(?:library\/)?/, '')
}
