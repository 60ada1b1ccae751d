import { type Logger, pino } from 'pino'

import type { Clock } from '../clock.ts'
import { messageOf } from '../errors.ts'
import type { EventName, EventOf, FlotsamEvent, Report } from '../events.ts'
import { lineOf, type LogLine } from './log-line.ts'

/** Called with each event of one sort. What it throws is logged once and stops nothing. */
export type Listener<TName extends EventName> = (event: EventOf<TName>) => void

export interface Subscription {
  unsubscribe(): void
}

/** Passes everything that happens to the log and to whoever listens. */
export interface Reporter {
  readonly report: Report
  on<TName extends EventName>(name: TName, listener: Listener<TName>): Subscription
}

type AnyListener = (event: FlotsamEvent) => unknown

/** Without a logger it keeps silent and tells listeners alone. */
export function createReporter(clock: Clock, logger: Logger = pino({ level: 'silent' })): Reporter {
  const listeners = new Map<EventName, Set<AnyListener>>()
  const faulty = new WeakSet<AnyListener>()

  /** A log that is broken stops nothing, and there is nobody left to tell. */
  function log({ level, fields, message }: LogLine): void {
    try {
      if (logger.isLevelEnabled(level)) logger[level](fields(), message())
    } catch {}
  }

  function noteFault(listener: AnyListener, name: EventName, thrown: unknown): void {
    if (faulty.has(listener)) return
    faulty.add(listener)
    const message = () => `a listener for "${name}" threw: ${messageOf(thrown)}; told once`
    log({ level: 'error', fields: () => ({ event: 'listener', err: thrown }), message })
  }

  function tell(listener: AnyListener, event: FlotsamEvent): void {
    try {
      const result = listener(event)
      if (result instanceof Promise)
        result.catch((thrown: unknown) => noteFault(listener, event.type, thrown))
    } catch (thrown) {
      noteFault(listener, event.type, thrown)
    }
  }

  return {
    report: (happening) => {
      log(lineOf(happening))
      const listening = listeners.get(happening.type)
      if (!listening) return
      const event = { ...happening, at: clock.wallNow() } as FlotsamEvent
      // Of those who listen now; a listener may subscribe anew, or unsubscribe another.
      for (const listener of Array.from(listening)) if (listening.has(listener)) tell(listener, event)
    },
    on: (name, listener) => {
      const listening = listeners.get(name) ?? new Set<AnyListener>()
      listeners.set(name, listening)
      // A listener of its own for each call, so that one function can listen twice.
      const own: AnyListener = (event) => (listener as unknown as AnyListener)(event)
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
