import type { Clock } from '../clock.ts'
import type { ContainerSummary, Listing } from '../engine/port.ts'
import type { ContainerId } from '../ids.ts'
import {
  type Evidence,
  type GraceEnds,
  isKept,
  isShareSuspicious,
  judge,
  type Policy,
  type TrackerAnswer,
  type Verdict,
} from '../judge.ts'
import { networkSharing, weighGuests } from '../namespaces.ts'
import type { Ownership } from '../owner.ts'
import type { IsSelf } from '../self.ts'
import { inSlices } from '../slices.ts'
import type { Tracker } from '../tracker.ts'
import type { ImageLabels } from './images.ts'
import type { NetworkModes, Networks } from './networks.ts'

/** What the past says of one container at a look. */
export interface History {
  readonly graceEnds: GraceEnds
  readonly endedByUs: boolean
  readonly hookRefusal: Evidence['hookRefusal']
}

export interface SurveyOptions {
  readonly clock: Clock
  readonly ownership: Ownership
  readonly policy: Policy
  readonly tracker: Tracker
  readonly images: ImageLabels
  readonly networks: NetworkModes
  readonly isSelf: IsSelf
  readonly maxDanglingShare: number | undefined
}

/** One look's listing, and what the past says of what is on it. */
export interface Sight {
  readonly listing: Listing
  readonly lookBeganMs: number
  readonly historyOf: (container: ContainerSummary, answer: TrackerAnswer) => History
  /** Whether the container's story ended after the listing was asked for. */
  readonly hasDeparted: (id: ContainerId) => boolean
  readonly signal: AbortSignal
}

export interface Judged {
  readonly container: ContainerSummary
  readonly answer: TrackerAnswer
  readonly verdict: Verdict
}

/** Judges every owned container of a listing. Asks the tracker about each, and the engine about images it does not know yet. */
export async function survey(options: SurveyOptions, sight: Sight): Promise<readonly Judged[]> {
  const cases = await gatherEvidence(options, sight)
  return judgeAll(options, sight, cases)
}

/** The verdict on each case, and on what must be judged as a whole. */
export async function judgeAll(
  options: SurveyOptions,
  sight: Sight,
  cases: readonly Evidence[],
): Promise<readonly Judged[]> {
  const judged: Judged[] = []
  await inSlices(cases, options.clock, sight.signal, (evidence) => {
    judged.push({ container: evidence.container, answer: evidence.answer, verdict: judge(evidence) })
  })
  // Those that are only graced yet count too: a tracker that forgot all would else empty a host one by one.
  const suspects = judged.filter(
    ({ answer, verdict }) => answer === 'untracked' && verdict.verdict !== 'spared',
  )
  return isShareSuspicious(suspects.length, judged.length, options.maxDanglingShare)
    ? judged.map((one) => (one.verdict.verdict === 'dangling' ? { ...one, verdict: doubtedShare } : one))
    : judged
}

const doubtedShare: Verdict = { verdict: 'spared', reason: 'dangling-share' }

/** Everything that the judge needs, for every owned container of the listing. */
export async function gatherEvidence(options: SurveyOptions, sight: Sight): Promise<readonly Evidence[]> {
  const owned = ownedOnce(sight.listing.containers, options)
  const answers = await askAboutAll(owned, options, sight)
  const origins = await originsOf(owned, answers, options, sight)
  const networks = await networksOf(answers, options, sight)
  const sharing = networkSharing(networks.containers)
  // Only where a guest's origin was looked into, it is untracked and bears no keep label.
  const isSurelyForgotten = ({ id }: ContainerSummary) => origins.get(id) === 'container'
  const cases: Evidence[] = []
  await inSlices(owned, options.clock, sight.signal, (listed) => {
    if (sight.hasDeparted(listed.id)) return
    const container = networks.filledIn(listed)
    const answer = answers.get(container.id) as TrackerAnswer
    const guests = weighGuests(sharing.guestsOf(container), isSurelyForgotten)
    const history = sight.historyOf(container, answer)
    cases.push({
      container,
      policy: options.policy,
      lookBeganMs: sight.lookBeganMs,
      isSelf: options.isSelf(container),
      answer,
      labelOrigin: origins.get(container.id) ?? 'unasked',
      protectingGuest: guests.protecting,
      endedGuests: guests.ended,
      areNetworksKnown: networks.isWhole,
      graceEnds: history.graceEnds,
      stoppedByUs: history.endedByUs,
      hookRefusal: history.hookRefusal,
    })
  })
  return cases
}

/**
 * The owned containers, each once. Of one that is listed twice, the entry counts that protects it: a listing that
 * contradicts itself removes nothing.
 */
function ownedOnce(
  containers: readonly ContainerSummary[],
  { ownership, policy }: SurveyOptions,
): readonly ContainerSummary[] {
  const byId = new Map<ContainerId, ContainerSummary>()
  const foreign = new Set<ContainerId>()
  for (const container of containers) {
    if (!ownership.owns(container)) foreign.add(container.id)
    else if (!byId.has(container.id) || isKept(container, policy)) byId.set(container.id, container)
  }
  return [...byId.values()].filter(({ id }) => !foreign.has(id))
}

/** Who uses whose network matters only where something may come to be removed. */
async function networksOf(
  answers: ReadonlyMap<ContainerId, TrackerAnswer>,
  { networks }: SurveyOptions,
  { listing: { containers }, signal }: Sight,
): Promise<Networks> {
  const isAnyUntracked = [...answers.values()].includes('untracked')
  return isAnyUntracked
    ? networks.fillIn(containers, signal)
    : { containers, filledIn: (container) => container, isWhole: true }
}

/** How many questions may be out at a time to a tracker that answers later. */
const questionsAtOnce = 256

/** What the agent says of each; a tracker that answers later is asked about many at a time. */
export async function askAboutAll(
  owned: readonly ContainerSummary[],
  { clock, tracker }: Pick<SurveyOptions, 'clock' | 'tracker'>,
  { signal }: Pick<Sight, 'signal'>,
): Promise<ReadonlyMap<ContainerId, TrackerAnswer>> {
  const answers = new Map<ContainerId, TrackerAnswer>()
  const out = new Set<Promise<unknown>>()
  let timeouts = 0
  const note = (id: ContainerId, answer: TrackerAnswer) => {
    answers.set(id, answer)
    if (answer === 'tracker-timed-out') timeouts++
  }
  const askOne = ({ id }: ContainerSummary) => {
    // A tracker that hangs on so many hangs on all; asking on would only make this look longer.
    if (timeouts >= questionsAtOnce) return note(id, 'tracker-timed-out')
    const answer = tracker.ask(id)
    if (!(answer instanceof Promise)) return note(id, answer)
    const asked = answer.then((settled) => {
      note(id, settled)
      out.delete(asked)
    })
    out.add(asked)
  }
  for (let from = 0, to = 0; from < owned.length; from = to) {
    to = from + questionsAtOnce - out.size
    await inSlices(owned.slice(from, to), clock, signal, askOne)
    // many at once, none of which anybody had to wait for, are a long list as well
    if (out.size === 0 && to < owned.length) await clock.breathe()
    if (out.size >= questionsAtOnce) await Promise.race(out)
    signal.throwIfAborted()
  }
  await Promise.all(out)
  signal.throwIfAborted()
  return answers
}

type Origin = Evidence['labelOrigin']

/** Where the owner label of each container that may come to be removed is from. Each image is looked at once. */
async function originsOf(
  owned: readonly ContainerSummary[],
  answers: ReadonlyMap<ContainerId, TrackerAnswer>,
  { clock, images, ownership, policy }: SurveyOptions,
  { signal }: Sight,
): Promise<ReadonlyMap<ContainerId, Origin>> {
  const origins = new Map<ContainerId, Origin>()
  const doubted = owned.filter((one) => answers.get(one.id) === 'untracked' && !isKept(one, policy))
  const labelsOf = await readImages(new Set(doubted.map(({ imageId }) => imageId)), images, signal)
  await inSlices(doubted, clock, signal, (container) => {
    const labels = labelsOf.get(container.imageId)
    origins.set(
      container.id,
      labels ? (ownership.cameWithImage(container, labels) ? 'image' : 'container') : 'unknown',
    )
  })
  return origins
}

type LabelsOfImages = ReadonlyMap<string, Readonly<Record<string, string>> | undefined>

/** So many images are looked at at a time. */
const imagesAtOnce = 8

async function readImages(
  ids: ReadonlySet<string>,
  images: ImageLabels,
  signal: AbortSignal,
): Promise<LabelsOfImages> {
  const labelsOf = new Map<string, Readonly<Record<string, string>> | undefined>()
  const waiting = [...ids]
  while (waiting.length > 0) {
    const asked = waiting.splice(0, imagesAtOnce)
    const labels = await Promise.all(asked.map(async (id) => images.of(id, signal)))
    signal.throwIfAborted()
    for (const [at, id] of asked.entries()) labelsOf.set(id, labels[at])
  }
  return labelsOf
}
