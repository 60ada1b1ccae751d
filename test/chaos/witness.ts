import { ask } from './client.ts'
import { type Journal, short } from './journal.ts'
import type { Ledger } from './ledger.ts'
import type { Passage } from './proxy.ts'
import { lieIn, type Said } from './truth.ts'
import { WellTime } from './well-time.ts'

/** One container as the engine itself lists it, around the proxy. */
export interface Row {
  readonly id: string
  readonly name: string
  readonly state: string
}

interface EngineRow {
  readonly Id: string
  readonly Names: readonly string[]
  readonly State: string
  readonly Created: number
}

export interface WitnessOptions {
  readonly socketPath: string
  readonly ledger: Ledger
  readonly journal: Journal
  /** What came through the proxy up to now. */
  readonly passages: readonly Passage[]
  /** The wall clock. */
  readonly now: () => number
}

const everyMs = 600
/** A scan that takes longer is that of an engine, or of a machine, that is slow. */
const slowMs = 1000

/** Podman says `stopped` of what has ended a moment ago. */
export function hasEnded(state: string): boolean {
  return state === 'exited' || state === 'stopped'
}

/** Inspects the engine itself: what was created there, and whether what Flotsam reports about an end is true. */
export class Witness {
  readonly #options: WitnessOptions
  readonly #said = new Map<string, { readonly word: Said['word']; readonly atMs: number }>()
  /** When Flotsam last said that a container is gone. */
  lastEndMs = -Infinity
  /** When engine and machine were quick. */
  readonly well = new WellTime(everyMs + slowMs)
  #isOver = false
  #watching: Promise<void> = Promise.resolve()

  constructor(options: WitnessOptions) {
    this.#options = options
  }

  start(): void {
    this.#watching = this.#watch()
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#watching
  }

  /** Flotsam reports that a container is gone: compared with the requests at once, and with every later listing. */
  said(said: Said): void {
    const { journal, ledger, now, passages } = this.#options
    const { confirmedBy, id, word } = said
    const made = ledger.byId(id)
    const name = made?.name ?? short(id)
    const by = confirmedBy === undefined ? '' : ` by ${confirmedBy}`
    journal.note('flotsam', `says ${word}${by}: ${short(id)} ${name}`)
    this.lastEndMs = now()
    this.#said.set(id, { word, atMs: this.lastEndMs })
    const lie = lieIn(said, {
      departures: made?.departures ?? ledger.strangers.get(id) ?? [],
      passages,
      couldBeOthers: made === undefined || made.removedByMaker !== undefined || made.removesItself,
    })
    if (lie !== undefined) ledger.convict(`a lie: "${word}"${by} of ${name}: ${lie}`, made?.name)
  }

  /** What the engine holds now. Rejects where it does not say. */
  async scan(): Promise<readonly Row[]> {
    const { now, socketPath } = this.#options
    const beganMs = now()
    const { status, body } = await ask(socketPath, 'GET', '/containers/json?all=true')
    if (status !== 200) throw new Error(`the witness's listing: ${status} ${body.trim()}`)
    const listing = { beganMs, endedMs: now() }
    const rows = (JSON.parse(body) as EngineRow[]).map((row) => this.#learnFrom(row, listing))
    for (const row of rows) this.#convictLie(row, beganMs)
    return rows
  }

  #learnFrom(
    { Id, Names, State, Created }: EngineRow,
    listing: { readonly beganMs: number; readonly endedMs: number },
  ): Row {
    const { ledger } = this.#options
    const name = (Names[0] ?? '').replace(/^\//, '')
    // names move from one to the other, ids never do
    const made = ledger.byId(Id) ?? ledger.byName(name)
    if (made) {
      ledger.learnId(made, Id)
      if (made.id === Id) made.createdMs ??= Created * 1000
      if (made.id === Id && hasEnded(State)) ledger.seeEnd(made, listing)
    }
    return { id: Id, name, state: State }
  }

  /** What is listed now was there when the listing was asked for, whatever was said before. */
  #convictLie({ id, name }: Row, beganMs: number): void {
    const said = this.#said.get(id)
    if (said === undefined || said.atMs > beganMs) return
    this.#said.delete(id)
    const agoMs = beganMs - said.atMs
    const charge = `a lie: "${said.word}" was said of ${name} ${agoMs} ms before the engine listed it`
    this.#options.ledger.convict(charge, name)
  }

  async #watch(): Promise<void> {
    const { now } = this.#options
    let fromMs = now()
    while (!this.#isOver) {
      // an engine that is down proves nothing; the next answer will
      const rows = await this.scan().catch(() => undefined)
      const untilMs = now()
      if (rows) this.well.note({ fromMs, untilMs })
      fromMs = untilMs
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
  }
}
