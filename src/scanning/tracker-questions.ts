import type { ContainerSummary } from '../domain/container.ts'
import { inSlices } from '../domain/slices.ts'
import type { ScanContext, EvidenceSources } from './scan-context.ts'
import { type Answer, wordOf } from './tracker.ts'

/** The maximum number of pending questions to an asynchronous tracker. */
const questionsAtOnce = 256

/** Asks the tracker about each container, in order; an asynchronous tracker is asked about many concurrently. */
export async function askAboutAll(
  owned: readonly ContainerSummary[],
  { clock, tracker }: Pick<EvidenceSources, 'clock' | 'tracker'>,
  { signal }: Pick<ScanContext, 'signal'>,
): Promise<readonly Answer[]> {
  const answers = Array.from<Answer>({ length: owned.length })
  const out = new Set<Promise<unknown>>()
  let timeouts = 0
  const note = (index: number, answer: Answer) => {
    answers[index] = answer
    if (wordOf(answer) === 'tracker-timed-out') timeouts++
    lastAnswer = answer
  }
  let lastAnswer: Answer = 'untracked'
  await inSlices(owned, clock, signal, (container, index) => {
    // A tracker that hangs on this many will hang on all; further questions would only prolong the scan.
    if (timeouts >= questionsAtOnce) return note(index, lastAnswer)
    const answer = tracker.ask(container)
    if (!(answer instanceof Promise)) return note(index, answer)
    const asked = answer.then((settled) => {
      note(index, settled)
      out.delete(asked)
    })
    out.add(asked)
    return out.size >= questionsAtOnce ? Promise.race(out) : undefined
  })
  await Promise.all(out)
  signal.throwIfAborted()
  return answers
}
