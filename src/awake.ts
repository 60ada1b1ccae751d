import type { Clock } from './clock.ts'

export interface AwakeOptions {
  readonly clock: Clock
  /** A gap between two looks at the clock that is longer than this is a stall of the process. */
  readonly stallMs: number
  /** Told at the moment a stall is noticed, with how long it was. */
  readonly onStall: (stalledMs: number) => void
}

/**
 * The clock that graces are counted on: it stands still while this process was not awake and while the engine did not
 * answer (awake-time).
 *
 * A process cannot see itself being frozen, only that a heartbeat came too late, or that the wall clock and the
 * monotonic one no longer agree (a suspended machine). Node fires late timers before it reads what came in meanwhile, so
 * every reading checks for a stall first: whoever reads the time learns of the stall before deciding anything.
 */
export class AwakeClock {
  readonly #clock: Clock
  readonly #stallMs: number
  readonly #heartbeatMs: number
  readonly #onStall: (stalledMs: number) => void
  #awakeMs = 0
  #missedMs = 0
  #lastMs: number
  #lastWallMs: number
  #isPaused = false
  #heartbeat: unknown

  constructor({ clock, stallMs, onStall }: AwakeOptions) {
    this.#clock = clock
    this.#stallMs = stallMs
    this.#heartbeatMs = stallMs / 3
    this.#onStall = onStall
    this.#lastMs = clock.now()
    this.#lastWallMs = clock.wallNow()
  }

  start(): void {
    this.#lastMs = this.#clock.now()
    this.#lastWallMs = this.#clock.wallNow()
    this.#beat()
  }

  stop(): void {
    this.#clock.clearTimeout(this.#heartbeat)
    this.#heartbeat = undefined
  }

  /** Counted milliseconds since the start. */
  now(): number {
    const nowMs = this.#clock.now()
    const wallMs = this.#clock.wallNow()
    const gapMs = nowMs - this.#lastMs
    const jumpMs = Math.abs(wallMs - this.#lastWallMs - gapMs)
    this.#lastMs = nowMs
    this.#lastWallMs = wallMs
    const stalled = gapMs > this.#stallMs || jumpMs > this.#stallMs
    const countedMs = this.#isPaused || stalled ? 0 : Math.min(gapMs, this.#heartbeatMs * 1.5)
    this.#awakeMs += countedMs
    this.#missedMs += gapMs + (stalled ? jumpMs : 0) - countedMs
    if (stalled) this.#onStall(Math.max(gapMs, jumpMs))
    return this.#awakeMs
  }

  /** Milliseconds since the start that were not counted: what a container's age holds of them says nothing. */
  get missedMs(): number {
    return this.#missedMs
  }

  /** The engine stopped answering: nothing counts from the reading `sinceAwakeMs` on, until it answers again. */
  pause(sinceAwakeMs: number): void {
    this.now()
    const uncountedMs = Math.max(0, this.#awakeMs - sinceAwakeMs)
    this.#awakeMs -= uncountedMs
    this.#missedMs += uncountedMs
    this.#isPaused = true
  }

  resume(): void {
    this.now()
    this.#isPaused = false
  }

  #beat(): void {
    this.#heartbeat = this.#clock.setTimeout(() => {
      // The next one first: whoever hears of a stall may stop this clock.
      this.#beat()
      this.now()
    }, this.#heartbeatMs)
  }
}
