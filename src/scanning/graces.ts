import {
  type ContainerRecord,
  creationGraceEnd,
  holds,
  type Moment,
} from '../../machines/container.record.ts'
import type { Fleet } from '../containers/fleet.ts'
import { isStoppedByUs, type KnownContainer } from '../containers/known-container.ts'
import type { RecentlyGone } from '../containers/recently-gone.ts'
import type { ContainerSummary } from '../domain/container.ts'
import type { ContainerId } from '../domain/ids.ts'
import { isAtRest, lifeOf } from '../domain/states.ts'
import type { TrackerAnswer } from '../domain/verdict.ts'
import type { Listing } from '../engine/port.ts'
import type { Evidence } from '../policy/judge.ts'
import type { History, Judged } from './scan-context.ts'
import { ageOf } from './scan-report.ts'
import type { Answer } from './tracker.ts'

/** A listing and the time at which it was received. */
export interface Listed {
  readonly scan: number
  readonly listing: Listing
  /** When it was received, by the monotonic clock. */
  readonly atMs: number
  readonly beganAwakeMs: number
  readonly seenAwakeMs: number
  /** Time that the awake clock had skipped when the scan began, and when its listing was received. */
  readonly missedBeforeMs: number
  readonly missedMs: number
  readonly durationMs: number
  /** The engine's clock minus our monotonic clock; undefined if the engine sent no time. */
  readonly engineOffsetMs: number | undefined
}

export interface GracesOptions {
  readonly fleet: Fleet
  readonly recentlyGone: RecentlyGone
  readonly creationGraceMs: number
  readonly restoreGraceMs: number
  readonly releaseGraceMs: number
  /** When the recovery grace ends, on the awake clock; undefined if there was none. */
  readonly recoveryEndsMs: () => number | undefined
}

/** The largest difference between two measurements of the engine's clock that does not count as a change. */
export const clockToleranceMs = 2000

/** The engine's `Date` has a resolution of one second. */
const clockErrorMs = 1000

/** From this many on, losing all tracked containers at once is suspicious; a single one is covered by its release grace. */
const suspiciouslyMany = 2

/** Keeps the state between scans: when graces end, and whether answers contradict earlier ones. */
export class Graces {
  readonly #options: GracesOptions
  /** The last scan that was judged completely. */
  #previous: Listed | undefined
  /** The last listing that was judged, completely or not. */
  #latest: Listed | undefined
  /** The last scan in which the engine sent its time. */
  #measured: Listed | undefined
  #restoreEndsMs: number | undefined
  /** When a change of the engine's clock was last noticed, on the awake clock. */
  #clockChangedMs = -Infinity
  /** When the tracker, which had tracked several containers, stopped tracking all of them. */
  #emptiedMs: number | undefined
  #hasTracked = false

  constructor(options: GracesOptions) {
    this.#options = options
  }

  /** Called when a scan begins; the first scan starts the restore grace. */
  begin(nowAwakeMs: number): void {
    this.#restoreEndsMs ??= nowAwakeMs + this.#options.restoreGraceMs
  }

  /** When the restore grace ends, on the awake clock; undefined before the first scan. */
  get restoreEndsMs(): number | undefined {
    return this.#restoreEndsMs
  }

  /** The engine's clock minus our monotonic clock, when last measured; undefined if the engine never sent its time. */
  get engineOffsetMs(): number | undefined {
    return this.#measured?.engineOffsetMs
  }

  /**
   * honest-clock: whether an age by the engine's clock may be wrong, and what has it may still be new. That is so after a change
   * of that clock, if the age says that it began before the change.
   */
  isDoubtful(ageMs: number, nowAwakeMs: number): boolean {
    const sinceMs = nowAwakeMs - this.#clockChangedMs
    return sinceMs <= this.#options.creationGraceMs && ageMs > sinceMs + clockErrorMs
  }

  /** When a container was last known to be at rest; undefined if the last listing did not show it at rest. */
  restedUntil({ listed }: KnownContainer): Moment | undefined {
    return isAtRest(listed.state) && this.#latest ? momentOf(this.#latest) : undefined
  }

  /**
   * unknown-is-spared: detects a tracker that suddenly tracks none of the containers still present. The tracker has then
   * more likely lost its state than finished all of its work at once.
   */
  noteAnswers(
    owned: readonly ContainerSummary[],
    answers: readonly Answer[],
    { seenAwakeMs }: Pick<Listed, 'seenAwakeMs'>,
  ): void {
    if (answers.includes('tracked')) return this.noteTracked()
    let forgotten = 0
    for (const [index, { id }] of owned.entries())
      if (answers[index] === 'untracked' && this.#options.fleet.get(id)?.wasTracked) forgotten++
    if (forgotten >= suspiciouslyMany) this.#emptiedMs = seenAwakeMs
  }

  /** Records that the tracker tracks a container. */
  noteTracked(): void {
    this.#hasTracked = true
    this.#emptiedMs = undefined
  }

  /** Whether the tracker has ever answered that it tracks a container. */
  get hasTracked(): boolean {
    return this.#hasTracked
  }

  /** When the grace of a tracker that suddenly became empty ends, on the awake clock; undefined if it is not empty. */
  get emptiedEndsMs(): number | undefined {
    return this.#emptiedMs === undefined ? undefined : this.#emptiedMs + this.#options.releaseGraceMs
  }

  /** Returns a function that gives the history of each container on this listing. */
  historiesAt(listed: Listed): (container: ContainerSummary, answer: TrackerAnswer) => History {
    const hasClockChanged = this.#hasClockChanged(listed)
    this.#latest = listed
    if (hasClockChanged) {
      this.#clockChangedMs = listed.seenAwakeMs
      this.#restartCreationGraces(listed.seenAwakeMs)
    }
    return (container, answer) => {
      const known = this.#options.fleet.get(container.id)
      if (known) this.#meet(known, container, listed)
      else this.#discover(container, answer, listed, hasClockChanged)
      const met = this.#options.fleet.get(container.id)
      if (met) this.#options.fleet.noteAnswer(met, answer, listed.seenAwakeMs, container)
      return this.historyOf(this.#options.fleet.get(container.id), listed.beganAwakeMs)
    }
  }

  /** Returns a container's history at that time; without a record the creation grace never ends. */
  historyOf(known: KnownContainer | undefined, atMs: number): History {
    return {
      graceEnds: {
        creationMs: known?.creationGraceEndsMs ?? Infinity,
        restoreMs: this.#restoreEndsMs,
        releaseMs: known?.releaseGraceEndsMs,
        recoveryMs: this.#options.recoveryEndsMs(),
        emptiedMs: this.emptiedEndsMs,
        sessionMs: undefined,
      },
      stoppedByUs: known !== undefined && isStoppedByUs(known),
      hookRefusal: holds(known?.refusal, atMs)?.reason as Evidence['hookRefusal'],
      objection: holds(known?.objection, atMs)?.reason as Evidence['objection'],
    }
  }

  /**
   * Returns the previous verdict of a container that is still tracked and whose listing is unchanged; nothing else can
   * affect it. Undefined if the container must be judged.
   */
  stillTracked(container: ContainerSummary, answer: TrackerAnswer): Judged | undefined {
    if (answer !== 'tracked') return undefined
    const known = this.#options.fleet.get(container.id)
    return known?.listed === container && known.wasTracked && known.verdict?.verdict === 'tracked'
      ? { container, answer, verdict: known.verdict }
      : undefined
  }

  /** Records a completely judged scan as the reference for later ones. */
  note(listed: Listed): void {
    this.#previous = listed
    if (listed.engineOffsetMs !== undefined) this.#measured = listed
  }

  #meet(known: KnownContainer, container: ContainerSummary, listed: Listed): void {
    if (known.listed === container) return
    const restedUntil = isAtRest(container.state)
      ? momentOf(listed)
      : isAtRest(known.listed.state) && this.#previous
        ? momentOf(this.#previous)
        : undefined
    const wasUnpaused = known.listed.state === 'paused' && lifeOf(container.state) === 'active'
    const met = { listed: container, atMs: listed.seenAwakeMs, wasUnpaused, restedUntil }
    this.#options.fleet.send(known.id, { type: 'listed', met })
  }

  #discover(
    container: ContainerSummary,
    answer: TrackerAnswer,
    listed: Listed,
    hasClockChanged: boolean,
  ): void {
    const { creationGraceMs, fleet, recentlyGone } = this.#options
    const { listing, seenAwakeMs } = listed
    const previous = this.#previous
    const recalled = recentlyGone.take(container.id)
    const firstSeenMs = recalled?.firstSeenMs ?? seenAwakeMs
    const graceEndsMs = creationGraceEnd(
      {
        seenMs: seenAwakeMs,
        notBeforeMs: previous?.beganAwakeMs,
        missedMs: listed.missedMs - (previous?.missedBeforeMs ?? 0),
        ageMs: hasClockChanged ? undefined : ageOf(container.createdAtMs, listing.engineNowMs),
      },
      creationGraceMs,
    )
    // It started after the previous scan, which did not list it, unless that listing was incomplete.
    const notThere =
      recalled || !previous ? undefined : { atMs: previous.beganAwakeMs, missedMs: previous.missedBeforeMs }
    const record: ContainerRecord & { readonly listed: ContainerSummary } = {
      listed: container,
      firstSeenMs,
      newSinceMs: Math.max(firstSeenMs, recalled?.newSinceMs ?? firstSeenMs),
      creationGraceEndsMs: Math.max(
        Math.min(graceEndsMs, firstSeenMs + creationGraceMs),
        recalled?.creationGraceEndsMs ?? -Infinity,
      ),
      startId: undefined,
      notStartedUntil: isAtRest(container.state) ? momentOf(listed) : notThere,
      wasTracked: answer === 'tracked',
      releaseGraceEndsMs: undefined,
      isLossReported: false,
      isVanishReported: recalled?.isVanishReported,
      stop: recalled?.stop,
      gracefulStopAttempted: false,
      wasRemovalSent: recalled?.wasRemovalSent,
      refusal: undefined,
      objection: undefined,
      disagreements: 0,
      confirmedAs: undefined,
    }
    fleet.discover(record)
    if (recalled?.wasPaused && lifeOf(container.state) === 'active') {
      const met = { listed: container, atMs: seenAwakeMs, wasUnpaused: true, restedUntil: undefined }
      fleet.send(container.id, { type: 'listed', met })
    }
  }

  /** honest-clock: the engine's clock changed since it was last measured, so ages by it are invalid for now. */
  #hasClockChanged({ engineOffsetMs, durationMs }: Listed): boolean {
    const measured = this.#measured
    if (!measured || measured.engineOffsetMs === undefined || engineOffsetMs === undefined) return false
    const toleranceMs = clockToleranceMs + durationMs + measured.durationMs
    return Math.abs(engineOffsetMs - measured.engineOffsetMs) > toleranceMs
  }

  #restartCreationGraces(atMs: number): void {
    const { fleet } = this.#options
    const open: ContainerId[] = []
    for (const { id, creationGraceEndsMs } of fleet.all()) if (creationGraceEndsMs > atMs) open.push(id)
    for (const id of open) fleet.send(id, { type: 'graces.restarted', atMs })
  }
}

function momentOf({ seenAwakeMs, missedMs }: Listed): Moment {
  return { atMs: seenAwakeMs, missedMs }
}
