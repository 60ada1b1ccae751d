import { setTimeout as after } from 'node:timers/promises'
import { BareClient } from '../bare.mjs'
import { timed } from '../statistics.mjs'
import { happened, noGraces, reconcilerOf } from './reconciling.mjs'

const outageMs = 3000
const recoveryGraceMs = 1000
const graceInListings = 20
const shortestGraceMs = 1500
/** The first scan makes an actor of each. */
const graceMsPerContainer = 0.15

/**
 * From the moment that an engine accepts connections again until the last of the leaks is removed that began to dangle during the
 * outage. It includes rules: the pause between attempts that the outage lengthened, and the recovery grace, here a second.
 */
export async function measure({ address, count, leaks, width, samples, status }, ask) {
  const bare = new BareClient(address, width)
  const listingMs = await timed(() => bare.drain())
  bare.close()
  const restoreGrace = Math.max(shortestGraceMs, graceInListings * listingMs, graceMsPerContainer * count)
  const found = { noticedMs: [], emptyMs: [], bareMs: [] }
  for (let sample = 0; sample < samples; sample++) {
    const ids = await ask('fill', leaks, status)
    const options = { states: [status], restoreGrace, maxConcurrentRemovals: width }
    const { noticedMs, emptyMs } = await emptyAfterOutage(address, new Set(ids), options, ask)
    found.noticedMs.push(noticedMs)
    found.emptyMs.push(emptyMs)
    const others = await ask('fill', leaks, status)
    const again = new BareClient(address, width)
    found.bareMs.push(await timed(() => again.removeAll(others, width)))
    again.close()
  }
  return found
}

async function emptyAfterOutage(address, leaks, more, ask) {
  const options = {
    ...noGraces,
    creationGrace: recoveryGraceMs,
    recoveryGrace: recoveryGraceMs,
    tracked: { has: (id) => !leaks.has(id) },
    ...more,
  }
  const { reconciler, unspoilt } = reconcilerOf(address, options, ['engineDown', 'degraded', 'stalled'])
  const scanned = happened(reconciler, 'scanned')
  const isDown = happened(reconciler, 'engineDown')
  const isUp = happened(reconciler, 'engineUp').then(() => performance.now())
  const isEmpty = happened(reconciler, 'removed', ({ id }) => {
    leaks.delete(id)
    return leaks.size === 0
  }).then(() => performance.now())
  reconciler.start()
  await unspoilt(scanned)
  await ask('goDown')
  const scan = reconciler.scan().catch(() => {})
  await unspoilt(isDown)
  await scan
  await after(outageMs)
  await ask('comeUp')
  const beganMs = performance.now()
  const noticedMs = (await unspoilt(isUp)) - beganMs
  const emptyMs = (await unspoilt(isEmpty)) - beganMs
  await reconciler.stop()
  return { noticedMs, emptyMs }
}
