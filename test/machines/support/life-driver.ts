import { expect } from 'vitest'
import type { AnyActorRef, InspectionEvent } from 'xstate'

import { EngineError, type FailureKind } from '../../../src/errors.ts'
import type { ContainerId } from '../../../src/ids.ts'
import { verdictLifeMs } from '../../../src/supervision/verdict-window.ts'
import { ownerLabel, ownerValue } from '../../support/fake-engine.ts'
import { createHarness } from '../../support/harness.ts'
import { type ContainerSnapshot, stateOf } from './container-chart.ts'
import type { LifeEvent, LifeState, Wishes } from './life-model.ts'

/** Where a container's own chart stands when somebody outside would say this of it. */
export const stateOfChart: Record<LifeState, string | undefined> = {
  'not begun': undefined,
  graced: 'graced',
  tracked: 'classified.tracked',
  spared: 'classified.spared',
  withheld: 'classified.withheld',
  queued: 'classified.queued',
  'asking the hook': 'removing.consulting',
  ending: 'removing.ending',
  deleting: 'removing.deleting',
  unsettled: 'removing.confirming',
  failed: 'removing.backingOff',
  'waiting for the engine': 'removing.waitingForEngine',
  gone: 'gone',
}

const graceMs = 600_000
const periodMs = 720_000
const oldMs = 7_200_000
const keep = 'flotsam.keep'
const ours = { [ownerLabel]: ownerValue }

interface Pending<T> {
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
}

/** Drives a whole reconciler through one container's life, by the world alone. */
export class LifeDriver {
  readonly #harness: ReturnType<typeof createHarness>
  readonly #pending = new Map<string, Pending<never>>()
  readonly #rival: ContainerId
  #id: ContainerId | undefined
  #actor: AnyActorRef | undefined
  #lookedAtMs = 0
  #labelsAtLook: Readonly<Record<string, string>> = {}
  #isDown = false
  #retryInMs = 0
  /** What was asked of the engine although a rule forbids it. */
  readonly breaches: string[] = []

  constructor({ hasHook, endsGracefully, dryRun }: Wishes, inspect: (event: InspectionEvent) => void) {
    const harness = createHarness({
      period: periodMs,
      creationGrace: graceMs,
      releaseGrace: graceMs,
      recoveryGrace: graceMs,
      maxConcurrentRemovals: 1,
      states: ['running', 'exited'],
      dryRun,
      ...(endsGracefully ? { stopTimeout: '10s' } : {}),
      ...(hasHook ? { beforeRemove: ({ id }) => id === this.#rival || this.#answerLater('hook') } : {}),
      inspect: (event) => {
        if (event.type === '@xstate.actor' && 'id' in event.actorRef && event.actorRef.id === this.#id) {
          this.#actor = event.actorRef as AnyActorRef
        }
        inspect(event)
      },
    })
    this.#harness = harness
    const { clock, engine, reconciler } = harness
    this.#rival = engine.add({ name: 'rival', ageMs: oldMs, labels: { ...ours, [keep]: '' } }).id
    reconciler.on('looked', () => {
      this.#lookedAtMs = clock.now()
      this.#labelsAtLook = { ...(this.#id && engine.containers.get(this.#id)?.labels) }
    })
    reconciler.on('removeFailed', (event) => (this.#retryInMs = event.retryInMs))
    engine.fault = (verb, id) => {
      if (verb === 'list') return this.#isDown ? 'unavailable' : undefined
      if (verb !== 'remove' && verb !== 'stop') return undefined
      if (id === this.#id) {
        this.#checkRules(verb, this.#knownId)
        return () => this.#answerLater(verb)
      }
      return verb === 'remove' ? () => this.#answerLater('rival') : undefined
    }
  }

  get state(): string | undefined {
    return this.#actor && stateOf(this.#actor.getSnapshot() as ContainerSnapshot)
  }

  /** How the container ended, in the words of the events; empty while it has not. */
  get endings(): readonly string[] {
    const { events } = this.#harness
    const endings = ['removed', 'vanished', 'released', 'crashed']
    return events
      .filter((event) => endings.includes(event.type) && (!('id' in event) || event.id === this.#id))
      .map(({ type }) => type)
  }

  sent(verb: 'remove' | 'stop'): number {
    return this.#id === undefined ? 0 : this.#harness.engine.count(verb, this.#id)
  }

  get container() {
    const container = this.#id && this.#harness.engine.containers.get(this.#id)
    if (!container) throw new Error('there is no such container now')
    return container
  }

  get #knownId(): ContainerId {
    if (this.#id === undefined) throw new Error('no container was made yet')
    return this.#id
  }

  readonly does: Record<LifeEvent['type'], () => void | Promise<void>> = {
    'start with a young one': () => this.#start(0),
    'start with an old one': () => this.#start(oldMs),
    'start with a tracked one': () => this.#start(oldMs, { isTracked: true }),
    'agent adopts it': () => void this.#harness.tracked.add(this.#knownId),
    'agent lets it go': () => void this.#harness.tracked.delete(this.#knownId),
    'owner puts the keep label on it': () => void (this.container.labels = { ...ours, [keep]: 'yes' }),
    'owner takes the keep label off': () => void (this.container.labels = { ...ours }),
    'somebody removes it': () => void this.#harness.engine.containers.delete(this.#knownId),
    'somebody takes the owner label off': () => void (this.container.labels = {}),
    look: () => this.#look(),
    'graces end': () => this.#passAndLook(graceMs + 1000),
    'graces end while another has the place': async () => {
      await this.#harness.clock.advance(graceMs - 1000)
      this.#harness.engine.containers.get(this.#rival)!.labels = { ...ours }
      await this.#harness.clock.advance(2000)
    },
    'the other gives its place back': () => this.#answer('rival'),
    'the other takes too long': () => this.#harness.clock.advance(6000),
    'engine fails': async () => {
      this.#isDown = true
      await expect(this.#look()).rejects.toMatchObject({ kind: 'unavailable' })
    },
    'engine returns': () => {
      this.#isDown = false
      return this.#look()
    },
    'process stalls': () => this.#harness.clock.stall(10_000),
    'verdict ages': () => this.#harness.clock.advance(verdictLifeMs + 1000),
    'hook approves': () => this.#answer('hook', true),
    'hook refuses': () => this.#answer('hook', false),
    'hook says nothing': () => this.#harness.clock.advance(60_000),
    'refusal expires': () => this.#passAndLook(periodMs + 1000),
    'stop: done': () => {
      this.container.state = 'exited'
      return this.#answer('stop')
    },
    'stop: refused': () => this.#fail('stop', 'refused'),
    'stop: timed out': () => this.#fail('stop', 'timed-out'),
    'stop: not found': () => this.#fail('stop', 'gone'),
    'DELETE: done': () => {
      this.#harness.engine.containers.delete(this.#knownId)
      return this.#answer('remove')
    },
    'DELETE: not found': () => this.#fail('remove', 'gone'),
    'DELETE: in progress': () => this.#fail('remove', 'in-progress'),
    'DELETE: refused': () => this.#fail('remove', 'refused'),
    'DELETE: timed out': () => this.#fail('remove', 'timed-out'),
    'DELETE: cut off': () => this.#fail('remove', 'unavailable'),
    'retry is due': () => this.#harness.clock.advance(this.#retryInMs + 1000),
  }

  async #start(ageMs: number, { isTracked = false } = {}): Promise<void> {
    const { clock, engine, reconciler, tracked } = this.#harness
    this.#id = engine.add({ name: 'subject', ageMs }).id
    if (isTracked) tracked.add(this.#id)
    reconciler.start()
    await clock.advance(1)
  }

  async #look(): Promise<void> {
    const looking = this.#harness.reconciler.look()
    const [looked] = await Promise.allSettled([looking, this.#harness.clock.advance(2)])
    if (looked.status === 'rejected') throw looked.reason
  }

  async #passAndLook(ms: number): Promise<void> {
    await this.#harness.clock.advance(ms)
    await this.#look()
  }

  #answerLater(what: string): Promise<never> {
    return new Promise((resolve, reject) => this.#pending.set(what, { resolve, reject }))
  }

  async #answer(what: string, value?: unknown): Promise<void> {
    this.#take(what).resolve(value as never)
    await this.#harness.clock.settle()
  }

  async #fail(what: string, kind: FailureKind): Promise<void> {
    this.#take(what).reject(new EngineError(kind, `${what}: ${kind}`))
    await this.#harness.clock.settle()
  }

  #take(what: string): Pending<never> {
    const pending = this.#pending.get(what)
    if (!pending) throw new Error(`nobody waits for an answer to ${what}`)
    this.#pending.delete(what)
    return pending
  }

  #checkRules(verb: string, id: ContainerId): void {
    const { clock, tracked } = this.#harness
    const labels = this.#labelsAtLook
    if (tracked.has(id)) this.breaches.push(`fresh-look: ${verb} of a tracked container`)
    if (this.#isDown) this.breaches.push(`survives-outage: ${verb} while the engine is down`)
    if (clock.now() - this.#lookedAtMs > verdictLifeMs)
      this.breaches.push(`fresh-look: ${verb} on an expired verdict`)
    if (this.#pending.has(verb)) this.breaches.push(`a second ${verb} while the first is out`)
    if (labels[ownerLabel] !== ownerValue) this.breaches.push(`owned-only: ${verb} of a foreign container`)
    if (keep in labels) this.breaches.push(`protected: ${verb} of a kept container`)
  }
}
