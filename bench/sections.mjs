/** The generated sections of docs/performance.md by name. Pure. */
import { digits, shown } from './table.mjs'

export function sectionsOf(results) {
  const { figures } = results
  const of = (...groups) => figures.filter(({ group }) => groups.includes(group))
  return {
    run: runLine(results),
    goals: goalTable(figures),
    scan: scanTable(of('scan')),
    stalls: stallTable(of('stalls')),
    stop: table(
      ['engine', 'containers', 'stop() takes, ms'],
      of('stop').map((one) => [one.engine, number(one.containers), shown(one.ours)]),
    ),
    memory: table(
      ['engine', 'containers', 'what', 'bytes each'],
      of('memory').map((one) => [one.engine, number(one.containers), one.what, shown(one.ours)]),
    ),
    idle: table(
      ['containers', 'scans', 'Flotsam, % of a core', 'a bare listing as often', 'an idle process'],
      of('idle').map((one) => [
        number(one.containers),
        one.what,
        shown(one.ours),
        shown(one.bare),
        shown(one.nothing),
      ]),
    ),
    latency: table(
      ['engine', 'containers', 'grace end to removal, ms', 'bare listing and DELETE, ms'],
      of('latency').map((one) => [one.engine, number(one.containers), shown(one.ours), shown(one.bare)]),
    ),
    recovery: table(
      ['engine', 'containers', 'what', 'Flotsam, ms', 'the removals alone, bare, ms'],
      of('recovery').map((one) => [
        one.engine,
        number(one.containers),
        one.what,
        shown(one.ours),
        one.bare ? shown(one.bare) : '',
      ]),
    ),
    install: table(
      ['what', 'measured'],
      of('install').map((one) => [one.what, amount(one)]),
    ),
    import: table(
      ['what', 'Flotsam', 'dockerode, xstate and pino', 'xstate alone', 'ratio to the three'],
      of('import').map((one) => [
        `${one.what}, ${one.unit}`,
        shown(one.ours),
        shown(one.bare),
        shown(one.floor),
        shown(one.ratio),
      ]),
    ),
    removal: removalTable(of('removal')),
    width: widthTable(of('width')),
    profile: profileTable(of('profile')),
    beside: table(
      ['removals at once', 'creating a container meanwhile, ms', 'with nothing else, ms'],
      of('beside').map((one) => [String(one.width), shown(one.ours), shown(one.bare)]),
    ),
  }
}

const number = (count) => count.toLocaleString('en')
/** A figure without a unit is a count. */
const amount = ({ ours, unit }) => (unit === '' ? String(ours.median) : `${digits(ours.median)} ${unit}`)

function table(head, rows) {
  if (rows.length === 0) return '\nNot measured yet.\n'
  const line = (cells) => `| ${cells.join(' | ')} |`
  return ['', line(head), line(head.map(() => '---')), ...rows.map(line), ''].join('\n')
}

function runLine({ date, node, cores, cpu, figures }) {
  const loads = figures.map(({ load }) => load).filter((load) => load !== undefined)
  const [least, most] = [Math.min(...loads), Math.max(...loads)]
  const load = `The load was between ${least.toFixed(1)} and ${most.toFixed(1)} meanwhile, the benchmark's own included`
  return `\nLast run on ${date.slice(0, 10)}, Node ${node.slice(1)}, ${cores} cores (${cpu}). ${load}.\n`
}

function goalTable(figures) {
  const rows = figures
    .filter(({ goal }) => goal !== undefined)
    .map((one) => {
      const { group, engine, containers, what, goal, isMet, unit } = one
      const measured = one.ratio ? `${digits(one.ratio.median)} times` : amount(one)
      const beside = one.bare && !one.ratio ? `${digits(one.bare.median)} ${unit}` : ''
      return [
        `${group}: ${what}`,
        engine,
        containers === 0 ? '' : number(containers),
        goal,
        measured,
        beside,
        isMet ? 'yes' : '**no**',
      ]
    })
  return table(['what', 'engine', 'containers', 'goal', 'measured', 'bare', 'met'], rows)
}

function scanTable(figures) {
  return table(
    ['engine', 'containers', '', 'Flotsam, ms', 'bare, ms', 'without JSON.parse, ms', 'ratio to bare'],
    figures.map((one) => [
      one.engine,
      number(one.containers),
      one.what,
      shown(one.ours),
      shown(one.bare),
      shown(one.floor),
      shown(one.ratio),
    ]),
  )
}

/** One row for each phase, one column for each size. */
function stallTable(figures) {
  const placeOf = ({ engine, containers }) => `${engine}, ${number(containers)}`
  const places = [...new Set(figures.map(placeOf))]
  const phases = [...new Map(figures.map(({ phase, what }) => [phase, what]))]
  const cell = (phase, place) => {
    const one = figures.find((figure) => figure.phase === phase && placeOf(figure) === place)
    return one ? `${digits(one.ours.median)} … ${digits(one.ours.max)} · ${digits(one.turnCpu.median)}` : ''
  }
  return table(
    ['while', ...places],
    phases.map(([phase, what]) => [what, ...places.map((place) => cell(phase, place))]),
  )
}

const ways = {
  ours: 'Flotsam',
  concurrent: 'bare loop, as many at once',
  serial: 'bare loop, one by one',
  'docker rm': '`docker rm -f $(docker ps -aq …)`',
  'docker prune': '`docker container prune`',
}

function removalTable(figures) {
  return table(
    ['engine', 'leaks', 'containers', 'by', 'takes, ms', 'ratio to the bare loop'],
    figures.map((one) => [
      one.engine,
      number(one.containers),
      one.status === 'running' ? 'running' : 'never started',
      ways[one.way],
      shown(one.ours),
      one.way === 'concurrent' ? '1' : shown(one.ratio),
    ]),
  )
}

const placeWords = {
  node: "Node: sockets, HTTP, timers, and the kernel's part of them",
  listing: 'comparing and parsing the listing (`src/engine/`)',
  request: 'dockerode and what we put around it (`src/engine/`)',
  judging: 'asking `has(id)`, evidence and verdicts (`src/policy/judge.ts`, `src/scanning/evidence.ts`)',
  supervision: 'feeding the actors, slicing, planning (`src/supervision/`, `src/domain/slices.ts`)',
  xstate: 'XState',
  report: 'reports, events and log lines (`src/report/`)',
  gc: 'garbage collection',
}

/** One row per place, one column per operation; sorted by cost in the first column. */
function profileTable(figures) {
  if (figures.length === 0) return table([], [])
  const ms = (figure, place) => figure.places[place] ?? 0
  const rows = Object.entries(placeWords)
    .toSorted(([one], [other]) => ms(figures[0], other) - ms(figures[0], one))
    .map(([place, words]) => [words, ...figures.map((figure) => digits(ms(figure, place)))])
  const heads = figures.map(({ what }) => `${what}, ms`)
  return table(
    ['CPU time of', ...heads],
    [...rows, ['all of it', ...figures.map(({ ours }) => digits(ours.median))]],
  )
}

function widthTable(figures) {
  const ours = figures.filter(({ way }) => way === 'ours')
  const bareOf = (one) =>
    figures.find(
      ({ way, width, status, containers }) =>
        way === 'concurrent' && width === one.width && status === one.status && containers === one.containers,
    )
  const perSecond = (one) => digits((one.containers * 1000) / one.ours.median)
  return table(
    ['leaks', 'containers', 'at once', 'Flotsam, a second', 'bare loop, a second'],
    ours.map((one) => [
      number(one.containers),
      one.status === 'running' ? 'running' : 'never started',
      String(one.width),
      perSecond(one),
      perSecond(bareOf(one)),
    ]),
  )
}
