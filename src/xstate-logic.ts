import { type ActorLogic, type ActorSystem, type ActorSystemInfo, fromCallback, type Snapshot } from 'xstate'
import { ArgumentError, messageOf, OptionError } from './domain/errors.ts'
import type { EventName, EventOf } from './domain/events.ts'
import type { PartialOptions, ReconcilerOptions } from './options/types.ts'
import { createReconciler, type Reconciler } from './reconciler.ts'
import { type Origin, originOf, persist, readPersisted, restoredOptions } from './supervision/persisted.ts'
import type { Status } from './supervision/status.ts'

/**
 * The events that the reconciler's actor emits and sends to the machine that invoked it: each event of a reconciler, with
 * the prefix `flotsam.`. A host can handle all of them as `flotsam.*`.
 */
export type ReconcilerActorEvent = {
  readonly [TName in EventName]: { readonly type: `flotsam.${TName}` } & Omit<EventOf<TName>, 'type'>
}[EventName]

/** The events that the reconciler's actor accepts. */
export type ReconcilerCommand =
  /** Starts a scan. A failure is sent as `flotsam.scanFailed`. */
  | { readonly type: 'scan' }
  /** Stops like `stop()`. The actor is then done, with the last status as its output. */
  | { readonly type: 'stop' }

/** `context` is the result of the reconciler's `status()`. */
export type ReconcilerSnapshot = Snapshot<Status> & { readonly context: Status }

/** Options that are known only when the reconciler is invoked. They override those of the logic. */
export type ReconcilerInput = PartialOptions | undefined

/** Actor logic for XState's `invoke`, `spawn` and `createActor`. */
export type ReconcilerLogic = ActorLogic<
  ReconcilerSnapshot,
  ReconcilerCommand,
  ReconcilerInput,
  ActorSystem<ActorSystemInfo>,
  ReconcilerActorEvent
>

/** Events that the actor sends to itself. */
type Note =
  | { readonly type: 'flotsam.statusChanged' }
  | { readonly type: 'flotsam.wasStopped' }
  | { readonly type: 'flotsam.hasFailed'; readonly message: string }

/**
 * Creates actor logic for a reconciler, which a machine of the host invokes in the state in which it should run. It
 * starts when that state is entered, and stops when it is exited: no further removal starts. Those in progress have 5 s
 * to settle, but the host does not wait for them. To wait, send `stop` and leave the state in its `onDone`.
 *
 * Invalid options, and an internal error of the reconciler, are an error of the actor, for the host's `onError`.
 *
 * A reconciler restored from a persisted snapshot is at least as careful as before, and as the options of the logic
 * require. Options from the input still apply. If the logic has the same option, the more careful value wins: the dry
 * run, the longer grace, the fewer states. A dry run stays one, a disabled reconciler stays disabled, a stopped one is
 * done, and the restore grace begins again. `tracked`, `beforeRemove` and an engine instance cannot be persisted, so
 * provide them here. If one of them was only in the input, or the snapshot is invalid, the restored actor has an error
 * that says so.
 *
 * @example
 * ```ts
 * const agent = setup({
 *   types: { events: {} as ReconcilerActorEvent },
 *   actors: { reconciler: createReconcilerLogic({ owner, tracked }) },
 * }).createMachine({
 *   invoke: { src: 'reconciler', onError: { actions: 'alertOperator' } },
 *   on: { 'flotsam.removed': { actions: ({ event }) => console.log(`removed ${event.name}`) } },
 * })
 * ```
 */
export function createReconcilerLogic(options: PartialOptions = {}): ReconcilerLogic {
  return createReconcilerLogicWith(createReconciler, options)
}

/** With injected reconcilers. */
export function createReconcilerLogicWith(
  create: (options: ReconcilerOptions) => Reconciler,
  options: PartialOptions = {},
): ReconcilerLogic {
  /** Reconcilers by actor, since one logic can be invoked many times. */
  const reconcilers = new WeakMap<object, Reconciler>()
  const callback = fromCallback<ReconcilerCommand, ReconcilerInput, ReconcilerActorEvent>(
    ({ self, sendBack, emit }) => {
      const reconciler = reconcilers.get(self)
      if (!reconciler) return undefined
      return run(reconciler, {
        note: (note) => noteTo(self, note),
        emit: (event) => {
          sendBack(event)
          emit(event)
        },
      })
    },
  ) as unknown as ReconcilerLogic
  /** Creates the reconciler without starting it. Has no side effects. */
  const begin = (self: object, whole: PartialOptions, origin: Origin): Standing => {
    const reconciler = create(whole as ReconcilerOptions)
    reconcilers.set(self, reconciler)
    return { status: 'active', output: undefined, error: undefined, context: reconciler.status(), origin }
  }
  return {
    ...callback,
    getInitialSnapshot: ({ self }, input) => {
      if (isRestoredFromNothing(self)) return refused(undefined, 'there is none')
      const whole = { ...options, ...input }
      return begin(self, whole, originOf(input ?? {}, whole.enabled ?? true))
    },
    restoreSnapshot: (persisted, { self }) => {
      try {
        return restore(persisted, options, (whole, origin) => begin(self, whole, origin))
      } catch (thrown) {
        // A parent never starts a child that is an error from the beginning, and so never receives the error.
        return refused(persisted, messageOf(thrown), thrown)
      }
    },
    getPersistedSnapshot: (snapshot) => persistedOf(snapshot) as never,
    start: (snapshot, scope) => {
      const { refusal, origin } = snapshot as Standing
      if (refusal) throw refusal.reason
      callback.start?.(snapshot, scope)
      // The parent waits for an end that came while no process was running.
      if (origin?.isStopping) noteTo(scope.self, { type: 'flotsam.wasStopped' })
    },
    transition: (snapshot, event, scope) => {
      const reconciler = reconcilers.get(scope.self)
      switch (event.type) {
        case 'scan':
          // A failure is also reported by an event.
          reconciler?.scan().catch(() => {})
          return snapshot
        case 'stop': {
          void reconciler?.stop()
          const { origin } = snapshot as Standing
          return { ...snapshot, ...(origin && { origin: { ...origin, isStopping: true } }) }
        }
        default:
          return takeNote(event)
            ? noted(snapshot, event, reconciler?.status() ?? snapshot.context)
            : callback.transition(snapshot, event, scope)
      }
    },
  }
}

/** The snapshot with internal properties. */
type Standing = ReconcilerSnapshot & {
  readonly origin?: Origin
  /** Why it cannot be restored, and the persisted snapshot. */
  readonly refusal?: { readonly persisted: unknown; readonly reason: unknown }
}

function noted(snapshot: ReconcilerSnapshot, note: Note, context: Status): ReconcilerSnapshot {
  switch (note.type) {
    case 'flotsam.statusChanged':
      return { ...snapshot, context }
    case 'flotsam.wasStopped': {
      const last: Status = { ...context, state: 'stopped' }
      return { ...snapshot, status: 'done', output: last, error: undefined, context: last }
    }
    case 'flotsam.hasFailed':
      throw new Error(note.message)
  }
}

/** Restores the settings that make it careful. The records of containers belong to the previous process. */
function restore(
  value: unknown,
  options: PartialOptions,
  begin: (options: PartialOptions, origin: Origin) => Standing,
): Standing {
  const persisted = readPersisted(value)
  const shared = { output: undefined, error: undefined }
  if (persisted.status === 'error') {
    return { ...shared, status: 'error', error: new Error(persisted.message), context: nothingKnown }
  }
  const { context, flotsam, status } = persisted
  const origin: Origin = flotsam
  if (status !== 'active') {
    const last: Status = { ...context, state: 'stopped' }
    return { ...shared, status: 'done', output: last, context: last, origin }
  }
  if (flotsam.isStopping) return { ...shared, status, context, origin }
  const { options: whole, missing } = restoredOptions(persisted, options)
  const [first] = missing
  if (first !== undefined) {
    throw new OptionError(
      first,
      undefined,
      `it was given as input, which cannot be persisted, so this reconciler cannot be restored; give ${missing.join(' and ')} to createReconcilerLogic`,
    )
  }
  return begin(whole, origin)
}

function persistedOf({ context, error, origin, refusal, status }: Standing): unknown {
  if (refusal) return refusal.persisted
  if (status === 'error' || !origin) return { status: 'error', message: messageOf(error) }
  return persist(status, context, origin)
}

/** A snapshot whose error is thrown when the actor starts. */
function refused(
  persisted: unknown,
  why: string,
  reason: unknown = new ArgumentError(noSnapshot(why)),
): Standing {
  const error = undefined
  return { status: 'active', output: undefined, error, context: nothingKnown, refusal: { persisted, reason } }
}

const noSnapshot = (why: string) => `this snapshot of a reconciler cannot be restored: ${why}`

/** XState treats an empty child snapshot of a restored machine as missing, and would start it without its input. */
function isRestoredFromNothing(self: object): boolean {
  const { _parent, options } = self as { readonly _parent?: object; readonly options?: object }
  if (options === undefined || 'input' in options || !('snapshot' in options)) return false
  return _parent !== undefined || (options.snapshot ?? undefined) !== undefined
}

/** The status if there is no reconciler. */
const nothingKnown: Status = {
  state: 'stopped',
  dryRun: true,
  engine: { address: '', health: 'unknown', failedScans: 0, followsEvents: false, failure: null },
  lastScan: null,
  containers: { total: 0, byVerdict: { tracked: 0, graced: 0, dangling: 0, spared: 0 }, byState: {} },
  removals: { queued: 0, underWay: [] },
  sessions: null,
  stuck: [],
}

interface Noted {
  getSnapshot(): { readonly status: string }
  send(event: ReconcilerCommand): void
}

/** Notes in delivery. A host could send equal events, or replay one; both are ignored. */
const notes = new WeakSet<object>()

function takeNote(event: object): boolean {
  return notes.delete(event)
}

/** Drops the note if the actor has already ended. */
function noteTo(self: Noted, note: Note): void {
  if (self.getSnapshot().status !== 'active') return
  notes.add(note)
  self.send(note as unknown as ReconcilerCommand)
}

interface Host {
  readonly note: (note: Note) => void
  readonly emit: (event: ReconcilerActorEvent) => void
}

/** Starts the reconciler, and returns a function that stops it. XState drops events sent by a stopped actor. */
function run(reconciler: Reconciler, { note, emit }: Host): () => void {
  let isChanged = false
  /** Batches the events of one turn into one snapshot. */
  const noteChange = () => {
    if (isChanged) return
    isChanged = true
    queueMicrotask(() => {
      isChanged = false
      note({ type: 'flotsam.statusChanged' })
    })
  }
  reconciler.on('*', (event) => {
    emit({ ...event, type: `flotsam.${event.type}` } as ReconcilerActorEvent)
    noteChange()
    if (event.type === 'crashed') note({ type: 'flotsam.hasFailed', message: event.message })
  })
  // The context changes after a scan's event. Errors are received as events.
  reconciler.actor.subscribe({
    next: noteChange,
    error: () => {},
    complete: () => note({ type: 'flotsam.wasStopped' }),
  })
  reconciler.start()
  return () => void reconciler.stop()
}
