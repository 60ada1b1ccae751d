import type { AwakeClock } from '../awake.ts'
import type { Clock } from '../clock.ts'

/** How soon a look is wanted: `soon` waits its turn behind a short pause, `now` does not. */
export type Urgency = 'soon' | 'now'

export interface AgendaOptions {
  readonly clock: Clock
  readonly awake: AwakeClock
  readonly periodMs: number
  readonly backoffMinMs: number
  readonly backoffMaxMs: number
  /** A number in [0, 1) for the jitter. */
  readonly random: () => number
}

/** The rest that an engine has between looks: so many times the last look's length, within limits. */
interface Pause {
  readonly perLook: number
  readonly minMs: number
  readonly maxMs: number
}

const earlyPause: Pause = { perLook: 5, minMs: 250, maxMs: 3000 }
/** Looks that only hints ask for take a twentieth of the time at most, however many hints there are. */
const hintPause: Pause = { perLook: 20, minMs: 500, maxMs: 30_000 }
/** A hint waits for those that come with it, as a start does with a create. */
const hintSettleMs = 100
/** Timers take no more than 2^31 - 1 ms; a longer wait is simply asked for again. */
const longestWaitMs = 2 ** 30

/**
 * When the next look is due. The period, the end of a grace, a retry after a failure and every wish for an early look are
 * joined into that one time.
 */
export class Agenda {
  readonly #options: AgendaOptions
  #beganMs: number | undefined
  #endedMs: number | undefined
  #isLooking = false
  #wished: Urgency | undefined
  #hintedMs: number | undefined
  #dueAwakeMs: number | undefined

  constructor(options: AgendaOptions) {
    this.#options = options
  }

  /** A look begins: it serves every wish until now. */
  begin(): void {
    this.#beganMs = this.#options.clock.now()
    this.#isLooking = true
    this.#wished = undefined
    this.#hintedMs = undefined
    this.#dueAwakeMs = undefined
  }

  end(): void {
    this.#endedMs = this.#options.clock.now()
    this.#isLooking = false
  }

  /** Whether a look is under way, which will judge everything anew. */
  get isLooking(): boolean {
    return this.#isLooking
  }

  wish(urgency: Urgency): void {
    if (this.#wished !== 'now') this.#wished = urgency
  }

  /** The engine hints that something has happened. Says whether that is the first hint since the last look began. */
  hint(): boolean {
    if (this.#hintedMs !== undefined) return false
    this.#hintedMs = this.#options.clock.now()
    return true
  }

  /** Something will change by itself at that time of the awake clock. */
  due(atMs: number): void {
    this.#dueAwakeMs = Math.min(this.#dueAwakeMs ?? Infinity, atMs)
  }

  /** Milliseconds until the next look. */
  untilNextLookMs(isDown: boolean, failedLooks: number): number {
    const waitMs =
      this.#wished === 'now'
        ? 0
        : isDown
          ? this.#backoffMs(failedLooks)
          : Math.min(this.#untilPeriodMs(), this.#untilEarlyMs(), this.#untilHintMs())
    return Math.min(Math.max(0, waitMs), longestWaitMs)
  }

  #untilPeriodMs(): number {
    return (this.#endedMs ?? 0) + this.#options.periodMs - this.#options.clock.now()
  }

  #untilEarlyMs(): number {
    if (this.#wished === undefined && this.#dueAwakeMs === undefined) return Infinity
    const untilDueMs = this.#wished ? 0 : (this.#dueAwakeMs as number) - this.#options.awake.now()
    return Math.max(untilDueMs, this.#untilPauseIsOverMs(earlyPause))
  }

  #untilHintMs(): number {
    if (this.#hintedMs === undefined) return Infinity
    const untilSettledMs = this.#hintedMs + hintSettleMs - this.#options.clock.now()
    return Math.max(untilSettledMs, this.#untilPauseIsOverMs(hintPause))
  }

  #untilPauseIsOverMs({ perLook, minMs, maxMs }: Pause): number {
    if (this.#beganMs === undefined || this.#endedMs === undefined) return 0
    const lookMs = this.#endedMs - this.#beganMs
    const pauseMs = Math.min(Math.max(lookMs * perLook, minMs), maxMs)
    return this.#endedMs + pauseMs - this.#options.clock.now()
  }

  /** Doubles with each failure up to the maximum, then takes between half and all of it. */
  #backoffMs(failedLooks: number): number {
    const { backoffMinMs, backoffMaxMs, random } = this.#options
    const fullMs = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(30, Math.max(0, failedLooks - 1)))
    const jitteredMs = fullMs * (0.5 + random() / 2)
    return (this.#endedMs ?? 0) + Math.max(backoffMinMs, jitteredMs) - this.#options.clock.now()
  }
}
