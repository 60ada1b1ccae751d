import type { StreamEnd } from '../../machines/supervisor.machine.ts'
import type { Fleet } from '../containers/fleet.ts'
import type { RemovalQueue } from '../containers/removal-queue.ts'
import type { ToSupervisor } from '../containers/seal.ts'
import type { Clock } from '../domain/clock.ts'
import { EngineError, messageOf } from '../domain/errors.ts'
import type { ContainerId } from '../domain/ids.ts'
import type { EngineEvent, WatchingEngine } from '../engine/port.ts'
import type { Ownership } from '../policy/ownership.ts'
import { actionsFollowed, isNews } from './hint.ts'

export interface EventWatcherOptions {
  readonly clock: Clock
  readonly engine: WatchingEngine
  readonly fleet: Pick<Fleet, 'get'>
  readonly queue: RemovalQueue
  readonly ownership: Ownership
  /** Whether the container depends on another one. */
  readonly isGuest: (id: ContainerId) => boolean
  readonly toSupervisor: ToSupervisor
}

/** An idle engine may send no event for hours, but it sends the response headers immediately. */
const openDeadlineMs = 10_000

/**
 * Follows the engine's events and turns them into hints for an early scan. Verdicts never rely on events: a lost,
 * duplicate, late or spurious event costs at most one scan.
 */
export class EventWatcher {
  readonly #options: EventWatcherOptions

  constructor(options: EventWatcherOptions) {
    this.#options = options
  }

  /** Resolves when the stream has ended or could not be opened. */
  async follow(signal: AbortSignal): Promise<StreamEnd> {
    const { clock, engine, toSupervisor } = this.#options
    const abort = new AbortController()
    const giveUp = () => abort.abort()
    signal.addEventListener('abort', giveUp, { once: true })
    const timer = clock.setTimeout(giveUp, openDeadlineMs)
    let openedMs: number | undefined
    const end = (thrown?: unknown): StreamEnd => ({
      atMs: clock.now(),
      openForMs: openedMs === undefined ? undefined : clock.now() - openedMs,
      failure:
        thrown === undefined
          ? undefined
          : { kind: thrown instanceof EngineError ? thrown.kind : 'fault', message: messageOf(thrown) },
    })
    try {
      await engine.events({
        signal: abort.signal,
        actions: actionsFollowed,
        onOpen: () => {
          clock.clearTimeout(timer)
          openedMs = clock.now()
          toSupervisor({ type: 'events.opened', atMs: openedMs })
          // Events between the last listing and now were missed.
          toSupervisor({ type: 'scan.hinted' })
        },
        onEvent: (event) => {
          if (this.#isNews(event)) toSupervisor({ type: 'scan.hinted' })
        },
      })
      return end()
    } catch (thrown) {
      return end(thrown)
    } finally {
      clock.clearTimeout(timer)
      signal.removeEventListener('abort', giveUp)
      // An event stream that ends or fails to open is often the first sign of an outage; a scan confirms it.
      if (!signal.aborted) toSupervisor({ type: 'scan.hinted' })
    }
  }

  #isNews(event: EngineEvent): boolean {
    const { fleet, isGuest, ownership, queue } = this.#options
    // The results of our own removals are known from their responses.
    if (queue.isInFlight(event.id)) return false
    const known = fleet.get(event.id)?.listed
    return isNews(event, { known, isGuest: isGuest(event.id), ownership })
  }
}
