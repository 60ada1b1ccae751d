import { setImmediate } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import type { planOfWorlds as planHere, Worlds } from './plan.ts'
import type { run as runHere, RunResult } from './run.ts'

export interface Work {
  /** The folder of the compiled library to run. */
  readonly folder: string
  readonly fromSeed: number
  readonly step: number
  readonly count: number
  readonly countsAll: boolean
  readonly worlds: Worlds
}

/** A seed's result, or what the library threw outside every promise. */
export type Found = RunResult | { readonly seed: number; readonly uncaught: string }

const { folder, fromSeed, step, count, countsAll, worlds } = workerData as Work
const { run } = (await import(`${folder}/test/simulation/run.js`)) as { readonly run: typeof runHere }
const { planOfWorlds } = (await import(`${folder}/test/simulation/plan.js`)) as {
  readonly planOfWorlds: typeof planHere
}

let seed = fromSeed
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
const post = (found: Found) => parentPort?.postMessage(found)
const postThrown = (thrown: unknown) =>
  post({ seed, uncaught: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) })
process.on('uncaughtException', postThrown)
process.on('unhandledRejection', postThrown)

for (let left = count; left > 0; left--) {
  await run({ seed, plan: planOfWorlds(seed, worlds), countsAll }).then(post, postThrown)
  // What was thrown meanwhile is reported for this seed, not for the next.
  await setImmediate()
  seed += step
}
