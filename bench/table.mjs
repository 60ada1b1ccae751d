/** What was measured, as lines for people. */
export function figuresTable({ date, node, engine, cores, cpu, loadBefore }, figures) {
  const rows = [['figure', 'flotsam', 'bare', 'ratio', 'goal', ''], ...figures.map(rowOf)]
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd(),
  )
  const where = `${date}  node ${node}  ${engine}  ${cores} × ${cpu}  load before ${loadBefore.toFixed(2)}`
  const legend =
    'median (min … max) of the samples; idle: mean (min … max) of the slices; a ratio is taken within each pair'
  return [where, '', ...lines, '', legend, ''].join('\n')
}

function rowOf({ name, unit, ours, bare, ratio, goal, isMet }) {
  const inUnit = (spread) => `${shown(spread)} ${unit}`
  return [name, inUnit(ours), inUnit(bare), ratio ? shown(ratio) : '', goal, isMet ? 'met' : 'MISSED']
}

function shown({ mean, median, min, max }) {
  return `${digits(mean ?? median)} (${digits(min)} … ${digits(max)})`
}

/** Three digits that mean something. */
function digits(value) {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
