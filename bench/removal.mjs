import { setTimeout as after } from 'node:timers/promises'
import { createReconciler } from 'flotsam'
import { BareClient } from './bare.mjs'
import { owner, runContainers } from './engine.mjs'
import { compare, timed, within } from './statistics.mjs'

/** The default of `maxConcurrentRemovals`, for both sides. */
const atOnce = 2
const containersPerRound = 60
/** Engines tell ages in whole seconds; a container that is younger than this may still seem to be in its grace. */
const oldEnoughMs = 3000
const roundDeadlineMs = 120_000

/**
 * From `start()` of a new reconciler, whose every grace has passed already, to its last `removed`: with its first look,
 * which finds all of them dangling, what it asks of itself and of their image before, every look between two batches,
 * and the whole of every removal. Against DELETEs by ids known beforehand. Both sides get containers made just before.
 */
export async function measureRemoval(engine, rounds) {
  const bare = new BareClient(engine.socketPath, atOnce)
  const side = (removeAll) => async () => {
    const ids = await within(roundDeadlineMs, runContainers(engine, containersPerRound), 'making containers')
    await after(oldEnoughMs)
    return within(roundDeadlineMs, removeAll(ids), 'removing containers')
  }
  try {
    return await compare(
      rounds,
      side((ids) => reconcileAway(engine, ids)),
      side((ids) => timed(() => bare.removeAll(ids, atOnce))),
    )
  } finally {
    bare.close()
  }
}

/** Nothing is tracked and every grace is over, so that only the work is measured. Gives the milliseconds that it took. */
async function reconcileAway(engine, ids) {
  const waiting = new Set(ids)
  const reconciler = createReconciler({
    owner,
    tracked: new Set(),
    engine: engine.address,
    creationGrace: 1,
    restoreGrace: 0,
    allowShortGrace: true,
    maxConcurrentRemovals: atOnce,
  })
  try {
    const beganMs = performance.now()
    const endedMs = await new Promise((resolve, reject) => {
      reconciler.on('removed', ({ id }) => {
        waiting.delete(id)
        if (waiting.size === 0) resolve(performance.now())
      })
      // a round in which anything went wrong measures something else
      for (const name of ['removeFailed', 'vanished', 'engineDown', 'trouble', 'crashed']) {
        reconciler.on(name, (event) => reject(new Error(`this round is spoilt: ${JSON.stringify(event)}`)))
      }
      reconciler.start()
    })
    const { underWay, queued } = reconciler.status().removals
    if (underWay.length + queued > 0) throw new Error('the round ended before its removals did')
    return endedMs - beganMs
  } finally {
    await reconciler.stop()
  }
}
