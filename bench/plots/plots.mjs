/** The plots of docs/performance.md as Vega-Lite says them. Pure: what draws them is a package of its own. */
import { createHash } from 'node:crypto'

export function plotsOf({ figures }) {
  return {
    scan: scanPlot(figures.filter(({ group, engine }) => group === 'scan' && engine === 'embedded')),
    stalls: stallPlot(figures.filter(({ group, engine }) => group === 'stalls' && engine === 'embedded')),
    removal: removalPlot(figures.filter(({ group }) => group === 'removal')),
  }
}

/** Stands in each picture, so that a picture of other figures is found out without drawing it again. */
export function fingerprintOf(spec) {
  return `drawn from ${createHash('sha256').update(JSON.stringify(spec)).digest('hex')}`
}

const schema = 'https://vega.github.io/schema/vega-lite/v6.json'
const config = {
  background: '#ffffff',
  font: 'Helvetica, Arial, sans-serif',
  axis: { labelFontSize: 11, titleFontSize: 12, gridColor: '#e5e7eb', domainColor: '#6b7280' },
  legend: { labelFontSize: 11, title: null, orient: 'bottom', labelLimit: 300, columns: 3 },
  title: { fontSize: 13, anchor: 'start' },
  header: { labelFontSize: 12, title: null },
  view: { stroke: null },
}
const colours = ['#0f766e', '#c2410c', '#9ca3af', '#4f46e5', '#a16207']

const spread = (name, { median, min, max }) => ({ by: name, median, min, max })

const scanWords = { wall: 'length of a scan, ms', CPU: 'CPU time of a scan, ms' }

function scanPlot(all) {
  const figures = all.filter(({ what }) => what in scanWords)
  const values = figures.flatMap(({ what, containers, ours, bare, floor }) =>
    [
      spread('Flotsam', ours),
      spread('bare GET and JSON.parse', bare),
      spread('bare GET, not parsed', floor),
    ].map((one) => ({ ...one, containers, what: scanWords[what] })),
  )
  const colour = {
    field: 'by',
    type: 'nominal',
    scale: { domain: ['Flotsam', 'bare GET and JSON.parse', 'bare GET, not parsed'], range: colours },
  }
  const sizes = [...new Set(figures.map(({ containers }) => containers))]
  const axis = { values: sizes, format: ',' }
  const x = { field: 'containers', type: 'quantitative', scale: { type: 'log' }, title: 'containers', axis }
  const y = { type: 'quantitative', scale: { type: 'log' }, title: null }
  return {
    $schema: schema,
    config,
    data: { values },
    facet: { column: { field: 'what', type: 'nominal' } },
    spec: {
      width: 290,
      height: 220,
      encoding: { x, color: colour },
      layer: [
        { mark: { type: 'line', point: true }, encoding: { y: { ...y, field: 'median' } } },
        {
          mark: { type: 'rule', opacity: 0.5 },
          encoding: { y: { ...y, field: 'min' }, y2: { field: 'max' } },
        },
      ],
    },
  }
}

function stallPlot(figures) {
  const values = figures.map(({ what, containers, ours, turnCpu }) => ({
    what,
    size: containers.toLocaleString('en'),
    median: Math.max(0.1, ours.median),
    min: Math.max(0.1, ours.min),
    max: Math.max(0.1, ours.max),
    cpu: Math.max(0.1, turnCpu.median),
  }))
  const sizes = [...new Set(values.map(({ size }) => size))]
  const y = { field: 'what', type: 'nominal', sort: null, title: null, axis: { labelLimit: 300 } }
  const x = {
    type: 'quantitative',
    scale: { type: 'log' },
    title: 'longest stall, ms (tick: CPU time of the longest turn)',
  }
  const offset = { field: 'size', sort: sizes }
  const colour = { field: 'size', type: 'nominal', sort: sizes, scale: { domain: sizes, range: colours } }
  return {
    $schema: schema,
    config,
    data: { values },
    width: 520,
    height: { step: 15 },
    encoding: { y, yOffset: offset, color: { ...colour, legend: { columns: 4 } } },
    layer: [
      { mark: { type: 'rule' }, encoding: { x: { ...x, field: 'min' }, x2: { field: 'max' } } },
      { mark: { type: 'point', filled: true, size: 45 }, encoding: { x: { ...x, field: 'median' } } },
      { mark: { type: 'tick', thickness: 2, size: 11 }, encoding: { x: { ...x, field: 'cpu' } } },
      {
        data: { values: [{ goal: 15 }] },
        mark: { type: 'rule', strokeDash: [5, 4], color: '#111827' },
        encoding: { x: { field: 'goal', type: 'quantitative' }, y: null, yOffset: null, color: null },
      },
    ],
  }
}

const ways = {
  ours: 'Flotsam',
  'docker rm': 'docker rm -f',
  serial: 'bare loop, one by one',
  concurrent: 'bare loop, as many at once',
  'docker prune': 'docker container prune',
}

function removalPlot(figures) {
  const values = figures.map(({ engine, status, containers, way, ours }) => ({
    where: `${engine}, ${status === 'running' ? 'running' : 'never started'}`,
    leaks: String(containers),
    by: ways[way],
    median: (containers * 1000) / ours.median,
    min: (containers * 1000) / ours.max,
    max: (containers * 1000) / ours.min,
  }))
  const domain = Object.values(ways)
  const y = { type: 'quantitative', scale: { type: 'log' }, title: 'removals a second' }
  return {
    $schema: schema,
    config,
    data: { values },
    facet: { column: { field: 'where', type: 'nominal', sort: null } },
    spec: {
      width: 200,
      height: 220,
      encoding: {
        x: {
          field: 'leaks',
          type: 'ordinal',
          sort: ['60', '200', '1000'],
          title: 'leaks',
          axis: { labelAngle: 0 },
        },
        xOffset: { field: 'by', type: 'nominal', sort: domain, scale: { domain } },
        color: { field: 'by', type: 'nominal', scale: { domain, range: colours } },
      },
      layer: [
        { mark: { type: 'point', filled: true, size: 60 }, encoding: { y: { ...y, field: 'median' } } },
        { mark: { type: 'rule' }, encoding: { y: { ...y, field: 'min' }, y2: { field: 'max' } } },
      ],
    },
  }
}
