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

/** Early looks keep a pause of so many times the last look's length, so that they never keep the engine busy. */
const pausePerLook = 5
const pauseMinMs = 250
const pauseMaxMs = 3000
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
  #wished: Urgency | undefined
  #dueAwakeMs: number | undefined

  constructor(options: AgendaOptions) {
    this.#options = options
  }

  /** A look begins: it serves every wish until now. */
  begin(): void {
    this.#beganMs = this.#options.clock.now()
    this.#wished = undefined
    this.#dueAwakeMs = undefined
  }

  end(): void {
    this.#endedMs = this.#options.clock.now()
  }

  wish(urgency: Urgency): void {
    if (this.#wished !== 'now') this.#wished = urgency
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
          : Math.min(this.#untilPeriodMs(), this.#untilEarlyMs())
    return Math.min(Math.max(0, waitMs), longestWaitMs)
  }

  #untilPeriodMs(): number {
    return (this.#endedMs ?? 0) + this.#options.periodMs - this.#options.clock.now()
  }

  #untilEarlyMs(): number {
    if (this.#wished === undefined && this.#dueAwakeMs === undefined) return Infinity
    const untilDueMs = this.#wished ? 0 : (this.#dueAwakeMs as number) - this.#options.awake.now()
    return Math.max(untilDueMs, this.#untilPauseIsOverMs())
  }

  #untilPauseIsOverMs(): number {
    if (this.#beganMs === undefined || this.#endedMs === undefined) return 0
    const lookMs = this.#endedMs - this.#beganMs
    const pauseMs = Math.min(Math.max(lookMs * pausePerLook, pauseMinMs), pauseMaxMs)
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
