import { type Logger, pino } from 'pino'
import type { Reconciler } from '../../index.ts'

/** One line of Flotsam's log. */
export interface LogLine {
  readonly level: string
  readonly event: string
  readonly message: string
}

export interface Removal {
  readonly id: string
  readonly name: string
  /** Milliseconds since the demo began. */
  readonly atMs: number
}

export interface OutageEnd {
  readonly lastedMs: number
  readonly failedScans: number
}

/** Records what Flotsam reports: its events and its log. */
export class Ledger {
  readonly removals: Removal[] = []
  readonly lines: LogLine[] = []
  readonly outages: OutageEnd[] = []
  readonly logger: Logger
  readonly #elapsedMs: () => number
  readonly #called: (name: string) => string

  constructor(elapsedMs: () => number, called: (name: string) => string, onLine: (line: LogLine) => void) {
    this.#elapsedMs = elapsedMs
    this.#called = called
    const write = (text: string) => {
      const line = readLine(text)
      this.lines.push(line)
      onLine(line)
    }
    this.logger = pino({ base: null, formatters: { level: (level) => ({ level }) } }, { write })
  }

  follow(reconciler: Reconciler): void {
    reconciler.on('removed', ({ id, name }) => {
      this.removals.push({ id, name: this.#called(name), atMs: this.#elapsedMs() })
    })
    reconciler.on('engineUp', ({ downForMs, failures }) =>
      this.outages.push({ lastedMs: downForMs, failedScans: failures }),
    )
  }

  /** The log lines from the beginning of the outage to its end, inclusive. */
  outageLines(): readonly LogLine[] {
    const first = this.lines.findIndex(({ event }) => event === 'engineDown')
    const last = this.lines.findLastIndex(({ event }) => event === 'engineUp')
    return first < 0 ? [] : this.lines.slice(first, last < first ? undefined : last + 1)
  }
}

function readLine(text: string): LogLine {
  const { level, event, msg } = JSON.parse(text) as Record<string, unknown>
  return { level: String(level), event: String(event), message: String(msg) }
}
