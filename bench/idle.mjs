import { fork } from 'node:child_process'
import { join } from 'node:path'
import { owner } from './engine.mjs'
import { spreadOf, within } from './statistics.mjs'

const settleMs = 10_000
const slices = 10
const slackMs = 60_000

/**
 * The share of one core that a process takes whose only work is a started reconciler, and, for comparison, one that has
 * none at all. All of them wait side by side, each in a process of its own; the mean is that of the whole time.
 */
export async function measureIdle(engine, ids, periods, totalMs) {
  const reconcilers = periods.map((period) => ({ owner, engine: engine.address, period, tracked: ids }))
  const [nothing, ...ours] = await Promise.all(
    [undefined, ...reconcilers].map((reconciler) => idleFor(totalMs, reconciler)),
  )
  return periods.map((period, at) => ({ period, ...ours[at], bare: nothing }))
}

async function idleFor(totalMs, reconciler) {
  const settings = { settleMs, slices, sliceMs: totalMs / slices, reconciler }
  const child = fork(join(import.meta.dirname, 'idle-agent.mjs'), [JSON.stringify(settings)])
  const answer = new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('error', reject)
    child.once('exit', (code, signal) => reject(new Error(`an idle process ended with ${code ?? signal}`)))
  })
  try {
    const { percents, looks } = await within(settleMs + totalMs + slackMs, answer, 'an idle process')
    const meanPercent = percents.reduce((sum, percent) => sum + percent, 0) / percents.length
    return { meanPercent, slicePercent: spreadOf(percents), looks }
  } finally {
    child.kill('SIGKILL')
  }
}
