import type { Departure } from './ledger.ts'

const secondMs = 1000
/** How long a removal that failed waits before the next attempt, by how often it has failed. */
const retriesMs = [0, 1, 5, 30, 120, 240, 480, 900].map((seconds) => seconds * secondMs)
/**
 * What a removal may take that never failed, counted from when the one before it was done, on an engine that is quick: 5 s after
 * its last grace, of which the longest takes 4 s here, a scan, and a removal with the second that it leaves to end in.
 */
const unfailedMs = 15 * secondMs

/**
 * How often this life of Flotsam has attempted to remove one container. A stop belongs to the removal after it, unless the
 * engine did not carry it out, which makes it an attempt of its own.
 */
export function attemptsOf(
  departures: readonly Departure[],
  life: number,
  wasStopped: (departure: Departure) => boolean = () => true,
): number {
  const attempts = departures.filter((one) => one.life === life && one.verb !== 'unpause')
  const isPartOfNext = (one: Departure, next: Departure | undefined) =>
    one.verb !== 'remove' && next?.verb === 'remove' && wasStopped(one)
  return attempts.filter((one, at) => !isPartOfNext(one, attempts[at + 1])).length
}

/** How much quick time a dangling container may take to be gone, counted from recovery and from its last attempt. */
export function allowedMs(failures: number): number {
  // it is still there: every attempt has failed
  return (retriesMs[failures] ?? retriesMs.at(-1) ?? 0) + unfailedMs
}
