import type { EventLog } from './events.ts'
import type { Image } from './model.ts'
import type { IdSource } from './random.ts'
import { Refusal } from './refusal.ts'

/** An image that the engine has. */
export interface ImageSpec {
  /** `name` or `name:tag`. */
  readonly reference: string
  /** Every container of it gets these, unless it sets its own. */
  readonly labels?: Readonly<Record<string, string>>
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

  constructor(ids: IdSource, events: EventLog, now: () => number) {
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
    const image: Image = {
      id: `sha256:${this.#ids.nextId()}`,
      tags: [],
      createdAtMs: spec.createdAtMs ?? this.#now(),
      labels: { ...spec.labels },
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
    if (!image) throw new Refusal(404, `No such image: ${withTag(reference)}`)
    return image
  }

  /** Takes the name away; the image itself goes with its last name. Returns what happened, as the engine tells it. */
  remove(reference: string, usedBy: (imageId: string) => string | undefined, isForced: boolean): object[] {
    const image = this.resolve(reference)
    const name = withTag(reference)
    const isById = this.#idByTag.get(name) !== image.id
    const user = usedBy(image.id)
    const isLastName = isById || image.tags.length <= 1
    const short = image.id.slice(7, 19)
    if (user !== undefined && isLastName && !isForced) {
      const what = isById ? `delete ${short}` : `remove repository reference "${reference}"`
      const why = `container ${user.slice(0, 12)} is using its referenced image ${short}`
      throw new Refusal(409, `conflict: unable to ${what} (must force) - ${why}`)
    }
    const gone = isById ? image.tags : [name]
    for (const tag of gone) this.#untag(tag)
    const told: object[] = gone.map((tag) => ({ Untagged: tag }))
    if (!isLastName || user !== undefined) return told
    this.#byId.delete(image.id)
    this.#events.emit('image', 'delete', image.id, { name: image.id })
    return [...told, { Deleted: image.id }]
  }

  #untag(name: string): void {
    const id = this.#idByTag.get(name)
    const image = id === undefined ? undefined : this.#byId.get(id)
    this.#idByTag.delete(name)
    if (image) this.#byId.set(image.id, { ...image, tags: image.tags.filter((tag) => tag !== name) })
  }
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
