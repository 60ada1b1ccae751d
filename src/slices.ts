import type { Clock } from './clock.ts'

/** How long one slice of work may keep the event loop. */
const sliceMs = 2
/** So many items are worked on between two readings of the clock. */
const itemsPerReading = 8

/** After a list this long comes a breath too: many a short rest of long ones, one after the other, is a stall as well. */
const longList = 512

/**
 * Works through the items and lets the host's own work run in between, so that a long list never stalls it. Work that has
 * to wait for something gives back what for, and the next item waits as well.
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
    // What an item leads to may be the end of everything.
    signal.throwIfAborted()
    const waitsFor = work(item, count++)
    // An answer may come without a turn of the event loop.
    if (waitsFor !== undefined) await waitsFor
    if (count % itemsPerReading !== 0 || clock.now() - sliceBeganMs < sliceMs) continue
    await clock.breathe()
    sliceBeganMs = clock.now()
  }
  if (count >= longList) await clock.breathe()
}
