/** The figures as text. */
export function figuresTable({ date, node, cores, cpu, loadBefore, loadAfter, figures }) {
  const rows = [
    ['figure', 'engine', 'containers', 'flotsam', 'bare', 'ratio', 'goal', ''],
    ...figures.map(rowOf),
  ]
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd(),
  )
  const load = `load ${loadBefore.toFixed(2)} before, ${loadAfter.toFixed(2)} after`
  const legend = 'median (min … max) of the samples; a ratio is taken within each round'
  return [`${date}  node ${node}  ${cores} × ${cpu}  ${load}`, '', ...lines, '', legend, ''].join('\n')
}

function rowOf({ group, what, engine, containers, unit, ours, bare, ratio, goal, isMet }) {
  return [
    `${group}: ${what}`,
    engine,
    String(containers),
    `${shown(ours)} ${unit}`,
    bare ? `${shown(bare)} ${unit}` : '',
    ratio ? shown(ratio) : '',
    goal ?? '',
    isMet === undefined ? '' : isMet ? 'met' : 'MISSED',
  ]
}

/** The median, with the range if there is more than one sample. */
export function shown({ median, min, max, samples }) {
  return samples === 1 ? digits(median) : `${digits(median)} (${digits(min)} … ${digits(max)})`
}

/** Rounds to three significant digits. */
export function digits(value) {
  const size = Math.abs(value)
  if (size >= 100) return Math.round(value).toLocaleString('en')
  return size >= 10 ? value.toFixed(1) : size >= 1 ? value.toFixed(2) : value.toFixed(3)
}
