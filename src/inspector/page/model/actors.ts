import type { Actor } from './actor.ts'
import { containerOf } from './flotsam.ts'
import { type Machine, readMachine } from './machine.ts'
import type {
  ActorMessage,
  EventMessage,
  Message,
  SnapshotMessage,
  WireEvent,
  WireSnapshot,
} from './message.ts'
import { Ring } from './ring.ts'
import { changedLeaves, stateText } from './state-value.ts'
import { explain, type Step } from './step.ts'

/** An event that an actor received. */
export interface Happened {
  readonly number: number
  readonly createdAt: number
  readonly event: WireEvent
  readonly targetId: string
  /** The root of the actor's system. */
  readonly rootId: string | undefined
  readonly targetName: string
  /** Undefined for an event from outside, and for one that an actor sent to itself. */
  readonly sourceName: string | undefined
  /** The state that it led to, if the state changed. */
  readonly ledTo: string | undefined
}

export interface ModelLimits {
  readonly events: number
  /** The number of ended actors that are kept. */
  readonly ended: number
}

const defaultLimits: ModelLimits = { events: 2000, ended: 500 }
const mostMachines = 200
const mostPending = 20

/** The actors and events of one connection. */
export class Model {
  readonly #limits: ModelLimits
  readonly #actors = new Map<string, Actor>()
  readonly #ended = new Set<string>()
  readonly #events: Ring<Happened>
  /** Machines by definition, since thousands of actors share one. */
  readonly #machines = new Map<string, Machine>()
  /** The numbers of each running actor's events, until a snapshot shows their effect. */
  readonly #pending = new Map<string, number[]>()
  #messages = 0
  #unread = 0
  #skipped = 0

  constructor(limits: Partial<ModelLimits> = {}) {
    this.#limits = { ...defaultLimits, ...limits }
    this.#events = new Ring(this.#limits.events)
  }

  get actors(): ReadonlyMap<string, Actor> {
    return this.#actors
  }

  get events(): Pick<Ring<Happened>, 'added' | 'size' | 'newestFirst'> {
    return this.#events
  }

  get messages(): number {
    return this.#messages
  }

  /** The number of frames that were not a message of the protocol. */
  get unread(): number {
    return this.#unread
  }

  /** The number of messages that the server reported as skipped. */
  get skipped(): number {
    return this.#skipped
  }

  countUnread(): void {
    this.#unread += 1
  }

  /** Applies a message. `nowMs` is the time of messages without a timestamp. */
  apply(message: Message, nowMs: number): void {
    this.#messages += 1
    if (message.type === '@flotsam.skipped') {
      this.#skipped += message.events + message.snapshots
      return
    }
    const createdAt = message.createdAt ?? nowMs
    switch (message.type) {
      case '@xstate.actor':
        return this.#introduce(message, createdAt)
      case '@xstate.event':
        return this.#receive(message, createdAt)
      case '@xstate.snapshot':
        return this.#update(message, createdAt)
    }
  }

  #introduce(message: ActorMessage, createdAt: number): void {
    const { sessionId, parentId, definition, snapshot } = message
    const rootId = message.rootId ?? sessionId
    const known = this.#actors.get(sessionId)
    if (known?.isIntroduced && known.introducedAt === createdAt) return
    // session ids are reused by new systems, so a new root with a known id is a new system
    if (known?.isIntroduced && rootId === sessionId) this.#forgetSystem(rootId)
    const early = known && !known.isIntroduced ? known : undefined
    const machine = definition === undefined ? undefined : this.#machineOf(definition)
    const current = early?.snapshot ?? snapshot
    this.#keep({
      sessionId,
      rootId,
      parentId,
      name: message.name ?? machine?.id ?? sessionId,
      machine,
      snapshot: current,
      state: stateText(current.value),
      enteredAt: early?.enteredAt ?? createdAt,
      step: early?.step,
      isIntroduced: true,
      introducedAt: createdAt,
      isUpdated: early !== undefined,
    })
  }

  #receive({ sessionId, rootId, sourceId, event }: EventMessage, createdAt: number): void {
    const number = this.#events.added
    this.#events.add({
      number,
      createdAt,
      event,
      targetId: sessionId,
      rootId: this.#actors.get(sessionId)?.rootId ?? rootId,
      targetName: this.#nameOf(sessionId),
      sourceName: sourceId === undefined || sourceId === sessionId ? undefined : this.#nameOf(sourceId),
      ledTo: undefined,
    })
    if (!this.#actors.has(sessionId)) return
    const pending = this.#pending.get(sessionId)
    if (!pending) this.#pending.set(sessionId, [number])
    else if (pending.push(number) > mostPending) pending.shift()
  }

  /** Resolved when the event arrives, since its sender may be gone later. */
  #nameOf(sessionId: string): string {
    const actor = this.#actors.get(sessionId)
    return (actor && (containerOf(actor)?.name ?? actor.name)) ?? sessionId
  }

  #update({ sessionId, rootId, event, snapshot }: SnapshotMessage, createdAt: number): void {
    const known = this.#actors.get(sessionId)
    const state = stateText(snapshot.value)
    const isNews = known?.state !== state || !known.isUpdated
    const step = isNews ? this.#stepOf(sessionId, known, event, snapshot) : known.step
    this.#pending.delete(sessionId)
    this.#keep({
      sessionId,
      rootId: known?.rootId ?? rootId ?? sessionId,
      parentId: known?.parentId,
      name: known?.name ?? sessionId,
      machine: known?.machine,
      snapshot,
      state,
      // an actor message has the current snapshot, but the time of the actor's creation
      enteredAt: isNews ? createdAt : known.enteredAt,
      step,
      isIntroduced: known?.isIntroduced ?? false,
      introducedAt: known?.introducedAt ?? createdAt,
      isUpdated: true,
    })
  }

  /** Explains a change of an actor's state, and records it with the event that caused it. */
  #stepOf(
    sessionId: string,
    known: Actor | undefined,
    event: WireEvent | undefined,
    { value: after }: WireSnapshot,
  ): Step {
    const pending = (this.#pending.get(sessionId) ?? []).flatMap((number) => this.#events.get(number) ?? [])
    const types = pending.map((happened) => happened.event.type)
    const cause = event?.type ?? ''
    if (!types.includes(cause)) types.push(cause)
    // the state before the actor message is unknown
    const before = known?.isUpdated ? known.snapshot.value : undefined
    const { taken, eventAt } = known?.machine
      ? explain(known.machine, before, after, types)
      : { taken: new Set<string>(), eventAt: undefined }
    const at = eventAt ?? types.lastIndexOf(cause)
    const leading = pending[at]
    const ledTo = changedLeaves(before, after).join(' · ')
    if (leading && ledTo !== '') this.#events.replace(leading.number, { ...leading, ledTo })
    return { event: types[at] ?? cause, before, after, taken }
  }

  #keep(actor: Actor): void {
    const { sessionId } = actor
    this.#actors.set(sessionId, actor)
    this.#ended.delete(sessionId)
    if (actor.snapshot.status === 'active') return
    this.#pending.delete(sessionId)
    this.#ended.add(sessionId)
    while (this.#ended.size > this.#limits.ended) {
      const [oldest] = this.#ended
      if (oldest === undefined) return
      this.#ended.delete(oldest)
      this.#actors.delete(oldest)
    }
  }

  #forgetSystem(rootId: string): void {
    for (const [sessionId, actor] of this.#actors) {
      if (actor.rootId !== rootId) continue
      this.#actors.delete(sessionId)
      this.#ended.delete(sessionId)
      this.#pending.delete(sessionId)
    }
  }

  #machineOf(definition: string): Machine | undefined {
    const known = this.#machines.get(definition)
    if (known) return known
    const machine = readMachine(definition)
    if (machine) {
      if (this.#machines.size >= mostMachines) this.#machines.clear()
      this.#machines.set(definition, machine)
    }
    return machine
  }
}
