import type { Clock } from './clock.ts'

/** How long one slice of work may block the event loop. */
const sliceMs = 2
/** The number of items processed between two readings of the clock. */
const itemsPerReading = 8

/** After a list this long it also yields at the end, because the last slices of several lists can add up to a stall. */
const longList = 512

/**
 * Processes the items and yields in between, so that a long list never blocks the host's own work. A promise returned for
 * an item is awaited before the next one.
 */
export async function inSlices<TItem>(
  items: Iterable<TItem>,
  clock: Clock,
  signal: AbortSignal,
  work: (item: TItem, index: number) => Promise<unknown> | void,
): Promise<void> {
  let sliceBeganMs = clock.now()
  let count = 0
  for (const item of items) {
    // Processing an item may end the supervision.
    signal.throwIfAborted()
    const waitsFor = work(item, count++)
    // The awaited promise may settle without a turn of the event loop.
    if (waitsFor !== undefined) await waitsFor
    if (count % itemsPerReading !== 0 || clock.now() - sliceBeganMs < sliceMs) continue
    await clock.breathe()
    sliceBeganMs = clock.now()
  }
  if (count >= longList) await clock.breathe()
}

/** Processes the items in order, with limited concurrency. */
export async function inBatches<TItem>(
  items: readonly TItem[],
  atOnce: number,
  signal: AbortSignal,
  work: (item: TItem) => Promise<unknown>,
): Promise<void> {
  for (let from = 0; from < items.length; from += atOnce) {
    await Promise.all(items.slice(from, from + atOnce).map(work))
    signal.throwIfAborted()
  }
}
