import type { Clock } from '../domain/clock.ts'
import { messageOf } from '../domain/errors.ts'
import type { EventName, EventOf, EventOrigin, FlotsamEvent, Emit } from '../domain/events.ts'
import type { Logger } from '../domain/logger.ts'
import { lineOf, type LogLine } from './log-line.ts'

/**
 * Called with each event of that name, or with every event for `*`. An error that it throws, or rejects with, is logged
 * once and has no other effect.
 */
export type Listener<TName extends EventName | '*'> = (
  event: TName extends EventName ? EventOf<TName> : FlotsamEvent,
) => void

/** The result of `on`. */
export interface Subscription {
  /** Removes the listener. It is not called again, even for an event that is being emitted. Idempotent. */
  unsubscribe(): void
}

/** Passes events to the log and to the listeners. */
export interface Reporter {
  readonly emit: Emit
  /** Subscribes to one event, or to all events with `*`. */
  on(name: EventName | '*', listener: AnyListener): Subscription
}

export type AnyListener = (event: FlotsamEvent) => unknown

/** Creates a reporter. Without a logger it only calls listeners. */
export function createReporter(clock: Clock, origin: EventOrigin, logger?: Logger): Reporter {
  const listeners = new Map<EventName | '*', Set<AnyListener>>()
  const faulty = new WeakSet<AnyListener>()

  /**
   * Ignores errors of the logger, since there is nowhere to report them. The origin is added to the fields, because a child
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
    // A copy, because a listener may add or remove listeners.
    for (const listener of Array.from(listening)) if (listening.has(listener)) call(listener, event)
  }

  return {
    emit: (unstamped) => {
      log(lineOf(unstamped))
      const ofThis = listeners.get(unstamped.type)
      const ofAll = listeners.get('*')
      if (!ofThis && !ofAll) return
      const event = { ...unstamped, at: clock.wallNow(), ...origin } as FlotsamEvent
      callAll(ofThis, event)
      callAll(ofAll, event)
    },
    on: (name, listener) => {
      const listening = listeners.get(name) ?? new Set<AnyListener>()
      listeners.set(name, listening)
      // A new function for each call, so that the same listener can be added twice.
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
