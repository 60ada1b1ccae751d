import { setTimeout as elapse } from 'node:timers/promises'

import { Random } from '../simulation/random.ts'
import type { EngineKind } from '../support/engine-availability.ts'
import { type RealEngine, startDockerd, startPodman } from '../support/real-engine.ts'
import { type Account, accountOf, isHolderOfCaredFor } from './account.ts'
import { ChaosAgent } from './agent.ts'
import { beginLife, type Life, type Tally } from './flotsam-life.ts'
import { idle } from './idleness.ts'
import { Journal, short } from './journal.ts'
import { labelsOf } from './labels.ts'
import { Ledger, type Made } from './ledger.ts'
import { dueMs, triesOf } from './liveness.ts'
import { type Plan, planOf } from './plan.ts'
import { FaultProxy, type Passage } from './proxy.ts'
import { Saboteur } from './saboteur.ts'
import type { Standstills } from './standstills.ts'
import { harmIn, nameIn } from './wire.ts'
import { Witness } from './witness.ts'

const graces = { creationMs: 4000, restoreMs: 3000, releaseMs: 2000, recoveryMs: 1000 }
const noticeEveryMs = 2500

export interface RunOptions {
  readonly kind: EngineKind
  readonly seed: number
  readonly durationMs: number
  /** Of the whole process, and so of every run in it. */
  readonly standstills: Standstills
  readonly say: (text: string) => void
}

/** How what dangled at the last fault came to its end. */
export interface Calm {
  readonly tookMs: number
  /** How long of that the agent took to end what it had begun itself. */
  readonly agentMs: number
  /** The last one to go, and how often its removal was tried. */
  readonly last: { readonly name: string; readonly tries: number } | undefined
}

export interface Result extends Account {
  readonly kind: EngineKind
  readonly faults: ReadonlyMap<string, number>
  readonly tally: Tally
  readonly sent: number
  readonly requests: number
  /** Removed although its agent would have registered it: the engine took longer than the creation grace to answer. */
  readonly aheadOfAnswer: number
  readonly calm: Calm
  readonly journal: Journal
}

/** Lives through one plan on an engine of its own: wild, then calm, then the account. */
export async function run(options: RunOptions): Promise<Result> {
  const engine = await (options.kind === 'dockerd' ? startDockerd() : startPodman())
  try {
    const journal = new Journal(Date.now())
    const ledger = new Ledger(graces, journal, options.standstills)
    const proxy = await FaultProxy.open({
      engineSocket: engine.socketPath,
      onStrike: (kind, { method, path }) =>
        journal.note('proxy', `${kind}: ${method} ${named(path, ledger)}`),
      onAnswer: (passage, body) => learnFrom(passage, body, ledger, journal),
    })
    try {
      const labelledImage = await engine.labelledImage(labelsOf.ours)
      return await new Chaos({ ...options, engine, journal, labelledImage, ledger, proxy }).run()
    } finally {
      await proxy.close()
    }
  } finally {
    await engine.stop()
  }
}

interface ChaosOptions extends RunOptions {
  readonly engine: RealEngine
  readonly labelledImage: string
  readonly journal: Journal
  readonly ledger: Ledger
  readonly proxy: FaultProxy
}

class Chaos {
  readonly #options: ChaosOptions
  readonly #plan: Plan
  readonly #random: Random
  readonly #witness: Witness
  readonly #saboteur: Saboteur
  readonly #agent: ChaosAgent
  readonly #tally: Tally = { lines: new Map(), events: new Map() }
  readonly #ends: Promise<void>[] = []
  #life: Life

  constructor(options: ChaosOptions) {
    const { durationMs, engine, ledger, proxy, seed } = options
    this.#options = options
    this.#plan = planOf(seed, durationMs)
    this.#random = new Random(seed, 5)
    const { socketPath } = engine
    this.#witness = new Witness({ ...options, socketPath, passages: proxy.passages, now: () => Date.now() })
    this.#saboteur = new Saboteur(options)
    this.#agent = new ChaosAgent({
      ...options,
      random: this.#random,
      onCrash: (remembered) => {
        this.#ends.push(this.#life.end())
        this.#life = this.#begin(remembered)
      },
    })
    ledger.begin(new Set())
    this.#life = this.#live()
  }

  async run(): Promise<Result> {
    this.#witness.start()
    try {
      await this.#goWild()
      const calm = await this.#calmDown()
      return await this.#giveAccount(calm)
    } finally {
      await this.#witness.stop()
    }
  }

  #begin(remembered: ReadonlySet<Made>): Life {
    this.#options.ledger.begin(remembered)
    return this.#live()
  }

  #live(): Life {
    return beginLife({
      ...this.#options,
      socketPath: this.#options.proxy.socketPath,
      witness: this.#witness,
      settings: this.#plan.settings,
      random: this.#random,
      tally: this.#tally,
      onAsked: (id) => this.#agent.findAgain(id),
    })
  }

  async #goWild(): Promise<void> {
    const timers = [
      ...this.#plan.steps.map(({ atMs, story, seed }) =>
        setTimeout(() => this.#agent.act(story, seed), atMs),
      ),
      ...this.#plan.sabotage.map(({ atMs, act }) => setTimeout(() => this.#saboteur.act(act), atMs)),
    ]
    const noticing = setInterval(() => void this.#agent.notice(), noticeEveryMs)
    await elapse(this.#options.durationMs)
    for (const timer of timers) clearTimeout(timer)
    clearInterval(noticing)
  }

  async #calmDown(): Promise<Calm> {
    this.#options.say('calm: every fault is undone, and the agent makes nothing more')
    await this.#saboteur.end()
    const wellMs = Date.now()
    await this.#agent.calmDown()
    const agentMs = Date.now() - wellMs
    this.#options.journal.note('agent', `has ended all that it had begun after ${agentMs} ms`)
    this.#life.calmDown()
    const calm = await this.#untilNothingDangles(wellMs)
    await this.#life.end()
    await Promise.all(this.#ends)
    return { ...calm, agentMs }
  }

  /** Waits until all that dangles is gone, or should be; whatever is left then, the account convicts. */
  async #untilNothingDangles(wellMs: number): Promise<Omit<Calm, 'agentMs'>> {
    const { ledger } = this.#options
    let last: Made | undefined
    for (;;) {
      const dangling = await this.#dangling()
      last = dangling[0] ?? last
      const nowMs = Date.now()
      if (dangling.every((made) => nowMs > this.#dueMs(made, wellMs))) {
        const tries = triesOf(last?.departures ?? [], ledger.life)
        return { tookMs: nowMs - wellMs, last: last && { name: last.name, tries } }
      }
      await elapse(500)
    }
  }

  #dueMs(made: Made, wellMs: number): number {
    return dueMs(made, this.#options.ledger.life, wellMs)
  }

  async #dangling(): Promise<readonly Made[]> {
    const { ledger } = this.#options
    const rows = await this.#witness.look()
    return rows.flatMap(({ id }) => {
      const made = ledger.byId(id)
      const isLeft = made?.kind === 'ours' && !ledger.isTracked(made)
      return isLeft && !isHolderOfCaredFor(made, ledger, rows) ? [made] : []
    })
  }

  async #giveAccount(calm: Calm): Promise<Result> {
    const { journal, kind, ledger, proxy } = this.#options
    const faults = new Map([...this.#saboteur.done, ...proxy.struck])
    if (proxy.unaccounted > 0) ledger.convict(`${proxy.unaccounted} requests came behind others`)
    for (const what of idle(this.#plan, faults, this.#agent.told))
      ledger.convict(`idle: no ${what} ever happened`)
    const rows = await this.#witness.look()
    const account = accountOf({ ledger, rows, passages: proxy.passages })
    return {
      ...account,
      kind,
      faults,
      tally: this.#tally,
      sent: ledger.all.reduce((sum, { departures }) => sum + departures.length, 0),
      requests: proxy.requests,
      aheadOfAnswer: ledger.all.filter(({ departures }) => departures.some((one) => one.isAheadOfAnswer))
        .length,
      calm,
      journal,
    }
  }
}

/** Names instead of ids, which say little to a reader. */
function named(text: string, ledger: Ledger): string {
  return text.replace(/[0-9a-f]{64}/, (id) => ledger.byId(id)?.name ?? short(id))
}

/** An answer that the agent never got still tells the ledger who was born; one to a removal is worth a line. */
function learnFrom(
  { method, path, query, status }: Passage,
  body: string,
  ledger: Ledger,
  journal: Journal,
): void {
  const harm = harmIn(method, path)
  if (harm) journal.note('engine', `${harm.verb} ${named(harm.target, ledger)}: ${status ?? 'no answer'}`)
  if (path !== '/containers/create' || status !== 201) return
  const id = /"Id":\s*"([0-9a-f]{64})"/.exec(body)?.[1]
  const made = ledger.byName(nameIn(query) ?? '')
  if (id !== undefined && made) ledger.learnId(made, id)
}
