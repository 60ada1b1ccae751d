import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as after } from 'node:timers/promises'
import { BareClient } from '../bare.mjs'
import { timed } from '../statistics.mjs'
import { happened, noGraces, reconcilerOf, tracksNone } from './reconciling.mjs'

const resolutionMs = 1
const nothingMs = 1000
const steadyScans = 5
const bareListings = 3
/** How many times a listing the restore grace lasts, so that steady scans fit into it. */
const graceInListings = 20
const shortestGraceMs = 3000
/** The first scan makes an actor of each, and inspects each. */
const graceMsPerContainer = 1.5

/**
 * The event loop's longest stall while something goes on: how late a timer of a millisecond came at worst. Beside it the
 * most CPU time that this process, its collector included, took between two turns of such a timer: a machine that is
 * shared makes the one long whenever it runs another process, and the other never.
 */
async function stallDuring(work) {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
  histogram.enable()
  await after(20)
  let turnCpuUs = 0
  let before = process.cpuUsage()
  const turns = setInterval(() => {
    const { user, system } = process.cpuUsage(before)
    turnCpuUs = Math.max(turnCpuUs, user + system)
    before = process.cpuUsage()
  }, resolutionMs)
  histogram.reset()
  const wallMs = await timed(work)
  await after(20)
  histogram.disable()
  clearInterval(turns)
  return { stallMs: Math.max(0, histogram.max / 1e6 - resolutionMs), turnCpuMs: turnCpuUs / 1000, wallMs }
}

/** One life: what a bare client does, then the first scan, steady scans, the end of all graces at once, and the stop. */
export async function measureLife({ address, count, states }) {
  const bare = new BareClient(address)
  const nothing = await stallDuring(() => after(nothingMs))
  const listingMs = await timed(() => bare.drain())
  const restoreGrace = Math.max(shortestGraceMs, graceInListings * listingMs, graceMsPerContainer * count)
  const options = { tracked: tracksNone, ...noGraces, states, restoreGrace, dryRun: true }
  const { reconciler, unspoilt } = reconcilerOf(address, options, ['stalled'])
  const firstScan = happened(reconciler, 'scanned')
  const allDangle = happened(reconciler, 'scanned', ({ dangling }) => dangling === count)
  const first = await stallDuring(async () => {
    reconciler.start()
    const { graced } = await unspoilt(firstScan)
    if (graced !== count) throw new Error(`the first scan found ${graced} of ${count} containers graced`)
  })
  const halfGoneMs = performance.now() + restoreGrace / 2
  const steady = await stallDuring(async () => {
    for (let scan = 0; scan < steadyScans && performance.now() < halfGoneMs; scan++) {
      const { containers } = await unspoilt(reconciler.scan())
      if (containers[0].verdict !== 'graced') throw new Error('the grace ended before the steady scans did')
    }
  })
  const graceEnd = await stallDuring(() => unspoilt(allDangle))
  const stop = await stallDuring(() => reconciler.stop())
  const parsing = await stallDuring(async () => {
    for (let listing = 0; listing < bareListings; listing++) await bare.list()
  })
  return { nothing, bare: parsing, first, steady, graceEnd, stop }
}

/** All dangle from the first scan on: from the first removal to the last one that is waited for, and the stop after it. */
async function measureRemoval({ address, removals, states }) {
  const { reconciler, unspoilt } = reconcilerOf(address, { tracked: tracksNone, ...noGraces, states }, [
    'stalled',
  ])
  let removed = 0
  const began = happened(reconciler, 'removed')
  const ended = happened(reconciler, 'removed', () => ++removed === removals)
  reconciler.start()
  await unspoilt(began)
  const removal = await stallDuring(() => unspoilt(ended))
  return { removal }
}

export const measure = (settings) =>
  settings.removals === undefined ? measureLife(settings) : measureRemoval(settings)
