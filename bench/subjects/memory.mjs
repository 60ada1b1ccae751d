import { bytesHeld, reconcilerOf, tracksAll, tracksNone } from './reconciling.mjs'

/** Long enough that nothing dangles during the measurement. */
const longGraces = { creationGrace: '24h', restoreGrace: '24h' }
const parked = { tracked: { tracked: tracksAll }, graced: { tracked: tracksNone, ...longGraces } }

/**
 * What is held for each known container that is parked so, against the same process after a scan that owned nothing; and
 * what is still held of containers that came and went, for each of them.
 */
export async function measure({ address, count, as, churns, states }, ask) {
  const before = await bytesAfterStranger(address)
  // an instant replacement is not realistic: each tracked container that the engine lost is reported
  const { reconciler, unspoilt } = reconcilerOf(address, { ...parked[as], states, events: false }, [
    'vanished',
    'degraded',
  ])
  reconciler.start()
  const { containers } = await unspoilt(reconciler.scan())
  if (containers.some(({ verdict }) => verdict !== as)) throw new Error(`not all are ${as}`)
  containers.length = 0
  const known = await bytesHeld()
  const parkedBytes = {
    knownBytes: (known.held - before.held) / count,
    rssBytes: (known.rss - before.rss) / count,
  }
  if (churns === 0) {
    await reconciler.stop()
    return parkedBytes
  }
  const churnOnce = async () => {
    await ask('replaceAll')
    await unspoilt(reconciler.scan())
  }
  // the first replacement warms up, and what it retains is not growth
  await churnOnce()
  const warm = await bytesHeld()
  for (let churn = 0; churn < churns; churn++) await churnOnce()
  const churned = await bytesHeld()
  await reconciler.stop()
  return {
    ...parkedBytes,
    churned: churns * count,
    churnBytes: (churned.held - warm.held) / (churns * count),
  }
}

async function bytesAfterStranger(address) {
  const owner = { label: 'flotsam.bench', value: 'a-stranger' }
  const { reconciler } = reconcilerOf(address, { owner, tracked: tracksAll, events: false })
  reconciler.start()
  await reconciler.scan()
  await reconciler.stop()
  return bytesHeld()
}
