import type { Dialect } from './dialect.ts'
import type { EventLog } from './events.ts'
import type { Image, ImagePlatform } from './model.ts'
import type { IdSource } from './random.ts'

/** An image of the engine. */
export interface ImageSpec {
  /** `name` or `name:tag`. */
  readonly reference: string
  /** Labels that its containers inherit, unless they set their own. */
  readonly labels?: Readonly<Record<string, string>>
  /**
   * Its platforms, for a multi-platform image. Their labels replace those above. A container gets the platform that it
   * requests, or that of the host, `linux/amd64`. Default: only that one.
   */
  readonly platforms?: readonly {
    readonly architecture: string
    readonly os?: string
    readonly labels?: Readonly<Record<string, string>>
  }[]
  /** The default command of its containers. */
  readonly command?: readonly string[]
  readonly env?: readonly string[]
  /** Directories at which each of its containers gets an anonymous volume. */
  readonly volumes?: readonly string[]
  /** In milliseconds since 1970, by the engine's clock. Default: now. */
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

  /** Adds an image and returns its id. Another image with that name loses it. */
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

  /** Whether this reference is the name of an image rather than an id. */
  isName(reference: string): boolean {
    return this.#idByTag.has(withTag(reference))
  }

  /** Removes the name, but not the image. */
  untag(name: string): void {
    this.#untag(withTag(name))
  }

  /** Removes the image with all its names, even if containers use it. It can no longer be inspected. */
  remove(reference: string): void {
    const image = this.resolve(reference)
    for (const tag of image.tags) this.#untag(tag)
    this.#byId.delete(image.id)
    this.#events.emit('image', 'delete', image.id, { name: image.id })
  }

  /**
   * Deletes the image's content, as can happen in the containerd image store. An inspection still succeeds, but shows
   * neither platform nor labels.
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

/** The reference as the engine shows it: without the default registry and library, and with a tag. */
export function withTag(reference: string): string {
  if (reference.startsWith('sha256:') || reference.includes('@')) return reference
  const name = familiarName(reference)
  return name.lastIndexOf(':') > name.lastIndexOf('/') ? name : `${name}:latest`
}

export function familiarName(reference: string): string {
  return reference.replace(/^docker\.io\/(?:library\/)?/, '')
}
