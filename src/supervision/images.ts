import type { Clock } from '../clock.ts'
import { EngineError, messageOf } from '../errors.ts'
import type { WatchingEngine } from '../engine/port.ts'

type Labels = Readonly<Record<string, string>>

/** Images whose labels are remembered; an agent rarely uses more, and each costs one more question when it was forgotten. */
const remembered = 1000

/** An image that could not be looked at is asked for again after this long: no look waits for it twice in a row. */
const askAgainMs = 60_000

/** Looks at each image once and remembers its labels: they never change, since an image's id is the hash of its content. */
export interface ImageLabels {
  /** At once where the image is remembered. Undefined where the labels cannot be known now. */
  of(imageId: string, signal: AbortSignal): Labels | undefined | Promise<Labels | undefined>
  takeTrouble(): Trouble | undefined
}

interface Trouble {
  readonly kind: string
  readonly message: string
}

export function createImageLabels(engine: WatchingEngine, clock: Clock, deadlineMs: number): ImageLabels {
  const known = new Map<string, Labels>()
  const asked = new Map<string, Promise<Labels | undefined>>()
  const askedInVain = new Map<string, { readonly atMs: number; readonly trouble: Trouble }>()
  let trouble: Trouble | undefined

  async function ask(imageId: string, signal: AbortSignal): Promise<Labels | undefined> {
    try {
      const labels = await engine.imageLabels(imageId, { deadlineMs, signal })
      makeRoom(known)
      known.set(imageId, labels)
      return labels
    } catch (thrown) {
      // A look that was given up says nothing of the image.
      if (signal.aborted) return undefined
      trouble = { kind: thrown instanceof EngineError ? thrown.kind : 'fault', message: messageOf(thrown) }
      makeRoom(askedInVain)
      askedInVain.set(imageId, { atMs: clock.now(), trouble })
      return undefined
    } finally {
      asked.delete(imageId)
    }
  }

  return {
    of(imageId, signal) {
      if (imageId === '') return undefined
      const labels = known.get(imageId) ?? asked.get(imageId)
      if (labels) return labels
      const inVain = askedInVain.get(imageId)
      if (inVain && clock.now() - inVain.atMs < askAgainMs) {
        // It still cannot be known, so the trouble is not over.
        trouble = inVain.trouble
        return undefined
      }
      askedInVain.delete(imageId)
      const answer = ask(imageId, signal)
      asked.set(imageId, answer)
      return answer
    },
    takeTrouble() {
      const taken = trouble
      trouble = undefined
      return taken
    },
  }
}

function makeRoom(map: Map<string, unknown>): void {
  if (map.size >= remembered) map.delete(map.keys().next().value as string)
}
