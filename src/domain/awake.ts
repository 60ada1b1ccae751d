import type { Clock } from './clock.ts'

export interface AwakeOptions {
  readonly clock: Clock
  /** A gap between two readings of the clock that is longer than this is a stall of the process. */
  readonly stallMs: number
  /** Called when a stall is detected, with its duration and the time on this clock. */
  readonly onStall: (stalledMs: number, awakeMs: number) => void
  /** Time does not count while the engine is down. */
  readonly isEngineDown: () => boolean
}

/**
 * awake-time: the clock that counts graces. It stops while this process is suspended and while the engine is down.
 *
 * A process cannot observe its own suspension, only a late heartbeat, or a divergence of wall clock and monotonic clock
 * after the machine slept. Node runs late timers before it reads pending input, so every reading first checks for a stall:
 * callers learn of the stall before they make a decision.
 */
export class AwakeClock {
  readonly #clock: Clock
  readonly #stallMs: number
  readonly #heartbeatMs: number
  readonly #onStall: AwakeOptions['onStall']
  readonly #isEngineDown: () => boolean
  #awakeMs = 0
  #missedMs = 0
  #lastMs: number
  #lastWallMs: number
  #heartbeat: unknown

  constructor({ clock, stallMs, onStall, isEngineDown }: AwakeOptions) {
    this.#clock = clock
    this.#stallMs = stallMs
    this.#heartbeatMs = stallMs / 3
    this.#onStall = onStall
    this.#isEngineDown = isEngineDown
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

  /** Milliseconds counted since the start. */
  now(): number {
    const nowMs = this.#clock.now()
    const wallMs = this.#clock.wallNow()
    const gapMs = nowMs - this.#lastMs
    const jumpMs = Math.abs(wallMs - this.#lastWallMs - gapMs)
    this.#lastMs = nowMs
    this.#lastWallMs = wallMs
    const stalled = gapMs > this.#stallMs || jumpMs > this.#stallMs
    const countedMs = stalled || this.#isEngineDown() ? 0 : Math.min(gapMs, this.#heartbeatMs * 1.5)
    this.#awakeMs += countedMs
    this.#missedMs += gapMs + (stalled ? jumpMs : 0) - countedMs
    if (stalled) this.#onStall(Math.max(gapMs, jumpMs), this.#awakeMs)
    return this.#awakeMs
  }

  /** Milliseconds since the start that were not counted; a container's age may include them. */
  get missedMs(): number {
    return this.#missedMs
  }

  /** Subtracts the time since the reading `sinceAwakeMs`, because the engine has not answered since. */
  discount(sinceAwakeMs: number): void {
    this.now()
    const uncountedMs = Math.max(0, this.#awakeMs - sinceAwakeMs)
    this.#awakeMs -= uncountedMs
    this.#missedMs += uncountedMs
  }

  #beat(): void {
    this.#heartbeat = this.#clock.setTimeout(() => {
      // Schedules the next heartbeat first, because the stall callback may stop this clock.
      this.#beat()
      this.now()
    }, this.#heartbeatMs)
  }
}
