/** The middle of the samples, and how far they spread. */
export function spreadOf(samples) {
  if (samples.length === 0) throw new RangeError('there is no median of nothing')
  const sorted = samples.toSorted((one, other) => one - other)
  const half = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
  return { median, min: sorted[0], max: sorted.at(-1) }
}

/**
 * Two ways of doing the same, side by side: the order turns round with each pair, so that whatever warms up, drifts or is
 * shared with others falls on both alike. The ratio is taken within each pair.
 */
export async function compare(pairs, ours, bare) {
  const times = { oursMs: [], bareMs: [], ratio: [] }
  for (let pair = 0; pair < pairs; pair++) {
    const oursFirst = pair % 2 === 0
    const early = oursFirst ? undefined : await bare(pair)
    const oursMs = await ours(pair)
    const bareMs = early ?? (await bare(pair))
    times.oursMs.push(oursMs)
    times.bareMs.push(bareMs)
    times.ratio.push(oursMs / bareMs)
  }
  return { oursMs: spreadOf(times.oursMs), bareMs: spreadOf(times.bareMs), ratio: spreadOf(times.ratio) }
}

/** How long something took, in milliseconds. */
export async function timed(work) {
  const beganMs = performance.now()
  await work()
  return performance.now() - beganMs
}

/** Rejects when it takes too long; what was begun is left to the end of the process. */
export async function within(deadlineMs, promise, what) {
  let timer
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${deadlineMs} ms`)), deadlineMs)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
