import type { ContainerId } from '../ids.ts'
import type { ContainerSummary } from './port.ts'

/** Some bytes of a buffer: those from `start` on, up to but not including `end`. */
export interface Stretch {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

/** Texts that many containers have in common, such as the id of their image, are kept once; so many of them at most. */
const sharedTexts = 1000

/** Goes through a past listing in step with a new one. */
export interface Recall {
  /** The bytes of the entry that comes next where nothing has changed; undefined after the last one. */
  readonly expected: Stretch | undefined
  /** It has come again: its summary. */
  take(): ContainerSummary
  /** Another entry has come: where it is a changed one of the past, what followed it then is expected now. */
  met(id: ContainerId): void
}

/**
 * A listing as it was read: the bytes of each entry and their summary. A later listing with the same bytes says the same,
 * so that a look at which nothing has changed parses nothing and makes no new objects.
 */
export class PastListing {
  readonly #containers: ContainerSummary[] = []
  // three plain arrays: an object for each entry would take more memory than many an entry
  readonly #buffers: Uint8Array[] = []
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  readonly #texts: Map<string, string>

  /** Texts of the one before are shared with it. */
  constructor(before?: PastListing) {
    this.#texts = before ? before.#texts : new Map()
  }

  add({ bytes, start, end }: Stretch, container: ContainerSummary): void {
    this.#containers.push(container)
    this.#buffers.push(bytes)
    this.#starts.push(start)
    this.#ends.push(end)
  }

  /** The same text, as the same string where it was met before. */
  readonly share = (text: string): string => {
    const known = this.#texts.get(text)
    if (known !== undefined) return known
    if (this.#texts.size >= sharedTexts) this.#texts.clear()
    this.#texts.set(text, text)
    return text
  }

  recall(): Recall {
    const containers = this.#containers
    let next = 0
    let indexes: Map<ContainerId, number> | undefined
    const stretchAt = (index: number): Stretch | undefined => {
      const bytes = this.#buffers[index]
      return bytes && { bytes, start: this.#starts[index] as number, end: this.#ends[index] as number }
    }
    return {
      get expected() {
        return stretchAt(next)
      },
      take: () => containers[next++] as ContainerSummary,
      met(id) {
        indexes ??= new Map(containers.map((container, index) => [container.id, index]))
        const index = indexes.get(id)
        if (index !== undefined) next = index + 1
      },
    }
  }
}
