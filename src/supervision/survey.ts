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
import { drawUp, type Roster } from './roster.ts'

/** What the past says of one container at a look. */
export interface History {
  readonly graceEnds: GraceEnds
  readonly endedByUs: boolean
  readonly hookRefusal: Evidence['hookRefusal']
}

export interface SurveyorOptions {
  readonly clock: Clock
  readonly ownership: Ownership
  readonly policy: Policy
  readonly tracker: Tracker
  readonly images: ImageLabels
  readonly networks: NetworkModes
  readonly isSelf: IsSelf
  readonly maxDanglingShare: number | undefined
}

export interface Surveyor extends SurveyorOptions {
  /** What a listing alone says; worked out once for as long as listings say the same. */
  readonly rosterOf: (containers: readonly ContainerSummary[], signal: AbortSignal) => Promise<Roster>
}

export function createSurveyor(options: SurveyorOptions): Surveyor {
  let last: { readonly of: readonly ContainerSummary[]; readonly roster: Roster } | undefined
  return {
    ...options,
    rosterOf: async (containers, signal) => {
      if (last?.of === containers) return last.roster
      const roster = await drawUp(containers, options, signal)
      last = { of: containers, roster }
      return roster
    },
  }
}

/** One look's listing, and what the past says of what is on it. */
export interface Sight {
  readonly listing: Listing
  readonly lookBeganMs: number
  readonly historyOf: (container: ContainerSummary, answer: TrackerAnswer) => History
  /** Notes that the agent still tracks a container that says what it did, and gives what was judged of it; undefined where it is to be judged. */
  readonly stillTracked?: (container: ContainerSummary, answer: TrackerAnswer) => Judged | undefined
  /** Whether the container's story ended after the listing was asked for. */
  readonly hasDeparted: (id: ContainerId) => boolean
  /** Told how long the agent took to answer about all. */
  readonly noteAsking?: (askingMs: number) => void
  readonly signal: AbortSignal
}

export interface Judged {
  readonly container: ContainerSummary
  readonly answer: TrackerAnswer
  readonly verdict: Verdict
}

/** Gives a verdict on every owned container of a listing. Asks the tracker about each, and the engine about images it does not know yet. */
export async function survey(options: Surveyor, sight: Sight): Promise<readonly Judged[]> {
  return judgeAll(options, sight, await inquire(options, sight))
}

/** All that was asked about the owned containers of one listing. */
export interface Inquiry {
  readonly owned: readonly ContainerSummary[]
  /** Everything that the judge needs of one of them, by its place among them; undefined of one that is not, or whose story has ended meanwhile. */
  readonly evidenceOn: (index: number) => Evidence | undefined
  /** What was judged of it before, where it is tracked as it was then; undefined where it is to be judged. */
  readonly stillTracked: (index: number) => Judged | undefined
}

/** The verdict on each container, and on what must be judged as a whole. */
export async function judgeAll(
  { clock, maxDanglingShare }: Surveyor,
  { signal }: Sight,
  { owned, evidenceOn, stillTracked }: Inquiry,
): Promise<readonly Judged[]> {
  const judged: Judged[] = []
  await inSlices(owned, clock, signal, (_container, index) => {
    const one = stillTracked(index) ?? judgeOne(evidenceOn(index))
    if (one) judged.push(one)
  })
  return maxDanglingShare === undefined ? judged : doubt(judged, maxDanglingShare)
}

function judgeOne(evidence: Evidence | undefined): Judged | undefined {
  return evidence && { container: evidence.container, answer: evidence.answer, verdict: judge(evidence) }
}

/** bounded-removal: nothing dangles where too much does. */
function doubt(judged: readonly Judged[], maxDanglingShare: number): readonly Judged[] {
  // Those that are only graced yet count too: a tracker that forgot all would else empty a host one by one.
  const suspects = judged.filter(
    ({ answer, verdict }) => answer === 'untracked' && verdict.verdict !== 'spared',
  )
  return isShareSuspicious(suspects.length, judged.length, maxDanglingShare)
    ? judged.map((one) => (one.verdict.verdict === 'dangling' ? { ...one, verdict: doubtedShare } : one))
    : judged
}

const doubtedShare: Verdict = { verdict: 'spared', reason: 'dangling-share' }

/** Asks whoever has to be asked before the owned containers of a listing can be judged. */
export async function inquire(options: Surveyor, sight: Sight): Promise<Inquiry> {
  const { isSelf, policy } = options
  const roster = await options.rosterOf(sight.listing.containers, sight.signal)
  const { owned } = roster
  const askedMs = options.clock.now()
  const answers = await askAboutAll(owned, options, sight)
  sight.noteAsking?.(options.clock.now() - askedMs)
  const origins = await originsOf(owned, answers, options, sight)
  const networks = await networksOf(roster, answers, options, sight)
  const sharing = networkSharing(networks.containers)
  return {
    owned,
    stillTracked: (index) =>
      sight.stillTracked?.(
        networks.filledIn(owned[index] as ContainerSummary),
        answers[index] as TrackerAnswer,
      ),
    evidenceOn(index) {
      const listed = owned[index]
      if (listed === undefined || sight.hasDeparted(listed.id)) return undefined
      const container = networks.filledIn(listed)
      const answer = answers[index] as TrackerAnswer
      const guests = weighGuests(sharing.guestsOf(container), origins.isSurelyForgotten)
      const history = sight.historyOf(container, answer)
      return {
        container,
        policy,
        lookBeganMs: sight.lookBeganMs,
        isSelf: isSelf(container),
        answer,
        labelOrigin: origins.of(index),
        protectingGuest: guests.protecting,
        endedGuests: guests.ended,
        areNetworksKnown: networks.isWhole,
        graceEnds: history.graceEnds,
        stoppedByUs: history.endedByUs,
        hookRefusal: history.hookRefusal,
      }
    },
  }
}

/** Who uses whose network matters only where something may come to be removed. */
async function networksOf(
  { mayBeGuests }: Roster,
  answers: readonly TrackerAnswer[],
  { networks }: Surveyor,
  { signal }: Sight,
): Promise<Networks> {
  return answers.includes('untracked')
    ? networks.fillIn(mayBeGuests, signal)
    : { containers: mayBeGuests, filledIn: (container) => container, isWhole: true }
}

/** How many questions may be out at a time to a tracker that answers later. */
const questionsAtOnce = 256

/** What the agent says of each, in their order; a tracker that answers later is asked about many at a time. */
export async function askAboutAll(
  owned: readonly ContainerSummary[],
  { clock, tracker }: Pick<Surveyor, 'clock' | 'tracker'>,
  { signal }: Pick<Sight, 'signal'>,
): Promise<readonly TrackerAnswer[]> {
  const answers = Array.from<TrackerAnswer>({ length: owned.length })
  const out = new Set<Promise<unknown>>()
  let timeouts = 0
  const note = (index: number, answer: TrackerAnswer) => {
    answers[index] = answer
    if (answer === 'tracker-timed-out') timeouts++
  }
  await inSlices(owned, clock, signal, ({ id }, index) => {
    // A tracker that hangs on so many hangs on all; asking on would only make this look longer.
    if (timeouts >= questionsAtOnce) return note(index, 'tracker-timed-out')
    const answer = tracker.ask(id)
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

type Origin = Evidence['labelOrigin']

/** Where the owner labels of the containers are from that may come to be removed. */
interface Origins {
  /** By the container's place among the owned ones. */
  of(index: number): Origin
  /** Whether it is owned by itself, untracked, and bears no keep label. */
  readonly isSurelyForgotten: (container: ContainerSummary) => boolean
}

/** Each image is looked at once. */
async function originsOf(
  owned: readonly ContainerSummary[],
  answers: readonly TrackerAnswer[],
  { clock, images, ownership, policy }: Surveyor,
  { signal }: Sight,
): Promise<Origins> {
  const isDoubted = (one: ContainerSummary, index: number) =>
    answers[index] === 'untracked' && !isKept(one, policy)
  const imageIds = new Set<string>()
  await inSlices(owned, clock, signal, (container, index) => {
    if (isDoubted(container, index)) imageIds.add(container.imageId)
  })
  const labelsOf = await readImages(imageIds, images, signal)
  const of = (index: number): Origin => {
    const container = owned[index] as ContainerSummary
    // Nothing depends on the image of one that is tracked, kept, or spared anyway.
    if (!isDoubted(container, index)) return 'unasked'
    const labels = labelsOf.get(container.imageId)
    return labels ? (ownership.cameWithImage(container, labels) ? 'image' : 'container') : 'unknown'
  }
  let indexes: ReadonlyMap<ContainerId, number> | undefined
  return {
    of,
    isSurelyForgotten: ({ id }) => {
      indexes ??= new Map(owned.map((container, index) => [container.id, index]))
      const index = indexes.get(id)
      // Only where its origin was looked into, it is untracked and bears no keep label.
      return index !== undefined && of(index) === 'container'
    },
  }
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
