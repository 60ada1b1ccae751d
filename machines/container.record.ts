import type { StoppedByUs } from './types.ts'

/** A container as listed by the engine; a record keeps the whole entry. */
export interface ListedLike {
  readonly id: string
  readonly name: string
  readonly state: string
}

/** A time on the clock that counts graces, and the total time that this clock had skipped by then. */
export interface Moment {
  readonly atMs: number
  readonly missedMs: number
}

/** A reason not to remove a container, valid until a time on the clock that counts graces. */
export interface Held {
  readonly reason: string
  readonly untilMs: number
}

/** The record of one owned container. Unless noted otherwise, times are on the clock that counts graces. */
export interface ContainerRecord {
  /** The entry from the last listing, updated with the effects of our own requests since then. */
  readonly listed: ListedLike
  readonly firstSeenMs: number
  /** When it was first seen, or when a later start was detected. */
  readonly newSinceMs: number
  readonly creationGraceEndsMs: number
  /** The last start reported by an inspection: a number that no other start of the container has. */
  readonly startId: number | undefined
  /** The latest time at which its last start is known not to have happened yet. */
  readonly notStartedUntil: Moment | undefined
  /** The tracker's last conclusive answer was `tracked`. */
  readonly wasTracked: boolean
  readonly releaseGraceEndsMs: number | undefined
  readonly isLossReported: boolean
  /** Its disappearance was reported while the agent tracked it; listings may show it again, and omit it again. */
  readonly isVanishReported?: boolean | undefined
  /** Set if one of our requests may have stopped its processes. */
  readonly stop: StoppedByUs | undefined
  readonly gracefulStopAttempted: boolean
  /** One of our removals reached the engine, or may have, and was not refused: what it has left is ours to remove. */
  readonly wasRemovalSent?: boolean | undefined
  /** Set if the hook refused the removal. */
  readonly refusal: Held | undefined
  /** The reason against a removal that the last inspection found. */
  readonly objection: Held | undefined
  /** Since when its inspections have said that it is being removed; undefined if the last one did not. */
  readonly beingRemovedSinceMs?: number | undefined
  /** Consecutive inspections that disagreed with the listing. */
  readonly disagreements: number
  /** In a dry run, the listing's entry that an inspection confirmed. */
  readonly confirmedAs: ListedLike | undefined
  /** The name from its last inspection; undefined if listings include the name. */
  readonly inspectedName?: string | undefined
  /** Whether the engine removes it as soon as it ends; undefined before the first inspection. */
  readonly isAutoRemoved?: boolean | undefined
}

export type RecordChange = Partial<ContainerRecord>

/** The timing of a container's first sighting, or of the detection of a later start. */
export interface Observation {
  /** When the response that shows it was received. */
  readonly seenMs: number
  /** The latest time at which it is known not to have existed or started yet; undefined if unknown. */
  readonly notBeforeMs: number | undefined
  /** Time that was not counted since then. Default: 0. */
  readonly missedMs?: number
  /** Its age by the engine's clock; undefined if unknown or unreliable. */
  readonly ageMs: number | undefined
}

/** The listing's creation times and the engine's `Date` header have a resolution of one second. */
const ageErrorMs = 1000

/** The minimum age of a container; 0 if its age is unknown. */
export function minimumAge(ageMs: number | undefined): number {
  return Math.max(0, (ageMs ?? 0) - ageErrorMs)
}

/**
 * Returns when the creation grace of a newly seen container ends. The previous scan did not list the container, so an age
 * that predates that scan is wrong: the engine's clock was changed, or a listing was incomplete. The grace then counts
 * from this sighting.
 */
export function creationGraceEnd(
  { seenMs, notBeforeMs, missedMs = 0, ageMs }: Observation,
  creationGraceMs: number,
): number {
  const minimumAgeMs = minimumAge(ageMs)
  const sinceMs = notBeforeMs === undefined ? Infinity : seenMs - notBeforeMs + missedMs
  if (minimumAgeMs > sinceMs) return seenMs + creationGraceMs
  // Time may have been skipped at any point in the container's life, so all of it is subtracted.
  return seenMs + creationGraceMs - Math.max(0, minimumAgeMs - missedMs)
}

/** A known container as found by a later scan. */
export interface Met {
  readonly listed: ListedLike
  readonly atMs: number
  /** Inspections do not record that a container was unpaused; only two consecutive listings show it. */
  readonly wasUnpaused: boolean
  /** The last time at which it is known to have been at rest; undefined if it was not. */
  readonly restedUntil: Moment | undefined
}

/** new-again: unpausing restarts the creation grace. Other starts are detected by inspections. */
export function met(
  record: ContainerRecord,
  { listed, atMs, wasUnpaused, restedUntil }: Met,
  creationGraceMs: number,
): Pick<ContainerRecord, 'listed' | 'notStartedUntil' | 'newSinceMs' | 'creationGraceEndsMs'> {
  const { newSinceMs, creationGraceEndsMs } = record
  return {
    listed,
    notStartedUntil: later(record.notStartedUntil, restedUntil),
    newSinceMs: wasUnpaused ? atMs : newSinceMs,
    creationGraceEndsMs: wasUnpaused
      ? Math.max(creationGraceEndsMs, atMs + creationGraceMs)
      : creationGraceEndsMs,
  }
}

/** Applies the tracker's answer. The release grace starts when the agent stops tracking the container. */
export function answered(
  record: ContainerRecord,
  { answer, atMs, hasEnded }: { readonly answer: string; readonly atMs: number; readonly hasEnded: boolean },
  releaseGraceMs: number,
): RecordChange {
  if (answer === 'tracked') {
    return {
      wasTracked: true,
      isLossReported: hasEnded,
      releaseGraceEndsMs: undefined,
      stop: undefined,
      gracefulStopAttempted: false,
      refusal: undefined,
      objection: undefined,
      disagreements: 0,
    }
  }
  if (answer !== 'untracked' || !record.wasTracked) return {}
  return { wasTracked: false, isLossReported: false, releaseGraceEndsMs: atMs + releaseGraceMs }
}

/** The part of an inspection that a record keeps. */
export interface Inspected {
  readonly at: Moment
  readonly start: Start | undefined
  /** A reason against a removal, or `confirmed` if there is none; undefined if the inspection did not check. */
  readonly objection: string | undefined
  /** What our requests stopped was started since, or exited on its own long after they had failed. */
  readonly isStopOver: boolean
  /** The listing's entry, completed with a missing name; undefined if no name was missing. */
  readonly named?: ListedLike | undefined
  /** The name from the inspection, if the listing has none. */
  readonly inspectedName?: string | undefined
  /** The confirmed entry of the listing, if it is to be remembered. */
  readonly confirmedAs?: ListedLike | undefined
  readonly isAutoRemoved?: boolean | undefined
  /** Whether the inspection says that it is being removed; undefined if there was none. */
  readonly isBeingRemoved?: boolean | undefined
}

export interface Start {
  readonly startId: number
  readonly ageMs: number | undefined
  /** The container is at rest, so earlier sightings at rest do not show when it was started. */
  readonly isAtRest: boolean
  /** When the last scan found it at rest; undefined if it did not. */
  readonly restedUntil: Moment | undefined
  /** Its restart policy keeps starting it, so that no start makes it new. */
  readonly isInCrashLoop: boolean
}

/** new-again: whether a start begins a new life, in which nothing counts that was true only of the last one. */
export function isNewLife({ startId }: ContainerRecord, start: Start | undefined): boolean {
  return start !== undefined && startId !== undefined && start.startId !== startId && !start.isInCrashLoop
}

export const confirmed = 'confirmed'

export function inspected(
  record: ContainerRecord,
  inspection: Inspected,
  creationGraceMs: number,
): RecordChange {
  const {
    at,
    start,
    objection,
    isStopOver,
    named,
    inspectedName,
    confirmedAs,
    isAutoRemoved,
    isBeingRemoved,
  } = inspection
  const newStart = start && started(record, start, at, creationGraceMs)
  const isGraced = (newStart?.creationGraceEndsMs ?? record.creationGraceEndsMs) > at.atMs
  return {
    ...newStart,
    ...(named && { listed: named }),
    ...(inspectedName !== undefined && { inspectedName }),
    ...(isAutoRemoved !== undefined && { isAutoRemoved }),
    ...(isBeingRemoved !== undefined && {
      beingRemovedSinceMs: isBeingRemoved ? (record.beingRemovedSinceMs ?? at.atMs) : undefined,
    }),
    ...(isNewLife(record, start) && {
      gracefulStopAttempted: false,
      wasRemovalSent: false,
      refusal: undefined,
    }),
    ...(isStopOver && { stop: undefined }),
    ...(objection === confirmed && { disagreements: 0, confirmedAs: isGraced ? undefined : confirmedAs }),
    ...(objection !== undefined && objection !== confirmed && objected(record, objection, at.atMs)),
  }
}

/** new-again: the creation grace counts from the last start. */
function started(
  record: ContainerRecord,
  { startId, ageMs, isAtRest, restedUntil, isInCrashLoop }: Start,
  at: Moment,
  creationGraceMs: number,
): RecordChange {
  if (startId === record.startId || isInCrashLoop) return { notStartedUntil: at, startId }
  const notBefore = isAtRest ? undefined : later(record.notStartedUntil, restedUntil)
  const observation: Observation = {
    seenMs: at.atMs,
    notBeforeMs: notBefore?.atMs,
    missedMs: at.missedMs - (notBefore?.missedMs ?? 0),
    ageMs,
  }
  const endsMs = creationGraceEnd(observation, creationGraceMs)
  return {
    notStartedUntil: at,
    startId,
    ...(endsMs > record.creationGraceEndsMs && { creationGraceEndsMs: endsMs, newSinceMs: at.atMs }),
  }
}

/** Delay before an unknown answer is requested again: gives a failing service time to recover, but is shorter than a period. */
export const unknownRecheckMs = 60_000
/** A shorter delay: a container that changed between listing and inspection usually agrees at the next scan. */
const disagreedRecheckMs = 5000
/** Objections that are permanent. */
const permanent: ReadonlySet<string> = new Set(['self', 'infra-container'])

function objected(record: ContainerRecord, reason: string, atMs: number): RecordChange {
  if (permanent.has(reason)) return { objection: { reason, untilMs: Infinity }, confirmedAs: undefined }
  const disagrees = reason === 'inspection-disagrees'
  const waitMs = disagrees
    ? Math.min(unknownRecheckMs, disagreedRecheckMs * 2 ** record.disagreements)
    : unknownRecheckMs
  return {
    objection: { reason, untilMs: atMs + waitMs },
    confirmedAs: undefined,
    ...(disagrees && { disagreements: record.disagreements + 1 }),
  }
}

/** Returns the reason against a removal if it is still valid at that time. */
export function holds(held: Held | undefined, atMs: number): Held | undefined {
  return held && atMs < held.untilMs ? held : undefined
}

/** honest-clock: after the engine's clock was changed, ages computed from it are invalid. */
export function graceRestarted(record: ContainerRecord, atMs: number, creationGraceMs: number): RecordChange {
  return record.creationGraceEndsMs <= atMs
    ? {}
    : { creationGraceEndsMs: record.newSinceMs + creationGraceMs }
}

/** Whether the agent has tracked the container at any time since this process started. */
export function wasEverTracked({
  wasTracked,
  releaseGraceEndsMs,
}: Pick<ContainerRecord, 'wasTracked' | 'releaseGraceEndsMs'>): boolean {
  return wasTracked || releaseGraceEndsMs !== undefined
}

function later(one: Moment | undefined, other: Moment | undefined): Moment | undefined {
  return one && other ? (other.atMs >= one.atMs ? other : one) : (one ?? other)
}
