import type { ActorRef, AnyActorRef, EventObject, InspectionEvent, Observer, SnapshotFrom } from 'xstate'
import type { SupervisorEvent, supervisorMachine } from '../../machines/supervisor.machine.ts'
import type { Clock } from '../domain/clock.ts'
import { DelayedEvents } from './delayed-events.ts'

/** The only events that the supervisor accepts from a host. */
export type SupervisorCommand =
  /** Requests a scan before the next one is due. */
  | { readonly type: 'scan.requested' }
  /** Stops the supervisor, like the reconciler's `stop()`. */
  | { readonly type: 'stop' }

/** The supervisor's actor, restricted to what a host may send. */
export type SupervisorActor = ActorRef<SnapshotFrom<typeof supervisorMachine>, SupervisorCommand>

/** Sends an event from a component to the supervisor. */
export type ToSupervisor = (event: SupervisorEvent) => void

type Inspect = (event: InspectionEvent) => void

export interface SealOptions {
  readonly clock: Clock
  /** Once true, no event is delivered to any actor. */
  readonly isOver: () => boolean
  /** These replace the root's own `start()` and `stop()`; `onStop` receives the original. */
  readonly onStart: () => void
  readonly onStop: (stop: () => void) => void
  /** Wraps a host's observer so that it cannot throw into the system. */
  readonly contain: (inspect: Observer<InspectionEvent> | Inspect) => Inspect
}

/** XState internals that this class depends on; a test checks them against the installed version. */
interface System {
  /** Delivers every event in the system. An event without a source was sent by a host. */
  _relay: (source: AnyActorRef | undefined, target: AnyActorRef, event: EventObject) => void
  readonly scheduler: {
    schedule: (
      source: AnyActorRef,
      target: AnyActorRef,
      event: EventObject,
      delayMs: number,
      id: string,
    ) => void
    cancel: (source: AnyActorRef, id: string) => void
    cancelAll: (source: AnyActorRef) => void
  }
  inspect: (observer: Observer<InspectionEvent> | Inspect) => unknown
}

const commands: readonly string[] = ['scan.requested', 'stop'] satisfies SupervisorCommand['type'][]
/** The prefix of the only delayed events in the machines; each actor sends them to itself. */
const delayed = 'xstate.after.'

/**
 * Prevents hosts from sending false events to internal actors, which they can reach through inspection callbacks and
 * snapshots. Events other than commands are ignored, like unhandled events. Throwing would stop a host's actor that
 * forwards events.
 */
export class Seal {
  readonly #options: SealOptions
  #root: AnyActorRef | undefined
  #relay: System['_relay'] | undefined
  #start: (() => void) | undefined
  /** Sends an internal event to the supervisor. Responses that arrive after it has stopped are dropped. */
  readonly toSupervisor: ToSupervisor = (event) => {
    const root = this.#root
    if (root?.getSnapshot().status === 'active') this.send(root, root, event)
  }

  constructor(options: SealOptions) {
    this.#options = options
  }

  /** Seals the actor's system. May be called while the actor is still being created, when a host can already reach it. */
  close(actor: AnyActorRef): void {
    if (this.#relay) return
    let root = actor
    while (root._parent) root = root._parent
    this.#root = root
    const { clock, isOver, onStart, onStop, contain } = this.#options
    const system = root.system as unknown as System
    const relay = system._relay
    this.#relay = relay
    system._relay = (source, target, event) => {
      if (isOver()) return
      if (source) return relay(source, target, event)
      if (target !== root || !commands.includes(event.type)) return
      const { type } = event as SupervisorCommand
      relay(undefined, target, { type })
    }
    const { scheduler } = system
    const delayedEvents = new DelayedEvents(clock, (self, event) => system._relay(self, self, event))
    scheduler.schedule = (source, target, event, delayMs, id) => {
      if (source === target && event.type.startsWith(delayed))
        delayedEvents.schedule(source, event, delayMs, id)
    }
    scheduler.cancel = (source, id) => delayedEvents.cancel(source, id)
    scheduler.cancelAll = (source) => delayedEvents.cancelAll(source)
    const { inspect } = system
    system.inspect = (observer) => inspect(contain(observer))
    const [start, stop] = [root.start.bind(root), root.stop.bind(root)]
    this.#start = start
    root.start = () => {
      onStart()
      return root
    }
    root.stop = () => {
      onStop(stop)
      return root
    }
  }

  /** Starts the root. */
  start(): void {
    this.#start?.()
  }

  /** Sends an internal event with its source, which inspectors show. */
  send(source: AnyActorRef, target: AnyActorRef, event: EventObject): void {
    this.#relay?.(source, target, event)
  }
}

/** Stops the children of a failed actor, which XState leaves running. */
export function stopChildren(actor: Pick<AnyActorRef, 'getSnapshot'>): void {
  const { children } = actor.getSnapshot() as {
    readonly children: Readonly<Record<string, AnyActorRef | undefined>>
  }
  for (const child of Object.values(children)) (child as { _stop(): void } | undefined)?._stop()
}
