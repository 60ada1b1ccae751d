import { createReconciler } from 'flotsam'
import { BareClient } from './bare.mjs'
import { owner } from './engine.mjs'
import { compare, timed, within } from './statistics.mjs'

/** A look is short and cheap, so there can be many pairs. */
const pairsPerSample = 5
const warmUpPairs = 5
const deadlineMs = 120_000

/**
 * What `look()` of a started reconciler costs beyond the listing itself: connecting, reading, judging, feeding every
 * container's actor and reporting, against a GET on a kept connection with JSON.parse. All containers are tracked.
 */
export async function measureLook(engine, ids, samples) {
  const reconciler = createReconciler({ owner, tracked: new Set(ids), engine: engine.address })
  const bare = new BareClient(engine.socketPath, 1)
  const look = async () => {
    const { containers } = await reconciler.look()
    const tracked = containers.filter(({ verdict }) => verdict === 'tracked').length
    if (tracked !== ids.length) throw new Error(`a look found ${tracked} of ${ids.length} containers tracked`)
  }
  const list = async () => {
    const listed = await bare.list()
    if (listed.length !== ids.length) throw new Error(`listed ${listed.length} of ${ids.length} containers`)
  }
  reconciler.start()
  try {
    const pairs = async (count) =>
      compare(
        count,
        () => timed(look),
        () => timed(list),
      )
    await within(deadlineMs, pairs(warmUpPairs), 'warming up')
    return await within(deadlineMs, pairs(samples * pairsPerSample), 'measuring looks')
  } finally {
    bare.close()
    await reconciler.stop()
  }
}
