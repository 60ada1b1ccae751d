/** An XState snapshot as it is received. Its contents are not validated. */
export interface WireSnapshot {
  readonly status: 'active' | 'done' | 'error' | 'stopped'
  readonly value: unknown
  readonly context: unknown
  readonly output: unknown
  readonly error: unknown
}

export interface WireEvent {
  readonly type: string
  readonly [field: string]: unknown
}

interface About {
  readonly sessionId: string
  readonly rootId: string | undefined
  /** The time of the sender's clock, in milliseconds since 1970. */
  readonly createdAt: number | undefined
}

export interface ActorMessage extends About {
  readonly type: '@xstate.actor'
  readonly name: string | undefined
  readonly parentId: string | undefined
  /** The machine as JSON; undefined for logic that is not a machine. */
  readonly definition: string | undefined
  readonly snapshot: WireSnapshot
}

export interface EventMessage extends About {
  readonly type: '@xstate.event'
  readonly sourceId: string | undefined
  readonly event: WireEvent
}

export interface SnapshotMessage extends About {
  readonly type: '@xstate.snapshot'
  readonly event: WireEvent | undefined
  readonly snapshot: WireSnapshot
}

/** Flotsam's own message, not part of the protocol: what was skipped because this tab was too slow. */
export interface SkippedMessage {
  readonly type: '@flotsam.skipped'
  readonly events: number
  readonly snapshots: number
}

/** A message of the protocol of Stately's inspector, or Flotsam's own. */
export type Message = ActorMessage | EventMessage | SnapshotMessage | SkippedMessage

/** Reads one text frame; undefined if it is not a message that the page can use. */
export function readMessage(text: string): Message | undefined {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isRecord(json)) return undefined
  const { type } = json
  if (type === '@flotsam.skipped')
    return { type, events: numberIn(json['events']), snapshots: numberIn(json['snapshots']) }
  const sessionId = textIn(json['sessionId'])
  if (sessionId === undefined) return undefined
  const about = { sessionId, rootId: textIn(json['rootId']), createdAt: momentIn(json['createdAt']) }
  switch (type) {
    case '@xstate.actor':
      return {
        type,
        ...about,
        name: textIn(json['name']),
        parentId: textIn(json['parentId']),
        definition: textIn(json['definition']),
        snapshot: snapshotIn(json['snapshot']),
      }
    case '@xstate.event': {
      const event = eventIn(json['event'])
      return event && { type, ...about, sourceId: textIn(json['sourceId']), event }
    }
    case '@xstate.snapshot':
      return { type, ...about, event: eventIn(json['event']), snapshot: snapshotIn(json['snapshot']) }
    default:
      return undefined
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function textIn(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

export function numberIn(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}

function eventIn(value: unknown): WireEvent | undefined {
  return isRecord(value) && typeof value['type'] === 'string' ? (value as WireEvent) : undefined
}

const statuses: ReadonlySet<unknown> = new Set(['active', 'done', 'error', 'stopped'])

function snapshotIn(value: unknown): WireSnapshot {
  const wire = isRecord(value) ? value : {}
  return {
    status: statuses.has(wire['status']) ? (wire['status'] as WireSnapshot['status']) : 'active',
    value: wire['value'],
    context: wire['context'],
    output: wire['output'],
    error: wire['error'],
  }
}

/** The protocol uses milliseconds as text; other senders use a date. */
function momentIn(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value !== 'string' || value === '') return undefined
  const moment = /^\d+$/.test(value) ? Number(value) : Date.parse(value)
  return Number.isFinite(moment) ? moment : undefined
}
