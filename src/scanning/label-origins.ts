import type { Failure } from '../../machines/failure-streaks.ts'
import type { ContainerSummary } from '../domain/container.ts'
import { inBatches, inSlices } from '../domain/slices.ts'
import type { AskedImage } from '../engine/port.ts'
import { adviceOn } from '../policy/advice.ts'
import { type Evidence, isKept } from '../policy/judge.ts'
import type { Ownership } from '../policy/ownership.ts'
import { type ImageAnswer, imageKey, type ImageLabels } from './images.ts'
import type { ScanContext, EvidenceSources } from './scan-context.ts'
import type { Answer } from './tracker.ts'

/** Where the owner labels of possible candidates come from. */
export interface Origins {
  /** By index among the owned containers. */
  of(index: number): Evidence['labelOrigin']
  /** Why the labels of an image are unknown. */
  readonly failure: Failure | undefined
}

interface OriginSources extends EvidenceSources {
  /** Whether its session spares it whatever its image says. */
  readonly isOfLiveSession: (container: ContainerSummary) => boolean
}

/** Determines the origin of owner labels. Each image is inspected once. */
export async function originsOf(
  owned: readonly ContainerSummary[],
  answers: readonly Answer[],
  { clock, images, isOfLiveSession, ownership, policy }: OriginSources,
  { signal }: ScanContext,
): Promise<Origins> {
  const isDoubted = (one: ContainerSummary, index: number) =>
    answers[index] === 'untracked' && !isKept(one, policy) && !isOfLiveSession(one)
  const isAsked = (one: ContainerSummary, index: number) =>
    isDoubted(one, index) && !needsNoImage(one, ownership)
  images.retain(() => owned.map(imageOf))
  const asked = new Map<string, AskedImage>()
  await inSlices(owned, clock, signal, (container, index) => {
    if (!isAsked(container, index)) return
    const image = imageOf(container)
    asked.set(imageKey(image), image)
  })
  const known = await readImages(asked, images, signal)
  return {
    of: (index) => {
      const container = owned[index] as ContainerSummary
      // The image is irrelevant for containers that are tracked, kept or spared anyway.
      if (!isDoubted(container, index)) return 'unasked'
      if (!isAsked(container, index)) return 'container'
      const answer = known.answers.get(imageKey(imageOf(container)))
      if (!answer?.isKnown) return 'unknown'
      return ownership.cameWithImage(container, answer.labels) ? 'image' : 'container'
    },
    failure: known.failure && withAdvice(known, owned.filter(isAsked)),
  }
}

/** An image that is gone does not return by itself. */
function withAdvice({ answers, failure }: ImagesKnown, doubted: readonly ContainerSummary[]) {
  const failureOf = (container: ContainerSummary) => {
    const answer = answers.get(imageKey(imageOf(container)))
    return answer?.isKnown === false ? answer.failure : undefined
  }
  const left = doubted.filter((container) => failureOf(container)?.kind === 'gone')
  const gone = left[0] && failureOf(left[0])
  return gone ? { ...gone, message: `${gone.message}; ${adviceOn('image-unknown', left)}` } : failure
}

/**
 * own-label: whether its labels are known to be its own whatever its image says. Without an image they can come from nowhere
 * else.
 */
export function needsNoImage(container: ContainerSummary, ownership: Ownership): boolean {
  return container.hasNoImage === true || ownership.isProven(container)
}

export function imageOf({ imageId, platform }: ContainerSummary): AskedImage {
  return { id: imageId, platform }
}

/** The maximum number of concurrent image inspections. */
const imagesAtOnce = 8

interface ImagesKnown {
  readonly answers: ReadonlyMap<string, ImageAnswer>
  readonly failure: Failure | undefined
}

async function readImages(
  asked: ReadonlyMap<string, AskedImage>,
  images: ImageLabels,
  signal: AbortSignal,
): Promise<ImagesKnown> {
  const answers = new Map<string, ImageAnswer>()
  let failure: Failure | undefined
  await inBatches([...asked], imagesAtOnce, signal, async ([key, image]) => {
    const answer = await images.of(image, signal)
    answers.set(key, answer)
    if (!answer.isKnown) failure = answer.failure ?? failure
  })
  return { answers, failure }
}
