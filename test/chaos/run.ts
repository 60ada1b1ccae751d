import { setTimeout as elapse } from 'node:timers/promises'
import { Random } from '../simulation/random.ts'
import type { EngineUnderTest } from '../support/engine-matrix.ts'
import { type RealEngine, startEngine } from '../support/real-engine.ts'
import { type Account, accountOf } from './account.ts'
import { Aftermath, type Calm } from './aftermath.ts'
import { ChaosAgent } from './agent.ts'
import { beginLife, type Life, type Tally } from './flotsam-life.ts'
import { idle } from './idleness.ts'
import { Journal, short } from './journal.ts'
import { labelsOf } from './labels.ts'
import { Ledger, type Made } from './ledger.ts'
import { type Plan, planOf } from './plan.ts'
import { FaultProxy, type Passage } from './proxy.ts'
import { Saboteur } from './saboteur.ts'
import type { Standstills } from './standstills.ts'
import { harmIn, nameIn, questionIn } from './wire.ts'
import { Witness } from './witness.ts'

const graces = { creationMs: 4000, restoreMs: 3000, releaseMs: 2000, recoveryMs: 1000 }
const noticeEveryMs = 2500
/** A story or fault that has not come yet is waited for. */
const longestOvertimeMs = 300_000
const overtimeStepMs = 2000

export interface RunOptions {
  readonly about: EngineUnderTest
  readonly seed: number
  readonly durationMs: number
  /** Of the whole process, and so of every run in it. */
  readonly standstills: Standstills
  readonly say: (text: string) => void
}

export interface Result extends Account {
  readonly engineName: string
  readonly faults: ReadonlyMap<string, number>
  /** What was planned and never happened, so that the run says nothing of it. */
  readonly idle: readonly string[]
  readonly tally: Tally
  readonly sent: number
  readonly requests: number
  /** Removed although its agent would have registered it: the engine took longer than the creation grace to answer. */
  readonly aheadOfAnswer: number
  readonly calm: Calm
  readonly journal: Journal
}

/** Runs one plan on an engine of its own: wild, then calm, then the account. */
export async function run(options: RunOptions): Promise<Result> {
  const engine = await startEngine(options.about)
  try {
    const journal = new Journal(Date.now())
    const { coversEnded } = planOf(options.seed, options.durationMs).settings
    const ledger = new Ledger(graces, journal, options.standstills, coversEnded)
    ledger.onConviction = (charge) => options.say(`convicted: ${charge}`)
    const proxy = await FaultProxy.open({
      engineSocket: engine.socketPath,
      onStrike: (kind, { method, path, life }) => {
        journal.note('proxy', `${kind}: ${method} ${named(path, ledger)}`)
        const question = life === ledger.life ? questionIn(method, path) : undefined
        if (question !== undefined && kind === 'cuts') ledger.questions.spoil(question)
      },
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
  readonly #aftermath: Aftermath
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
    this.#aftermath = new Aftermath({ ...options, socketPath, witness: this.#witness })
    this.#saboteur = new Saboteur({ ...options, onEngineEnd: () => ledger.mayEndAll() })
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
      onAsked: (id) => this.#agent.isAsked(id),
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
    await this.#goOnUntilAllHasHappened()
    for (const timer of timers) clearTimeout(timer)
    clearInterval(noticing)
  }

  /** What a busy machine was too slow for comes later; a fault of removals needs something to be removed. */
  async #goOnUntilAllHasHappened(): Promise<void> {
    const { say, seed } = this.#options
    const lastMs = Date.now() + longestOvertimeMs
    if (this.#idle().length > 0) say(`waits for what has not happened yet: ${this.#idle().join(', ')}`)
    for (let more = 1; this.#idle().length > 0 && Date.now() < lastMs; more++) {
      // never in the way of stories that are still to run
      if (this.#agent.isAtRest) this.#agent.act('forgotten', seed * 10_000 - more)
      await elapse(overtimeStepMs)
    }
  }

  #faults(): ReadonlyMap<string, number> {
    return new Map([...this.#saboteur.done, ...this.#options.proxy.struck])
  }

  #idle(): readonly string[] {
    const notTempted = this.#agent.hasTempted ? [] : ['start of what Flotsam asks about']
    return [...idle(this.#plan, this.#faults(), this.#agent.reported), ...notTempted]
  }

  async #calmDown(): Promise<Calm> {
    this.#options.say('calm: every fault is undone, and the agent makes nothing more')
    await this.#saboteur.end()
    const wellMs = Date.now()
    await this.#agent.calmDown()
    const agentMs = Date.now() - wellMs
    this.#options.journal.note('agent', `has ended all that it had begun after ${agentMs} ms`)
    this.#life.calmDown()
    const calm = await this.#aftermath.untilNothingDangles(wellMs, Date.now())
    await this.#life.end()
    await Promise.all(this.#ends)
    return { ...calm, agentMs }
  }

  async #giveAccount(calm: Calm): Promise<Result> {
    const { about, journal, ledger, proxy } = this.#options
    if (proxy.unaccounted > 0)
      ledger.convict(`${proxy.unaccounted} requests followed others on one connection`)
    await this.#aftermath.noteRefusals()
    const rows = await this.#witness.scan()
    const account = accountOf({ ledger, rows, passages: proxy.passages })
    return {
      ...account,
      engineName: about.name,
      faults: this.#faults(),
      idle: this.#idle(),
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

/** An answer that the agent never got still goes to the ledger, since it names what was created; one to a removal is logged. */
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
