import { setTimeout as after } from 'node:timers/promises'
import { loadFlotsam } from '../build.mjs'
import { owner } from '../owner.mjs'

const { createReconciler, nothingTracked } = await loadFlotsam()

/** A tracker that takes no memory and no time, so that what is measured is ours. */
export const tracksAll = { has: () => true }
export const tracksNone = nothingTracked
/** Every grace is over before anything is seen. */
export const noGraces = { creationGrace: 1, restoreGrace: 0, recoveryGrace: 1, allowShortGrace: true }

/** Events that spoil a measurement. */
const spoils = ['removeFailed', 'vanished', 'engineDown', 'degraded', 'crashed', 'stalled']

/** A reconciler of the engine at this address; `unspoilt` waits for something, and rejects as soon as anything goes wrong. */
export function reconcilerOf(address, options, allowed = []) {
  const reconciler = createReconciler({ owner, engine: address, ...options })
  const waiting = new Set()
  let spoilt
  for (const name of spoils.filter((one) => !allowed.includes(one))) {
    reconciler.on(name, (event) => {
      spoilt ??= new Error(`this run is spoilt: ${JSON.stringify(event)}`)
      for (const reject of waiting) reject(spoilt)
    })
  }
  // no race with a promise that never settles: that would hold whatever it was raced with
  const unspoilt = (promise) =>
    new Promise((resolve, reject) => {
      if (spoilt) return reject(spoilt)
      waiting.add(reject)
      return promise.then(resolve, reject).finally(() => waiting.delete(reject))
    })
  return { reconciler, unspoilt }
}

/** Resolves with the first event of that name that satisfies. */
export function happened(reconciler, name, isIt = () => true) {
  return new Promise((resolve) => {
    const subscription = reconciler.on(name, (event) => {
      if (!isIt(event)) return
      subscription.unsubscribe()
      resolve(event)
    })
  })
}

/** What is left on the heap and beside it once everything that can be forgotten is. */
export async function bytesHeld() {
  for (let time = 0; time < 3; time++) {
    await after(50)
    globalThis.gc()
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  return { held: heapUsed + external, rss }
}
