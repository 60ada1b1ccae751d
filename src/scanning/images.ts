import type { Failure } from '../../machines/failure-streaks.ts'
import type { Clock } from '../domain/clock.ts'
import { EngineError, messageOf } from '../domain/errors.ts'
import type { AskedImage, WatchingEngine } from '../engine/port.ts'
import { failedAgain, type FailedQuestion, extendedDeadlineMs, untilNextMs } from './failed-questions.ts'

type Labels = Readonly<Record<string, string>>

/** So many images are remembered beside those of listed containers. An evicted one costs one more request. */
const remembered = 1000

/** The labels of an image, or why they are unknown. */
export type ImageAnswer =
  | { readonly isKnown: true; readonly labels: Labels }
  | { readonly isKnown: false; readonly failure: Failure | undefined }

/**
 * Inspects each image once per platform and caches its labels, which never change: an image's id is the hash of its
 * content. So they hold for its containers also when the image is gone. Only complete responses are cached.
 */
export interface ImageLabels {
  /** Synchronous if the image is cached. */
  of(image: AskedImage, signal: AbortSignal): ImageAnswer | Promise<ImageAnswer>
  /** Limits the cache. Images in use stay, since they may be gone and can then not be inspected again. */
  retain(inUse: () => Iterable<AskedImage>): void
  /** Called after an outage: failures during the outage are discarded. */
  engineIsBack(): void
  /** Milliseconds until a failed inspection may be repeated; undefined if none failed. */
  untilAskedAgainMs(): number | undefined
  /** The same cache for a query beside the scans, whose failures are not theirs. */
  aside(): ImageLabels
}

export interface ImageLabelsOptions {
  readonly engine: WatchingEngine
  readonly clock: Clock
  readonly deadlineMs: number
  /** The labels that matter; the others of an image are not kept. */
  readonly marks: readonly string[]
}

export function createImageLabels(
  options: ImageLabelsOptions,
  known = new Map<string, ImageAnswer>(),
): ImageLabels {
  const { engine, clock, deadlineMs, marks } = options
  const asked = new Map<string, Promise<ImageAnswer>>()
  const failedQuestions = new Map<string, FailedQuestion & { readonly answer: ImageAnswer }>()

  async function ask(image: AskedImage, key: string, signal: AbortSignal): Promise<ImageAnswer> {
    const before = failedQuestions.get(key)
    try {
      const labels = await engine.imageLabels(image, {
        deadlineMs: extendedDeadlineMs(deadlineMs, before),
        signal,
      })
      failedQuestions.delete(key)
      const answer: ImageAnswer = { isKnown: true, labels: only(marks, labels) }
      known.set(key, answer)
      return answer
    } catch (thrown) {
      // An aborted scan is not a failure of the image.
      if (signal.aborted) return { isKnown: false, failure: undefined }
      const kind = thrown instanceof EngineError ? thrown.kind : 'fault'
      const failure = { about: 'image', kind, message: messageOf(thrown) }
      const answer: ImageAnswer = { isKnown: false, failure }
      makeRoom(failedQuestions)
      failedQuestions.set(key, { ...failedAgain(before, clock.now()), answer })
      return answer
    } finally {
      asked.delete(key)
    }
  }

  return {
    engineIsBack: () => failedQuestions.clear(),
    untilAskedAgainMs: () => untilNextMs(failedQuestions.values(), clock.now()),
    aside: () => createImageLabels(options, known),
    retain(inUse) {
      if (known.size <= remembered) return
      const used = new Set(Array.from(inUse(), imageKey))
      for (const key of known.keys()) {
        if (known.size <= remembered) return
        if (!used.has(key)) known.delete(key)
      }
    },
    of(image, signal) {
      if (image.id === '') return { isKnown: false, failure: undefined }
      const key = imageKey(image)
      const answer = known.get(key) ?? asked.get(key)
      if (answer) return answer
      const failed = failedQuestions.get(key)
      if (failed && clock.now() < failed.untilMs) return failed.answer
      const asking = ask(image, key, signal)
      asked.set(key, asking)
      return asking
    },
  }
}

/** One image id may cover several platforms. */
export function imageKey({ id, platform }: AskedImage): string {
  return platform === '' ? id : `${id} ${platform}`
}

function only(names: readonly string[], labels: Labels): Labels {
  const found = names.filter((name) => Object.hasOwn(labels, name))
  return Object.fromEntries(found.map((name) => [name, labels[name] as string]))
}

function makeRoom(map: Map<string, unknown>): void {
  if (map.size >= remembered) map.delete(map.keys().next().value as string)
}
