import { nextTick } from 'node:process'
import type { Clock } from '../../src/domain/clock.ts'

interface Due {
  readonly atMs: number
  readonly run: () => void
}

/** Puts it after everything that is due no later. */
function insert(queue: Due[], due: Due): void {
  let at = queue.length
  while (at > 0 && (queue[at - 1] as Due).atMs > due.atMs) at--
  queue.splice(at, 0, due)
}

/** Lets every promise that is ready run, and all that follow from it: no turn of the event loop is needed for that. */
const settle = () => new Promise<void>((resolve) => nextTick(resolve))

/**
 * The time of the whole world, and everything that will happen in it, one after the other. The process under test has
 * clocks of its own; it can be frozen while the world goes on.
 */
export class Timeline {
  nowMs = 0
  /** Counts the turns of the process: what happens in one turn happens without anything in between. */
  turn = 0
  process: Process | undefined
  #events: Due[] = []
  readonly #afterEachStep: () => void

  constructor(afterEachStep: () => void) {
    this.#afterEachStep = afterEachStep
  }

  after(delayMs: number, run: () => void): void {
    insert(this.#events, { atMs: this.nowMs + delayMs, run })
  }

  async passTo(untilMs: number): Promise<void> {
    await settle()
    for (;;) {
      const { process } = this
      const turnMs = process?.nextTurnMs() ?? Infinity
      const event = this.#events[0]
      const eventMs = event?.atMs ?? Infinity
      if (Math.min(turnMs, eventMs) > untilMs) break
      if (process && (turnMs <= this.nowMs || turnMs < eventMs)) {
        this.nowMs = Math.max(this.nowMs, turnMs)
        process.takeTurn()
        await settle()
        this.turn++
      } else {
        this.#events.shift()
        this.nowMs = Math.max(this.nowMs, eventMs)
        event?.run()
      }
      this.#afterEachStep()
    }
    this.nowMs = Math.max(this.nowMs, untilMs)
  }
}

/** How the clocks of the machine under the process differ from the world's time. Outlives every process on it. */
export interface Machine {
  wallOffsetMs: number
  /** How long it was suspended: its monotonic clock stood still meanwhile. */
  suspendedMs: number
}

const longestDelayMs = 2 ** 31 - 1

/** One process: its timers, its pending input, and its clocks. As strict about delays as Node's own timers are treacherous. */
export class Process implements Clock {
  readonly machine: Machine
  readonly #timeline: Timeline
  readonly #hiccup: () => number
  #timers: Due[] = []
  #input: Due[] = []
  #isFrozen = false
  #isDead = false
  #readsInputFirst = false

  constructor(timeline: Timeline, machine: Machine, hiccup: () => number) {
    this.#timeline = timeline
    this.machine = machine
    this.#hiccup = hiccup
  }

  now(): number {
    this.#timeline.nowMs += this.#hiccup()
    return this.#timeline.nowMs - this.machine.suspendedMs
  }

  wallNow(): number {
    return Date.UTC(2026, 0, 15, 12) + this.#timeline.nowMs + this.machine.wallOffsetMs
  }

  setTimeout(run: () => void, delayMs: number): unknown {
    if (!(delayMs <= longestDelayMs)) throw new RangeError(`no timer can wait ${delayMs} ms`)
    const atMs = this.#timeline.nowMs - this.machine.suspendedMs + Math.max(1, delayMs)
    const timer: Due = { atMs, run }
    if (!this.#isDead) insert(this.#timers, timer)
    return timer
  }

  clearTimeout(timer: unknown): void {
    const at = this.#timers.indexOf(timer as Due)
    if (at >= 0) this.#timers.splice(at, 1)
  }

  breathe(): Promise<void> {
    return new Promise((resolve) => this.receive(resolve))
  }

  /** Something arrived for the process; it is read in a turn of its own. */
  receive(read: () => void): void {
    if (!this.#isDead) this.#input.push({ atMs: this.#timeline.nowMs, run: read })
  }

  get pendingTimers(): number {
    return this.#timers.length
  }

  get hasInput(): boolean {
    return this.#input.length > 0
  }

  get isDead(): boolean {
    return this.#isDead
  }

  get isFrozen(): boolean {
    return this.#isFrozen
  }

  freeze(): void {
    this.#isFrozen = true
  }

  /** Node fires late timers before it reads what came in meanwhile, unless it was frozen while it waited for input. */
  thaw(readsInputFirst: boolean): void {
    this.#isFrozen = false
    this.#readsInputFirst = readsInputFirst
  }

  die(): void {
    this.#isDead = true
    this.#timers = []
    this.#input = []
  }

  /** When it does something next by itself; at once where input waits. */
  nextTurnMs(): number {
    if (this.#isFrozen || this.#isDead) return Infinity
    return this.#input.length > 0 ? this.#timeline.nowMs : this.#nextTimerMs()
  }

  /** Runs one late timer, else reads one input, else runs the next timer. */
  takeTurn(): void {
    const readsInput =
      this.#input.length > 0 && (this.#readsInputFirst || this.#nextTimerMs() > this.#timeline.nowMs)
    if (this.#input.length === 0) this.#readsInputFirst = false
    const due = readsInput ? this.#input.shift() : this.#timers.shift()
    due?.run()
  }

  #nextTimerMs(): number {
    const [timer] = this.#timers
    return timer ? timer.atMs + this.machine.suspendedMs : Infinity
  }
}
