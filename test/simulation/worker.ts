import { parentPort, workerData } from 'node:worker_threads'

import type { planOfWorlds as planHere, Worlds } from './plan.ts'
import type { run as runHere, RunResult } from './run.ts'

export interface Work {
  /** The folder of the compiled library to run. */
  readonly folder: string
  readonly fromSeed: number
  readonly step: number
  readonly countsAll: boolean
  readonly worlds: Worlds
}

/** A seed's result, or what the library threw outside every promise. */
export type Found = RunResult | { readonly seed: number; readonly uncaught: string }

const { folder, fromSeed, step, countsAll, worlds } = workerData as Work
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

// One message asks for one seed: whoever asked decides when it is enough.
parentPort?.on('message', () => {
  void run({ seed, plan: planOfWorlds(seed, worlds), countsAll })
    .then(post, postThrown)
    .finally(() => {
      seed += step
    })
})
