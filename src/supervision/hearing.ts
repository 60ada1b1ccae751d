import type { SupervisorEvent } from '../../machines/supervisor.machine.ts'
import type { Parent } from '../../machines/types.ts'
import type { Clock } from '../clock.ts'
import type { EngineEvent, WatchingEngine } from '../engine/port.ts'
import type { ContainerId } from '../ids.ts'
import type { Ownership } from '../owner.ts'
import type { Agenda } from './agenda.ts'
import { isNews } from './hint.ts'
import type { Known } from './known.ts'
import type { Removals } from './removals.ts'

export interface HearingOptions {
  readonly clock: Clock
  readonly agenda: Agenda
  readonly engine: WatchingEngine
  readonly memory: ReadonlyMap<ContainerId, Known>
  readonly removals: Removals
  readonly ownership: Ownership
  readonly isWanted: boolean
  readonly backoffMinMs: number
  readonly longestPauseMs: number
}

/** A quiet engine says nothing for hours, but that it listens it says at once. */
const openDeadlineMs = 10_000
/** A stream that has lived this long ended for a reason of its own; one that ends sooner may do so again and again. */
const steadyMs = 60_000

/**
 * Follows the engine's events. They are hints for an early look and never the truth: what a look finds is judged as ever,
 * so that a hint which is lost, doubled, late or invented costs a look at most.
 */
export class Hearing {
  readonly #options: HearingOptions
  /** Streams that ended soon, one after the other. */
  #shortLived = 0
  #restUntilMs = -Infinity
  #openedMs: number | undefined

  constructor(options: HearingOptions) {
    this.#options = options
  }

  get isWanted(): boolean {
    return this.#options.isWanted
  }

  /** The engine has begun to tell. */
  get isOpen(): boolean {
    return this.#openedMs !== undefined
  }

  /**
   * How long to do without events yet. An engine without a connection to spare fails because it is followed, and would
   * do so again at once; so the rest is doubled with each stream that ended soon, whatever ended it.
   */
  get restMs(): number {
    return Math.max(0, this.#restUntilMs - this.#options.clock.now())
  }

  /** Resolves when the stream has ended; rejects with an `EngineError` where none could be had. */
  async listen(supervisor: Parent<SupervisorEvent>, signal: AbortSignal): Promise<void> {
    const { clock, engine, ownership } = this.#options
    const abort = new AbortController()
    const giveUp = () => abort.abort()
    signal.addEventListener('abort', giveUp, { once: true })
    const timer = clock.setTimeout(giveUp, openDeadlineMs)
    try {
      await engine.events({
        signal: abort.signal,
        label: ownership.filter,
        onOpen: () => {
          clock.clearTimeout(timer)
          this.#openedMs = clock.now()
          supervisor.send({ type: 'troubleOver', about: 'events' })
          // What happened between the last listing and now was told to nobody.
          this.#hint(supervisor)
        },
        onEvent: (event) => {
          if (this.#isNews(event)) this.#hint(supervisor)
        },
      })
    } catch (error) {
      if (!this.isOpen) throw error
    } finally {
      clock.clearTimeout(timer)
      signal.removeEventListener('abort', giveUp)
      const openedMs = this.#openedMs
      this.#openedMs = undefined
      this.#rest(openedMs)
      // A stream that ends, or cannot be had, is often the first sign of an engine that goes away: a look tells.
      if (!signal.aborted) this.#hint(supervisor)
    }
  }

  #rest(openedMs: number | undefined): void {
    const { backoffMinMs, clock, longestPauseMs } = this.#options
    const nowMs = clock.now()
    const wasSteady = openedMs !== undefined && nowMs - openedMs >= steadyMs
    this.#shortLived = wasSteady ? 0 : this.#shortLived + 1
    const doublings = Math.min(30, Math.max(0, this.#shortLived - 1))
    this.#restUntilMs = nowMs + Math.min(longestPauseMs, backoffMinMs * 2 ** doublings)
  }

  #isNews(event: EngineEvent): boolean {
    const { memory, ownership, removals } = this.#options
    // What our own removals bring about is told by their answers.
    if (removals.isUnderWay(event.id)) return false
    return isNews(event, memory.get(event.id)?.summary, ownership)
  }

  #hint(supervisor: Parent<SupervisorEvent>): void {
    if (this.#options.agenda.hint()) supervisor.send({ type: 'lookAsked' })
  }
}
