/**
 * A process with one purpose, so that nothing else counts: `node idle-agent.mjs SETTINGS`, where SETTINGS is JSON with
 * `settleMs`, `slices` and `sliceMs`, and, where it is to run a reconciler, `reconciler` with its options and `tracked`.
 * Sends its parent the share of one core that it took in each slice, and ends with it.
 */
import { setTimeout as after } from 'node:timers/promises'

const { settleMs, slices, sliceMs, reconciler: wanted } = JSON.parse(process.argv[2])
process.once('disconnect', () => process.exit(1))

let looks = 0
if (wanted !== undefined) {
  const { createReconciler } = await import('flotsam')
  const { tracked, ...options } = wanted
  const reconciler = createReconciler({ ...options, tracked: new Set(tracked) })
  reconciler.on('looked', () => looks++)
  reconciler.start()
  const { containers } = await reconciler.look()
  const found = containers.filter(({ verdict }) => verdict === 'tracked').length
  if (found !== tracked.length)
    throw new Error(`the look found ${found} of ${tracked.length} containers tracked`)
}
await after(settleMs)
looks = 0

const percents = []
for (let slice = 0; slice < slices; slice++) {
  const before = process.cpuUsage()
  const beganMs = performance.now()
  await after(sliceMs)
  const { user, system } = process.cpuUsage(before)
  percents.push((user + system) / 10 / (performance.now() - beganMs))
}
process.send({ percents, looks }, () => process.exit(0))
