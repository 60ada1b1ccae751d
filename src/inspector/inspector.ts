import type { InspectionEvent } from 'xstate'
import { FlotsamError, messageOf, OptionError } from '../domain/errors.ts'
import { type Present, presentAsIs, Presenter } from './present.ts'
import { openRelay } from './server.ts'
import { Sessions } from './sessions.ts'

export interface InspectorOptions {
  /** The port on 127.0.0.1, 0 to 65535. Default 0: one that is free. */
  readonly port?: number
  /** How much is kept, and so what the inspector may take of memory at most. */
  readonly history?: {
    /** Actors that live at the same time, 1 to 1,000,000. Beyond that, those that have been idle longest are left out until they change. Default 20,000. */
    readonly actors?: number
    /** The last events between them, for a tab that opens late, 0 to 100,000. Default 1,000. */
    readonly events?: number
  }
  /** What is shown of contexts, events and outputs. Default: all, without what bears the name of a secret. */
  readonly present?: Present
}

/** Shows actors to browsers on this machine, by the protocol of the Stately inspector. */
export interface Inspector {
  /** For the option `inspect` of `createReconciler` and of XState's `createActor`; several systems may share it. Never throws. */
  readonly inspect: (event: InspectionEvent) => void
  /** The page that needs no internet. Whoever has the address sees everything. */
  readonly url: string
  /** The page that hands everything to Stately's own inspector, which the browser loads from stately.ai. */
  readonly statelyUrl: string
  readonly port: number
  /** Ends all tabs and listens no more. Idempotent. `inspect` then does nothing. */
  stop(): Promise<void>
}

/** The inspector's port cannot be listened on. */
export class InspectorError extends FlotsamError {
  readonly code = 'ERR_FLOTSAM_INSPECTOR'
}

const defaultActors = 20_000
const defaultEvents = 1000

/**
 * Opens an inspector on 127.0.0.1. It keeps the last snapshot of each actor that lives, by reference, and works only
 * while a tab looks on. Its server and sockets keep no process alive.
 *
 * @example
 * ```ts
 * const inspector = await createInspector()
 * const reconciler = createReconciler({ owner, tracked, inspect: inspector.inspect })
 * console.log(inspector.url)
 * ```
 *
 * @throws OptionError that names the option, its value and what is required
 * @throws InspectorError when the port cannot be had
 */
export async function createInspector(options: InspectorOptions = {}): Promise<Inspector> {
  const { port = 0, history = {}, present = presentAsIs } = options
  const { actors = defaultActors, events = defaultEvents } = history
  checkWhole('port', port, 0, 65_535)
  checkWhole('history.actors', actors, 1, 1_000_000)
  checkWhole('history.events', events, 0, 100_000)
  if (typeof present !== 'function') {
    throw new OptionError('present', present, 'it must be a function')
  }
  const sessions = new Sessions({ sessions: actors, events, presenter: new Presenter(present) })
  const relay = await openRelay({ port, sessions, mostWaiting: 2 * actors }).catch((cause: unknown) => {
    throw new InspectorError(whyNot(port, cause), { cause })
  })
  let ended: Promise<void> | undefined
  const address = `http://127.0.0.1:${relay.port}`
  return {
    inspect: (event) => {
      if (ended) return
      try {
        sessions.receive(event)
      } catch {
        // Whatever a foreign actor holds, to look at it must not end it.
      }
    },
    url: `${address}/?token=${relay.token}`,
    statelyUrl: `${address}/stately?token=${relay.token}`,
    port: relay.port,
    stop: () => {
      ended ??= relay.stop().finally(() => sessions.clear())
      return ended
    },
  }
}

function checkWhole(option: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return
  throw new OptionError(option, value, `it must be a whole number from ${least} to ${most}`)
}

function whyNot(port: number, cause: unknown): string {
  const { code } = cause as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') return `the inspector's port ${port} is in use by another process`
  if (code === 'EACCES') return `the inspector's port ${port} needs rights that this process does not have`
  return `the inspector cannot listen on port ${port}: ${messageOf(cause)}`
}
