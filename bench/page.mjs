/**
 * Generates the parts of docs/performance.md between its markers, and its plots, from bench/results.json. With `--check`,
 * `node bench/page.mjs` only reports what is out of date.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fingerprintOf, plotsOf } from './plots/plots.mjs'
import { sectionsOf } from './sections.mjs'

const top = join(import.meta.dirname, '..')
const resultsPath = join(import.meta.dirname, 'results.json')
const pagePath = join(top, 'docs/performance.md')
const plotPath = (name) => join(top, `docs/images/performance-${name}.svg`)

const readResults = () => JSON.parse(readFileSync(resultsPath, 'utf8'))

/** Replaces the figures of the same group, engine and size, and returns all figures. */
export function keepResults(fresh) {
  const isSame = (one) => (other) =>
    one.group === other.group && one.engine === other.engine && one.containers === other.containers
  const kept = existsSync(resultsPath)
    ? readResults().figures.filter((figure) => !fresh.figures.some(isSame(figure)))
    : []
  const order = [
    'scan',
    'linearity',
    'stalls',
    'stop',
    'memory',
    'idle',
    'latency',
    'recovery',
    'removal',
    'width',
    'beside',
    'profile',
    'install',
    'import',
  ]
  const figures = [...kept, ...fresh.figures].toSorted(
    (one, other) =>
      order.indexOf(one.group) - order.indexOf(other.group) ||
      one.engine.localeCompare(other.engine) ||
      one.containers - other.containers,
  )
  const results = { ...fresh, figures: figures.map(rounded) }
  writeFileSync(resultsPath, `${JSON.stringify(results, null, 1)}\n`)
  return results
}

/** Five digits are more than the precision of any measurement here. */
function rounded(value) {
  if (typeof value === 'number') return Number(value.toPrecision(5))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, rounded(inner)]))
}

export function writePage(results) {
  writeFileSync(pagePath, filled(readFileSync(pagePath, 'utf8'), sectionsOf(results)))
  const plots = join(import.meta.dirname, 'plots')
  if (!existsSync(join(plots, 'node_modules/vega'))) {
    execFileSync('npm', ['install', '--prefix', plots, '--no-package-lock'], { stdio: 'inherit' })
  }
  execFileSync(process.execPath, [join(plots, 'draw.mjs'), resultsPath], { stdio: 'inherit' })
}

/** Returns the page with all sections. Throws if a marker has no section, or a section no marker. */
function filled(page, sections) {
  const waiting = new Set(Object.keys(sections))
  const text = page.replaceAll(
    /(<!-- measured: ([\w-]+) -->\n)[^]*?(<!-- end -->)/g,
    (_all, begin, name, end) => {
      if (!waiting.delete(name))
        throw new Error(`docs/performance.md: there is no section ${name}, or it is there twice`)
      return `${begin}${sections[name]}\n${end}`
    },
  )
  if (waiting.size > 0) throw new Error(`docs/performance.md has no place for ${[...waiting].join(', ')}`)
  return text
}

/** The files that are out of date. */
function stale() {
  const results = readResults()
  const page = readFileSync(pagePath, 'utf8')
  const drawn = ([name, spec]) => {
    const svg = existsSync(plotPath(name)) ? readFileSync(plotPath(name), 'utf8') : ''
    return svg.includes(fingerprintOf(spec))
  }
  return [
    ...(filled(page, sectionsOf(results)) === page ? [] : ['docs/performance.md']),
    ...Object.entries(plotsOf(results))
      .filter((plot) => !drawn(plot))
      .map(([name]) => `docs/images/performance-${name}.svg`),
  ]
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (process.argv[2] === '--check') {
    const found = stale()
    for (const path of found) process.stderr.write(`${path} does not match bench/results.json\n`)
    process.exit(found.length > 0 ? 1 : 0)
  }
  writePage(readResults())
}
