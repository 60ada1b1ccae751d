import type { ContainerSummary } from './container.ts'

/** The verdict on one container in one scan. */
export type Verdict =
  | { readonly verdict: 'tracked'; readonly reason: 'tracked' }
  | {
      readonly verdict: 'graced'
      readonly reason: GraceReason
      /** When the last of its graces ends, on the clock that counts them. */
      readonly endsAtMs: number
    }
  | {
      readonly verdict: 'dangling'
      readonly reason: 'untracked'
      /** Ended guests that do not protect it because they are untracked; the tracker is asked about them again before a removal. */
      readonly endedGuests: () => readonly ContainerSummary[]
    }
  | { readonly verdict: 'spared'; readonly reason: SpareReason }

export type VerdictName = Verdict['verdict']

export type Reason = Verdict['reason']

/** A verdict and its reason; see docs/reasons.md. `verdict` narrows `reason`. */
export type VerdictReason =
  | { readonly verdict: 'tracked'; readonly reason: 'tracked' }
  | { readonly verdict: 'graced'; readonly reason: GraceReason }
  | { readonly verdict: 'dangling'; readonly reason: 'untracked' }
  | { readonly verdict: 'spared'; readonly reason: SpareReason }

/** Omits the internal fields of a verdict. */
export function verdictReason({ verdict, reason }: Verdict): VerdictReason {
  return { verdict, reason } as VerdictReason
}

export type GraceReason =
  | 'creation-grace'
  | 'restore-grace'
  | 'release-grace'
  | 'recovery-grace'
  | 'tracker-emptied'
  | 'session-grace'

/** Why an untracked container is spared although its graces have ended. Stable; see docs/reasons.md. */
export type SpareReason =
  | 'self'
  | ListingFault
  | 'keep-label'
  | 'orchestrated'
  | 'label-from-image'
  | 'image-unknown'
  | 'state-not-covered'
  | 'state-unknown'
  | 'namespace-shared'
  | 'namespace-unknown'
  | 'group-alive'
  | 'session-alive'
  | 'session-unknown'
  | 'dangling-share'
  | 'hook-refused'
  | 'hook-failed'
  | 'hook-timed-out'
  | Objection
  | TrackerFailure

/**
 * Why a container's entry in the listing cannot be relied on. `listed-twice`: the listing contains it twice. `id-is-a-name`:
 * another container has this id as its name, which the engine would resolve to that container once the original is gone.
 * `entry-unreadable`: its entry could not be read.
 */
export type ListingFault = 'listed-twice' | 'id-is-a-name' | 'entry-unreadable'

/** Why an inspection rules out a removal that a listing nominated. */
export type Objection =
  | 'self'
  | 'self-unknown'
  | 'infra-container'
  | 'inspection-disagrees'
  | 'inspection-failed'
  | 'half-removed'
  | 'being-removed'

export type HookRefusal = Extract<SpareReason, 'hook-refused' | 'hook-failed' | 'hook-timed-out'>

/** The tracker's answer on one id. */
export type TrackerAnswer = 'tracked' | 'untracked' | TrackerFailure

const trackerFailures = [
  'tracker-unknown',
  'tracker-failed',
  'tracker-timed-out',
  'tracker-not-ready',
  'tracker-invalid',
  'tracker-wrong-keys',
  'tracked-file-unreadable',
  'tracked-file-invalid',
  'tracked-url-failed',
  'tracked-url-invalid',
] as const

/** Why the tracker gave no answer. */
export type TrackerFailure = (typeof trackerFailures)[number]

export function isTrackerFailure(reason: unknown): reason is TrackerFailure {
  return (trackerFailures as readonly unknown[]).includes(reason)
}

/** Whether the container is spared only because information is missing that may become available. */
export function isAskedAgain({ reason }: Verdict): boolean {
  return reason === 'image-unknown' || reason === 'namespace-unknown' || isTrackerFailure(reason)
}
