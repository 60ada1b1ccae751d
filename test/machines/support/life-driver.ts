import { expect } from 'vitest'
import type { AnyActorRef, InspectionEvent } from 'xstate'
import { slotTimeMs } from '../../../machines/container.machine.ts'
import { askPauseMs } from '../../../machines/scan-pace.ts'
import { verdictLifeMs } from '../../../machines/supervisor.machine.ts'
import { EngineError, type FailureKind } from '../../../src/domain/errors.ts'
import type { ContainerId } from '../../../src/domain/ids.ts'
import { ownerLabel, ownerValue } from '../../support/fake-engine.ts'
import { createHarness } from '../../support/harness.ts'
import { type ContainerSnapshot, stateOf } from './container-chart.ts'
import type { LifeEvent, LifeState, Wishes } from './life-model.ts'

/** The states of a container's chart that correspond to each state seen from outside; undefined where it does not matter. */
export const stateOfChart: Record<LifeState, string | undefined> = {
  'not begun': undefined,
  graced: 'graced',
  tracked: 'classified.tracked',
  spared: 'classified.spared',
  withheld: 'classified.withheld',
  queued: 'classified.queued',
  'asking the hook': 'askingHook',
  ending: 'stopping',
  deleting: 'deleting',
  unsettled: 'removing.confirming',
  failed: 'removing.backingOff',
  gone: 'gone',
}

/** What can be seen from outside of where a chart stands: not which slot it holds, nor what it waits for. */
function seenFromOutside(state: string): string {
  return state
    .replace(/\+(taken|overdue)$/, '')
    .replace(/^graced\..*|^(classified\.spared|removing\.backingOff)\..*/, (_, kept) => kept ?? 'graced')
    .replace('queuedAgain', 'queued')
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
  #scannedAtMs = 0
  #labelsAtScan: Readonly<Record<string, string>> = {}
  #isDown = false
  #retryInMs = 0
  /** Since when another removal has the only slot. */
  #rivalSinceMs = 0
  /** What was asked of the engine although a rule forbids it. */
  readonly breaches: string[] = []

  constructor({ hasHook, stopsGracefully, dryRun }: Wishes, inspect: (event: InspectionEvent) => void) {
    const harness = createHarness({
      period: periodMs,
      creationGrace: graceMs,
      releaseGrace: graceMs,
      recoveryGrace: graceMs,
      maxConcurrentRemovals: 1,
      states: ['running', 'exited'],
      dryRun,
      ...(stopsGracefully ? { stopTimeout: '10s' } : {}),
      ...(hasHook ? { beforeRemove: ({ id }) => id === this.#rival || this.#answerLater('hook') } : {}),
      inspect: (event) => {
        if (event.type === '@xstate.actor' && 'id' in event.actorRef && event.actorRef.id === this.#actorId) {
          this.#actor = event.actorRef as AnyActorRef
        }
        inspect(event)
      },
    })
    this.#harness = harness
    const { clock, engine, reconciler } = harness
    // The map is of what scans find. What is asked between them has its own tests.
    const { setTimeout } = clock
    clock.setTimeout = (run, delayMs) => (delayMs === askPauseMs(0) ? undefined : setTimeout(run, delayMs))
    this.#rival = engine.add({ name: 'rival', ageMs: oldMs, labels: { ...ours, [keep]: '' } }).id
    reconciler.on('scanned', () => {
      this.#scannedAtMs = clock.now()
      this.#labelsAtScan = { ...(this.#id && engine.containers.get(this.#id)?.labels) }
    })
    reconciler.on('removeFailed', (event) => (this.#retryInMs = event.retryInMs))
    engine.fault = (verb, id) => {
      if (verb === 'list') return this.#isDown ? 'unavailable' : undefined
      if (verb !== 'remove' && verb !== 'stop') return undefined
      if (id === this.#id) {
        this.#checkRules(verb, this.#knownId)
        return () => this.#answerLater(verb)
      }
      if (verb !== 'remove') return undefined
      this.#rivalSinceMs = clock.now()
      return () => this.#answerLater('rival')
    }
  }

  get state(): string | undefined {
    return this.#actor && seenFromOutside(stateOf(this.#actor.getSnapshot() as ContainerSnapshot))
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

  get #actorId(): string {
    return `subject ${this.#id?.slice(0, 12)}`
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
    'another client removes it': () => void this.#harness.engine.containers.delete(this.#knownId),
    'the owner label is taken off': () => void (this.container.labels = {}),
    scan: () => this.#scan(),
    'graces end': () => this.#passAndScan(graceMs + 1000),
    'graces end while another has the slot': async () => {
      await this.#harness.clock.advance(graceMs - 1000)
      this.#harness.engine.containers.get(this.#rival)!.labels = { ...ours }
      await this.#harness.clock.advance(2000)
    },
    'the other releases its slot': () => this.#answer('rival'),
    'the other takes too long': () =>
      this.#passAndScan(this.#rivalSinceMs + slotTimeMs - this.#harness.clock.now()),
    'engine fails': async () => {
      this.#isDown = true
      await expect(this.#scan()).rejects.toMatchObject({ kind: 'unavailable' })
    },
    'engine returns': () => {
      this.#isDown = false
      return this.#scan()
    },
    'process stalls': () => this.#harness.clock.stall(10_000),
    'verdict ages': () => this.#harness.clock.advance(verdictLifeMs + 1000),
    'hook approves': () => this.#answer('hook', true),
    'hook refuses': () => this.#answer('hook', false),
    'hook says nothing': () => this.#harness.clock.advance(60_000),
    'refusal expires': () => this.#passAndScan(periodMs + 1000),
    'stop: done': () => {
      this.container.state = 'exited'
      return this.#answer('stop')
    },
    'stop: refused': () => this.#fail('stop', 'refused'),
    'stop: timed out': () => this.#fail('stop', 'timed-out'),
    'stop: cut off': () => this.#fail('stop', 'unavailable'),
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

  async #scan(): Promise<void> {
    const scanning = this.#harness.reconciler.scan()
    const [scanned] = await Promise.allSettled([scanning, this.#harness.clock.advance(2)])
    if (scanned.status === 'rejected') throw scanned.reason
  }

  async #passAndScan(ms: number): Promise<void> {
    await this.#harness.clock.advance(ms)
    await this.#scan()
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
    if (!pending) throw new Error(`no answer is awaited to ${what}`)
    this.#pending.delete(what)
    return pending
  }

  #checkRules(verb: string, id: ContainerId): void {
    const { clock, tracked } = this.#harness
    const labels = this.#labelsAtScan
    if (tracked.has(id)) this.breaches.push(`fresh-scan: ${verb} of a tracked container`)
    if (this.#isDown) this.breaches.push(`survives-outage: ${verb} while the engine is down`)
    if (clock.now() - this.#scannedAtMs > verdictLifeMs)
      this.breaches.push(`fresh-scan: ${verb} on an expired verdict`)
    if (this.#pending.has(verb)) this.breaches.push(`a second ${verb} while the first is out`)
    if (labels[ownerLabel] !== ownerValue) this.breaches.push(`owned-only: ${verb} of a foreign container`)
    if (keep in labels) this.breaches.push(`protected: ${verb} of a kept container`)
  }
}
