import { Table } from 'console-table-printer'
import prettyMs from 'pretty-ms'
import { shortId } from '../domain/ids.ts'
import { printable } from '../domain/show.ts'
import type { ScanReport, ReportedContainer, VerdictName } from '../index.ts'

const columns = ['id', 'name', 'image', 'state', 'age', 'verdict', 'reason'] as const

const colors = { tracked: 'green', graced: 'yellow', dangling: 'red', spared: 'cyan' } as const

const bare = { left: '', right: '', mid: '', other: '' }
const style = {
  headerTop: bare,
  headerBottom: bare,
  tableBottom: bare,
  vertical: '',
  rowSeparator: bare,
}

/** Every owned container on a line of its own, and how many have which verdict on the last one. */
export function renderScan({ containers }: ScanReport, hasColor: boolean): string {
  const totals = renderTotals(containers)
  if (containers.length === 0) return `${totals}\n`
  const rows = containers.map((container) => ({
    cells: cellsOf(container),
    color: colors[container.verdict],
  }))
  return `${renderTable(columns, rows, hasColor)}\n${totals}\n`
}

interface Row {
  readonly cells: Readonly<Record<string, string>>
  readonly color?: (typeof colors)[VerdictName]
}

/** A row on each line, below the names of the columns. */
export function renderTable(columns: readonly string[], rows: readonly Row[], hasColor: boolean): string {
  const table = new Table({
    style,
    shouldDisableColors: !hasColor,
    columns: columns.map((name) => ({ name, title: name.toUpperCase(), alignment: 'left' })),
  })
  for (const { cells, color } of rows) table.addRow(cells, color === undefined ? {} : { color })
  return tidied(table.render())
}

function cellsOf(container: ReportedContainer): Record<(typeof columns)[number], string> {
  const { id, name, image, state, ageMs, verdict, reason } = container
  return {
    id: shortId(id),
    name: printable(name),
    image: printable(image),
    state: printable(state || '?'),
    age: renderAge(ageMs),
    verdict,
    reason,
  }
}

function renderAge(ageMs: number | undefined): string {
  return ageMs === undefined ? '?' : prettyMs(ageMs, { unitCount: 2, secondsDecimalDigits: 0 })
}

function renderTotals(containers: readonly ReportedContainer[]): string {
  const counts: Record<VerdictName, number> = { tracked: 0, graced: 0, dangling: 0, spared: 0 }
  for (const { verdict } of containers) counts[verdict]++
  const { length } = containers
  const parts = Object.entries(counts).map(([verdict, count]) => `${count} ${verdict}`)
  return `${length} owned ${length === 1 ? 'container' : 'containers'}: ${parts.join(', ')}`
}

/** Without the empty lines where the borders would be, and without spaces at the ends. */
function tidied(rendered: string): string {
  return rendered
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.replace(/^ /, '').trimEnd())
    .join('\n')
}
