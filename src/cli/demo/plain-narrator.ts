import { shortId } from '../../domain/ids.ts'
import type { BoardChange, ChartState, EngineStanding, Standing } from './board.ts'
import { type Ink, inkFor } from './glyphs.ts'
import type { LogLine } from './ledger.ts'
import { type Narrator, type Screen, wrap } from './narrator.ts'

const widestText = 100
const widestSteps = 32

const healthWords: Readonly<Record<EngineStanding, string>> = {
  unwatched: 'not watched',
  unknown: 'not seen yet',
  up: 'is up',
  down: 'is down',
}

/** Prints one line for each change, for pipes, files and terminals without cursor movement. */
export class PlainNarrator implements Narrator {
  readonly #screen: Screen
  readonly #elapsedMs: () => number
  readonly #ink: Ink
  readonly #pending = new Map<string, { standing: Standing; path: readonly ChartState[] }>()

  constructor(screen: Screen, elapsedMs: () => number) {
    this.#screen = screen
    this.#elapsedMs = elapsedMs
    this.#ink = inkFor(screen)
  }

  chapter(title: string, text: string): void {
    this.#flush()
    this.#screen.write(`\n${this.#ink.paint('bold', title)}\n${indented(text)}\n`)
  }

  say(text: string): void {
    this.#flush()
    this.#screen.write(`${indented(text)}\n`)
  }

  changed(change: BoardChange): void {
    if (change.about === 'engine') {
      this.#flush()
      if (change.health !== 'unknown') this.#line('engine', '', healthWords[change.health])
      return
    }
    const { standing, path } = change
    // The end of Flotsam is printed once, and not for each container.
    if (!standing.isWatched) return
    const before = this.#pending.get(standing.id)
    if (this.#pending.size === 0) setImmediate(() => this.#flush())
    this.#pending.set(standing.id, { standing, path: before ? [...before.path, ...path.slice(1)] : path })
  }

  agentChanged(isAlive: boolean): void {
    this.#flush()
    this.#line('agent', '', isAlive ? 'runs' : 'has crashed')
  }

  logged({ level, event, message }: LogLine): void {
    // The container's own line shows it.
    if (event === 'removed') return
    this.#flush()
    this.#line('log', '', `${level}: ${message}`)
  }

  close(): void {
    this.#flush()
  }

  /** Prints the changes of one turn, one line for each container: the states it passed through, and the present one. */
  #flush(): void {
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    for (const { standing, path } of pending) {
      const steps = path.length > 1 ? path.join(` ${this.#ink.arrow} `) : standing.state
      this.#line(standing.name, shortId(standing.id), `${steps.padEnd(widestSteps)}  ${reported(standing)}`)
    }
  }

  #line(who: string, id: string, what: string): void {
    const at = `${(this.#elapsedMs() / 1000).toFixed(1)}s`.padStart(7)
    this.#screen.write(`${at}  ${who.padEnd(7)}  ${id === '' ? '' : `${id}  `}${what}`.trimEnd() + '\n')
  }
}

/** Describes a container: its verdict with the reason, or its outcome. */
export function reported({ state, verdict, reason, outcome, isWatched }: Standing): string {
  if (!isWatched) return 'not watched'
  if (state === 'gone') return outcome ?? 'gone'
  return verdict === reason ? verdict : `${verdict}: ${reason}`
}

function indented(text: string): string {
  return wrap(text, widestText)
    .map((line) => `  ${line}`)
    .join('\n')
}
