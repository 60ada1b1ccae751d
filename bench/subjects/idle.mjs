import { setTimeout as after } from 'node:timers/promises'
import { BareClient } from '../bare.mjs'
import { reconcilerOf, tracksAll } from './reconciling.mjs'

/** What starting up leaves behind is collected at leisure, for up to a minute, which is no part of what comes after. */
const settleMs = 60_000
/** So many looks make the code as fast as it gets; an agent has had them after some minutes. */
const warmUps = 20

/**
 * The share of one core that a process takes in which nothing happens but this: nothing at all, a bare listing every
 * period, or a reconciler with that period.
 */
export async function measure({ address, count, way, periodMs, totalMs }) {
  let looks = 0
  if (way === 'ours') {
    const { reconciler, unspoilt } = reconcilerOf(address, { tracked: tracksAll, period: periodMs }, [
      'trouble',
      'stalled',
    ])
    reconciler.start()
    const { containers } = await unspoilt(reconciler.look())
    if (containers.length !== count)
      throw new Error(`the look found ${containers.length} of ${count} containers`)
    for (let look = 0; look < warmUps; look++) await unspoilt(reconciler.look())
    reconciler.on('looked', () => looks++)
  } else if (way === 'bare') {
    const bare = new BareClient(address)
    for (let listing = 0; listing < warmUps; listing++) await bare.list()
    setInterval(() => void bare.list().then(() => looks++), periodMs)
  }
  await after(settleMs)
  looks = 0
  const before = process.cpuUsage()
  const beganMs = performance.now()
  await after(totalMs)
  const { user, system } = process.cpuUsage(before)
  return { percent: (user + system) / 10 / (performance.now() - beganMs), looks }
}
