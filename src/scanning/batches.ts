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
