/** The median and the range of the samples. */
export function spreadOf(samples) {
  if (samples.length === 0) throw new RangeError('there is no median of nothing')
  const sorted = samples.toSorted((one, other) => one - other)
  const half = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
  return { median, min: sorted[0], max: sorted.at(-1), samples: sorted.length }
}

/**
 * Runs several ways side by side. The order rotates with each round, so that warm-up, drift and load affect all of them
 * alike. Returns the samples of each, round by round.
 */
export async function sideBySide(rounds, ways) {
  const names = Object.keys(ways)
  const samples = Object.fromEntries(names.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + turn) % names.length]
      samples[name].push(await ways[name](round))
    }
  }
  return samples
}

/** The spread of the ratios, each of which is taken within one round. */
export function ratioOf(ours, theirs) {
  return spreadOf(ours.map((value, round) => value / theirs[round]))
}

/** How long something took, in milliseconds. */
export async function timed(work) {
  const beganMs = performance.now()
  await work()
  return performance.now() - beganMs
}

/** How long something took, and how much CPU time this process used for it, in milliseconds. */
export async function timedWithCpu(work) {
  const before = process.cpuUsage()
  const wallMs = await timed(work)
  const { user, system } = process.cpuUsage(before)
  return { wallMs, cpuMs: (user + system) / 1000 }
}

/** Rejects on a timeout. The work itself continues until the process ends. */
export async function within(deadlineMs, promise, what) {
  let timer
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${deadlineMs} ms`)), deadlineMs)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
