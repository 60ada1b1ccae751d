import type { AnyActorRef, EventObject, InspectionEvent, StateValue } from 'xstate'
import { containerMachine, errorIn } from '../../machines/container.machine.ts'
import { configOf } from '../inspector/definitions.ts'
import { plainError } from '../inspector/plain.ts'
import { shownFactsOf } from '../inspector/present.ts'
import { type ChartName, type Facts, type PlainEvent, recordable, type RecordedEvent } from './format.ts'

export interface RecorderOptions {
  /** Takes the events in the order in which each actor received them. */
  readonly write: (event: RecordedEvent) => void
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
}

/** An actor of one of the two charts. */
interface Recorded {
  readonly actor: AnyActorRef
  readonly facts: readonly string[]
  /** Undefined before its first event. */
  context: Facts | undefined
  /** Received, and not yet reflected by a snapshot. */
  readonly pending: EventObject[]
}

/** Turns XState's inspection events into one recorded event for each event that the supervisor or a container received. */
export class Recorder {
  readonly #options: RecorderOptions
  readonly #actors = new Map<string, Recorded>()

  constructor(options: RecorderOptions) {
    this.#options = options
  }

  readonly inspect = (event: InspectionEvent): void => {
    if (event.type === '@xstate.event') this.#receive(event)
    else if (event.type === '@xstate.snapshot') this.#take(event)
  }

  /** Records actors that have failed: XState reports no snapshot if a transition throws. */
  settle(): void {
    for (const recorded of this.#actors.values()) this.#noteFailure(recorded)
  }

  #receive({ actorRef, event, sourceRef }: Extract<InspectionEvent, { type: '@xstate.event' }>): void {
    // A child that has failed reports it to its parent.
    const source = sourceRef && this.#actors.get(sourceRef.sessionId)
    if (source && event.type.startsWith(errorOfChild)) this.#noteFailure(source)
    if (event.type === 'xstate.init') this.#begin(actorRef as AnyActorRef)
    this.#actors.get(actorRef.sessionId)?.pending.push(event)
  }

  #begin(actor: AnyActorRef): void {
    const config = configOf(actor)
    const facts = config && shownFactsOf(config)
    if (facts) this.#actors.set(actor.sessionId, { actor, facts, context: undefined, pending: [] })
  }

  #take({ actorRef, event, snapshot }: Extract<InspectionEvent, { type: '@xstate.snapshot' }>): void {
    const recorded = this.#actors.get(actorRef.sessionId)
    if (!recorded) return
    const { context, status, value } = snapshot as typeof snapshot & {
      readonly context: Facts
      readonly value: StateValue
    }
    const isOver = status !== 'active'
    const changed = changedFacts(recorded, context)
    this.#write(recorded, event, {
      ...(isOver && { status }),
      state: value,
      ...(changed && { context: changed }),
      ...(status === 'error' && { error: plainError((snapshot as { readonly error?: unknown }).error) }),
    })
    recorded.context = context
    recorded.pending.splice(0, recorded.pending.indexOf(event) + 1)
    if (isOver) this.#actors.delete(actorRef.sessionId)
  }

  #noteFailure(recorded: Recorded): void {
    const { actor, pending } = recorded
    const { status, error } = actor.getSnapshot() as { readonly status: string; readonly error?: unknown }
    const [event] = pending
    if (status !== 'error' || !event) return
    this.#write(recorded, event, { status, error: plainError(error) })
    this.#actors.delete(actor.sessionId)
  }

  #write({ actor, context }: Recorded, event: EventObject, after: Partial<RecordedEvent>): void {
    const { now, write } = this.#options
    const { id, sessionId } = actor
    write({
      time: new Date(now()).toISOString(),
      actor: sessionId,
      name: id,
      ...(context === undefined && { chart: chartOf(actor) }),
      event: recordable(asSeen(event)) as PlainEvent,
      ...after,
    })
  }
}

const errorOfChild = 'xstate.error.actor.'

/** Of an error the charts see the message alone. */
function asSeen(event: EventObject): object {
  return event.type.startsWith(errorOfChild) ? { ...event, error: errorIn(event) } : event
}

/** A chart replaces what it changes, so that what is the same object has not changed. */
function changedFacts({ context: before, facts }: Recorded, after: Facts): Facts | undefined {
  const changed = facts.filter((fact) => !before || before[fact] !== after[fact])
  if (changed.length === 0) return undefined
  return Object.fromEntries(changed.map((fact) => [fact, recordable(after[fact])]))
}

function chartOf(actor: AnyActorRef): ChartName {
  return configOf(actor) === containerMachine.config ? 'container' : 'supervisor'
}
