import type { InspectionEvent } from 'xstate'
import { FlotsamError, messageOf, OptionError } from '../domain/errors.ts'
import { type Present, presentAsIs, Presenter } from './present.ts'
import { openRelay } from './server.ts'
import { Sessions } from './sessions.ts'

export interface InspectorOptions {
  /** The port on 127.0.0.1, 0 to 65535. Default 0: a free port. */
  readonly port?: number
  /** How much is kept, which bounds the memory of the inspector. */
  readonly history?: {
    /** The number of living actors that are kept, 1 to 1,000,000. Beyond it, those idle for longest are left out until they change. Default 20,000. */
    readonly actors?: number
    /** The number of recent events that are kept for a tab that opens late, 0 to 100,000. Default 1,000. */
    readonly events?: number
  }
  /** Decides what is shown of contexts, events and outputs. Default: everything except values named like secrets. */
  readonly present?: Present
}

/** Shows actors in browsers on this machine, using the protocol of Stately's inspector. */
export interface Inspector {
  /** For the option `inspect` of `createReconciler` and of XState's `createActor`; several systems may share it. Never throws. */
  readonly inspect: (event: InspectionEvent) => void
  /** The page that needs no internet. Anyone with this address sees everything that is shown. */
  readonly url: string
  /** The page that passes everything to Stately's own inspector, which the browser loads from stately.ai. */
  readonly statelyUrl: string
  readonly port: number
  /** Disconnects all tabs and closes the port. Idempotent. `inspect` then does nothing. */
  stop(): Promise<void>
}

/** Thrown if the inspector cannot bind its port. */
export class InspectorError extends FlotsamError {
  readonly code = 'ERR_FLOTSAM_INSPECTOR'
}

const defaultActors = 20_000
const defaultEvents = 1000

/**
 * Opens an inspector on 127.0.0.1. It keeps references to the last snapshot of each living actor, and serialises them
 * only while a tab is connected. Its server and sockets do not keep the process alive.
 *
 * @example
 * ```ts
 * const inspector = await createInspector()
 * const reconciler = createReconciler({ owner, tracked, inspect: inspector.inspect })
 * console.log(inspector.url)
 * ```
 *
 * @throws OptionError for an invalid option
 * @throws InspectorError if it cannot bind the port
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
        // Inspecting an actor must not fail it, whatever its context contains.
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
  if (code === 'EACCES')
    return `the inspector's port ${port} needs permissions that this process does not have`
  return `the inspector cannot listen on port ${port}: ${messageOf(cause)}`
}
