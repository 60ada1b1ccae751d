import type { Departure, Made } from './ledger.ts'

const secondMs = 1000
/** How long a removal that failed waits before the next try, by how often it has failed. */
const retriesMs = [0, 1, 5, 30, 120, 240, 480, 900].map((seconds) => seconds * secondMs)
/**
 * What a removal may take that never failed: 5 s after its last grace, of which the longest takes 4 s here, behind as
 * many others as an engine on a busy machine removes in 20 s.
 */
const unfailedMs = 30 * secondMs

/** How often this life of Flotsam has tried to remove one container. A stop belongs to the removal behind it. */
export function triesOf(departures: readonly Departure[], life: number): number {
  const tries = departures.filter((one) => one.life === life && one.verb !== 'unpause')
  return tries.filter(({ verb }, at) => verb === 'remove' || tries[at + 1]?.verb !== 'remove').length
}

/** When, at the latest, what dangles must be gone, on an engine that has been well since then. */
export function dueMs({ departures }: Pick<Made, 'departures'>, life: number, wellMs: number): number {
  // it is still there: every try has failed
  const failures = triesOf(departures, life)
  const lastTryMs = departures.at(-1)?.atMs ?? 0
  return Math.max(wellMs, lastTryMs) + (retriesMs[failures] ?? retriesMs.at(-1) ?? 0) + unfailedMs
}
