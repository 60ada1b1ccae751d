import type { StateValue } from 'xstate'
import { ArgumentError } from '../domain/errors.ts'
import { show } from '../domain/show.ts'
import { type CopyLimits, plainOf } from '../inspector/plain.ts'
import { withoutLabels } from '../inspector/present.ts'

export type ChartName = 'supervisor' | 'container'

interface Named {
  /** Readable: a container's name and the beginning of its id. */
  readonly name: string
}

/** One event that an actor received, and the state that it was in afterwards. */
export interface RecordedEvent extends Named {
  readonly time: string
  /** The session id of the actor, unique within its run. */
  readonly actor: string
  /** In the first event of an actor, which has its input. */
  readonly chart?: ChartName | undefined
  readonly event: PlainEvent
  /** Undefined while the actor is active. */
  readonly status?: EndStatus | undefined
  /** Undefined if the event made the actor fail. */
  readonly state?: StateValue | undefined
  /** The facts that changed; in the first event all of them. */
  readonly context?: Facts | undefined
  readonly error?: PlainError | undefined
}

/** The first event of an actor has its input. */
export interface PlainEvent {
  readonly type: string
  readonly input?: unknown
}

export type EndStatus = 'done' | 'stopped' | 'error'

/** One actor in a crash snapshot. */
export interface CrashedActor extends Named {
  readonly chart: ChartName
  readonly state: StateValue
  readonly context: Facts
  readonly error?: PlainError | undefined
}

export type Facts = Readonly<Record<string, unknown>>

export interface PlainError {
  readonly name: string
  readonly message: string
}

/** Wide enough for whatever a chart decides by, and bounded all the same. */
const recordedLimits: CopyLimits = {
  deepest: 12,
  mostEntries: 10_000,
  longestText: 2000,
  mostText: 1_000_000,
  missing: null,
}

/**
 * A value as a file has it: JSON, without labels and secrets. A missing value is `null`, since a chart distinguishes one from a key
 * that is not there. Of a copy it makes the same copy.
 */
export function recordable(value: unknown): unknown {
  return plainOf(withoutLabels(value), recordedLimits)
}

const deepestRead = 32

/**
 * Reverses `recordable` as far as a chart can see: `null` is undefined, and a time without an end is a number again.
 *
 * @throws RangeError for a value that is nested more deeply than any that is written
 */
export function restored(value: unknown, key = '', depth = 0): unknown {
  if (value === null) return undefined
  if (typeof value === 'string') return key.endsWith('Ms') && isUnbounded(value) ? Number(value) : value
  if (typeof value !== 'object') return value
  if (depth > deepestRead) throw new RangeError(`it is nested more than ${deepestRead} deep`)
  if (Array.isArray(value)) return value.map((one) => restored(one, '', depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, restored(one, name, depth + 1)]),
  )
}

function isUnbounded(text: string): boolean {
  return text === 'Infinity' || text === '-Infinity' || text === 'NaN'
}

/** Whether a container is meant: by its full id, the start of one, or its name. */
export function isMeant(only: string, id: unknown, name: unknown): boolean {
  return name === only.replace(/^\//, '') || (typeof id === 'string' && only !== '' && id.startsWith(only))
}

export function noSuchContainer(file: string, only: string): ArgumentError {
  return new ArgumentError(
    `${file} has no container ${show(only)}; give a full id, the start of one, or a name`,
  )
}
