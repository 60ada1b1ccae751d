import type { Clock } from '../domain/clock.ts'
import { messageOf } from '../domain/errors.ts'
import type { EventName, EventOf, EventOrigin, FlotsamEvent, Report } from '../domain/events.ts'
import type { Logger } from '../domain/logger.ts'
import { lineOf, type LogLine } from './log-line.ts'

/**
 * Called with each event of that name, or with every event for `*`. What it throws, or rejects with, is logged once and
 * stops nothing.
 */
export type Listener<TName extends EventName | '*'> = (
  event: TName extends EventName ? EventOf<TName> : FlotsamEvent,
) => void

/** What `on` returns. */
export interface Subscription {
  /** The listener is not called any more, not even for an event that is being emitted. Idempotent. */
  unsubscribe(): void
}

/** Passes everything that happens to the log and to the listeners. */
export interface Reporter {
  readonly report: Report
  /** `*` is for all events. */
  on(name: EventName | '*', listener: AnyListener): Subscription
}

export type AnyListener = (event: FlotsamEvent) => unknown

/** Without a logger it writes no log and only calls listeners. */
export function createReporter(clock: Clock, origin: EventOrigin, logger?: Logger): Reporter {
  const listeners = new Map<EventName | '*', Set<AnyListener>>()
  const faulty = new WeakSet<AnyListener>()

  /**
   * A logger that throws stops nothing; there is nowhere left to report it. The origin goes among the fields, since a child
   * logger would not follow a change of its parent's level.
   */
  function log({ level, fields, message }: LogLine): void {
    if (!logger) return
    try {
      if (logger.isLevelEnabled?.(level) !== false) logger[level](Object.assign(fields(), origin), message())
    } catch {}
  }

  function noteFault(listener: AnyListener, name: EventName, thrown: unknown): void {
    if (faulty.has(listener)) return
    faulty.add(listener)
    const message = () => `a listener for "${name}" threw: ${messageOf(thrown)}; reported once`
    log({ level: 'error', fields: () => ({ event: 'listener', err: thrown }), message })
  }

  function call(listener: AnyListener, event: FlotsamEvent): void {
    try {
      const result = listener(event)
      if (result instanceof Promise)
        result.catch((thrown: unknown) => noteFault(listener, event.type, thrown))
    } catch (thrown) {
      noteFault(listener, event.type, thrown)
    }
  }

  function callAll(listening: ReadonlySet<AnyListener> | undefined, event: FlotsamEvent): void {
    if (!listening) return
    // Those that listen now; a listener may subscribe again, or unsubscribe another.
    for (const listener of Array.from(listening)) if (listening.has(listener)) call(listener, event)
  }

  return {
    report: (happening) => {
      log(lineOf(happening))
      const ofThis = listeners.get(happening.type)
      const ofAll = listeners.get('*')
      if (!ofThis && !ofAll) return
      const event = { ...happening, at: clock.wallNow(), ...origin } as FlotsamEvent
      callAll(ofThis, event)
      callAll(ofAll, event)
    },
    on: (name, listener) => {
      const listening = listeners.get(name) ?? new Set<AnyListener>()
      listeners.set(name, listening)
      // A listener of its own for each call, so that one function can listen twice.
      const own: AnyListener = (event) => listener(event)
      listening.add(own)
      return {
        unsubscribe: () => {
          listening.delete(own)
          if (listening.size === 0 && listeners.get(name) === listening) listeners.delete(name)
        },
      }
    },
  }
}
