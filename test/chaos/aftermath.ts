import { setTimeout as elapse } from 'node:timers/promises'
import { isHolderOfCaredFor, isLeftAsEnded } from './account.ts'
import { ask } from './client.ts'
import type { Journal } from './journal.ts'
import type { Departure, Ledger, Made } from './ledger.ts'
import { allowedMs, attemptsOf } from './liveness.ts'
import type { FaultProxy } from './proxy.ts'
import { isConfirmed, removalsOf } from './truth.ts'
import { harmIn } from './wire.ts'
import type { Row, Witness } from './witness.ts'

/** On a machine that is never quick for long enough nothing can be judged. */
const longestCalmMs = 600_000

/** How the containers dangling at the last fault ended. */
export interface Calm {
  readonly tookMs: number
  /** For how long, after the agent's own end, engine and machine were quick. */
  readonly quickMs: number
  /** How long of that the agent took to end what it had begun itself. */
  readonly agentMs: number
  /** The last one to go, and how often its removal was attempted. */
  readonly last: { readonly name: string; readonly attempts: number } | undefined
}

export interface AftermathOptions {
  /** The engine's own. */
  readonly socketPath: string
  readonly journal: Journal
  readonly ledger: Ledger
  readonly proxy: FaultProxy
  readonly witness: Witness
}

/** After the last fault: every dangling container must go, as soon as the product's rules allow. */
export class Aftermath {
  readonly #options: AftermathOptions

  constructor(options: AftermathOptions) {
    this.#options = options
  }

  /** Waits until every dangling container is gone, or should be; the account convicts the rest. */
  async untilNothingDangles(wellMs: number, quietMs: number): Promise<Omit<Calm, 'agentMs'>> {
    const { ledger, witness } = this.#options
    const { well } = witness
    let last: Made | undefined
    for (;;) {
      const rows = await this.#options.witness.scan()
      const dangling = this.#danglingAmong(rows)
      last = dangling[0] ?? last
      const nowMs = Date.now()
      if (dangling.every((made) => this.#isOverdue(made, rows, quietMs))) {
        const attempts = attemptsOf(last?.departures ?? [], ledger.life)
        const quickMs = well.since(quietMs)
        return { tookMs: nowMs - wellMs, quickMs, last: last && { name: last.name, attempts } }
      }
      if (nowMs - quietMs > longestCalmMs) throw new Error('the machine was too slow to say what is left')
      await elapse(500)
    }
  }

  /**
   * Counted from when the agent had nothing to do with it any more, from when another one went (that was not idle), and from
   * its last attempt; while the engine works on its removal, the time is the engine's.
   */
  #isOverdue(made: Made, rows: readonly Row[], quietMs: number): boolean {
    const { ledger, proxy } = this.#options
    const { departures, id = '' } = made
    const arrived = proxy.passages.filter(({ method, path }) => harmIn(method, path)?.target === id)
    if (arrived.some(({ overMs, passedMs }) => passedMs !== undefined && overMs === undefined)) return false
    const ids = new Set(rows.map((row) => row.id))
    const sinceMs = Math.max(
      quietMs,
      this.#options.witness.lastEndMs,
      departures.at(-1)?.atMs ?? 0,
      ...arrived.map(({ overMs = 0 }) => overMs),
      // an image stays
      ledger.questions.withheldUntilMs((what) => ids.has(what) || !/^[0-9a-f]{64}$/.test(what)) ?? 0,
      ledger.disagreements.withheldUntilMs((what) => what === id) ?? 0,
    )
    const wasStopped = ({ verb, atMs }: Departure) =>
      arrived.some(
        (one) =>
          harmIn(one.method, one.path)?.verb === verb &&
          one.atMs >= atMs &&
          (isConfirmed(one) || one.status === 304),
      )
    const failures = attemptsOf(departures, ledger.life, wasStopped) + ledger.questions.failuresOf(id)
    return this.#options.witness.well.since(sinceMs) > allowedMs(failures)
  }

  /** The harness itself removes what must be gone and is not: a removal refused to every client is not Flotsam's leak. */
  async noteRefusals(): Promise<void> {
    const { journal, ledger, proxy, socketPath } = this.#options
    for (const made of this.#danglingAmong(await this.#options.witness.scan())) {
      const refused = removalsOf(made.id, proxy.passages).some(
        ({ life, status = 0 }) => life === ledger.life && status >= 400,
      )
      if (!refused) continue
      const { status, body } = await ask(socketPath, 'DELETE', `/containers/${made.id}?force=true`)
      journal.note('witness', `removes ${made.name} itself: ${status} ${body.trim()}`)
      made.isRefused = status >= 400
      // it was to be gone, and could have been
      if (!made.isRefused)
        ledger.convict(`a leak left: ${made.name}, which the engine removes when it is asked`, made.name)
    }
  }

  #danglingAmong(rows: readonly Row[]): readonly Made[] {
    const { ledger } = this.#options
    return rows.flatMap(({ id, state }) => {
      const made = ledger.byId(id)
      const isLeft = made?.kind === 'ours' && !ledger.isTracked(made) && !isLeftAsEnded(made, state, ledger)
      return isLeft && !isHolderOfCaredFor(made, ledger, rows) ? [made] : []
    })
  }
}
