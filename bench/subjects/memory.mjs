import { bytesHeld, reconcilerOf, tracksAll, tracksNone } from './reconciling.mjs'

/** So long that nothing dangles while this is measured. */
const longGraces = { creationGrace: '24h', restoreGrace: '24h' }
const parked = { tracked: { tracked: tracksAll }, graced: { tracked: tracksNone, ...longGraces } }

/**
 * What is held for each known container that is parked so, against the same process after a look that owned nothing; and
 * what is still held of containers that came and went, for each of them.
 */
export async function measure({ address, count, as, churns, states }, ask) {
  const before = await bytesAfterStranger(address)
  // a replacement at once is no life of an agent's: what the tracker knew and the engine lost is told of, one by one
  const { reconciler, unspoilt } = reconcilerOf(address, { ...parked[as], states, events: false }, [
    'vanished',
    'trouble',
  ])
  reconciler.start()
  const { containers } = await unspoilt(reconciler.look())
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
    await unspoilt(reconciler.look())
  }
  // the first replacement warms up, and what it leaves behind is no growth
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
  await reconciler.look()
  await reconciler.stop()
  return bytesHeld()
}
