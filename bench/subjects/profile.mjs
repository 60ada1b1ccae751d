import { Session } from 'node:inspector/promises'
import { reconcilerOf, tracksAll, tracksNone, noGraces, happened } from './reconciling.mjs'

const warmUps = 30
const samplingUs = 200

/** Where the CPU time of something goes: milliseconds by the place that a sample of the profiler was in. */
export async function measure({ address, count, scans, removals }, ask) {
  const { reconciler, unspoilt } = reconcilerOf(address, { tracked: tracksAll, events: false })
  reconciler.start()
  const scan = () => unspoilt(reconciler.scan())
  for (let warmUp = 0; warmUp < warmUps; warmUp++) await scan()
  const steady = await profiled(scans, scan)
  const changed = await profiled(Math.ceil(scans / 5), scan, () => ask('renameAll'))
  await reconciler.stop()
  return { count, steady, changed, removal: await profileRemoval(address, removals) }
}

/** Of each, for one time that it was done; what is prepared before each is left out. */
async function profiled(times, work, prepare = async () => {}) {
  const sum = {}
  for (let time = 0; time < times; time++) {
    await prepare()
    add(sum, await placesDuring(work))
  }
  return each(sum, times)
}

async function profileRemoval(address, removals) {
  const { reconciler, unspoilt } = reconcilerOf(address, { tracked: tracksNone, ...noGraces }, ['stalled'])
  let removed = 0
  const reached = (goal) => happened(reconciler, 'removed', () => removed >= goal)
  reconciler.on('removed', () => removed++)
  reconciler.start()
  await unspoilt(reached(removals))
  const before = removed
  const places = await placesDuring(() => unspoilt(reached(before + removals)))
  const done = removed - before
  await reconciler.stop()
  return each(places, done)
}

async function placesDuring(work) {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: samplingUs })
  await session.post('Profiler.start')
  await work()
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  const frames = framesBut(profile.nodes, ({ url }) => url.startsWith('node:inspector'))
  const places = {}
  for (const [at, id] of profile.samples.entries()) {
    const frame = frames.get(id)
    const place = frame && placeOf(frame)
    if (place !== undefined) add(places, { [place]: profile.timeDeltas[at] / 1000 })
  }
  return places
}

/** The frames by the ids of their nodes, without those that are left out and all that they called: the profiler's own. */
function framesBut(nodes, isLeftOut) {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const frames = new Map()
  const enter = ({ id, callFrame, children = [] }) => {
    if (isLeftOut(callFrame)) return
    frames.set(id, callFrame)
    for (const child of children) enter(byId.get(child))
  }
  enter(nodes[0])
  return frames
}

const places = [
  [/\/src\/engine\/(array-scanner|follower|listing|past-listing|status-text|summary|record)\.js$/, 'listing'],
  [/\/src\/(engine)\/|docker-modem|dockerode/, 'request'],
  [
    /\/src\/(judge|owner|self|namespaces|tracker)\.js$|\/supervision\/(judgeListing|ownedSet|observations|networks|images)\.js$/,
    'judging',
  ],
  [/\/src\/supervision\/report-of-scan\.js$|\/src\/report\//, 'report'],
  [/xstate/, 'xstate'],
  [/\/src\/|\/machines\//, 'supervision'],
]

/** Idle time is no cost. What belongs to no file of ours or a library's is Node's: sockets, HTTP, timers. */
function placeOf({ functionName, url }) {
  if (functionName === '(idle)' || functionName === '(root)') return undefined
  if (functionName === '(garbage collector)') return 'gc'
  if (functionName.startsWith('compare')) return 'listing'
  return places.find(([pattern]) => pattern.test(url))?.[1] ?? 'node'
}

function add(sum, more) {
  for (const [place, ms] of Object.entries(more)) sum[place] = (sum[place] ?? 0) + ms
}

const each = (sum, times) => Object.fromEntries(Object.entries(sum).map(([place, ms]) => [place, ms / times]))
