import type { Failure } from '../../machines/failure-streaks.ts'
import type { ContainerSummary } from '../domain/container.ts'
import { shortId } from '../domain/ids.ts'
import { inBatches, inSlices } from '../domain/slices.ts'
import type { Verdict } from '../domain/verdict.ts'
import type { Listing, Unidentified } from '../engine/port.ts'
import { type Evidence, judge, judgeAgain, type SessionState, sparedBySession } from '../policy/judge.ts'
import { noGuests, weighGuests } from '../policy/namespaces.ts'
import { Groups } from './groups.ts'
import { originsOf } from './label-origins.ts'
import type { LeaseReadings } from './leases.ts'
import { inspectionsAtOnce, type ListedAgain, type NamespacesKnown } from './namespace-facts.ts'
import { readOwnedSet, type OwnedSet } from './owned-set.ts'
import type { Judged, ScanContext, EvidenceSources, EvidenceOptions } from './scan-context.ts'
import { sessionsOf, stateOf } from './sessions.ts'
import { askAboutAll } from './tracker-questions.ts'
import { type Answer, failureOf, wordOf } from './tracker.ts'

export function evidenceSources(
  options: EvidenceOptions,
  groups = new Groups(options.ownership, options.tracker.tracksNothing),
): EvidenceSources {
  let last: { readonly of: readonly ContainerSummary[]; readonly ownedSet: OwnedSet } | undefined
  return {
    ...options,
    ownedSetOf: async (containers, signal) => {
      if (last?.of === containers) return last.ownedSet
      const ownedSet = await readOwnedSet(containers, { ...options, groups }, signal)
      last = { of: containers, ownedSet }
      return ownedSet
    },
    aside: () => {
      const images = options.images.aside()
      const namespaces = options.namespaces.aside()
      const leases = options.leases?.aside()
      return evidenceSources({ ...options, images, leases, namespaces }, groups.aside())
    },
  }
}

/** The result of judging one listing. */
export interface ListingJudgement {
  readonly judged: readonly Judged[]
  /** Failures that left evidence unknown, one per subject. */
  readonly failures: readonly Failure[]
  /** The result of a second listing, if the scan needed one. */
  readonly listedAgain: ListedAgain | undefined
}

/** Judges every owned container of a listing. Asks the tracker about each, and the engine for facts not yet known. */
export async function judgeListing(
  options: EvidenceSources,
  context: ScanContext,
): Promise<ListingJudgement> {
  const inquiry = await inquire(options, context)
  const { failures, listedAgain } = inquiry
  return { judged: await judgeAll(options, context, inquiry), failures, listedAgain }
}

/** The collected evidence on the owned containers of one listing. */
export interface Inquiry {
  readonly owned: readonly ContainerSummary[]
  /** The evidence for `judge`, by index in `owned`; undefined if there is none or the container has since departed. */
  readonly evidenceOn: (index: number) => Evidence | undefined
  /** The previous verdict, if the container is still tracked and unchanged; undefined if it must be judged. */
  readonly stillTracked: (index: number) => Judged | undefined
  readonly failures: readonly Failure[]
  readonly listedAgain: ListedAgain | undefined
}

/** Judges each container, then applies the limits on the whole set. */
export async function judgeAll(
  { clock, maxDanglingShare }: EvidenceSources,
  { signal }: ScanContext,
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

/** bounded-removal: spares all dangling containers if their share is too large. */
function doubt(judged: readonly Judged[], maxDanglingShare: number): readonly Judged[] {
  // Untracked containers in a grace count too; otherwise a tracker that lost its state would empty the host gradually.
  const suspects = judged.filter(
    ({ answer, verdict }) => answer === 'untracked' && verdict.verdict !== 'spared',
  )
  const doubted = judgeAgain({
    stage: 'share',
    suspects: suspects.length,
    owned: judged.length,
    maxShare: maxDanglingShare,
  })
  return doubted
    ? judged.map((one) => (one.verdict.verdict === 'dangling' ? { ...one, verdict: doubted } : one))
    : judged
}

/** Collects the evidence that is needed to judge the owned containers of a listing. */
export async function inquire(options: EvidenceSources, context: ScanContext): Promise<Inquiry> {
  const { clock } = options
  const ownedSet = await options.ownedSetOf(context.listing.containers, context.signal)
  const { owned } = ownedSet
  const askedMs = clock.now()
  let askingMs = 0
  const [answers, leases] = await Promise.all([
    askAboutAll(owned, options, context).finally(() => (askingMs = clock.now() - askedMs)),
    options.leases?.askAll(sessionsOf(owned, options.ownership), context.signal),
  ])
  context.noteAnswers?.(owned, answers, askingMs)
  const sessionOf = sessionsBy(leases, options, context)
  ownedSet.groups.note(owned, answers)
  const failures = new Map<string, Failure>()
  const note = (failure: Failure | undefined) => failure && failures.set(failure.about, failure)
  const isOfLiveSession = (one: ContainerSummary) => sparedBySession(sessionOf(one)?.state) !== undefined
  const origins = await originsOf(owned, answers, { ...options, isOfLiveSession }, context)
  note(origins.failure)
  note(leases?.failure)
  const still: (Judged | undefined)[] = []
  const first: (Evidence | undefined)[] = []
  let mayRemove = false
  await inSlices(owned, clock, context.signal, (container, index) => {
    const answer = answers[index] as Answer
    note(failureOf(answer))
    // Judging would create a record again for a container that has already departed.
    if (context.hasDeparted(container.id)) return
    still[index] = context.stillTracked?.(container, wordOf(answer))
    if (still[index]) return
    const evidence = firstEvidence(
      { container, answer, labelOrigin: origins.of(index), session: sessionOf(container) },
      ownedSet,
      options,
      context,
    )
    first[index] = evidence
    mayRemove ||= answer === 'untracked' && mayDangleHere(judge(evidence))
  })
  // Dependencies between containers matter only if something may be removed.
  const known =
    mayRemove && !context.isFiltered
      ? await options.namespaces.of(ownedSet.listed, context.signal, context.noteInspection)
      : undefined
  note(known?.failure)
  note(unreadFailure(context.listing.unidentified, ownedSet.unread))
  note(halfRemovedFailure(context.listing))
  const weighed = known ? await weighAll(known) : first
  await confirmAll()
  return {
    owned,
    stillTracked: (index) => still[index],
    evidenceOn: (index) => {
      const evidence = weighed[index]
      return evidence && context.hasDeparted(evidence.container.id) ? undefined : evidence
    },
    failures: [...failures.values()],
    listedAgain: known?.listedAgain,
  }

  async function weighAll({ mayBeNeeded, sharing }: NamespacesKnown): Promise<(Evidence | undefined)[]> {
    const guestsOf = weighGuests(sharing, isSurelyForgotten)
    const weighed: (Evidence | undefined)[] = []
    await inSlices(first, clock, context.signal, (evidence, index) => {
      if (!evidence) return
      const { protecting, ended } = guestsOf(evidence.container)
      // An entry without an id may be of a guest that cannot be inspected.
      const areNamespacesKnown =
        context.listing.unidentified === undefined && !mayBeNeeded(evidence.container)
      weighed[index] = { ...evidence, protectingGuest: protecting, endedGuests: ended, areNamespacesKnown }
    })
    return weighed
  }

  /** Whether an ended guest would be removed itself if the policy covered its state. */
  function isSurelyForgotten({ id }: ContainerSummary): boolean {
    const evidence = first[ownedSet.indexOf(id)]
    return evidence !== undefined && judge({ ...evidence, stoppedByUs: true }).verdict === 'dangling'
  }

  async function confirmAll(): Promise<void> {
    const { confirm, signal } = context
    if (!confirm) return
    const nominated = [...weighed.entries()].filter(
      ([, evidence]) => evidence && judge(evidence).verdict === 'dangling',
    )
    await inBatches(nominated, inspectionsAtOnce, signal, async ([index, evidence]) => {
      const confirmed = await confirm(evidence as Evidence)
      weighed[index] = confirmed.evidence
      note(confirmed.failure)
    })
  }
}

/** In a session grace another reconciler may have its turn first, so nothing is inspected ahead. */
function mayDangleHere({ reason, verdict }: Verdict): boolean {
  return verdict !== 'spared' && reason !== 'session-grace'
}

function halfRemovedFailure({ refusal }: Listing): Failure | undefined {
  return refusal === undefined ? undefined : { about: 'half-removed', kind: 'half-removed', message: refusal }
}

function unreadFailure(
  unidentified: Unidentified | undefined,
  unread: ContainerSummary | undefined,
): Failure | undefined {
  const kind = 'invalid-answer'
  if (unidentified) {
    const { count, first } = unidentified
    const all = count === 1 ? first : `${first}, the first of ${count}`
    return {
      about: 'listing',
      kind,
      message: `${all}; it may be any container that needs another one, so none is removed`,
    }
  }
  if (!unread) return undefined
  const { id, name, unreadable } = unread
  return {
    about: 'listing',
    kind,
    message: `the entry of container ${name || shortId(id)}: ${unreadable}`,
  }
}

interface Found {
  readonly container: ContainerSummary
  readonly answer: Answer
  readonly labelOrigin: Evidence['labelOrigin']
  readonly session: OtherSession | undefined
}

/** live-session: the session of a container that is not our own. */
interface OtherSession {
  readonly state: SessionState
  readonly graceEndsMs: number
}

function sessionsBy(
  readings: LeaseReadings | undefined,
  { ownership }: EvidenceSources,
  { noteLeases }: ScanContext,
): (container: ContainerSummary) => OtherSession | undefined {
  if (!readings) return () => undefined
  const graceEndOf = noteLeases?.(readings)
  return (container) => {
    const id = ownership.sessionOf?.(container)
    if (id === undefined) return undefined
    return { state: stateOf(readings.of.get(id)), graceEndsMs: graceEndOf?.(id) ?? Infinity }
  }
}

/** The evidence on a container before the users of its namespaces are known. */
function firstEvidence(
  { container, answer, labelOrigin, session }: Found,
  ownedSet: OwnedSet,
  { policy, self }: EvidenceSources,
  context: ScanContext,
): Evidence {
  const word = wordOf(answer)
  const history = context.historyOf(container, word)
  return {
    container,
    policy,
    scanBeganMs: context.scanBeganMs,
    isSelf: self.suspects(container),
    listingFault: ownedSet.faults.get(container.id),
    answer: word,
    session: session?.state,
    labelOrigin,
    groupLife: ownedSet.groups.lifeOf(container),
    protectingGuest: undefined,
    areNamespacesKnown: true,
    endedGuests: noGuests,
    graceEnds: session ? { ...history.graceEnds, sessionMs: session.graceEndsMs } : history.graceEnds,
    stoppedByUs: history.stoppedByUs,
    hookRefusal: history.hookRefusal,
    objection: history.objection,
  }
}
