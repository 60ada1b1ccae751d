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
  /** Given each seed that was run; says whether that is enough. */
  readonly onFound: (found: Found) => boolean
}

/** Runs seed after seed in threads of their own, each at its own pace. */
export async function sweep(options: Sweep): Promise<void> {
  const { folder, fromSeed, seeds, workers, countsAll = false, worlds = {}, onFound } = options
  let isEnough = false
  const one = (offset: number) =>
    new Promise<void>((resolve, reject) => {
      const count = Math.max(0, Math.ceil((seeds - offset) / workers))
      const work: Work = { folder, fromSeed: fromSeed + offset, step: workers, count, countsAll, worlds }
      const worker = new Worker(join(soundFolder, 'test/simulation/worker.js'), { workerData: work })
      let left = count
      worker.on('error', reject)
      worker.on('message', (found: Found) => {
        if (!isEnough) {
          if (!('uncaught' in found)) left--
          isEnough = onFound(found)
        }
        if (isEnough) void worker.terminate()
      })
      worker.on('exit', () => {
        if (isEnough || left === 0) resolve()
        else reject(new Error(`${left} of ${count} worlds came to no end`))
      })
    })
  await Promise.all(Array.from({ length: workers }, (_, offset) => one(offset)))
}
