import type { ContainerSummary } from '../domain/container.ts'
import { inSlices } from '../domain/slices.ts'
import type { ScanContext, EvidenceSources } from './scan-context.ts'
import { type Answer, wordOf } from './tracker.ts'

/** The maximum number of pending questions to an asynchronous tracker. */
const questionsAtOnce = 256

type Sources = Pick<EvidenceSources, 'clock' | 'tracker'>
type Context = Pick<ScanContext, 'signal'>

/** Asks the tracker about each container. Returns its answers, in order. */
export async function askAboutAll(
  owned: readonly ContainerSummary[],
  sources: Sources,
  context: Context,
): Promise<readonly Answer[]> {
  const answers = Array.from<Answer>({ length: owned.length })
  const note = (_: ContainerSummary, answer: Answer, index: number) => {
    answers[index] = answer
  }
  await askAboutEach(owned, (container) => container, note, sources, context)
  return answers
}

/** Asks the tracker about each item, in order; an asynchronous tracker is asked about many concurrently. */
export async function askAboutEach<TItem>(
  items: Iterable<TItem>,
  containerOf: (item: TItem) => ContainerSummary,
  take: (item: TItem, answer: Answer, index: number) => void,
  { clock, tracker }: Sources,
  { signal }: Context,
): Promise<void> {
  const out = new Set<Promise<unknown>>()
  let timeouts = 0
  const note = (item: TItem, answer: Answer, index: number) => {
    take(item, answer, index)
    if (wordOf(answer) === 'tracker-timed-out') timeouts++
    lastAnswer = answer
  }
  let lastAnswer: Answer = 'untracked'
  await inSlices(items, clock, signal, (item, index) => {
    // A tracker that hangs on this many will hang on all; further questions would only prolong the scan.
    if (timeouts >= questionsAtOnce) return note(item, lastAnswer, index)
    const answer = tracker.ask(containerOf(item))
    if (!(answer instanceof Promise)) return note(item, answer, index)
    const asked = answer.then((settled) => {
      note(item, settled, index)
      out.delete(asked)
    })
    out.add(asked)
    return out.size >= questionsAtOnce ? Promise.race(out) : undefined
  })
  await Promise.all(out)
  signal.throwIfAborted()
}
