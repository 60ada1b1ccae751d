import { shortId } from '../../domain/ids.ts'
import type { Standing } from './board.ts'
import type { Ink, Mark, Style } from './glyphs.ts'
import type { Lane } from './lane.ts'
import type { LogLine } from './ledger.ts'
import { reported } from './plain-narrator.ts'

/** One row of the frame, before it is cut to the width of the screen. */
export interface FrameRow {
  readonly name: string
  readonly id: string
  readonly lane: Lane
  readonly status: string
  /** The status for narrow screens. */
  readonly shortStatus: string
  readonly style: Style
  /** Such rows are omitted first if the screen is too small. */
  readonly isOver: boolean
}

export interface FrameOptions {
  readonly ink: Ink
  readonly columns: number
  readonly rows: number
  /** The current position in the lanes. */
  readonly place: number
  readonly lanes: readonly FrameRow[]
  readonly log: readonly LogLine[]
  /** The address of the inspector. */
  readonly address?: string | undefined
}

const nameWidth = 7
const widestFrame = 120
const leastLane = 6

const legend: readonly (readonly [Mark, string])[] = [
  ['discovered', 'new'],
  ['graced', 'graced'],
  ['tracked', 'tracked'],
  ['spared', 'spared'],
  ['dangling', 'dangling'],
  ['removing', 'removing'],
  ['gone', 'gone'],
  ['down', 'engine down'],
]

/** Draws the current frame: one lane for each container, a legend, and the last lines of Flotsam's log. */
export function drawFrame({ ink, columns, rows, place, lanes, log, address }: FrameOptions): string[] {
  // The last column stays empty, since some terminals wrap when it is written.
  const width = Math.min(columns, widestFrame) - 1
  const below = [...legendLines(ink, width), ...log.map((line) => logLine(ink, line, width))]
  // An address must not be cut, so the terminal may wrap it.
  const link = address === undefined ? '' : ` inspector: ${address}`
  if (link !== '') below.push(link)
  const wrappedRows = Math.max(0, Math.ceil(link.length / columns) - 1)
  const room = Math.max(1, rows - 2 - below.length - wrappedRows)
  return ['', ...fitting(lanes, room).map((row) => laneLine(ink, row, width, place)), ...below]
}

export function statusOf(standing: Standing): Pick<FrameRow, 'status' | 'shortStatus' | 'style' | 'isOver'> {
  const { state, verdict, reason, isWatched } = standing
  const isOver = state === 'gone'
  const style = isOver || !isWatched ? 'dim' : styles[verdict]
  const status = reported(standing)
  return {
    status,
    shortStatus: isOver || !isWatched || verdict === 'dangling' ? status : reason,
    style,
    isOver,
  }
}

const styles: Readonly<Record<Standing['verdict'], Style>> = {
  tracked: 'green',
  graced: 'yellow',
  dangling: 'red',
  spared: 'cyan',
}

/** The rows that fit: those of ended containers are omitted first, then the oldest. */
function fitting(lanes: readonly FrameRow[], room: number): readonly FrameRow[] {
  if (lanes.length <= room) return lanes
  const going = lanes.filter(({ isOver }) => !isOver)
  if (going.length >= room) return going.slice(-room)
  let spare = room - going.length
  const kept = new Set(lanes.toReversed().filter(({ isOver }) => isOver && spare-- > 0))
  return lanes.filter((row) => !row.isOver || kept.has(row))
}

function laneLine(ink: Ink, row: FrameRow, width: number, place: number): string {
  const idWidth = width >= 89 ? 12 : width >= 55 ? 6 : 0
  const statusWidth = width >= 89 ? 23 : 15
  const id = idWidth > 0 ? `${shortId(row.id).slice(0, idWidth).padEnd(idWidth)} ` : ''
  const head = ` ${row.name.slice(0, nameWidth).padEnd(nameWidth)} ${ink.paint('dim', id)}`
  const headWidth = nameWidth + 2 + id.length
  const laneWidth = width - headWidth - 2 - statusWidth
  const status = cut(statusWidth === 23 ? row.status : row.shortStatus, Math.max(1, width - headWidth), ink)
  if (laneWidth < leastLane)
    return head + ink.paint(row.style, cut(status, Math.max(1, width - headWidth), ink))
  const marks = row.lane.between(Math.max(0, place + 1 - laneWidth), place + 1)
  const unused = ' '.repeat(laneWidth - marks.length)
  return `${head}${ink.lane(marks)}${unused}  ${ink.paint(row.style, cut(status, statusWidth, ink))}`
}

function legendLines(ink: Ink, width: number): string[] {
  const lines: string[] = []
  let line = ''
  let used = 0
  for (const [mark, word] of legend) {
    const length = word.length + 4
    if (used + length > width) {
      lines.push(line)
      line = ''
      used = 0
    }
    line += ` ${ink.glyph(mark)} ${ink.paint('dim', word)} `
    used += length
  }
  return [...lines, line]
}

function logLine(ink: Ink, { level, message }: LogLine, width: number): string {
  const style = level === 'info' ? 'dim' : 'yellow'
  return ink.paint(style, cut(` log  ${level}: ${message}`, width, ink))
}

function cut(text: string, width: number, ink: Ink): string {
  return text.length <= width ? text : text.slice(0, Math.max(0, width - ink.ellipsis.length)) + ink.ellipsis
}
