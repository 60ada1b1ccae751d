import { containerMachine } from '../../machines/container.machine.ts'
import { supervisorMachine } from '../../machines/supervisor.machine.ts'
import { plainError, plainOf } from './plain.ts'

/** What kind of value is to be shown, and of which actor. */
export interface Subject {
  readonly what: 'context' | 'event' | 'output'
  /** The actor's id. For a container actor it is the id of its container. */
  readonly actorId: string
  readonly sessionId: string
  /** The id of the machine; undefined if the actor is not a machine. */
  readonly machineId: string | undefined
}

/**
 * Decides what is shown of a context, an event or an output: the value itself, a part of it, or something else. The
 * result is copied and cut to a bounded size, and values named like secrets are removed.
 */
export type Present = (value: unknown, subject: Subject) => unknown

export const presentAsIs: Present = (value) => value

/** The shown properties of Flotsam's own contexts. A property that is not listed here is not shown. */
const shownOfOurs = new Map<object, readonly string[]>([
  [
    containerMachine.config,
    [
      'id',
      'listed',
      'verdict',
      'judgedAtMs',
      'scan',
      'recheckMs',
      'policy',
      'firstSeenMs',
      'newSinceMs',
      'creationGraceEndsMs',
      'startId',
      'notStartedUntil',
      'wasTracked',
      'releaseGraceEndsMs',
      'isLossReported',
      'stop',
      'gracefulStopAttempted',
      'refusal',
      'objection',
      'disagreements',
      'confirmedAs',
      'isApproved',
      'isRequestOut',
      'startBeforeRequestMs',
      'isSent',
      'failures',
      'failure',
      'isStuck',
      'outcome',
      'isByAnswer',
    ],
  ],
  [
    supervisorMachine.config,
    [
      'policy',
      'streaks',
      'lastScan',
      'pace',
      'hasFaulted',
      'failedScans',
      'engineFailure',
      'wanted',
      'verdicts',
      'recoveryEndsMs',
      'inFlight',
      'streamFailure',
      'shortStreams',
      'streamOpenedMs',
      'streamEndedMs',
    ],
  ],
])

/** The facts in the context of one of our charts that may be shown; undefined for any other chart. */
export function shownFactsOf(config: object): readonly string[] | undefined {
  return shownOfOurs.get(config)
}

/** The greatest depth at which one of our contexts or events contains an entry of a listing. */
const entriesWithin = 6

/** Shows of each entry of a listing only what identifies the container, since labels may be private. */
export function withoutLabels(value: unknown, depth = entriesWithin): unknown {
  if (depth === 0 || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((one) => withoutLabels(one, depth - 1))
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  if ('labels' in value && 'networkMode' in value) {
    const { id, name, image, state } = value as Record<string, unknown>
    return { id, name, image, state }
  }
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutLabels(one, depth - 1)]))
}

/** Converts events and snapshots to the form in which they leave the process. */
export class Presenter {
  readonly #present: Present

  constructor(present: Present) {
    this.#present = present
  }

  event(event: unknown, subject: Omit<Subject, 'what'>): unknown {
    const { type } = event as { readonly type: unknown }
    // The input of an actor is not shown.
    if (type === 'xstate.init') return { type }
    const shown = this.#shown(event, { ...subject, what: 'event' })
    return typeof shown === 'object' && shown !== null && !Array.isArray(shown)
      ? { ...shown, type: String(type) }
      : { type: String(type) }
  }

  /** A snapshot without its children, each of which is reported by itself. */
  snapshot(
    snapshot: unknown,
    {
      status,
      config,
      subject,
    }: { status?: string; config: object | undefined; subject: Omit<Subject, 'what'> },
  ): unknown {
    const whole = (typeof snapshot === 'object' && snapshot !== null ? snapshot : {}) as WholeSnapshot
    const shown: Record<string, unknown> = { status: status ?? whole.status ?? 'active' }
    if (whole.value !== undefined) shown['value'] = whole.value
    if (whole.context !== undefined) {
      const context = ofOurs(whole.context, config)
      shown['context'] = this.#shown(context, { ...subject, what: 'context' })
    }
    if (whole.output !== undefined) {
      shown['output'] = this.#shown(whole.output, { ...subject, what: 'output' })
    }
    if (whole.error !== undefined) shown['error'] = plainError(whole.error)
    if (whole.value !== undefined) {
      shown['tags'] = plainOf([...(whole.tags ?? [])])
      shown['children'] = {}
      shown['historyValue'] = {}
    }
    return shown
  }

  #shown(value: unknown, subject: Subject): unknown {
    try {
      return plainOf(this.#present(withoutLabels(value), subject))
    } catch (thrown) {
      // The value may contain what `present` was to remove, so nothing is shown.
      return { notShown: `present threw: ${plainError(thrown).message}` }
    }
  }
}

interface WholeSnapshot {
  readonly status?: string
  readonly value?: unknown
  readonly context?: unknown
  readonly output?: unknown
  readonly error?: unknown
  readonly tags?: Iterable<unknown>
}

function ofOurs(context: unknown, config: object | undefined): unknown {
  const keys = config && shownFactsOf(config)
  if (!keys || typeof context !== 'object' || context === null) return context
  return Object.fromEntries(keys.map((key) => [key, (context as Record<string, unknown>)[key]]))
}
