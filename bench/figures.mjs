/**
 * All measurements, by group. Each group returns figures: plain data with the spread of each contender's samples, the
 * ratio of ours to another's if both were measured side by side, and a goal if there is one.
 */
import { measureIn } from './child.mjs'
import { ratioOf, spreadOf } from './statistics.mjs'

const goals = {
  scanRatio: 1.2,
  stallMs: 15,
  stopMs: 1000,
  bytes: 4096,
  idlePercent: 0.2,
  removalRatio: 1.05,
  /** The allowed ratio of the cost per container at 100,000 to that at 10,000. */
  growth: 1.5,
}
/** The size to which the goals apply. */
const goalSize = 10_000
const idlePeriodMs = 30_000

const atMost = (limit, actual, unit = '') => ({
  goal: `≤ ${limit}${unit === '' ? '' : ` ${unit}`}`,
  isMet: actual <= limit,
})
const onlyAt = (isHere, goal) => (isHere ? goal : {})

/** Listings of more containers take longer, so there are fewer rounds. */
const roundsAt = (count, samples) => Math.max(3, Math.min(2 * samples, Math.round((samples * 3000) / count)))

export async function scan(engine, count, { samples }) {
  const rounds = roundsAt(count, samples)
  const canRename = engine.answers.renameAll !== undefined
  const { steady, changed } = await measureIn(
    'scan',
    { address: engine.address, count, rounds, canRename },
    engine,
  )
  return [
    scanFigure(engine, count, 'steady', 'wallMs', steady),
    scanFigure(engine, count, 'steady', 'cpuMs', steady),
    ...(changed ? [scanFigure(engine, count, 'changed', 'cpuMs', changed)] : []),
  ]
}

const scanWords = {
  'steady wallMs': 'wall',
  'steady cpuMs': 'CPU',
  'changed cpuMs': 'CPU, every container changed',
}

function scanFigure(engine, count, state, unit, taken) {
  const of = (way) => taken[way].map((sample) => sample[unit])
  const ratio = ratioOf(of('ours'), of('bare'))
  const isGoal = unit === 'wallMs' && engine.kind === 'dockerd'
  return {
    ...about('scan', engine, count),
    what: scanWords[`${state} ${unit}`],
    unit: 'ms',
    ours: spreadOf(of('ours')),
    bare: spreadOf(of('bare')),
    floor: spreadOf(of('floor')),
    ratio,
    ...onlyAt(isGoal, atMost(goals.scanRatio, ratio.median)),
  }
}

const phases = {
  nothing: 'nothing, a second long',
  bare: 'a bare GET and JSON.parse',
  first: 'first scan',
  steady: 'steady scans',
  graceEnd: 'end of all graces at once',
  removal: 'mass removal',
  stop: 'stop()',
}
/** Requests that the client sent before its end may still be carried out. */
async function refill(engine, count) {
  await new Promise((settled) => setTimeout(settled, settleMs))
  await engine.answers.fill(count - (await engine.answers.size()), engine.status)
}

const settleMs = 500
const ourPhases = ['first', 'steady', 'graceEnd', 'removal', 'stop']
/** Enough removals to include several batches, without taking minutes. */
const removalsAt = (count) => (count > goalSize ? 200 : Math.min(count, 1000))

export async function stalls(engine, count, { lives }) {
  const taken = []
  for (let life = 0; life < lives; life++) {
    const settings = { address: engine.address, count, states: [engine.status] }
    const whole = await measureIn('stalls', settings, engine)
    const { removal } = await measureIn('stalls', { ...settings, removals: removalsAt(count) }, engine)
    await refill(engine, count)
    taken.push({ ...whole, removal })
  }
  const spread = (phase, value) => spreadOf(taken.map((life) => life[phase][value]))
  const figures = Object.entries(phases).map(([phase, what]) => {
    const ours = spread(phase, 'stallMs')
    const turnCpu = spread(phase, 'turnCpuMs')
    const isGoal = ourPhases.includes(phase) && count === goalSize
    return {
      ...about('stalls', engine, count),
      phase,
      what,
      unit: 'ms',
      ours,
      turnCpu,
      ...onlyAt(isGoal, atMost(goals.stallMs, ours.median, 'ms')),
    }
  })
  const stop = spread('stop', 'wallMs')
  return [
    ...figures,
    {
      ...about('stop', engine, count),
      what: 'stop() from call to end',
      unit: 'ms',
      ours: stop,
      ...onlyAt(count === goalSize, atMost(goals.stopMs, stop.median, 'ms')),
    },
  ]
}

export async function memory(engine, count) {
  const canChurn = engine.answers.replaceAll !== undefined
  const churns = canChurn ? (count > goalSize ? 1 : Math.ceil(goalSize / count)) : 0
  const figures = []
  for (const as of ['tracked', 'graced']) {
    const settings = { address: engine.address, count, as, churns, states: [engine.status] }
    const { knownBytes, rssBytes, churned, churnBytes } = await measureIn('memory', settings, engine)
    figures.push(
      {
        ...about('memory', engine, count),
        what: `a container parked as ${as}`,
        unit: 'B',
        ours: spreadOf([knownBytes]),
        ...onlyAt(count === goalSize, atMost(goals.bytes, knownBytes, 'B')),
      },
      {
        ...about('memory', engine, count),
        what: `resident, with one as ${as}`,
        unit: 'B',
        ours: spreadOf([rssBytes]),
      },
    )
    if (canChurn) {
      figures.push({
        ...about('memory', engine, count),
        what: `left of each of ${churned.toLocaleString('en')} that came and went as ${as}`,
        unit: 'B',
        ours: spreadOf([churnBytes]),
      })
    }
  }
  return figures
}

export async function latency(engine, count, { samples }) {
  const settings = {
    address: engine.address,
    count,
    samples: count > goalSize ? 1 : Math.max(3, Math.ceil(samples / 2)),
  }
  const taken = await measureIn('latency', settings, engine)
  return [
    {
      ...about('latency', engine, count),
      what: "from a leak's grace end to its removal",
      unit: 'ms',
      ours: spreadOf(taken.ours),
      bare: spreadOf(taken.bare),
    },
  ]
}

const leaksInOutage = 60

export async function recovery(engine, count, { lives, width }) {
  const { address, status } = engine
  const settings = { address, count, leaks: leaksInOutage, width, samples: lives, status }
  const { noticedMs, emptyMs, bareMs } = await measureIn('recovery', settings, engine)
  const of = (what, ours, more = {}) => ({
    ...about('recovery', engine, count),
    what,
    unit: 'ms',
    ours: spreadOf(ours),
    ...more,
  })
  return [
    of('until it is noticed', noticedMs),
    of(`until ${leaksInOutage} leaks are gone`, emptyMs, { bare: spreadOf(bareMs) }),
  ]
}

/** All idle at the same time, each in its own process. No two follow the events of the same engine. */
export async function idle(engines, { idleMs }) {
  const [somewhere] = engines
  const cases = [
    { engine: somewhere.engine, count: 0, way: 'nothing' },
    ...engines.flatMap((place) => [
      { ...place, way: 'bare' },
      { ...place, way: 'ours' },
    ]),
  ]
  const measured = await Promise.all(
    cases.map(async ({ engine, count, way }, at) => {
      await new Promise((begin) => setTimeout(begin, (at * idlePeriodMs) / cases.length))
      const settings = { address: engine.address, count, way, periodMs: idlePeriodMs, totalMs: idleMs }
      return measureIn('idle', settings, { ...engine, deadlineMs: idleMs + 300_000 })
    }),
  )
  const percents = new Map(cases.map(({ engine, way }, at) => [`${way} ${engine.address}`, measured[at]]))
  return engines.map(({ engine, count }) => {
    const { percent, scans } = percents.get(`ours ${engine.address}`)
    return {
      ...about('idle', engine, count),
      what: `a scan every ${idlePeriodMs / 1000} s (${scans} in ${idleMs / 1000} s)`,
      unit: '%',
      ours: spreadOf([percent]),
      bare: spreadOf([percents.get(`bare ${engine.address}`).percent]),
      nothing: spreadOf([measured[0].percent]),
      ...onlyAt(count === goalSize, atMost(goals.idlePercent, percent, '%')),
    }
  })
}

export async function removal(engine, { leaks, status, width, rounds, ways }) {
  const settings = { address: engine.address, leaks, status, width, rounds, ways }
  const taken = await measureIn('removal', settings, { ...engine, deadlineMs: 900_000 })
  const ratio = ratioOf(taken.ours, taken.concurrent)
  return ways.map((way) => ({
    ...about('removal', engine, leaks),
    what: `${status === 'running' ? 'running' : 'never started'}, ${way}`,
    status,
    way,
    width,
    unit: 'ms',
    ours: spreadOf(taken[way]),
    ratio: ratioOf(taken[way], taken.concurrent),
    // the embedded engine takes almost no time for a removal, so that the ratio there compares only our own work
    ...onlyAt(
      way === 'ours' && leaks === 1000 && engine.kind === 'dockerd',
      atMost(goals.removalRatio, ratio.median),
    ),
  }))
}

/** How long the host takes to create a container of its own while leaks are removed, `width` at once. */
export async function beside(engine, { leaks, status, width, rounds }) {
  const settings = { address: engine.address, leaks, status, width, rounds }
  const taken = await measureIn('removal', settings, { ...engine, deadlineMs: 900_000 })
  return [
    {
      ...about('beside', engine, leaks),
      what: `creating a container while ${leaks} are removed, ${width} at once`,
      width,
      unit: 'ms',
      ours: spreadOf(taken.beside),
      bare: spreadOf(taken.alone),
    },
  ]
}

const scansProfiled = 40
const removalsProfiled = 500

/** Where the time is spent, by a CPU profile. */
export async function profile(engine, count) {
  if (count !== goalSize) return []
  const settings = { address: engine.address, count, scans: scansProfiled, removals: removalsProfiled }
  const { steady, changed, removal } = await measureIn('profile', settings, engine)
  await engine.answers.clear()
  return [
    { ...about('profile', engine, count), what: 'a scan, nothing had changed', unit: 'ms', places: steady },
    {
      ...about('profile', engine, count),
      what: 'a scan, everything had changed',
      unit: 'ms',
      places: changed,
    },
    { ...about('profile', engine, count), what: 'a removal', unit: 'ms', places: removal },
  ].map((figure) => ({ ...figure, ours: spreadOf([sumOf(figure.places)]) }))
}

const sumOf = (places) => Object.values(places).reduce((sum, ms) => sum + ms, 0)

/** The CPU time of a scan per container should not grow with their number. That of a bare listing is shown beside it. */
export function linearity(figures) {
  const cpuOf = (who, count) =>
    figures.find(
      (figure) =>
        figure.group === 'scan' &&
        figure.engine === 'embedded' &&
        figure.what === 'CPU' &&
        figure.containers === count,
    )?.[who].median
  const growthOf = (who) => cpuOf(who, 10 * goalSize) / 10 / cpuOf(who, goalSize)
  const growth = growthOf('ours')
  if (Number.isNaN(growth)) return []
  return [
    {
      group: 'linearity',
      engine: 'embedded',
      containers: 10 * goalSize,
      what: "a container's share of a scan's CPU, against that of 10,000",
      unit: '×',
      ours: spreadOf([growth]),
      bare: spreadOf([growthOf('bare')]),
      ...atMost(goals.growth, growth, '×'),
    },
  ]
}

function about(group, engine, containers) {
  return { group, engine: engine.kind, containers }
}
