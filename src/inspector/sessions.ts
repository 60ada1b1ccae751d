import type { ActorRefLike, InspectionEvent } from 'xstate'
import { configOf, quotedDefinitionOf } from './definitions.ts'
import type { Presenter, Subject } from './present.ts'
import { actorText, eventText, snapshotText } from './protocol.ts'
import { Recent, type RecentEvent } from './recent.ts'

/** What is known of one running actor. Nothing in it is processed before a tab needs it. */
export interface Session {
  readonly sessionId: string
  readonly rootId: string
  readonly createdAt: number
  readonly actorRef: InspectedActor
  /** The last one that was reported. */
  snapshot: unknown
  /** When that was, and what led to it. */
  changedAt: number
  cause: { readonly type: string } | undefined
  /** The order in which sessions last changed. */
  known: number
  /** How it ended; undefined while it lives. */
  ending: 'stopped' | 'done' | 'error' | undefined
}

/** Whoever looks on. */
export interface Viewer {
  appeared(session: Session): void
  changed(session: Session): void
  happened(): void
}

/** What an inspected actor has beside its public face, in every release of XState 5. */
export interface InspectedActor {
  readonly id: string
  readonly sessionId: string
  readonly _parent?: { readonly sessionId: string }
  readonly logic?: unknown
  getSnapshot(): unknown
}

/** When there are too many, so large a share of them is forgotten at once. */
const forgottenShare = 0.05

/**
 * All running actors, as XState's inspection reports them: the last snapshot of each by reference, and the last
 * events. An end is sent to the viewers once, and forgotten.
 */
export class Sessions {
  readonly recent: Recent
  readonly #most: number
  readonly #presenter: Presenter
  readonly #sessions = new Map<string, Session>()
  readonly #viewers = new Set<Viewer>()
  /** Received an event since they were last read: XState reports no snapshot if the transition throws. */
  readonly #addressed = new Map<Session, Session['cause']>()
  #known = 0

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

  /** Parents before their children. */
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

  /** Takes one of XState's inspection events. */
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

  /** Ends those that failed without a word. */
  settleAddressed(): void {
    for (const session of this.#addressed.keys()) this.#endIfFailed(session)
    this.#addressed.clear()
  }

  /** The same for all of them. */
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
    // An actor that was given no name goes by that of its machine.
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
    if (this.#sessions.size > this.#most) this.#forgetSome(session)
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
      known: ++this.#known,
      ending: undefined,
    }
  }

  #noteEvent(event: Extract<InspectionEvent, { type: '@xstate.event' }>): void {
    const { actorRef, sourceRef, rootId } = event
    const target = this.#sessions.get(actorRef.sessionId)
    const source = sourceRef && this.#sessions.get(sourceRef.sessionId)
    // A child that has failed says so to its parent, and nowhere else.
    if (source && event.event.type.startsWith('xstate.error.')) this.#endIfFailed(source)
    if (target) target.known = ++this.#known
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
    // What was forgotten for want of room is welcome again, unless it is only to say that it has ended.
    session ??= isOver ? this.#sessionOf(actorRef, rootId) : this.#admit(actorRef, rootId)
    session.snapshot = snapshot
    session.changedAt = Date.now()
    session.known = ++this.#known
    // Events may be large, and no viewer is connected.
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

  /** Keeps those that changed last, and the roots. */
  #forgetSome(newcomer: Session): void {
    this.settleAll()
    if (this.#sessions.size <= this.#most) return
    const leaves = [...this.#sessions.values()].filter(
      (session) => session !== newcomer && session.actorRef._parent !== undefined,
    )
    const oldest = (leaves.length > 0 ? leaves : [...this.#sessions.values()]).sort(
      (one, other) => one.known - other.known,
    )
    const count = Math.max(this.#sessions.size - this.#most, Math.floor(this.#most * forgottenShare))
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
    // XState's development build has none while the actor is being made.
    return undefined
  }
}
