import { setMaxListeners } from 'node:events'
import type { Clock } from '../domain/clock.ts'
import { EngineError } from '../domain/errors.ts'
import type { CallOptions, Engine, EventsCall, WatchingEngine } from '../engine/port.ts'

/** A read-only engine client and, unless this is a dry run, one with write access. */
export type EngineAccess =
  | { readonly dryRun: true; readonly engine: WatchingEngine }
  | { readonly dryRun: false; readonly engine: Engine }

/**
 * quiet-stop: shared by everything that ends together. After the end, no timer of its clock fires and no request is sent
 * through its engine. Promises waiting for such a timer never settle, so callers must also observe `signal`.
 */
export class Ending {
  readonly clock: Clock
  readonly #abort = new AbortController()
  readonly #timers = new Set<unknown>()

  constructor(clock: Clock) {
    // Every pending request adds a listener.
    setMaxListeners(0, this.signal)
    this.clock = {
      now: () => clock.now(),
      wallNow: () => clock.wallNow(),
      breathe: () => clock.breathe(),
      setTimeout: (run, delayMs) => {
        if (this.isOver) return undefined
        const timer = clock.setTimeout(() => {
          this.#timers.delete(timer)
          run()
        }, delayMs)
        this.#timers.add(timer)
        return timer
      },
      clearTimeout: (timer) => {
        if (this.#timers.delete(timer)) clock.clearTimeout(timer)
      },
    }
  }

  /** Aborted at the end, with the reason. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get isOver(): boolean {
    return this.signal.aborted
  }

  end(reason: Error): void {
    if (this.isOver) return
    this.#abort.abort(reason)
    for (const timer of this.#timers) this.clock.clearTimeout(timer)
  }

  guard(access: EngineAccess): EngineAccess {
    return access.dryRun
      ? { dryRun: true, engine: this.#watching(access.engine) }
      : { dryRun: false, engine: this.#whole(access.engine) }
  }

  #watching(engine: WatchingEngine): WatchingEngine {
    return {
      address: engine.address,
      list: async (call) => engine.list(this.#pass(call)),
      info: async (call) => engine.info(this.#pass(call)),
      identity: async (call) => engine.identity(this.#pass(call)),
      imageLabels: async (image, call) => engine.imageLabels(image, this.#pass(call)),
      inspect: async (id, call) => engine.inspect(id, this.#pass(call)),
      shares: async (id, call) => engine.shares(id, this.#pass(call)),
      unpausedWithin: async (period, call) => engine.unpausedWithin(period, this.#pass(call)),
      events: async (call) => engine.events(this.#pass(call)),
    }
  }

  #whole(engine: Engine): Engine {
    return {
      ...this.#watching(engine),
      remove: async (id, call) => engine.remove(id, this.#pass(call)),
      stop: async (id, call) => engine.stop(id, this.#pass(call)),
      unpause: async (id, call) => engine.unpause(id, this.#pass(call)),
    }
  }

  #pass<TCall extends CallOptions | EventsCall>(call: TCall): TCall {
    if (this.isOver || call.signal?.aborted)
      throw new EngineError('timed-out', 'the request was aborted before it was sent')
    return call
  }
}
