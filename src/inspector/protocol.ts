/** The release of @statelyai/inspect that defines these messages. */
export const protocolVersion = '0.7.2'

/** Sent when an actor is created, and for each existing actor when a tab connects. */
export interface ActorMessage {
  readonly sessionId: string
  readonly rootId: string
  readonly parentId: string | undefined
  readonly name: string
  /** In milliseconds since 1970, like all times here. */
  readonly createdAt: number
  /** The definition of its chart: JSON in a JSON string. */
  readonly quotedDefinition: string
  readonly snapshot: unknown
}

export interface EventMessage {
  readonly sessionId: string
  readonly rootId: string
  readonly sourceId: string | undefined
  readonly createdAt: number
  readonly event: unknown
}

export interface SnapshotMessage {
  readonly sessionId: string
  readonly rootId: string
  readonly createdAt: number
  readonly event: unknown
  readonly snapshot: unknown
}

/** Concatenated, so that a definition that thousands of actors share is quoted only once. */
export function actorText(message: ActorMessage): string {
  const { sessionId, rootId, parentId, name, createdAt, quotedDefinition, snapshot } = message
  const parent = parentId === undefined ? '' : `,"parentId":${JSON.stringify(parentId)}`
  return `{"type":"@xstate.actor","name":${JSON.stringify(name)},"definition":${quotedDefinition},"_version":"${protocolVersion}","createdAt":"${createdAt}","id":null,"rootId":${JSON.stringify(rootId)}${parent},"sessionId":${JSON.stringify(sessionId)},"snapshot":${JSON.stringify(snapshot)}}`
}

export function eventText({ sessionId, rootId, sourceId, createdAt, event }: EventMessage): string {
  return JSON.stringify({
    type: '@xstate.event',
    event,
    sourceId,
    sessionId,
    _version: protocolVersion,
    createdAt: String(createdAt),
    id: null,
    rootId,
  })
}

export function snapshotText({ sessionId, rootId, createdAt, event, snapshot }: SnapshotMessage): string {
  return JSON.stringify({
    type: '@xstate.snapshot',
    event,
    snapshot,
    sessionId,
    _version: protocolVersion,
    createdAt: String(createdAt),
    id: null,
    rootId,
  })
}

/**
 * Reports how much a tab was not sent. It is not part of the protocol and has no `_version`, so that other receivers
 * ignore it.
 */
export function skippedText(events: number, snapshots: number): string {
  return JSON.stringify({ type: '@flotsam.skipped', events, snapshots, createdAt: String(Date.now()) })
}
