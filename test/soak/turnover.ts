import { pino } from 'pino'
import type { ContainerSummary } from '../../src/domain/container.ts'
import { type EventName, eventNames } from '../../src/domain/events.ts'
import type { ContainerId } from '../../src/domain/ids.ts'
import { createReconcilerIn, type Reconciler } from '../../src/reconciler.ts'
import { Random } from '../simulation/random.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { fakeId, ownerLabel, ownerValue } from '../support/fake-engine.ts'
import { noSelf } from '../support/self-tests.ts'
import { summary } from '../support/summary.ts'
import { type Census, CensusTaker } from './census.ts'
import { SoakEngine, type RemovalFault } from './engine.ts'
import { type Fate, fates, type Stage } from './fates.ts'
import type { Bounds } from './flatness.ts'

/** What may grow in a correct Flotsam, once all but the residents have gone. */
export const bounds: Bounds = {
  // Measured: about 1. XState's table of event types alone would be 500, a forgotten 64-digit id 80.
  bytesPerContainer: 20,
  drift: {
    // Rare events are met for the first time late; there are some 30 state nodes and some 30 types of events.
    'xstate: remembered event types': 60,
    // An actor that has just ended may still be in a microtask's hands.
    'live actors': 8,
    'live abort signals': 8,
    'live sockets': 0,
    // Node's own, of the test runner or the terminal.
    'active timers': 2,
    // Residents that are stuck wait for their next attempt, or do not.
    'xstate: registered actors': 8,
  },
  otherwise: 1,
}

const roundMs = 10_000
/** How many rounds it may take until all that can go has gone: a stuck queue would never get there. */
const mostCalmRounds = 120
const residentsOfASort = 20

export interface TurnoverOptions {
  /** How many containers there are at a time. */
  readonly population: number
  readonly seed?: number
  /** Called with each new container: where a leak can be planted, to see it found. */
  readonly plant?: ((id: ContainerId, turnover: Turnover) => void) | undefined
}

/** A reconciler and its world in one process on a driven clock, in which containers come and go in every possible way. */
export class Turnover implements Stage {
  readonly clock: FakeClock = createFakeClock()
  readonly engine = new SoakEngine(this.clock)
  readonly reconciler: Reconciler
  readonly random: Random
  readonly reported = new Map<EventName, number>()
  born = 0
  #round = 0
  readonly #population: number
  readonly #plant: TurnoverOptions['plant']
  readonly #acts = new Map<number, (() => void)[]>()
  readonly #tracked = new Set<string>()
  readonly #vetoed = new Set<string>()
  readonly #census: CensusTaker
  #residents = 0

  constructor({ population, seed = 1, plant }: TurnoverOptions) {
    this.#population = population
    this.#plant = plant
    this.random = new Random(seed)
    this.reconciler = createReconcilerIn(
      {
        clock: this.clock,
        engine: this.engine,
        random: () => this.random.next(),
        self: async () => noSelf,
      },
      {
        owner: { label: ownerLabel, value: ownerValue },
        tracked: { has: (id) => this.#isTracked(id) },
        beforeRemove: ({ id }) => this.#isApproved(id),
        logger: pino({ level: 'info' }, { write: () => {} }),
        period: '10s',
        creationGrace: '15s',
        restoreGrace: '0s',
        releaseGrace: '5s',
        recoveryGrace: '10s',
        // A listing that leaves out what we have just ended makes us forget that it was us.
        states: ['running', 'paused', 'exited'],
        stopTimeout: '1s',
        maxConcurrentRemovals: 20,
        maxRemovalsPerScan: 1000,
      },
    )
    for (const name of eventNames)
      this.reconciler.on(name, () => this.reported.set(name, (this.reported.get(name) ?? 0) + 1))
    this.engine.images.set('sha256:busybox', {})
    this.#settleResidents()
    this.#census = new CensusTaker(this.reconciler, () => this.#ownCounts())
    this.reconciler.start()
  }

  /** How many containers have come and gone. */
  get gone(): number {
    return this.born - this.engine.bodies.size + this.#residents
  }

  async liveUntil(gone: number): Promise<void> {
    let before = this.gone
    for (let idleRounds = 0; this.gone < gone; before = this.gone) {
      await this.#liveRound()
      idleRounds = this.gone > before ? 0 : idleRounds + 1
      if (idleRounds > mostCalmRounds) await this.#complain()
    }
  }

  /** Lets everything that can go leave, and counts. */
  async takeCensus(): Promise<Census> {
    await this.#calm()
    const census = await this.#census.take(this.gone)
    this.engine.mostSignalListeners = 0
    return census
  }

  async stop(): Promise<void> {
    const stopped = this.reconciler.stop()
    await this.clock.advance(10_000)
    await stopped
    this.#census.close()
  }

  later(rounds: number, act: () => void): void {
    const at = this.#round + rounds
    const acts = this.#acts.get(at)
    if (acts) acts.push(act)
    else this.#acts.set(at, [act])
  }

  track(id: ContainerId): void {
    this.#tracked.add(id)
  }

  letGo(id: ContainerId): void {
    this.#tracked.delete(id)
  }

  veto(id: ContainerId, isVetoed: boolean): void {
    if (isVetoed) this.#vetoed.add(id)
    else this.#vetoed.delete(id)
  }

  change(id: ContainerId, fields: Partial<ContainerSummary>): void {
    this.engine.change(id, fields)
  }

  takeAway(id: ContainerId): void {
    this.engine.takeAway(id)
  }

  addImage(id: string, labels: Readonly<Record<string, string>>): void {
    this.engine.images.set(id, labels)
  }

  bear(
    fields: Partial<ContainerSummary>,
    faults: readonly RemovalFault[] = [],
    isStuck = false,
  ): ContainerId {
    this.born++
    const id = fakeId(this.born)
    const body = summary({ id, name: `task-${this.born}`, createdAtMs: this.engine.nowMs, ...fields })
    this.engine.put({ summary: body, faults: [...faults], isStuck })
    return id
  }

  #live({ fields = {}, faults = [], live }: Fate): void {
    const id = this.bear(fields, faults)
    live?.(this, id)
    this.#plant?.(id, this)
  }

  async #liveRound(): Promise<void> {
    this.#disturb()
    while (this.engine.bodies.size < this.#population) this.#live(this.random.weighted(fates))
    if (this.#round % 5 === 0) await this.#beUsed()
    await this.#passRound()
  }

  async #passRound(): Promise<void> {
    await this.clock.advance(roundMs)
    this.#round++
    const acts = this.#acts.get(this.#round)
    this.#acts.delete(this.#round)
    for (const act of acts ?? []) act()
  }

  /** Everything that goes wrong now and then with an engine, its network and the process. */
  #disturb(): void {
    const { engine, clock } = this
    const during = (rounds: number, begin: () => void, end: () => void) => {
      begin()
      this.later(rounds, end)
    }
    const recover = () => void (engine.condition = 'up')
    switch (this.#round % 60) {
      case 5:
        return during(2, () => (engine.cutStreams(), void (engine.condition = 'down')), recover)
      case 15:
        return during(2, () => void (engine.condition = 'wedged'), recover)
      case 22:
        return during(1, () => void (engine.condition = 'misshapen'), recover)
      case 34:
        return clock.jumpWall(5000)
      case 40:
        return during(
          1,
          () => void (engine.isHidden = (id) => id.endsWith('3')),
          () => void (engine.isHidden = () => false),
        )
      case 46:
        return during(
          6,
          () => void (engine.clockOffsetMs = 3_600_000),
          () => void (engine.clockOffsetMs = 0),
        )
      case 56:
        return engine.cutStreams()
      default:
    }
  }

  /** What an agent asks of its reconciler now and then. */
  async #beUsed(): Promise<void> {
    const subscriptions = eventNames.map((name) => this.reconciler.on(name, () => {}))
    const [id] = this.engine.bodies.keys()
    const answers = Promise.allSettled([
      this.reconciler.scan(),
      ...(id === undefined ? [] : [this.reconciler.explain(id)]),
    ])
    if (this.#round % 60 === 30) await this.clock.stall(4000)
    await this.clock.advance(1000)
    this.reconciler.status()
    for (const subscription of subscriptions) subscription.unsubscribe()
    if (this.engine.condition === 'up') await answers
  }

  async #calm(): Promise<void> {
    for (let rounds = 0; rounds < mostCalmRounds; rounds++) {
      const isCalm = this.#acts.size === 0 && this.engine.bodies.size === this.#residents
      if (isCalm && this.reconciler.status().containers.total === this.#ownedResidents) break
      await this.#passRound()
    }
    // And whatever still has to settle after the last of them.
    for (let rounds = 0; rounds < 6; rounds++) await this.#passRound()
    if (this.engine.bodies.size !== this.#residents) await this.#complain()
  }

  async #complain(): Promise<never> {
    const left = [...this.engine.bodies.values()].slice(this.#residents)
    const stories = await Promise.all(
      left.slice(0, 5).map(async ({ summary, faults }) => {
        const { verdict, reason } = await this.reconciler.explain(summary.id)
        return `${JSON.stringify(summary)} ${faults.join()} is ${verdict}: ${reason}`
      }),
    )
    throw new Error(`${left.length} containers stay that should have gone: ${stories.join('; ')}`)
  }

  /** Some that stay for the whole run, in each of the ways in which one can stay. */
  #settleResidents(): void {
    for (let count = 0; count < residentsOfASort; count++) {
      this.track(this.bear({}))
      this.bear({ labels: { [ownerLabel]: ownerValue, 'flotsam.keep': '' } })
      this.bear({ labels: { app: 'database' } })
      this.bear({}, [], true)
    }
    this.#residents = this.engine.bodies.size
  }

  get #ownedResidents(): number {
    return 3 * residentsOfASort
  }

  /** An agent that keeps part of what it knows elsewhere answers later. */
  #isTracked(id: string): boolean | Promise<boolean> {
    const isTracked = this.#tracked.has(id)
    return id.endsWith('5') ? Promise.resolve(isTracked) : isTracked
  }

  async #isApproved(id: string): Promise<boolean> {
    if (id.endsWith('9') && this.#vetoed.has(id)) throw new Error('the hook failed')
    return !this.#vetoed.has(id)
  }

  #ownCounts(): Record<string, number> {
    const status = this.reconciler.status()
    return {
      'timers on the clock': this.clock.pendingTimers,
      'streams of events': this.engine.openStreams,
      'listeners of one signal, at most': this.engine.mostSignalListeners,
      'known containers': status.containers.total,
      'stuck containers': status.stuck.length,
      'removals queued': status.removals.queued,
      'removals under way': status.removals.underWay.length,
    }
  }
}
