import type { ActorRefFrom } from 'xstate'

import type { containerMachine } from '../../machines/container.machine.ts'
import type { ContainerSummary } from '../engine/port.ts'
import type { AboutContainer, Report } from '../events.ts'
import type { ContainerId } from '../ids.ts'
import { isUnknown, type SpareReason, type TrackerAnswer, type Verdict } from '../judge.ts'
import type { Judged } from './survey.ts'

/** What the fleet remembers of one owned container between looks. Times are on the awake clock. */
export interface Known {
  readonly id: ContainerId
  /** As the last look showed it. */
  summary: ContainerSummary
  /** Its actor; undefined after a fault, until the next look starts a new one. */
  actor: ActorRefFrom<typeof containerMachine> | undefined
  readonly firstSeenMs: number
  creationGraceEndsMs: number
  releaseGraceEndsMs: number | undefined
  wasTracked: boolean
  isLossTold: boolean
  isStuck: boolean
  /** Its last removal failed. */
  hasFailed: boolean
  /** A removal of ours may have ended its processes. */
  endedByUs: boolean
  /** It was asked to end by itself, which it is once. */
  hasHadItsTime: boolean
  hookRefusal: { readonly reason: HookRefusal; readonly askAgainMs: number } | undefined
  /** When a failed removal may be tried again. */
  retryAtMs: number | undefined
  /** Undefined only until the first look that meets it has judged it. */
  verdict: Verdict | undefined
  /** What was judged when a look last met it, where that was that it is tracked; its verdict may have changed since. */
  judgedTracked: Judged | undefined
  /** The look that its verdict is of. */
  lookNumber: number
}

export type HookRefusal = Extract<SpareReason, 'hook-refused' | 'hook-failed' | 'hook-timed-out'>

export function about({ summary: { id, name, image } }: Known): AboutContainer {
  return { id, name, image }
}

/** What is known of time when a container is seen for the first time. */
export interface Sighting {
  /** When the listing came back, on the awake clock. */
  readonly seenMs: number
  /** When the last good look before this one began; undefined where there was none. */
  readonly previousLookMs: number | undefined
  /** How much time the awake clock did not count since that look, or since the start; none where it is left out. */
  readonly missedMs?: number
  /** Its age by the engine's clock; undefined where that cannot be known or trusted. */
  readonly ageMs: number | undefined
}

/** Both the listing's creation times and the engine's Date are whole seconds. */
const ageErrorMs = 1000

/**
 * When the creation grace of a newly seen container ends. Had it been there at the look before, that look would have shown
 * it: an age that reaches back further is wrong, whether the engine's clock was set or a listing left it out, and then
 * only the time since this sighting counts.
 */
export function creationGraceEnd(
  { seenMs, previousLookMs, missedMs = 0, ageMs }: Sighting,
  creationGraceMs: number,
): number {
  const believedAgeMs = believedAge(ageMs)
  const sinceLookMs = previousLookMs === undefined ? Infinity : seenMs - previousLookMs + missedMs
  if (believedAgeMs > sinceLookMs) return seenMs + creationGraceMs
  // Nobody knows when in its life the time was missed: all of it may have been.
  return seenMs + creationGraceMs - Math.max(0, believedAgeMs - missedMs)
}

/** How old a container is at least; one of unknown age is believed to be new. */
export function believedAge(ageMs: number | undefined): number {
  return Math.max(0, (ageMs ?? 0) - ageErrorMs)
}

/** Notes what the tracker answered: letting go of a container starts its release grace. */
export function noteAnswer(known: Known, answer: TrackerAnswer, nowMs: number, releaseGraceMs: number): void {
  if (answer === 'tracked') {
    known.wasTracked = true
    known.releaseGraceEndsMs = undefined
    known.endedByUs = false
    known.hasHadItsTime = false
    known.hookRefusal = undefined
  } else if (answer === 'untracked' && known.wasTracked) {
    known.wasTracked = false
    known.isLossTold = false
    known.releaseGraceEndsMs = nowMs + releaseGraceMs
  }
}

/** What could not be found out is asked again after this long: long enough for whoever is in trouble, and no whole period. */
const unknownAgainMs = 60_000

/** When something about the container changes by itself, so that a look is worth while; undefined where nothing will. */
export function dueMs(known: Known, nowMs: number): number | undefined {
  const { verdict } = known
  if (verdict === undefined) return undefined
  if (isUnknown(verdict)) return nowMs + unknownAgainMs
  if (verdict.verdict === 'graced') return verdict.endsAtMs
  if (verdict.verdict === 'spared' && known.hookRefusal) return known.hookRefusal.askAgainMs
  return verdict.verdict === 'dangling' ? known.retryAtMs : undefined
}

/** Puts a verdict in the place of the last one, and tells where it differs. Says whether it does. */
export function changeVerdict(known: Known, verdict: Verdict, report: Report, dryRun: boolean): boolean {
  const before = known.verdict
  // An equal one that is kept spares the collector: there is one for each container at each look.
  if (before && isSame(before, verdict)) return false
  known.verdict = verdict
  if (before?.verdict === verdict.verdict && before.reason === verdict.reason) return false
  report({ type: 'classified', ...about(known), verdict: verdict.verdict, reason: verdict.reason, dryRun })
  if (verdict.verdict === 'spared') report({ type: 'spared', ...about(known), reason: verdict.reason })
  return true
}

function isSame(before: Verdict, verdict: Verdict): boolean {
  if (before.reason !== verdict.reason) return false
  if (before.verdict === 'graced' && verdict.verdict === 'graced') return before.endsAtMs === verdict.endsAtMs
  return before.verdict === verdict.verdict && before.verdict !== 'dangling'
}
