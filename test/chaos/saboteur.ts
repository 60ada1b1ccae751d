import { setTimeout as elapse } from 'node:timers/promises'
import type { RealEngine } from '../support/real-engine.ts'
import type { Journal } from './journal.ts'
import type { Sabotage, Victim } from './plan.ts'
import type { FaultProxy } from './proxy.ts'
import type { Standstills } from './standstills.ts'
import { inspectedIn, type RequestHead } from './wire.ts'

type EngineSabotage = Exclude<Sabotage, { kind: 'proxy' | 'standstill' }>

export interface SaboteurOptions {
  readonly engine: RealEngine
  readonly proxy: FaultProxy
  readonly journal: Journal
  readonly standstills: Standstills
  /** The engine may be ending what it runs: called before and after that. */
  readonly onEngineEnd: () => void
}

/** Applies the planned faults to the engine and the connection, one at a time on the engine itself. */
export class Saboteur {
  /** How often each kind of fault of the engine or the process itself happened; the proxy counts its own. */
  readonly done = new Map<string, number>()
  readonly #options: SaboteurOptions
  #engineWork: Promise<void> = Promise.resolve()
  #failure: Error | undefined

  constructor(options: SaboteurOptions) {
    this.#options = options
  }

  act(act: Sabotage): void {
    if (act.kind === 'proxy') this.#onProxy(act)
    else if (act.kind === 'standstill') this.#standStill(act.ms)
    else {
      this.#engineWork = this.#engineWork
        .then(() => this.#onEngine(act))
        .catch((error: unknown) => {
          this.#failure ??= new Error('the engine could not be led through it', { cause: error })
        })
    }
  }

  /** Ends every fault; rejects if the engine did not come back. */
  async end(): Promise<void> {
    await this.#engineWork
    this.#options.proxy.heal()
    if (this.#failure !== undefined) throw this.#failure
    this.#note('is done: the engine and the way to it are well')
  }

  #onProxy({ fault, victim, ms }: Extract<Sabotage, { kind: 'proxy' }>): void {
    this.#note(`${victim}: ${JSON.stringify(fault)} for ${ms} ms`)
    const untilMs = performance.now() + ms
    let hasStruck = false
    const strikes = (head: RequestHead) => {
      // if none came in time, it waits for one
      const isStruck = strikesOf[victim](head) && (!hasStruck || performance.now() < untilMs)
      hasStruck ||= isStruck
      return isStruck
    }
    this.#options.proxy.arm(fault, strikes, victim === 'removal' ? 1 : undefined)
  }

  #standStill(ms: number): void {
    this.#note(`the process stands still for ${ms} ms`)
    this.#options.standstills.standStill(ms)
    this.#count('standstill')
    this.#note('the process goes on')
  }

  async #onEngine(act: EngineSabotage): Promise<void> {
    this.#note(`${act.kind} for ${act.ms} ms`)
    const endsAll = act.kind === 'kill' || act.kind === 'restart'
    if (endsAll) this.#options.onEngineEnd()
    await this.#lead(act)
    if (endsAll) this.#options.onEngineEnd()
    this.#count(act.kind)
    this.#note(`${act.kind} is over`)
  }

  async #lead({ kind, ms }: EngineSabotage): Promise<void> {
    const { engine, proxy } = this.#options
    switch (kind) {
      case 'freeze':
        await engine.freeze()
        await elapse(ms)
        return engine.thaw()
      case 'kill':
        await engine.kill()
        await elapse(ms)
        return engine.restart()
      case 'restart':
        return engine.restart()
      case 'away':
        await proxy.goAway()
        await elapse(ms)
        return proxy.comeUp()
    }
  }

  #count(kind: Sabotage['kind']): void {
    this.done.set(kind, (this.done.get(kind) ?? 0) + 1)
  }

  #note(text: string): void {
    this.#options.journal.note('saboteur', text)
  }
}

const isRemoval = ({ method, path }: RequestHead) => method === 'DELETE' && path.startsWith('/containers/')
const isCreation = ({ path }: RequestHead) => path === '/containers/create' || path.endsWith('/start')

const strikesOf: Readonly<Record<Victim, (head: RequestHead) => boolean>> = {
  // the agent's own requests have their own ways to fail
  everything: (head) => !isCreation(head),
  listing: ({ path }) => path === '/containers/json',
  inspection: ({ method, path }) => inspectedIn(method, path) !== undefined,
  removal: isRemoval,
}
