import {
  type ActorLogic,
  type ActorSystem,
  type ActorSystemInfo,
  type EventObject,
  fromCallback,
  type Snapshot,
} from 'xstate'

import { type EventName, eventNames, type EventOf } from './events.ts'
import type { ReconcilerOptions } from './options.ts'
import { createReconciler, type Reconciler } from './reconciler.ts'
import type { Status } from './status.ts'

/**
 * What the reconciler's actor tells the machine that invoked it: each event of a reconciler, under its name with
 * `flotsam.` before it. A host may handle `flotsam.*` as one.
 */
export type ReconcilerActorEvent = {
  readonly [TName in EventName]: { readonly type: `flotsam.${TName}` } & Omit<EventOf<TName>, 'type'>
}[EventName]

/** What the reconciler's actor understands. */
export type ReconcilerCommand =
  /** One look now. That it failed is told in `flotsam.engineDown`. */
  | { readonly type: 'look' }
  /** Ends as `stop()` does, and is then done, with the last status as its output. */
  | { readonly type: 'stop' }

/** `context` is where the reconciler stands, as `status()` tells it. */
export type ReconcilerSnapshot = Snapshot<Status> & { readonly context: Status }

/** Options that are known only when the reconciler is invoked; they go before those that the logic was made with. */
export type ReconcilerInput = Partial<ReconcilerOptions> | undefined

export type ReconcilerLogic = ActorLogic<
  ReconcilerSnapshot,
  ReconcilerCommand,
  ReconcilerInput,
  ActorSystem<ActorSystemInfo>,
  ReconcilerActorEvent
>

/** What the actor tells itself. */
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
 * @example
 * ```ts
 * const agent = setup({
 *   types: { events: {} as ReconcilerActorEvent },
 *   actors: { reconciler: createReconcilerLogic({ owner, tracked }) },
 * }).createMachine({
 *   invoke: { src: 'reconciler', onError: { actions: 'tellOperator' } },
 *   on: { 'flotsam.removed': { actions: ({ event }) => console.log(`removed ${event.name}`) } },
 * })
 * ```
 */
export function createReconcilerLogic(options: Partial<ReconcilerOptions> = {}): ReconcilerLogic {
  return createReconcilerLogicWith(createReconciler, options)
}

/** The same with reconcilers of the caller's. */
export function createReconcilerLogicWith(
  create: (options: ReconcilerOptions) => Reconciler,
  options: Partial<ReconcilerOptions> = {},
): ReconcilerLogic {
  /** By the actor: one logic may be invoked many times. */
  const reconcilers = new WeakMap<object, Reconciler>()
  const reconcilerOf = (self: object) => reconcilers.get(self) as Reconciler
  const callback = fromCallback<ReconcilerCommand, ReconcilerInput, ReconcilerActorEvent>(
    ({ self, sendBack, emit }) =>
      play(reconcilerOf(self), {
        note: (note) => noteTo(self, note),
        tell: (event) => {
          sendBack(event)
          emit(event)
        },
      }),
  ) as unknown as ReconcilerLogic
  /** Has no side effect: nothing happens before its start. */
  const begin = (self: object, input: ReconcilerInput): ReconcilerSnapshot => {
    const reconciler = create({ ...options, ...input } as ReconcilerOptions)
    reconcilers.set(self, reconciler)
    return { status: 'active', output: undefined, error: undefined, context: reconciler.status() }
  }
  return {
    ...callback,
    getInitialSnapshot: ({ self }, input) => begin(self, input),
    // What it knew belongs to another process. It begins anew, from the options that the logic was made with.
    restoreSnapshot: (_persisted, { self }) => begin(self, undefined),
    getPersistedSnapshot: (snapshot) => snapshot,
    transition: (snapshot, event, scope) => {
      const reconciler = reconcilerOf(scope.self)
      const note = event as ReconcilerCommand | Note
      switch (note.type) {
        case 'look':
          // The engine's failure is an event of its own.
          reconciler.look().catch(() => {})
          return snapshot
        case 'stop':
          void reconciler.stop().then(() => noteTo(scope.self, { type: 'flotsam.wasStopped' }))
          return snapshot
        case 'flotsam.statusChanged':
          return { ...snapshot, context: reconciler.status() }
        case 'flotsam.wasStopped': {
          const context = reconciler.status()
          return { status: 'done', output: context, error: undefined, context }
        }
        case 'flotsam.hasFailed':
          throw new Error(note.message)
        default:
          return callback.transition(snapshot, event, scope)
      }
    },
  }
}

interface Noted {
  getSnapshot(): { readonly status: string }
  send(event: ReconcilerCommand): void
}

/** Some notes come when it has ended. */
function noteTo(self: Noted, note: Note): void {
  if (self.getSnapshot().status === 'active') self.send(note as unknown as ReconcilerCommand)
}

interface Stage {
  readonly note: (note: Note) => void
  readonly tell: (event: ReconcilerActorEvent) => void
}

/** Starts it; returns what stops it. What it tells after that reaches nobody: XState hears no actor that was stopped. */
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
  for (const name of eventNames) {
    reconciler.on(name, (event: EventObject) => {
      tell({ ...event, type: `flotsam.${name}` } as ReconcilerActorEvent)
      noteChange()
    })
  }
  reconciler.on('crashed', ({ message }) => note({ type: 'flotsam.hasFailed', message }))
  // What a look came to is remembered after it was told. Errors are told as an event.
  reconciler.actor.subscribe({ next: noteChange, error: () => {} })
  reconciler.start()
  return () => void reconciler.stop()
}
