import { BareClient } from '../bare.mjs'
import { timed } from '../statistics.mjs'
import { happened, noGraces, reconcilerOf } from './reconciling.mjs'

const graceInListings = 20
const shortestGraceMs = 1500
/** The first scan makes an actor of each, and a pause of five times its length follows, which is not measured here. */
const graceMsPerContainer = 0.5

/**
 * From the end of a leak's last grace, here the restore grace, to its removal, among many containers that are tracked.
 * Beside it what the engine alone takes for the listing and the DELETE.
 */
export async function measure({ address, count, samples }, ask) {
  const bare = new BareClient(address)
  const listingMs = await timed(() => bare.drain())
  const restoreGrace = Math.max(shortestGraceMs, graceInListings * listingMs, graceMsPerContainer * count)
  const found = { ours: [], bare: [] }
  for (let sample = 0; sample < samples; sample++) {
    const [leak, other] = await ask('fill', 2)
    found.ours.push(await removalAfterGrace(address, leak, restoreGrace))
    found.bare.push(
      await timed(async () => {
        await bare.list()
        await bare.removeAll([other], 1)
      }),
    )
  }
  return found
}

async function removalAfterGrace(address, leak, restoreGrace) {
  const tracked = { has: (id) => id !== leak }
  const { reconciler, unspoilt } = reconcilerOf(address, { tracked, ...noGraces, restoreGrace })
  const scanned = happened(reconciler, 'scanned')
  const removed = happened(reconciler, 'removed')
  reconciler.start()
  const { beganAt } = await unspoilt(scanned)
  const { at } = await unspoilt(removed)
  await reconciler.stop()
  return at - (beganAt + restoreGrace)
}
