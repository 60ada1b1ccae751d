import { startDockerd } from './engines/dockerd.mjs'
import { startEmbedded } from './engines/embedded.mjs'
/** Which figures are taken on which engine, with how many containers. */
import { beside, idle, latency, scan, memory, profile, recovery, removal, stalls } from './figures.mjs'
import { embedding } from './import.mjs'

export const groups = [
  'scan',
  'stalls',
  'memory',
  'latency',
  'recovery',
  'profile',
  'idle',
  'removal',
  'width',
  'beside',
  'import',
]
const perSize = {
  embedded: { scan, stalls, memory, latency, recovery, profile },
  dockerd: { scan, stalls, memory, latency, recovery },
}
const mostOnDockerd = 1000
const mostSideBySide = 10_000
const leakCounts = [60, 200, 1000]
const widths = [1, 2, 4, 8, 16]
const leaksForWidth = 120
const loops = ['ours', 'concurrent', 'serial', 'docker rm']

/** Yields one figure after the other. */
export async function* measureAll(options) {
  if (options.wanted.has('import')) yield* await attempt('import', options, () => embedding(options))
  if (options.engines.has('embedded')) yield* measureEmbedded(options)
  if (options.engines.has('dockerd')) yield* measureDockerd(options)
}

async function* measureEmbedded(options) {
  for (const count of options.sizes) {
    yield* onEngine(startEmbedded, (engine) => measureAtSize(engine, count, options))
  }
  if (options.wanted.has('idle')) yield* measureIdle(options)
  if (!options.wanted.has('removal')) return
  yield* onEngine(startEmbedded, async function* (engine) {
    for (const leaks of leakCounts) {
      const rounds = Math.max(3, options.samples)
      const settings = { leaks, status: 'running', width: options.width, rounds, ways: loops }
      yield* await attempt(`removal of ${leaks}`, options, () => removal(engine, settings))
    }
  })
}

async function* measureAtSize(engine, count, options) {
  const wanted = Object.entries(perSize[engine.kind]).filter(([group]) => options.wanted.has(group))
  if (wanted.length === 0) return
  await engine.answers.fill(count - (await engine.answers.size()), engine.status)
  for (const [group, figuresOf] of wanted) {
    yield* await attempt(`${group} at ${count}`, options, () => figuresOf(engine, count, options))
  }
}

/** Measures most sizes at the same time. The largest is measured alone, since its scans keep both cores busy. */
async function* measureIdle({ sizes, ...options }) {
  const large = sizes.filter((size) => size > mostSideBySide)
  const others = sizes.filter((size) => size <= mostSideBySide)
  for (const together of [others, ...large.map((size) => [size])]) {
    if (together.length > 0) yield* measureIdleTogether(together, options)
  }
}

async function* measureIdleTogether(sizes, options) {
  const places = []
  try {
    for (const count of sizes) {
      const engine = await startEmbedded()
      places.push({ engine, count })
      await engine.answers.fill(count)
    }
    yield* await attempt('idle', options, () => idle(places, options))
  } finally {
    for (const { engine } of places) engine.stop()
  }
}

async function* measureDockerd(options) {
  yield* onEngine(startDockerd, async function* (engine) {
    options.log(engine.title)
    for (const count of options.sizes.filter((size) => size <= mostOnDockerd)) {
      yield* measureAtSize(engine, count, options)
    }
    await engine.answers.clear()
    if (options.wanted.has('removal')) yield* measureRemovals(engine, options)
    if (options.wanted.has('width')) yield* measureWidths(engine, options)
    if (options.wanted.has('beside')) yield* measureBeside(engine, options)
  })
}

async function* measureRemovals(engine, options) {
  const { width, dockerdRounds: rounds } = options
  const removalOf = (settings) =>
    attempt(`removal of ${settings.leaks} ${settings.status}`, options, () =>
      removal(engine, { width, rounds, ...settings }),
    )
  yield* await removalOf({ leaks: 60, status: 'running', ways: loops })
  // a thousand more processes take minutes to start: only the comparison with a goal, once
  yield* await removalOf({ leaks: 1000, status: 'running', ways: ['ours', 'concurrent'], rounds: 1 })
  for (const leaks of leakCounts) {
    const ways = [...loops, 'docker prune']
    yield* await removalOf({ leaks, status: 'created', ways })
  }
}

/** The best width, for ours and for a bare loop. */
async function* measureWidths(engine, options) {
  const { dockerdRounds: rounds } = options
  for (const [status, leaks] of [
    ['created', leaksForWidth],
    ['running', leaksForWidth / 4],
  ]) {
    for (const width of widths) {
      const settings = { leaks, status, width, rounds, ways: ['ours', 'concurrent'] }
      const taken = await attempt(`width ${width}`, options, () => removal(engine, settings))
      for (const figure of taken) yield { ...figure, group: 'width' }
    }
  }
}

/** The cost of removals for the host's own use of the engine. */
async function* measureBeside(engine, { dockerdRounds: rounds, ...options }) {
  for (const width of widths) {
    const settings = { leaks: leaksForWidth / 2, status: 'running', width, rounds }
    yield* await attempt(`beside, width ${width}`, options, () => beside(engine, settings))
  }
}

async function* onEngine(start, work) {
  const engine = await start()
  try {
    yield* work(engine)
  } finally {
    await engine.stop()
  }
}

/** A failed measurement is reported, and does not stop the others. */
async function attempt(what, options, measure) {
  try {
    return await measure()
  } catch (error) {
    options.fail(`${what}: ${error.stack}`)
    return []
  }
}
