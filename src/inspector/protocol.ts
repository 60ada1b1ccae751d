/** The release of @statelyai/inspect whose messages these are. */
export const protocolVersion = '0.7.2'

/** An actor has appeared; also how an existing actor is announced to a tab that connects later. */
export interface ActorMessage {
  readonly sessionId: string
  readonly rootId: string
  readonly parentId: string | undefined
  readonly name: string
  /** Milliseconds since 1970, as all times here. */
  readonly createdAt: number
  /** The definition of its chart, serialised and then quoted as JSON. */
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

/** Put together by hand, since a definition is the same thousand times over and is quoted once. */
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
 * Says what a tab was not sent. Not a message of the protocol: it bears no `_version`, so that other receivers leave it
 * alone.
 */
export function skippedText(events: number, snapshots: number): string {
  return JSON.stringify({ type: '@flotsam.skipped', events, snapshots, createdAt: String(Date.now()) })
}
