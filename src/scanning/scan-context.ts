import type { Failure } from '../../machines/failure-streaks.ts'
import type { Clock } from '../domain/clock.ts'
import type { ContainerSummary, Inspection } from '../domain/container.ts'
import type { ContainerId } from '../domain/ids.ts'
import type { TrackerAnswer, Verdict } from '../domain/verdict.ts'
import type { Listing, WatchingEngine } from '../engine/port.ts'
import type { Evidence, GraceEnds, Policy } from '../policy/judge.ts'
import type { Ownership } from '../policy/ownership.ts'
import type { SelfTest } from '../self/self-test.ts'
import type { ImageLabels } from './images.ts'
import type { LeaseReadings, Leases } from './leases.ts'
import type { NamespaceFacts } from './namespace-facts.ts'
import type { OwnedSet } from './owned-set.ts'
import type { Answer, Tracker } from './tracker.ts'
/** The history of one container at the time of a scan. */
export interface History {
  readonly graceEnds: GraceEnds
  readonly stoppedByUs: boolean
  readonly hookRefusal: Evidence['hookRefusal']
  readonly objection: Evidence['objection']
}

export interface EvidenceOptions {
  readonly clock: Clock
  readonly engine: WatchingEngine
  readonly ownership: Ownership
  readonly policy: Policy
  readonly tracker: Tracker
  readonly images: ImageLabels
  readonly namespaces: NamespaceFacts
  readonly self: SelfTest
  readonly maxDanglingShare: number | undefined
  /** Whether other sessions are alive; undefined if the owner has no sessions. */
  readonly leases?: Leases | undefined
}

export interface EvidenceSources extends EvidenceOptions {
  /** Derives the facts that follow from a listing alone; cached while listings stay the same. */
  readonly ownedSetOf: (containers: readonly ContainerSummary[], signal: AbortSignal) => Promise<OwnedSet>
  /** The sources for a query beside the scans: what is known already, with failures of its own, and nothing is changed. */
  readonly aside: () => EvidenceSources
}

/** One scan's listing and the history of its containers. */
export interface ScanContext {
  readonly listing: Listing
  /** The listing was filtered to owned containers: such a scan only discovers and never leads to a removal. */
  readonly isFiltered?: boolean
  readonly scanBeganMs: number
  readonly historyOf: (container: ContainerSummary, answer: TrackerAnswer) => History
  /** Returns the previous verdict of a container that is still tracked and unchanged; undefined if it must be judged. */
  readonly stillTracked?: (container: ContainerSummary, answer: TrackerAnswer) => Judged | undefined
  /** Whether the container departed after the listing was requested. */
  readonly hasDeparted: (id: ContainerId) => boolean
  /** Called with all of the tracker's answers and their total duration, before anything is judged. */
  readonly noteAnswers?: (
    owned: readonly ContainerSummary[],
    answers: readonly Answer[],
    askingMs: number,
  ) => void
  /**
   * Called with what the lease store said, before anything is judged. Returns when the session grace of a session ends;
   * without that, it never does.
   */
  readonly noteLeases?: (readings: LeaseReadings) => (session: string) => number | undefined
  /** Called with each inspection that the scan made. */
  readonly noteInspection?: (inspection: Inspection) => void
  /**
   * second-source: adds the inspection of a container that would otherwise dangle. Not used if a removal follows, which
   * begins with the inspection.
   */
  readonly confirm?: (evidence: Evidence) => Promise<Confirmed>
  readonly signal: AbortSignal
}

export interface Confirmed {
  readonly evidence: Evidence
  readonly failure: Failure | undefined
}

export interface Judged {
  readonly container: ContainerSummary
  readonly answer: TrackerAnswer
  readonly verdict: Verdict
}
