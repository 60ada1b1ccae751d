import type { ContainerSummary, Listing } from '../engine/port.ts'
import type { Report } from '../events.ts'
import type { ContainerId } from '../ids.ts'
import type { TrackerAnswer } from '../judge.ts'
import type { LeftOut } from './left-out.ts'
import { about, creationGraceEnd, type Known, noteAnswer } from './known.ts'
import { ageOf } from './report-of-look.ts'
import type { History, Sight } from './survey.ts'
import type { VerdictWindow } from './verdict-window.ts'

/** A listing that came back, and when. */
export interface Answered {
  readonly number: number
  readonly listing: Listing
  /** When it came back, by the monotonic clock. */
  readonly answeredMs: number
  readonly beganAwakeMs: number
  readonly seenAwakeMs: number
  /** What the awake clock had not counted when the look began, and when it came back. */
  readonly missedBeforeMs: number
  readonly missedMs: number
  readonly durationMs: number
  /** The engine's clock minus our monotonic one; undefined where the engine told no time. */
  readonly engineOffsetMs: number | undefined
}

export interface SightingsOptions {
  readonly memory: Map<ContainerId, Known>
  readonly leftOut: LeftOut
  readonly window: VerdictWindow
  readonly report: Report
  readonly graces: { readonly creationMs: number; readonly restoreMs: number; readonly releaseMs: number }
}

/** How far two measurements of an engine's clock may differ before it is said to have changed. */
const clockToleranceMs = 2000

/** Remembers each container from the look that shows it first, and knows how much of its graces is over at the next ones. */
export class Sightings {
  readonly #options: SightingsOptions
  #previous: Answered | undefined
  /** The last look at which the engine told its time. */
  #measured: Answered | undefined
  #restoreEndsMs: number | undefined

  constructor(options: SightingsOptions) {
    this.#options = options
  }

  /** A look begins: the first one starts the restore grace. */
  begin(nowAwakeMs: number): void {
    this.#restoreEndsMs ??= nowAwakeMs + this.#options.graces.restoreMs
  }

  /** When the restore grace ends, on the awake clock; undefined before the first look. */
  get restoreEndsMs(): number | undefined {
    return this.#restoreEndsMs
  }

  /** What the past says of each container on this listing. */
  historiesAt(answered: Answered): (container: ContainerSummary, answer: TrackerAnswer) => History {
    const hasClockChanged = this.#hasClockChanged(answered)
    if (hasClockChanged) this.#restartCreationGraces(answered.seenAwakeMs)
    return (container, answer) => this.#historyOf(container, answer, answered, hasClockChanged)
  }

  /**
   * Notes that a container is tracked as it was, and gives what was judged of it then: while it says the same and the
   * agent says that it tracks it, nothing else counts. Undefined where it has to be judged.
   */
  stillTrackedAt(answered: Answered): NonNullable<Sight['stillTracked']> {
    return (container, answer) => {
      if (answer !== 'tracked') return undefined
      const known = this.#options.memory.get(container.id)
      const judged = known?.judgedTracked
      if (!known || judged?.container !== container || judged.verdict.verdict !== 'tracked') return undefined
      this.#see(known, container, answer, answered)
      return judged
    }
  }

  /** A look was fed in full: what comes later is measured by it. */
  note(answered: Answered): void {
    this.#previous = answered
    if (answered.engineOffsetMs !== undefined) this.#measured = answered
  }

  #historyOf(
    container: ContainerSummary,
    answer: TrackerAnswer,
    answered: Answered,
    hasClockChanged: boolean,
  ): History {
    const { memory, window } = this.#options
    const known = memory.get(container.id) ?? this.#discover(container, answered, hasClockChanged)
    this.#see(known, container, answer, answered)
    if (known.hookRefusal && answered.beganAwakeMs >= known.hookRefusal.askAgainMs)
      known.hookRefusal = undefined
    return {
      graceEnds: {
        creationMs: known.creationGraceEndsMs,
        restoreMs: this.#restoreEndsMs,
        releaseMs: known.releaseGraceEndsMs,
        recoveryMs: window.recoveryEndsMs,
      },
      endedByUs: known.endedByUs,
      hookRefusal: known.hookRefusal?.reason,
    }
  }

  #see(known: Known, container: ContainerSummary, answer: TrackerAnswer, { seenAwakeMs }: Answered): void {
    known.summary = container
    noteAnswer(known, answer, seenAwakeMs, this.#options.graces.releaseMs)
  }

  #discover(container: ContainerSummary, answered: Answered, hasClockChanged: boolean): Known {
    const { graces, leftOut, memory, report } = this.#options
    const { listing, seenAwakeMs } = answered
    const missedMs = answered.missedMs - (this.#previous?.missedBeforeMs ?? 0)
    const ageMs = hasClockChanged ? undefined : ageOf(container.createdAtMs, listing.engineNowMs)
    const sighting = { seenMs: seenAwakeMs, previousLookMs: this.#previous?.beganAwakeMs, missedMs, ageMs }
    const recalled = leftOut.take(container.id)
    const firstSeenMs = recalled?.firstSeenMs ?? seenAwakeMs
    const known: Known = {
      id: container.id,
      summary: container,
      actor: undefined,
      firstSeenMs,
      creationGraceEndsMs: Math.min(
        creationGraceEnd(sighting, graces.creationMs),
        firstSeenMs + graces.creationMs,
      ),
      releaseGraceEndsMs: undefined,
      wasTracked: false,
      isLossTold: false,
      isStuck: false,
      hasFailed: false,
      endedByUs: recalled?.endedByUs ?? false,
      hasHadItsTime: false,
      hookRefusal: undefined,
      retryAtMs: undefined,
      verdict: undefined,
      judgedTracked: undefined,
      lookNumber: 0,
    }
    memory.set(container.id, known)
    report({ type: 'discovered', ...about(known), state: container.state })
    return known
  }

  /** honest-clock: the engine's clock was set since it was last told, so ages by it mean nothing for now. */
  #hasClockChanged({ engineOffsetMs, durationMs }: Answered): boolean {
    const measured = this.#measured
    if (!measured || measured.engineOffsetMs === undefined || engineOffsetMs === undefined) return false
    const toleranceMs = clockToleranceMs + durationMs + measured.durationMs
    return Math.abs(engineOffsetMs - measured.engineOffsetMs) > toleranceMs
  }

  #restartCreationGraces(nowMs: number): void {
    for (const known of this.#options.memory.values()) {
      if (known.creationGraceEndsMs <= nowMs) continue
      known.creationGraceEndsMs = known.firstSeenMs + this.#options.graces.creationMs
    }
  }
}
