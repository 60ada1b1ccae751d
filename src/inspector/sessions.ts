import type { ActorRefLike, InspectionEvent } from 'xstate'
import { configOf, quotedDefinitionOf } from './definitions.ts'
import type { Presenter, Subject } from './present.ts'
import { actorText, eventText, snapshotText } from './protocol.ts'
import { Recent, type RecentEvent } from './recent.ts'

/** One running actor. Nothing in it is processed before a tab needs it. */
export interface Session {
  readonly sessionId: string
  readonly rootId: string
  readonly createdAt: number
  readonly actorRef: InspectedActor
  /** The last reported snapshot. */
  snapshot: unknown
  /** When it was reported, and the event that caused it. */
  changedAt: number
  cause: { readonly type: string } | undefined
  /** Grows with each change of any session, so that it orders them by their last change. */
  changeNumber: number
  /** How it ended; undefined while it runs. */
  ending: 'stopped' | 'done' | 'error' | undefined
}

/** A connected tab, as the sessions see it. */
export interface Viewer {
  appeared(session: Session): void
  changed(session: Session): void
  happened(): void
}

/** An actor with the private members that it has in every release of XState 5. */
export interface InspectedActor {
  readonly id: string
  readonly sessionId: string
  readonly _parent?: { readonly sessionId: string }
  readonly logic?: unknown
  getSnapshot(): unknown
}

/** The share of the sessions that is evicted at once when there are too many. */
const evictedShare = 0.05

/**
 * All running actors, as XState's inspection reports them: a reference to the last snapshot of each, and the last
 * events. The end of an actor is sent to the viewers once, and its session is dropped.
 */
export class Sessions {
  readonly recent: Recent
  readonly #most: number
  readonly #presenter: Presenter
  readonly #sessions = new Map<string, Session>()
  readonly #viewers = new Set<Viewer>()
  /** Sessions that received an event since they were last checked: XState reports no snapshot if a transition throws. */
  readonly #addressed = new Map<Session, Session['cause']>()
  #changeNumber = 0

  constructor({ sessions, events, presenter }: { sessions: number; events: number; presenter: Presenter }) {
    this.#most = sessions
    this.#presenter = presenter
    this.recent = new Recent(events)
  }

  get size(): number {
    return this.#sessions.size
  }

  has(sessionId: string): boolean {
    return this.#sessions.has(sessionId)
  }

  /** All running actors, parents before their children. */
  living(): Iterable<Session> {
    return this.#sessions.values()
  }

  watch(viewer: Viewer): void {
    this.#viewers.add(viewer)
  }

  unwatch(viewer: Viewer): void {
    this.#viewers.delete(viewer)
    if (this.#viewers.size === 0) this.#addressed.clear()
  }

  /** Receives one of XState's inspection events. */
  receive(event: InspectionEvent): void {
    switch (event.type) {
      case '@xstate.actor':
        this.#admit(event.actorRef, event.rootId)
        return
      case '@xstate.event':
        this.#noteEvent(event)
        return
      case '@xstate.snapshot':
        this.#noteSnapshot(event)
        return
      default:
    }
  }

  /** Ends the sessions that received an event and failed without a snapshot. */
  settleAddressed(): void {
    for (const session of this.#addressed.keys()) this.#endIfFailed(session)
    this.#addressed.clear()
  }

  /** Ends every session that failed without a snapshot. */
  settleAll(): void {
    for (const session of this.#sessions.values()) this.#endIfFailed(session)
  }

  clear(): void {
    this.#sessions.clear()
    this.#addressed.clear()
    this.recent.clear()
  }

  actorText(session: Session): string {
    const { actorRef, sessionId, rootId, createdAt } = session
    // An actor without an id of its own is named after its machine.
    const name = actorRef.id === sessionId ? (subjectOf(actorRef).machineId ?? sessionId) : actorRef.id
    return actorText({
      sessionId,
      rootId,
      createdAt,
      parentId: actorRef._parent?.sessionId,
      name,
      quotedDefinition: quotedDefinitionOf(actorRef, name),
      snapshot: this.#shownSnapshot(session),
    })
  }

  snapshotText(session: Session): string {
    const { sessionId, rootId, changedAt, cause, actorRef } = session
    return snapshotText({
      sessionId,
      rootId,
      createdAt: changedAt,
      event: cause ? this.#presenter.event(cause, subjectOf(actorRef)) : { type: '' },
      snapshot: this.#shownSnapshot(session),
    })
  }

  eventText({ text, type, ...about }: RecentEvent): string {
    return text ?? eventText({ ...about, event: { type } })
  }

  #shownSnapshot({ actorRef, snapshot, ending }: Session): unknown {
    return this.#presenter.snapshot(snapshot ?? snapshotOf(actorRef), {
      ...(ending === undefined ? {} : { status: ending }),
      config: configOf(actorRef),
      subject: subjectOf(actorRef),
    })
  }

  #admit(actorRef: ActorRefLike, rootId: string): Session {
    const session = this.#sessionOf(actorRef, rootId)
    this.#sessions.set(session.sessionId, session)
    if (this.#sessions.size > this.#most) this.#evictSome(session)
    for (const viewer of this.#viewers) viewer.appeared(session)
    return session
  }

  #sessionOf(actorRef: ActorRefLike, rootId: string): Session {
    const createdAt = Date.now()
    return {
      sessionId: actorRef.sessionId,
      rootId,
      createdAt,
      actorRef: actorRef as unknown as InspectedActor,
      snapshot: undefined,
      changedAt: createdAt,
      cause: undefined,
      changeNumber: ++this.#changeNumber,
      ending: undefined,
    }
  }

  #noteEvent(event: Extract<InspectionEvent, { type: '@xstate.event' }>): void {
    const { actorRef, sourceRef, rootId } = event
    const target = this.#sessions.get(actorRef.sessionId)
    const source = sourceRef && this.#sessions.get(sourceRef.sessionId)
    // A failed child reports its failure only to its parent.
    if (source && event.event.type.startsWith('xstate.error.')) this.#endIfFailed(source)
    if (target) target.changeNumber = ++this.#changeNumber
    const about = {
      sessionId: actorRef.sessionId,
      rootId,
      sourceId: sourceRef?.sessionId,
      createdAt: Date.now(),
    }
    const isWatched = this.#viewers.size > 0
    const text = isWatched
      ? eventText({
          ...about,
          event: this.#presenter.event(event.event, subjectOf(actorRef as unknown as InspectedActor)),
        })
      : undefined
    this.recent.add({ ...about, type: event.event.type, text })
    if (!isWatched) return
    if (target) this.#addressed.set(target, event.event)
    for (const viewer of this.#viewers) viewer.happened()
  }

  #noteSnapshot({
    actorRef,
    rootId,
    snapshot,
    event,
  }: Extract<InspectionEvent, { type: '@xstate.snapshot' }>): void {
    const isOver = snapshot.status !== 'active' || event.type === 'xstate.stop'
    let session = this.#sessions.get(actorRef.sessionId)
    // An evicted session is admitted again, unless it has just ended.
    session ??= isOver ? this.#sessionOf(actorRef, rootId) : this.#admit(actorRef, rootId)
    session.snapshot = snapshot
    session.changedAt = Date.now()
    session.changeNumber = ++this.#changeNumber
    // Without a viewer only the type is kept, since events may be large.
    session.cause = this.#viewers.size > 0 ? event : { type: event.type }
    if (isOver) this.#end(session, snapshot.status === 'active' ? 'stopped' : snapshot.status)
    else for (const viewer of this.#viewers) viewer.changed(session)
  }

  #endIfFailed(session: Session): void {
    const snapshot = snapshotOf(session.actorRef) as { readonly status?: unknown } | undefined
    if (session.ending !== undefined || snapshot?.status !== 'error') return
    session.snapshot = snapshot
    session.changedAt = Date.now()
    session.cause = this.#addressed.get(session) ?? session.cause
    this.#end(session, 'error')
  }

  #end(session: Session, ending: NonNullable<Session['ending']>): void {
    session.ending = ending
    this.#sessions.delete(session.sessionId)
    this.#addressed.delete(session)
    for (const viewer of this.#viewers) viewer.changed(session)
  }

  /** Evicts the sessions that have not changed for longest. Roots are kept. */
  #evictSome(newcomer: Session): void {
    this.settleAll()
    if (this.#sessions.size <= this.#most) return
    const leaves = [...this.#sessions.values()].filter(
      (session) => session !== newcomer && session.actorRef._parent !== undefined,
    )
    const oldest = (leaves.length > 0 ? leaves : [...this.#sessions.values()]).sort(
      (one, other) => one.changeNumber - other.changeNumber,
    )
    const count = Math.max(this.#sessions.size - this.#most, Math.floor(this.#most * evictedShare))
    for (const session of oldest.slice(0, count)) this.#sessions.delete(session.sessionId)
  }
}

function subjectOf(actorRef: InspectedActor): Omit<Subject, 'what'> {
  const { id, sessionId } = actorRef
  const { id: machineId } = (configOf(actorRef) ?? {}) as { readonly id?: unknown }
  return { actorId: id, sessionId, machineId: typeof machineId === 'string' ? machineId : undefined }
}

function snapshotOf(actorRef: InspectedActor): unknown {
  try {
    return actorRef.getSnapshot()
  } catch {
    // XState's development build throws while the actor is being created.
    return undefined
  }
}
