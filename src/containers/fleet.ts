import { type ActorScope, type ActorSystem, type ActorSystemInfo, createActor, fromTransition } from 'xstate'
import type {
  ContainerEvent,
  containerMachine,
  ContainerOutput,
  ContainerPolicy,
} from '../../machines/container.machine.ts'
import {
  answered,
  type ContainerRecord,
  type RecordChange,
  wasEverTracked,
} from '../../machines/container.record.ts'
import type { FleetSnapshot, ToFleet } from '../../machines/supervisor.machine.ts'
import type { Judgement } from '../../machines/types.ts'
import type { AwakeClock } from '../domain/awake.ts'
import type { Clock } from '../domain/clock.ts'
import type { ContainerSummary } from '../domain/container.ts'
import { messageOf } from '../domain/errors.ts'
import type { Emit } from '../domain/events.ts'
import { type ContainerId, shortId } from '../domain/ids.ts'
import { inSlices } from '../domain/slices.ts'
import type { TrackerAnswer, Verdict } from '../domain/verdict.ts'
import { hasEnded } from '../policy/namespaces.ts'
import type { Freshness } from './freshness.ts'
import {
  about,
  type ContainerActor,
  isSameVerdict,
  judgement,
  type KnownContainer,
  knownOf,
} from './known-container.ts'
import type { RecentlyGone } from './recently-gone.ts'
import type { Recreations } from './recreations.ts'
import type { RemovalQueue } from './removal-queue.ts'
import { type Seal, stopChildren, type ToSupervisor } from './seal.ts'

type FleetScope = ActorScope<ReturnType<FleetLogic['getInitialSnapshot']>, ToFleet>
export type FleetLogic = ReturnType<
  typeof fromTransition<FleetSnapshot, ToFleet, ActorSystem<ActorSystemInfo>, undefined>
>

export interface FleetOptions {
  readonly toSupervisor: ToSupervisor
  readonly seal: Seal
  readonly clock: Clock
  readonly awake: AwakeClock
  readonly queue: RemovalQueue
  readonly freshness: Freshness
  readonly isScanning: () => boolean
  readonly recentlyGone: RecentlyGone
  readonly recreations: Recreations
  /** Returns the container machine with its effects provided. */
  readonly machine: () => typeof containerMachine
  readonly policy: ContainerPolicy
  readonly emit: Emit
  /** Whether the container depends on another one. */
  readonly isGuest: (id: ContainerId) => boolean
}

/**
 * Manages the container actors within one actor of the supervisor. It is not a machine, because XState copies a machine's
 * children on every spawn and stop, which is quadratic in their number. Here the children are in a map.
 */
export class Fleet {
  readonly logic: FleetLogic
  readonly #options: FleetOptions
  readonly #actors = new Map<ContainerId, ContainerActor>()
  /** Container ids by actor id; actors have readable ids. */
  readonly #idsOf = new Map<string, ContainerId>()
  readonly #failing = new Set<ContainerId>()
  /** The last scan's verdicts on containers that were dangling already. */
  readonly #renewed = new Map<ContainerId, Judgement>()
  #renewedScan = 0
  /** Containers that departed since the current listing was requested, which may therefore still show them. */
  readonly #departed = new Set<ContainerId>()
  /** The actors that a crash has ended; they keep their last state for a snapshot of it. */
  #last: readonly ContainerActor[] = []
  #scope: FleetScope | undefined
  #hasFaultedSinceScan = false

  constructor(options: FleetOptions) {
    this.#options = options
    const logic = fromTransition<FleetSnapshot, ToFleet, ActorSystem<ActorSystemInfo>, undefined>(
      (snapshot, event) => {
        this.#take(event)
        return snapshot
      },
      {},
    )
    this.logic = {
      ...logic,
      start: (_snapshot, scope) => {
        this.#scope = scope as FleetScope
      },
      getPersistedSnapshot: (snapshot) => ({ ...snapshot, children: this.#persisted() }),
      transition: (snapshot, event, scope) => {
        if ((event.type as string) !== stopped) return logic.transition(snapshot, event, scope)
        this.#end()
        return { ...snapshot, status: 'stopped', error: undefined } as never
      },
    }
  }

  get size(): number {
    return this.#actors.size
  }

  /** Returns a container's record; undefined if it has no actor. */
  get(id: ContainerId): KnownContainer | undefined {
    const actor = this.#actors.get(id)
    return actor && knownOf(actor.getSnapshot().context)
  }

  *all(): Iterable<KnownContainer> {
    for (const actor of this.#actors.values()) yield knownOf(actor.getSnapshot().context)
  }

  /** Called when a listing is requested; it cannot show containers that departed earlier. */
  listingBegins(): void {
    this.#departed.clear()
  }

  /** truthful: a listing requested before a removal was confirmed is not evidence that the container still exists. */
  hasDeparted(id: ContainerId): boolean {
    return this.#departed.has(id)
  }

  /** Starts the actor of a container that a scan found for the first time. */
  discover(record: ContainerRecord & { readonly listed: ContainerSummary }): void {
    const { emit, recreations } = this.#options
    const { listed } = record
    this.#spawn(listed.id, listed.name, record)
    emit({ type: 'discovered', ...about({ listed }), state: listed.state })
    recreations.discovered(listed.name)
  }

  /** Sends an event to a container's actor. */
  send(id: ContainerId, event: ContainerEvent): void {
    const actor = this.#actors.get(id)
    if (actor && this.#scope) this.#options.seal.send(this.#scope.self, actor, event)
  }

  /** Sends the event only if it would change the container's record. */
  note(known: KnownContainer, change: RecordChange, event: ContainerEvent): void {
    for (const key in change) {
      const field = key as keyof ContainerRecord
      if (known[field] !== change[field]) return this.send(known.id, event)
    }
  }

  /** Records what the tracker answered about a container, as its record or this entry of a listing shows it. */
  noteAnswer(known: KnownContainer, answer: TrackerAnswer, atMs: number, container = known.listed): void {
    const said = { answer, atMs, hasEnded: hasEnded(container) }
    this.note(known, answered(known, said, known.policy.releaseGraceMs), { type: 'answered', ...said })
  }

  /** Sends a container its verdict if it changed or the actor is waiting for one. */
  judge(
    id: ContainerId,
    verdict: Verdict,
    { scan, askedAgainMs }: { scan: number; askedAgainMs?: number | undefined },
  ): void {
    const actor = this.#actors.get(id)
    if (!actor) return
    const snapshot = actor.getSnapshot()
    const known = knownOf(snapshot.context)
    const isSame = isSameVerdict(known.verdict, verdict) && !snapshot.hasTag('awaitsVerdict')
    if (isSame && verdict.verdict !== 'dangling') return
    const nowMs = this.#options.awake.now()
    const judged = judgement(known, verdict, { scan, nowMs, askedAgainMs })
    if (isSame) this.#renew(id, judged)
    else this.send(id, { type: 'judged', judgement: judged })
  }

  /** Stores a renewed verdict. The first one of a scan discards those of the previous scan. */
  #renew(id: ContainerId, renewed: Judgement): void {
    if (renewed.scan !== this.#renewedScan) this.#renewed.clear()
    this.#renewedScan = renewed.scan
    this.#renewed.set(id, renewed)
  }

  /** Handles containers that a scan did not find among the owned ones: no longer listed, or listed but no longer owned. */
  async miss(
    missing: readonly { readonly id: ContainerId; readonly isListed: boolean; readonly isTracked: boolean }[],
    signal: AbortSignal,
  ): Promise<void> {
    await inSlices(missing, this.#options.clock, signal, ({ id, isListed, isTracked }) =>
      this.send(id, isListed ? { type: 'disowned' } : { type: 'missed', isTracked }),
    )
  }

  /** Called after a scan has been judged completely. */
  scanEnded(): void {
    if (this.#hasFaultedSinceScan) this.#hasFaultedSinceScan = false
    else this.#options.toSupervisor({ type: 'recovered', about: 'fault', atMs: this.#options.clock.now() })
  }

  /** Records that a removal of the container failed. */
  noteFailing(id: ContainerId): void {
    this.#failing.add(id)
  }

  /** Records that the container no longer needs to be removed. */
  noteWell(id: ContainerId): void {
    const { clock, toSupervisor } = this.#options
    if (this.#failing.delete(id) && this.#failing.size === 0)
      toSupervisor({ type: 'recovered', about: 'removal', atMs: clock.now() })
  }

  /** Records that our own code threw while handling a container. */
  noteFault(id: ContainerId, message: string): void {
    const { clock, toSupervisor } = this.#options
    this.#hasFaultedSinceScan = true
    toSupervisor({
      type: 'degraded',
      about: 'fault',
      kind: 'fault',
      message: `container ${shortId(id)}: ${message}`,
      atMs: clock.now(),
    })
  }

  /** Stops every child, in slices. */
  async disband(signal: AbortSignal): Promise<void> {
    await inSlices([...this.#actors.keys()], this.#options.clock, signal, (id) => this.#stop(id))
  }

  #spawn(id: ContainerId, name: string, record: ContainerRecord): void {
    const scope = this.#scope
    if (!scope) return
    const actor = createActor(this.#options.machine(), {
      id: this.#nameOf(id, name),
      parent: scope.self,
      input: { id, policy: this.#options.policy, record },
    })
    // An inspection callback may have ended the supervision while the actor was being created.
    if (this.#scope !== scope) return
    this.#actors.set(id, actor)
    this.#idsOf.set(actor.id, id)
    actor.start()
    // XState reads them no more, and would keep the record that the actor began with.
    actor.options = noOptions
  }

  #nameOf(id: ContainerId, name: string): string {
    const readable = `${name} ${shortId(id)}`.trim()
    return this.#idsOf.has(readable) ? id : readable
  }

  #stop(id: ContainerId): void {
    const actor = this.#actors.get(id)
    if (!actor) return
    this.#forget(id, actor)
    this.#scope?.stopChild(actor)
  }

  #forget(id: ContainerId, actor: ContainerActor): void {
    this.#actors.delete(id)
    this.#idsOf.delete(actor.id)
  }

  /** The children, in the form in which XState persists those of a machine. */
  #persisted(): Readonly<Record<string, object>> {
    const actors = this.#scope ? [...this.#actors.values()] : this.#last
    return Object.fromEntries(
      actors.map((actor) => [actor.id, { snapshot: actor.getPersistedSnapshot(), src: 'container' }]),
    )
  }

  /** Stops all children however the fleet ended, because XState does not know of them. */
  #end(): void {
    this.#last = [...this.#actors.values()]
    for (const id of this.#actors.keys()) this.#stop(id)
    this.#scope = undefined
  }

  #take(
    event: ToFleet | { readonly type: string; readonly output?: unknown; readonly error?: unknown },
  ): void {
    if (event.type === 'admit') this.#admit()
    else if (event.type === 'verdicts.expired') this.#askAgain()
    else if (event.type.startsWith(childDone)) {
      this.#conclude(event.type.slice(childDone.length), (event as { output: ContainerOutput }).output)
    } else if (event.type.startsWith(childError)) {
      this.#startAgain(event.type.slice(childError.length), (event as { error?: unknown }).error)
    }
  }

  /** Assigns free slots to queued containers while their verdicts are fresh. */
  #admit(): void {
    const { freshness, isScanning, queue, toSupervisor } = this.#options
    while (freshness.isOpen) {
      const id = queue.admitNext()
      if (id === undefined) break
      const known = this.get(id)
      if (!known?.verdict) continue
      const renewed = this.#renewedScan > known.scan ? this.#renewed.get(id) : undefined
      // fresh-scan: it waited for a slot since it was judged, and a grace may have ended meanwhile.
      const { judgedAtMs: atMs, recheckMs, scan, verdict } = known
      this.send(id, { type: 'admitted', judgement: renewed ?? { atMs, recheckMs, scan, verdict } })
    }
    if (queue.wantsNextBatch && freshness.isOpen && !isScanning()) toSupervisor({ type: 'scan.requestedNow' })
  }

  #askAgain(): void {
    const { queue, toSupervisor } = this.#options
    if (queue.queued > 0) toSupervisor({ type: 'scan.requested' })
  }

  #conclude(actorId: string, { outcome, isByAnswer, failures }: ContainerOutput): void {
    const { isGuest, recentlyGone, recreations, emit, toSupervisor } = this.#options
    const id = this.#idsOf.get(actorId)
    const actor = id && this.#actors.get(id)
    if (!id || !actor) return
    const known = knownOf(actor.getSnapshot().context)
    this.#forget(id, actor)
    if (!isByAnswer && outcome !== 'released') recentlyGone.remember(known)
    this.#departed.add(id)
    this.noteWell(id)
    if (outcome === 'removed') {
      recreations.removed(known.listed.name)
      const confirmedBy = isByAnswer ? 'answer' : 'scan'
      emit({ type: 'removed', ...about(known), confirmedBy, failures, wasTracked: wasEverTracked(known) })
    } else {
      emit({ type: outcome, ...about(known) })
    }
    // With its last guest gone, the holder may be dangling now.
    if (outcome === 'removed' && isGuest(id)) toSupervisor({ type: 'scan.requested' })
  }

  /** Isolates a fault in a child: a new actor continues with its record, and the next scan judges it. */
  #startAgain(actorId: string, error: unknown): void {
    const { queue, toSupervisor } = this.#options
    const id = this.#idsOf.get(actorId)
    const actor = id && this.#actors.get(id)
    if (!id || !actor) return
    // Otherwise its pending hook call or request would continue.
    stopChildren(actor)
    this.#forget(id, actor)
    queue.forget(id)
    const known = knownOf(actor.getSnapshot().context)
    this.#spawn(id, known.listed.name, known)
    this.noteFault(id, messageOf(error))
    toSupervisor({ type: 'removals.changed', inFlight: queue.inFlightCount })
  }
}

const noOptions = Object.freeze({})
const childDone = 'xstate.done.actor.'
const childError = 'xstate.error.actor.'
const stopped = 'xstate.stop'
