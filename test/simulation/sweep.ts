import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

import type { Worlds } from './plan.ts'
import type { Found, Work } from './worker.ts'

/** The library as it is, compiled, with this simulation in it. */
export const soundFolder = join(import.meta.dirname, '../..')

export interface Sweep {
  readonly folder: string
  readonly fromSeed: number
  readonly seeds: number
  readonly workers: number
  readonly countsAll?: boolean
  readonly worlds?: Worlds
  /** Told of each seed; says whether that is enough. */
  readonly onFound: (found: Found) => boolean
}

/** Runs seed after seed in threads of their own. */
export async function sweep(options: Sweep): Promise<void> {
  const { folder, fromSeed, seeds, workers, countsAll = false, worlds = {}, onFound } = options
  let asked = 0
  let isEnough = false
  const one = (offset: number) =>
    new Promise<void>((resolve, reject) => {
      const work: Work = { folder, fromSeed: fromSeed + offset, step: workers, countsAll, worlds }
      const worker = new Worker(join(soundFolder, 'test/simulation/worker.js'), { workerData: work })
      const next = () => {
        if (isEnough || asked >= seeds) return void worker.terminate().then(() => resolve())
        asked++
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
        worker.postMessage('next')
      }
      worker.on('error', reject)
      worker.on('message', (found: Found) => {
        if (onFound(found)) isEnough = true
        next()
      })
      next()
    })
  await Promise.all(Array.from({ length: workers }, (_, offset) => one(offset)))
}
