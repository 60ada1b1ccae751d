import { Agent } from 'node:http'
import Dockerode from 'dockerode'
import { createReconciler, type Reconciler } from '../../src/reconciler.ts'
import { createEmbeddedEngine, type EmbeddedEngine } from '../../src/testing/index.ts'
import { Random } from '../simulation/random.ts'
import { ownerLabel, ownerValue } from '../support/fake-engine.ts'
import { type Census, CensusTaker, listenersOf } from './census.ts'
import type { Bounds } from './flatness.ts'

/** The same as in one process, where sockets and Node's own timers come and go as well. */
export const httpBounds: Bounds = {
  // Over some thousands of containers Node's own caches, and code that is compiled late, weigh more on each.
  bytesPerContainer: 200,
  drift: {
    'xstate: remembered event types': 60,
    'live actors': 8,
    'live abort signals': 20,
    // A connection that is kept, or one that is just closing.
    'live sockets': 8,
    'active sockets': 4,
    'active timers': 4,
  },
  otherwise: 2,
}

/** By an address, as most do, each request has a connection of its own; an instance of dockerode may keep them. */
export type Connection = 'address' | 'instance'

export interface OverHttpOptions {
  readonly population: number
  readonly connection: Connection
  readonly seed?: number
}

const tickMs = 200

/** A reconciler that scans the embedded engine over a real unix socket, in real time. */
export class OverHttp {
  born = 0
  removed = 0
  readonly engine: EmbeddedEngine = createEmbeddedEngine({ requestLimit: 100 })
  readonly #random: Random
  readonly #population: number
  readonly #tracked = new Map<string, number>()
  readonly #agent: Agent | undefined
  readonly #modem: { readonly modem: object } | undefined
  readonly #reconciler: Reconciler
  readonly #census: CensusTaker
  #tick = 0

  static async begin(options: OverHttpOptions): Promise<OverHttp> {
    const engine = createEmbeddedEngine({ requestLimit: 100 })
    return new OverHttp(options, engine, await engine.listen())
  }

  private constructor(
    { population, connection, seed = 1 }: OverHttpOptions,
    engine: EmbeddedEngine,
    address: string,
  ) {
    this.engine = engine
    this.#population = population
    this.#random = new Random(seed)
    if (connection === 'instance') {
      this.#agent = new Agent({ keepAlive: true, maxSockets: 8 })
      const socketPath = address.slice('unix://'.length)
      this.#modem = new Dockerode({ socketPath, agent: this.#agent } as Dockerode.DockerOptions)
    }
    this.#reconciler = createReconciler({
      owner: { label: ownerLabel, value: ownerValue },
      tracked: this.#tracked,
      engine: (this.#modem as Dockerode | undefined) ?? address,
      period: '1s',
      creationGrace: '1s',
      restoreGrace: '0s',
      releaseGrace: '500ms',
      recoveryGrace: '500ms',
      allowShortGrace: true,
      backoff: { min: '100ms', max: '200ms' },
      maxConcurrentRemovals: 8,
      maxRemovalsPerScan: 500,
    })
    this.#reconciler.on('removed', () => void this.removed++)
    this.#census = new CensusTaker(this.#reconciler, () => this.#ownCounts())
    this.#reconciler.start()
  }

  get gone(): number {
    return this.born - this.engine.containers.size
  }

  async liveUntil(gone: number): Promise<void> {
    while (this.gone < gone) {
      while (this.engine.containers.size < this.#population) this.#bear()
      this.#finishTasks(this.#tick)
      await this.#disturb()
      await this.#passTick()
    }
  }

  async takeCensus(): Promise<Census> {
    this.#finishTasks(Infinity)
    for (let ticks = 0; this.engine.containers.size > 0; ticks++) {
      if (ticks > 300) throw new Error(`${this.engine.containers.size} containers stay that should have gone`)
      await this.#passTick()
    }
    // Connections end a little later than their answers, and the next scan finds that all are gone.
    for (let ticks = 0; ticks < 15; ticks++) await this.#passTick()
    return this.#census.take(this.gone)
  }

  async stop(): Promise<void> {
    await this.#reconciler.stop()
    this.#census.close()
    this.#agent?.destroy()
    await this.engine.close()
  }

  async #disturb(): Promise<void> {
    const { faults } = this.engine
    switch (this.#tick % 40) {
      case 15:
        await this.engine.goDown()
        await this.#passTick()
        return this.engine.comeUp()
      case 25:
        return void faults.add({ kind: 'cut-json', path: '/containers/json', count: 1 })
      case 30:
        return void faults.add({ kind: 'close', method: 'DELETE', count: 2 })
      case 35:
        return void faults.add({ kind: 'error', method: 'DELETE', status: 500, message: 'busy', count: 5 })
      default:
    }
  }

  #bear(): void {
    this.born++
    const isForeign = this.#random.chance(0.05)
    const id = this.engine.containers.create({
      labels: isForeign ? { app: 'database' } : { [ownerLabel]: ownerValue },
      status: this.#random.chance(0.05) ? 'paused' : 'running',
    })
    if (isForeign || this.#random.chance(0.3)) this.#tracked.set(id, this.#tick + this.#random.between(1, 15))
  }

  /** Half of what the agent knows it removes itself; the rest it forgets. */
  #finishTasks(byTick: number): void {
    for (const [id, endsTick] of this.#tracked) {
      if (endsTick > byTick) continue
      this.#tracked.delete(id)
      const isForeign = this.engine.containers.get(id)?.labels[ownerLabel] === undefined
      if (this.engine.containers.get(id) && (isForeign || this.#random.chance(0.5)))
        this.engine.containers.remove(id)
    }
  }

  async #passTick(): Promise<void> {
    this.#tick++
    await new Promise<void>((resolve) => setTimeout(resolve, tickMs))
  }

  #ownCounts(): Record<string, number> {
    const sockets = (table: NodeJS.ReadOnlyDict<readonly unknown[]>) =>
      Object.values(table).reduce((sum, all) => sum + (all?.length ?? 0), 0)
    const status = this.#reconciler.status()
    const counts = {
      'known containers': status.containers.total,
      'removals under way': status.removals.underWay.length,
      'requests without an answer': [...this.engine.requests].filter(
        ({ status, path }) => status === undefined && path !== '/events',
      ).length,
    }
    if (!this.#agent || !this.#modem) return counts
    return {
      ...counts,
      "the agent's sockets": sockets(this.#agent.sockets),
      "the agent's requests": sockets(this.#agent.requests),
      'listeners on the agent': listenersOf(this.#agent),
    }
  }
}
