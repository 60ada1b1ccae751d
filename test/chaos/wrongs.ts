import type { Graces, Made } from './ledger.ts'
import type { Standstills } from './standstills.ts'

/** What Flotsam could know at one moment, and what the ledger says about it. Times are wall-clock milliseconds. */
export interface Moment {
  readonly nowMs: number
  readonly graces: Graces
  readonly standstills: Standstills
  readonly lifeBeganMs: number
  /** When the last scan that came back in this life had begun; undefined before the first. */
  readonly lastScanMs: number | undefined
  /** When this life inspected the container last, as it went out, where the engine answered it. */
  readonly inspectedMs: number | undefined
  /** Whether what has ended by itself may be removed. */
  readonly coversEnded: boolean
  readonly all: readonly Made[]
  readonly isTracked: (made: Made) => boolean
}

/** Why a request for this container is wrong at this moment. */
export function wrongNow(made: Made, moment: Moment): string | undefined {
  if (made.kind !== 'ours') return `it is ${made.kind}`
  // an answer that takes the engine longer than the whole grace cannot be waited for
  if (isPromised(made, moment)) return 'the agent is about to register it'
  for (const [grace, endsMs] of graceEnds(made, moment)) {
    if (moment.nowMs < endsMs) return `the ${grace} grace has ${endsMs - moment.nowMs} ms left`
  }
  if (hasSurelyEnded(made, moment)) return 'it has ended by itself, which is not covered'
  const guest = moment.all.find((one) => one.holder === made && protects(one, moment))
  return guest && `${guest.name} shares its ${guest.shares ?? 'network'}`
}

/** Why no inspection may have confirmed what the listing said about it. */
export function unconfirmed({ departures }: Made, life: number, moment: Moment): string | undefined {
  const { inspectedMs, lastScanMs } = moment
  const last = departures.findLast((one) => one.life === life)
  const wasInspectedSince = (ms: number | undefined) => ms === undefined || (inspectedMs ?? -Infinity) >= ms
  if (wasInspectedSince(last?.atMs) && wasInspectedSince(lastScanMs)) return undefined
  return 'it was not inspected since the scan that nominated it, or since the request before'
}

function isPromised(made: Made, moment: Moment): boolean {
  const { answeredMs, isPromised, renewal } = made
  if (!isPromised || answeredMs === undefined) return false
  return renewal?.isPromised === true ? isRenewalKnown(made, moment) : true
}

type GraceEnd = readonly [grace: string, endsMs: number]

function graceEnds(made: Made, moment: Moment): readonly GraceEnd[] {
  const { graces, lifeBeganMs, standstills } = moment
  return [
    ['recovery', standstills.lastEndMs + graces.recoveryMs],
    ['restore', endOf(graces.restoreMs, lifeBeganMs, moment)],
    ...ownGraceEnds(made, moment),
  ]
}

function ownGraceEnds(made: Made, moment: Moment): readonly GraceEnd[] {
  const { creationMs, releaseMs } = moment.graces
  const bornMs = Math.max(made.askedMs, made.createdMs ?? 0)
  const { letGoMs, renewal, wasSeenTracked } = made
  return [
    ['creation', endOf(creationMs, bornMs, moment)],
    ...(renewal && isRenewalKnown(made, moment)
      ? [['creation', endOf(creationMs, renewal.askedMs, moment)] as const]
      : []),
    ...(wasSeenTracked && letGoMs !== undefined
      ? [['release', endOf(releaseMs, letGoMs, moment)] as const]
      : []),
  ]
}

/**
 * new-again: whether the inspection before the request shows that it was started. What was started after that cannot be
 * known. An unpause shows only where a scan saw it paused.
 */
function isRenewalKnown({ renewal }: Made, { inspectedMs, lifeBeganMs }: Moment): boolean {
  if (!renewal || inspectedMs === undefined || inspectedMs <= renewal.answeredMs) return false
  return renewal.verb === 'start' || (renewal.sawPausedMs ?? -Infinity) > lifeBeganMs
}

/** awake-time: stalls in this life of the agent are not counted. */
function endOf(graceMs: number, sinceMs: number, { lifeBeganMs, standstills }: Moment): number {
  return sinceMs + graceMs + standstills.since(Math.max(sinceMs, lifeBeganMs))
}

/** not-ours-to-stop: it had ended before it was inspected, and no request of ours was ever sent. */
function hasSurelyEnded({ departures, endSeenMs, restarts }: Made, moment: Moment): boolean {
  const { coversEnded, inspectedMs } = moment
  if (coversEnded || restarts || departures.length > 0) return false
  return endSeenMs !== undefined && inspectedMs !== undefined && inspectedMs > endSeenMs
}

/**
 * Whether a guest keeps its holder alive: one that was there at the last scan and is still wanted, that is
 * still new, or that surely runs and would be killed.
 */
function protects(guest: Made, moment: Moment): boolean {
  if (guest.id === undefined || guest.removedByMaker) return false
  if (guest.kind !== 'ours' || guest.isPromised || moment.isTracked(guest)) return true
  if (guest.answeredMs === undefined || guest.answeredMs >= (moment.lastScanMs ?? -Infinity)) return false
  const isNew = ownGraceEnds(guest, moment).some(([, endsMs]) => moment.nowMs < endsMs)
  return isNew || (guest.runsSinceMs !== undefined && guest.runsSinceMs < (moment.lastScanMs ?? -Infinity))
}
