import type { BoardChange, Standing } from './board.ts'
import { drawFrame, type FrameRow, statusOf } from './frame.ts'
import { type Ink, inkFor, markOf, markOfEngine } from './glyphs.ts'
import { Lane } from './lane.ts'
import type { LogLine } from './ledger.ts'
import { type Narrator, type Screen, wrap } from './narrator.ts'

export interface TerminalNarratorOptions {
  readonly screen: Screen
  readonly elapsedMs: () => number
  readonly markMs: number
  /** The address of the inspector, which is always shown. */
  readonly address?: string | undefined
}

const hideCursor = '\u001B[?25l'
const showCursor = '\u001B[?25h'
const eraseBelow = '\u001B[J'
const widestText = 100
const shownLogLines = 2
const mostFramesPerMark = 2

/** Prints the chapters once. Below them the lanes are redrawn in place. */
export class TerminalNarrator implements Narrator {
  readonly #options: TerminalNarratorOptions
  readonly #ink: Ink
  readonly #standings = new Map<string, Standing>()
  readonly #lanes = new Map<string, Lane>()
  readonly #engineLane = new Lane()
  readonly #agentLane = new Lane()
  readonly #log: LogLine[] = []
  readonly #timer: NodeJS.Timeout
  #health = ''
  #isAgentAlive = false
  #drawnWidths: number[] = []
  #isClosed = false

  constructor(options: TerminalNarratorOptions) {
    this.#options = options
    this.#ink = inkFor(options.screen)
    options.screen.write(hideCursor)
    this.#timer = setInterval(() => this.#redraw(''), options.markMs / mostFramesPerMark)
  }

  chapter(title: string, text: string): void {
    this.#redraw(`\n${this.#ink.paint('bold', title)}\n${this.#paragraph(text)}`)
  }

  say(text: string): void {
    this.#redraw(this.#paragraph(text))
  }

  changed(change: BoardChange): void {
    if (change.about === 'engine') {
      this.#health = change.health
      this.#engineLane.note(this.#place(), markOfEngine(change.health))
    } else {
      const { standing, path } = change
      const lane = this.#laneOf(standing.id)
      // The previous state is already in the lane, but a chart's initial state is not.
      for (const state of path.slice(path[0] === 'discovered' ? 0 : 1)) {
        lane.note(this.#place(), markOf({ ...standing, state }))
      }
      lane.note(this.#place(), markOf(standing))
      this.#standings.set(standing.id, standing)
    }
    this.#redraw('')
  }

  agentChanged(isAlive: boolean): void {
    this.#isAgentAlive = isAlive
    this.#agentLane.note(this.#place(), isAlive ? 'up' : 'absent')
    this.#redraw('')
  }

  logged(line: LogLine): void {
    // The lanes show removals.
    if (line.event === 'removed') return
    this.#log.push(line)
    this.#redraw('')
  }

  close(): void {
    if (this.#isClosed) return
    this.#redraw('')
    this.#isClosed = true
    clearInterval(this.#timer)
    this.#options.screen.write(showCursor)
  }

  /** Prints the text above the lanes. In a single write, so that no half-drawn frame is visible. */
  #redraw(text: string): void {
    const { screen } = this.#options
    if (this.#isClosed) return screen.write(text)
    const columns = Math.max(20, screen.columns())
    const erase = this.#erasing(columns)
    const frame = this.#frame(columns)
    this.#drawnWidths = frame.map((line) => visibleWidth(line))
    screen.write(`${erase}${text}${frame.join('\n')}\n`)
  }

  /** Erases the lanes. After a resize they may occupy more rows than lines were drawn. */
  #erasing(columns: number): string {
    const drawnRows = this.#drawnWidths.reduce(
      (sum, width) => sum + Math.max(1, Math.ceil(width / columns)),
      0,
    )
    return drawnRows === 0 ? '' : `\u001B[${drawnRows}A\r${eraseBelow}`
  }

  #frame(columns: number): string[] {
    const { screen, address } = this.#options
    const lanes = [
      this.#engineRow(),
      this.#agentRow(),
      ...[...this.#standings.values()].map((one) => this.#row(one)),
    ]
    const log = this.#log.slice(-shownLogLines)
    return drawFrame({
      ink: this.#ink,
      columns,
      rows: screen.rows(),
      place: this.#place(),
      lanes,
      log,
      address,
    })
  }

  #row(standing: Standing): FrameRow {
    const { id, name } = standing
    return { name, id, lane: this.#laneOf(id), ...statusOf(standing) }
  }

  #engineRow(): FrameRow {
    const health = this.#health === 'unwatched' ? 'not watched' : this.#health
    const style = health === 'down' ? 'red' : health === 'up' ? 'green' : 'dim'
    return {
      name: 'engine',
      id: '',
      lane: this.#engineLane,
      status: health,
      shortStatus: health,
      style,
      isOver: false,
    }
  }

  #agentRow(): FrameRow {
    const status = this.#isAgentAlive ? 'runs' : 'down'
    const style = this.#isAgentAlive ? 'green' : 'red'
    return { name: 'agent', id: '', lane: this.#agentLane, status, shortStatus: status, style, isOver: false }
  }

  #laneOf(id: string): Lane {
    const lane = this.#lanes.get(id) ?? new Lane()
    this.#lanes.set(id, lane)
    return lane
  }

  #place(): number {
    return Math.floor(this.#options.elapsedMs() / this.#options.markMs)
  }

  #paragraph(text: string): string {
    const width = Math.min(this.#options.screen.columns(), widestText) - 3
    return wrap(text, width)
      .map((line) => `  ${line}\n`)
      .join('')
  }
}

// oxlint-disable-next-line no-control-regex -- matches the styling within lines
const styling = /\u001B\[\d+m/g

function visibleWidth(line: string): number {
  return line.replaceAll(styling, '').length
}
