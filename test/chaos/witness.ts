import { ask } from './client.ts'
import { type Journal, short } from './journal.ts'
import type { Ledger } from './ledger.ts'
import type { Passage } from './proxy.ts'
import { lieIn, type Said } from './truth.ts'

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

/** Looks at the engine by itself: who was born there, and whether what Flotsam says of an end is true. */
export class Witness {
  readonly #options: WitnessOptions
  readonly #said = new Map<string, { readonly word: Said['word']; readonly atMs: number }>()
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

  /** Flotsam says that a container is gone. What was sent is held against that at once, and every later listing. */
  said(said: Said): void {
    const { journal, ledger, now, passages } = this.#options
    const { confirmedBy, id, word } = said
    const made = ledger.byId(id)
    const name = made?.name ?? short(id)
    const by = confirmedBy === undefined ? '' : ` by ${confirmedBy}`
    journal.note('flotsam', `says ${word}${by}: ${short(id)} ${name}`)
    this.#said.set(id, { word, atMs: now() })
    const lie = lieIn(said, {
      departures: made?.departures ?? ledger.strangers.get(id) ?? [],
      passages,
      couldBeOthers: made === undefined || made.removedByMaker !== undefined || made.removesItself,
    })
    if (lie !== undefined) ledger.convict(`a lie: "${word}"${by} of ${name}: ${lie}`, made?.name)
  }

  /** What the engine holds now. Rejects where it does not say. */
  async look(): Promise<readonly Row[]> {
    const { now, socketPath } = this.#options
    const beganMs = now()
    const { status, body } = await ask(socketPath, 'GET', '/containers/json?all=true')
    if (status !== 200) throw new Error(`the witness's listing: ${status} ${body.trim()}`)
    const rows = (JSON.parse(body) as EngineRow[]).map((row) => this.#learnFrom(row))
    for (const row of rows) this.#convictLie(row, beganMs)
    return rows
  }

  #learnFrom({ Id, Names, State, Created }: EngineRow): Row {
    const { ledger } = this.#options
    const name = (Names[0] ?? '').replace(/^\//, '')
    const made = ledger.byName(name)
    if (made) {
      ledger.learnId(made, Id)
      made.createdMs ??= Created * 1000
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
    while (!this.#isOver) {
      // an engine that is down says nothing; the next one will
      await this.look().catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
  }
}
