import { setTimeout as after } from 'node:timers/promises'
import { BareClient } from '../bare.mjs'
import { reconcilerOf, tracksAll } from './reconciling.mjs'

/** Garbage of the start-up is collected over up to a minute, which is not part of the measurement. */
const settleMs = 60_000
/** Enough scans to optimize the code fully; an agent has run them after some minutes. */
const warmUps = 20

/**
 * The share of one core that a process takes in which nothing happens but this: nothing at all, a bare listing every
 * period, or a reconciler with that period.
 */
export async function measure({ address, count, way, periodMs, totalMs }) {
  let scans = 0
  if (way === 'ours') {
    const { reconciler, unspoilt } = reconcilerOf(address, { tracked: tracksAll, period: periodMs }, [
      'degraded',
      'stalled',
    ])
    reconciler.start()
    const { containers } = await unspoilt(reconciler.scan())
    if (containers.length !== count)
      throw new Error(`the scan found ${containers.length} of ${count} containers`)
    for (let scan = 0; scan < warmUps; scan++) await unspoilt(reconciler.scan())
    reconciler.on('scanned', () => scans++)
  } else if (way === 'bare') {
    const bare = new BareClient(address)
    for (let listing = 0; listing < warmUps; listing++) await bare.list()
    setInterval(() => void bare.list().then(() => scans++), periodMs)
  }
  await after(settleMs)
  scans = 0
  const before = process.cpuUsage()
  const beganMs = performance.now()
  await after(totalMs)
  const { user, system } = process.cpuUsage(before)
  return { percent: (user + system) / 10 / (performance.now() - beganMs), scans }
}
