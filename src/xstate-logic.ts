import { type ActorLogic, type ActorSystem, type ActorSystemInfo, fromCallback, type Snapshot } from 'xstate'
import { ArgumentError, messageOf, OptionError } from './domain/errors.ts'
import type { EventName, EventOf } from './domain/events.ts'
import type { PartialOptions, ReconcilerOptions } from './options/types.ts'
import { createReconciler, type Reconciler } from './reconciler.ts'
import { type Origin, originOf, persist, readPersisted, restoredOptions } from './supervision/persisted.ts'
import type { Status } from './supervision/status.ts'

/**
 * What the reconciler's actor sends to the machine that invoked it, and emits: each event of a reconciler, with `flotsam.`
 * before its name. A host may handle all of them as `flotsam.*`.
 */
export type ReconcilerActorEvent = {
  readonly [TName in EventName]: { readonly type: `flotsam.${TName}` } & Omit<EventOf<TName>, 'type'>
}[EventName]

/** The events that the reconciler's actor takes. */
export type ReconcilerCommand =
  /** One scan now. That it failed is sent as `flotsam.scanFailed`. */
  | { readonly type: 'scan' }
  /** Ends as `stop()` does, and is then done, with the last status as its output. */
  | { readonly type: 'stop' }

/** `context` is what the reconciler's `status()` returns. */
export type ReconcilerSnapshot = Snapshot<Status> & { readonly context: Status }

/** Options that are known only when the reconciler is invoked; they override those that the logic was made with. */
export type ReconcilerInput = PartialOptions | undefined

/** Logic for `invoke`, `spawn` and `createActor` of XState. */
export type ReconcilerLogic = ActorLogic<
  ReconcilerSnapshot,
  ReconcilerCommand,
  ReconcilerInput,
  ActorSystem<ActorSystemInfo>,
  ReconcilerActorEvent
>

/** What the actor sends to itself. */
type Note =
  | { readonly type: 'flotsam.statusChanged' }
  | { readonly type: 'flotsam.wasStopped' }
  | { readonly type: 'flotsam.hasFailed'; readonly message: string }

/**
 * A reconciler as an actor: a machine of the host's own invokes it in the state in which it is to watch. It starts when
 * that state is entered and stops when it is left: no removal begins from then on, and those under way have 5 s to
 * settle, for which nobody waits. To wait for them, send it `stop` and leave the state at its `onDone`.
 *
 * Options that cannot be used, and a fault of the reconciler itself, are an error of the actor, for the host's `onError`.
 *
 * Restored from a persisted snapshot, it is never less careful than it was, nor than the logic says now. The options that were
 * given as input go on to hold, but where the logic gives the same one, the more careful of the two does: the dry run, the
 * longer grace, the fewer states. A dry run stays one, what was disabled stays disabled, what was stopped is done, and the
 * restore grace begins again. `tracked`, `beforeRemove` and an engine's instance cannot be persisted: give them here. Where one of them was
 * given as input alone, and where the snapshot is not whole, the restored actor is an error that says so.
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
  /** By the actor: one logic may be invoked many times. */
  const reconcilers = new WeakMap<object, Reconciler>()
  const callback = fromCallback<ReconcilerCommand, ReconcilerInput, ReconcilerActorEvent>(
    ({ self, sendBack, emit }) => {
      const reconciler = reconcilers.get(self)
      if (!reconciler) return undefined
      return play(reconciler, {
        note: (note) => noteTo(self, note),
        tell: (event) => {
          sendBack(event)
          emit(event)
        },
      })
    },
  ) as unknown as ReconcilerLogic
  /** Has no side effect: nothing happens before its start. */
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
        // A child that is an error from the beginning is never started by its parent, which then never hears of it.
        return refused(persisted, messageOf(thrown), thrown)
      }
    },
    getPersistedSnapshot: (snapshot) => persistedOf(snapshot) as never,
    start: (snapshot, scope) => {
      const { refusal, origin } = snapshot as Standing
      if (refusal) throw refusal.reason
      callback.start?.(snapshot, scope)
      // Its parent waits for the end, which came between the two processes.
      if (origin?.isStopping) noteTo(scope.self, { type: 'flotsam.wasStopped' })
    },
    transition: (snapshot, event, scope) => {
      const reconciler = reconcilers.get(scope.self)
      switch (event.type) {
        case 'scan':
          // The engine's failure is an event of its own.
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

/** What the logic keeps in its snapshot besides what a host is promised. */
type Standing = ReconcilerSnapshot & {
  readonly origin?: Origin
  /** Why it cannot be restored, from what. */
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

/** What it knew of containers belongs to another process. What made it careful does not. */
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
      `it was given as input, which cannot be persisted, so that this reconciler cannot be restored; give ${missing.join(' and ')} to createReconcilerLogic`,
    )
  }
  return begin(whole, origin)
}

function persistedOf({ context, error, origin, refusal, status }: Standing): unknown {
  if (refusal) return refusal.persisted
  if (status === 'error' || !origin) return { status: 'error', message: messageOf(error) }
  return persist(status, context, origin)
}

/** An error that is thrown when it starts. */
function refused(
  persisted: unknown,
  why: string,
  reason: unknown = new ArgumentError(noSnapshot(why)),
): Standing {
  const error = undefined
  return { status: 'active', output: undefined, error, context: nothingKnown, refusal: { persisted, reason } }
}

const noSnapshot = (why: string) => `this snapshot of a reconciler cannot be restored: ${why}`

/** XState takes an empty snapshot of a restored machine's child for none, and would begin without its input. */
function isRestoredFromNothing(self: object): boolean {
  const { _parent, options } = self as { readonly _parent?: object; readonly options?: object }
  if (options === undefined || 'input' in options || !('snapshot' in options)) return false
  return _parent !== undefined || (options.snapshot ?? undefined) !== undefined
}

/** The status where there is no reconciler. */
const nothingKnown: Status = {
  state: 'stopped',
  dryRun: true,
  engine: { address: '', health: 'unknown', failedScans: 0, followsEvents: false, failure: null },
  lastScan: null,
  containers: { total: 0, byVerdict: { tracked: 0, graced: 0, dangling: 0, spared: 0 }, byState: {} },
  removals: { queued: 0, underWay: [] },
  stuck: [],
}

interface Noted {
  getSnapshot(): { readonly status: string }
  send(event: ReconcilerCommand): void
}

/** Those that are on their way. A host can send the like of them, and even the same again, and neither is heard. */
const notes = new WeakSet<object>()

function takeNote(event: object): boolean {
  return notes.delete(event)
}

/** Some notes come when it has ended. */
function noteTo(self: Noted, note: Note): void {
  if (self.getSnapshot().status !== 'active') return
  notes.add(note)
  self.send(note as unknown as ReconcilerCommand)
}

interface Stage {
  readonly note: (note: Note) => void
  readonly tell: (event: ReconcilerActorEvent) => void
}

/** Starts it; returns what stops it. XState drops what a stopped actor sends. */
function play(reconciler: Reconciler, { note, tell }: Stage): () => void {
  let isChanged = false
  /** Many events at once make one new snapshot. */
  const noteChange = () => {
    if (isChanged) return
    isChanged = true
    queueMicrotask(() => {
      isChanged = false
      note({ type: 'flotsam.statusChanged' })
    })
  }
  reconciler.on('*', (event) => {
    tell({ ...event, type: `flotsam.${event.type}` } as ReconcilerActorEvent)
    noteChange()
    if (event.type === 'crashed') note({ type: 'flotsam.hasFailed', message: event.message })
  })
  // The context changes after the event of a scan. Errors come as an event.
  reconciler.actor.subscribe({
    next: noteChange,
    error: () => {},
    complete: () => note({ type: 'flotsam.wasStopped' }),
  })
  reconciler.start()
  return () => void reconciler.stop()
}
