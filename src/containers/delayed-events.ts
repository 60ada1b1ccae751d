import type { AnyActorRef, EventObject } from 'xstate'
import type { Clock } from '../domain/clock.ts'
import { Due, DueQueue } from '../domain/due-queue.ts'

/** How long delivering events that are due together may block the event loop. */
const sliceMs = 2

class Delayed extends Due {
  readonly actor: AnyActorRef
  readonly event: EventObject
  readonly id: string
  /** The next one of the same actor. */
  next: Delayed | undefined

  constructor(dueMs: number, number: number, actor: AnyActorRef, event: EventObject, id: string) {
    super(dueMs, number)
    this.actor = actor
    this.event = event
    this.id = id
  }
}

/**
 * The events that actors sent to themselves with a delay. In XState's own scheduler each has a timer, and whenever an actor
 * ends it searches the events of all actors, which is quadratic in their number.
 */
export class DelayedEvents {
  readonly #clock: Clock
  readonly #deliver: (actor: AnyActorRef, event: EventObject) => void
  readonly #queue = new DueQueue<Delayed>()
  /** The first one of each actor. */
  readonly #byActor = new Map<AnyActorRef, Delayed>()
  #scheduled = 0
  /** Set for the first of the queue. */
  #timer: { readonly of: Delayed; readonly handle: unknown } | undefined

  constructor(clock: Clock, deliver: (actor: AnyActorRef, event: EventObject) => void) {
    this.#clock = clock
    this.#deliver = deliver
  }

  get size(): number {
    return this.#queue.size
  }

  schedule(actor: AnyActorRef, event: EventObject, delayMs: number, id: string): void {
    // Whole milliseconds, like timers; V8 boxes other numbers.
    const dueMs = Math.ceil(this.#clock.now() + delayMs)
    const delayed = new Delayed(dueMs, this.#scheduled++, actor, event, id)
    delayed.next = this.#byActor.get(actor)
    this.#byActor.set(actor, delayed)
    this.#queue.add(delayed)
    this.#setTimer()
  }

  cancel(actor: AnyActorRef, id: string): void {
    for (const delayed of this.#of(actor)) if (delayed.id === id) this.#forget(delayed)
    this.#setTimer()
  }

  cancelAll(actor: AnyActorRef): void {
    for (const delayed of this.#of(actor)) this.#forget(delayed)
    this.#setTimer()
  }

  *#of(actor: AnyActorRef): Iterable<Delayed> {
    for (let delayed = this.#byActor.get(actor); delayed; delayed = delayed.next) yield delayed
  }

  #forget(delayed: Delayed): void {
    const { actor, next } = delayed
    this.#queue.remove(delayed)
    if (this.#byActor.get(actor) !== delayed) {
      for (const other of this.#of(actor)) if (other.next === delayed) other.next = next
    } else if (next) this.#byActor.set(actor, next)
    else this.#byActor.delete(actor)
  }

  #setTimer(): void {
    const { first } = this.#queue
    if (first === this.#timer?.of) return
    this.#clock.clearTimeout(this.#timer?.handle)
    this.#timer = first && { of: first, handle: this.#timerUntil(first.dueMs) }
  }

  #timerUntil(dueMs: number): unknown {
    return this.#clock.setTimeout(() => {
      this.#timer = undefined
      try {
        this.#deliverDue(this.#clock.now())
      } finally {
        this.#setTimer()
      }
    }, dueMs - this.#clock.now())
  }

  /** Delivers what is due, but not what is scheduled meanwhile. What a slice leaves is due in the next turn. */
  #deliverDue(nowMs: number): void {
    const next = this.#scheduled
    for (
      let due = this.#queue.first;
      due && due.dueMs <= nowMs && due.number < next;
      due = this.#queue.first
    ) {
      this.#forget(due)
      this.#deliver(due.actor, due.event)
      if (this.#clock.now() - nowMs >= sliceMs) return
    }
  }
}
