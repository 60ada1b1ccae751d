import type { Clock } from '../domain/clock.ts'
import { inSlices } from '../domain/slices.ts'
import { isKept } from '../policy/judge.ts'
import type { ImageAnswer, ImageLabels } from './images.ts'
import { imageOf, needsNoImage } from './label-origins.ts'
import type { EvidenceSources, Judged } from './scan-context.ts'

/**
 * Inspects the images of containers that no removal threatens yet, such as tracked ones, while they are there. Once its image
 * is gone, the origin of a container's label could no longer be found out. Nothing waits for this, and its failures are not
 * reported, since nothing depends on them yet.
 */
export class ImagesAhead {
  readonly #clock: Clock
  readonly #end = new AbortController()
  /** With failures of its own: they must not delay an inspection that a verdict waits for. */
  #images: ImageLabels | undefined
  #isReading = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  stop(): void {
    this.#end.abort()
  }

  /** One at a time, until all are known or the engine does not answer. */
  async read(judged: readonly Judged[], sources: EvidenceSources): Promise<void> {
    if (this.#isReading || this.#end.signal.aborted) return
    this.#isReading = true
    const { ownership, policy } = sources
    const { signal } = this.#end
    const images = (this.#images ??= sources.images.aside())
    let isOut = false
    const note = (answer: ImageAnswer) => {
      isOut ||= !answer.isKnown && noAnswer.has(answer.failure?.kind)
    }
    try {
      await inSlices(judged, this.#clock, signal, ({ container, answer }) => {
        if (isOut || answer === 'untracked' || isKept(container, policy)) return undefined
        if (needsNoImage(container, ownership)) return undefined
        const found = images.of(imageOf(container), signal)
        return found instanceof Promise ? found.then(note) : undefined
      })
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      this.#isReading = false
    }
  }
}

/** Others would not be answered either. */
const noAnswer: ReadonlySet<string | undefined> = new Set(['unavailable', 'timed-out'])
