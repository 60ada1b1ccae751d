import { type ActorScope, type ActorSystem, type ActorSystemInfo, createActor, fromTransition } from 'xstate'

import type { containerMachine, ContainerEvent } from '../../machines/container.machine.ts'
import type { SupervisorEvent } from '../../machines/supervisor.machine.ts'
import type { FailureLike, FleetSnapshot, Outcome, Parent, ToFleet } from '../../machines/types.ts'
import type { AwakeClock } from '../awake.ts'
import type { Clock } from '../clock.ts'
import { type FailureKind, messageOf } from '../errors.ts'
import type { Report } from '../events.ts'
import type { ContainerId } from '../ids.ts'
import type { Verdict } from '../judge.ts'
import { inSlices } from '../slices.ts'
import type { Agenda } from './agenda.ts'
import type { LeftOut } from './left-out.ts'
import { about, changeVerdict, type HookRefusal, type Known } from './known.ts'
import type { Removals } from './removals.ts'
import { isStuckAfter, retryDelayMs } from './retries.ts'

type FleetInput = { readonly supervisor: Parent<SupervisorEvent> }
type FleetScope = ActorScope<ReturnType<FleetLogic['getInitialSnapshot']>, ToFleet>
export type FleetLogic = ReturnType<
  typeof fromTransition<FleetSnapshot, ToFleet, ActorSystem<ActorSystemInfo>, FleetInput>
>

export interface FleetOptions {
  readonly clock: Clock
  readonly awake: AwakeClock
  readonly agenda: Agenda
  readonly removals: Removals
  readonly memory: Map<ContainerId, Known>
  readonly leftOut: LeftOut
  readonly machine: typeof containerMachine
  readonly report: Report
  readonly dryRun: boolean
  /** How long a refusal by the owner's hook holds before the hook is asked again. */
  readonly refusalMs: number
}

/** A container as a look meets it, with all that is known of it up to now. */
export interface Met {
  readonly known: Known
  readonly verdict: Verdict
  readonly lookNumber: number
}

/**
 * The container actors, in one actor of the supervisor's tree. It is no machine: XState copies a machine's children at
 * every change, which costs the square of their number. Here a child is a map entry.
 */
export class Fleet {
  readonly logic: FleetLogic
  readonly #options: FleetOptions
  readonly #failing = new Set<ContainerId>()
  /** Those whose stories ended since the listing under way was asked for: it may still show them. */
  readonly #departed = new Set<ContainerId>()
  /** Children in the state `removing`: they wait for a look, or for the engine. */
  readonly #removing = new Set<ContainerId>()
  #scope: FleetScope | undefined
  #supervisor: Parent<SupervisorEvent> | undefined
  #faultedSinceLook = false

  constructor(options: FleetOptions) {
    this.#options = options
    const transition = fromTransition<FleetSnapshot, ToFleet, ActorSystem<ActorSystemInfo>, FleetInput>(
      (context, event) => {
        this.#hear(event)
        return context
      },
      ({ input }) => {
        this.#supervisor = input.supervisor
        return {}
      },
    )
    this.logic = {
      ...transition,
      start: (_snapshot, scope) => {
        this.#scope = scope as FleetScope
      },
    }
  }

  get size(): number {
    return this.#options.memory.size
  }

  /** A listing is asked for: it cannot show those that were gone before. */
  listingBegins(): void {
    this.#departed.clear()
  }

  /** truthful: a listing that was written before a removal was confirmed says nothing of the container. */
  hasDeparted(id: ContainerId): boolean {
    return this.#departed.has(id)
  }

  /** Feeds one look's finding to the container's actor; starts one where there is none. */
  meet({ known, verdict, lookNumber }: Met): void {
    const { removals, report, dryRun } = this.#options
    const isChanged = changeVerdict(known, verdict, report, dryRun)
    known.lookNumber = lookNumber
    if (verdict.verdict === 'tracked' || verdict.verdict === 'spared') this.#isWell(known)
    if (known.actor === undefined) this.#spawn(known)
    else if (isChanged || this.#awaitsVerdict(known)) known.actor.send({ type: 'judged', verdict })
    if (verdict.verdict === 'dangling' && !dryRun && this.#isQueued(known))
      removals.enqueue(known.id, known.hasFailed)
  }

  /** A look that should hold these does not. */
  async miss(
    missing: readonly Known[],
    listedIds: ReadonlySet<ContainerId>,
    signal: AbortSignal,
  ): Promise<void> {
    await inSlices(missing, this.#options.clock, signal, (known) => {
      // Its story may have ended while others were asked about.
      if (this.#options.memory.get(known.id) !== known) return
      const event: ContainerEvent = { type: listedIds.has(known.id) ? 'disowned' : 'missed' }
      if (known.actor) known.actor.send(event)
      else this.#conclude(known, listedIds.has(known.id) ? 'released' : 'vanished', 0, false)
    })
  }

  /** A look was fed in full. */
  lookEnded(): void {
    if (this.#faultedSinceLook) this.#faultedSinceLook = false
    else this.#supervisor?.send({ type: 'troubleOver', about: 'fault' })
  }

  /** Tells one that its removal may start. */
  start(id: ContainerId): void {
    this.#options.memory.get(id)?.actor?.send({ type: 'admitted' })
  }

  /** Tells those whose removal waits for it that the engine is down, or that it is back. */
  tellEngine(event: { readonly type: 'engineLost' | 'engineBack' }): void {
    for (const id of this.#removing) this.#options.memory.get(id)?.actor?.send(event)
  }

  /** Stops every child, in slices. */
  async disband(signal: AbortSignal): Promise<void> {
    const { clock, memory } = this.#options
    await inSlices([...memory.values()], clock, signal, (known) => this.#stop(known))
  }

  #spawn(known: Known): void {
    const scope = this.#scope
    const { id, summary, verdict } = known
    if (!scope || !verdict) return
    const actor = createActor(this.#options.machine, {
      id,
      parent: scope.self,
      input: { id, name: summary.name, verdict },
    })
    known.actor = actor
    actor.start()
  }

  #stop(known: Known): void {
    if (known.actor) this.#scope?.stopChild(known.actor)
    known.actor = undefined
  }

  #isQueued({ actor }: Known): boolean {
    return actor?.getSnapshot().matches({ classified: 'queued' }) ?? false
  }

  /** A removal that waits for a judgement gets each one, unless it is backing off and nothing but that is new. */
  #awaitsVerdict(known: Known): boolean {
    if (!this.#removing.has(known.id)) return false
    const { awake } = this.#options
    return (
      known.verdict?.verdict !== 'dangling' || known.retryAtMs === undefined || known.retryAtMs <= awake.now()
    )
  }

  #hear(event: ToFleet | { readonly type: string; readonly error?: unknown }): void {
    if ('id' in event) {
      const known = this.#options.memory.get(event.id as ContainerId)
      if (known) this.#hearOf(known, event)
    } else if (event.type.startsWith(childError)) {
      this.#contain(event.type.slice(childError.length) as ContainerId, (event as { error?: unknown }).error)
    }
  }

  #hearOf(known: Known, event: ToFleet): void {
    const { agenda, awake, removals, report, dryRun, refusalMs } = this.#options
    switch (event.type) {
      case 'removalBegan':
        this.#removing.add(known.id)
        known.retryAtMs = undefined
        return
      case 'placeGivenBack':
        removals.end(known.id)
        this.#supervisor?.send({ type: 'placeFreed' })
        return
      case 'removalEnded':
        this.#removing.delete(known.id)
        known.retryAtMs = undefined
        return
      case 'retryWanted':
        this.#planRetry(known, event.failures, event.failure)
        return
      case 'lookWanted':
        agenda.wish('soon')
        this.#supervisor?.send({ type: 'lookAsked' })
        return
      case 'refused':
        known.hookRefusal = {
          reason: event.verdict.reason as HookRefusal,
          askAgainMs: awake.now() + refusalMs,
        }
        changeVerdict(known, event.verdict as Verdict, report, dryRun)
        return
      case 'endedByUs':
        known.hasHadItsTime = true
        return
      case 'gone':
        this.#conclude(known, event.outcome, event.failures, event.isByAnswer)
    }
  }

  #planRetry(known: Known, failures: number, failure: FailureLike): void {
    const { agenda, awake, report } = this.#options
    const kind = failure.kind as FailureKind
    const retryInMs = retryDelayMs(failures)
    known.retryAtMs = awake.now() + retryInMs
    known.hasFailed = true
    agenda.due(known.retryAtMs)
    if (kind !== 'in-progress') {
      this.#failing.add(known.id)
      report({ type: 'removeFailed', ...about(known), kind, message: failure.message, failures, retryInMs })
      this.#supervisor?.send({
        type: 'troubleMet',
        about: 'removal',
        kind,
        message: `${known.summary.name || known.id.slice(0, 12)}: ${failure.message}`,
      })
    }
    if (!known.isStuck && isStuckAfter(failures, kind)) {
      known.isStuck = true
      report({ type: 'stuck', ...about(known), kind, message: failure.message, failures })
    }
    this.#supervisor?.send({ type: 'dueChanged' })
  }

  #conclude(known: Known, outcome: Outcome, failures: number, isByAnswer: boolean): void {
    const { agenda, leftOut, memory, removals, report } = this.#options
    memory.delete(known.id)
    if (!isByAnswer && outcome !== 'released') leftOut.remember(known)
    this.#departed.add(known.id)
    removals.drop(known.id)
    removals.end(known.id)
    this.#removing.delete(known.id)
    this.#isWell(known)
    this.#stop(known)
    if (outcome === 'removed') {
      report({ type: 'removed', ...about(known), confirmedBy: isByAnswer ? 'answer' : 'look', failures })
    } else {
      report({ type: outcome, ...about(known) })
    }
    if (outcome !== 'removed' || !known.summary.networkMode.startsWith('container:')) return
    // Its holder may dangle now that its last guest is gone.
    agenda.wish('soon')
    this.#supervisor?.send({ type: 'lookAsked' })
  }

  #isWell(known: Known): void {
    known.isStuck = false
    known.hasFailed = false
    if (this.#failing.delete(known.id) && this.#failing.size === 0) {
      this.#supervisor?.send({ type: 'troubleOver', about: 'removal' })
    }
  }

  /** A fault in a child stays its own: it is told, and the next look starts the actor anew with all that is known. */
  #contain(id: ContainerId, error: unknown): void {
    const known = this.#options.memory.get(id)
    if (!known) return
    this.#options.removals.drop(id)
    this.#options.removals.end(id)
    this.#removing.delete(id)
    this.#stop(known)
    this.#faultedSinceLook = true
    const message = `container ${id.slice(0, 12)}: ${messageOf(error)}`
    this.#supervisor?.send({ type: 'troubleMet', about: 'fault', kind: 'fault', message })
    this.#supervisor?.send({ type: 'placeFreed' })
  }
}

const childError = 'xstate.error.actor.'
