import { rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'

import { type Mutation, mutations, plant } from './mutations.ts'
import { type Plan, planOf } from './plan.ts'
import { run } from './run.ts'
import { keep, shrink } from './shrink.ts'
import type { Found, Work } from './worker.ts'

const soundFolder = join(import.meta.dirname, '../..')

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    keep: { type: 'string' },
    mutation: { type: 'string' },
    prevented: { type: 'string', default: '1000' },
    workers: { type: 'string', default: String(Math.min(2, availableParallelism())) },
  },
})
const workers = Number(values.workers)
const fromSeed = Number(values.from)
const say = (text: string) => process.stdout.write(`${text}\n`)

/** A rule that is taken out must be missed within so many seeds. */
const findsWithin = 1000

interface Sweep {
  readonly folder: string
  readonly seeds: number
  readonly countsAll: boolean
  /** Told of each seed; says whether that is enough. */
  readonly onFound: (found: Found) => boolean
}

/** Runs seed after seed in threads of their own. */
async function sweep({ folder, seeds, countsAll, onFound }: Sweep): Promise<void> {
  let asked = 0
  let isEnough = false
  const one = (offset: number) =>
    new Promise<void>((resolve, reject) => {
      const work: Work = { folder, fromSeed: fromSeed + offset, step: workers, countsAll }
      const worker = new Worker(join(soundFolder, 'test/simulation/worker.js'), { workerData: work })
      const next = () => {
        if (isEnough || asked >= seeds) return void worker.terminate().then(() => resolve())
        asked++
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
        worker.postMessage('next')
      }
      worker.on('error', reject)
      worker.on('message', (found: Found) => {
        if (onFound(found)) isEnough = true
        next()
      })
      next()
    })
  await Promise.all(Array.from({ length: workers }, (_, offset) => one(offset)))
}

/** Every seed on the sound library: none may break a rule. */
async function runSound(seeds: number): Promise<boolean> {
  const beganMs = performance.now()
  let removals = 0
  const failed: { readonly seed: number; readonly rule: string }[] = []
  await sweep({
    folder: soundFolder,
    seeds,
    countsAll: false,
    onFound: (found) => {
      if ('uncaught' in found) failed.push({ seed: found.seed, rule: found.uncaught })
      else {
        removals += found.removals
        const [violation] = found.violations
        if (violation) failed.push({ seed: found.seed, rule: violation.rule })
      }
      return failed.length >= 10
    },
  })
  const seconds = (performance.now() - beganMs) / 1000
  say(
    `${seeds} seeds from ${fromSeed}, ${removals} removals, ${failed.length} failed, ${seconds.toFixed(0)} s`,
  )
  for (const { seed, rule } of failed) say(`seed ${seed}: ${rule}`)
  const [first] = failed
  if (first) await tell(first.seed, undefined)
  return failed.length === 0
}

/** One rule taken out: how soon that is found, and how many wrong removals or claims the rule alone prevents. */
async function runMutation(mutation: Mutation, seeds: number, wanted: number): Promise<boolean> {
  const folder = `${soundFolder}-without-${mutation.rule}`
  plant(mutation, soundFolder, folder)
  let prevented = 0
  let ran = 0
  let foundIn: number | undefined
  await sweep({
    folder,
    seeds,
    countsAll: true,
    onFound: (found) => {
      ran++
      if ('uncaught' in found) return false
      const broken = found.violations.filter(({ rule }) => rule === mutation.rule)
      // One removal can break a rule in more than one way.
      prevented += new Set(broken.flatMap(({ wrong }) => wrong ?? [])).size
      if (broken.length > 0) foundIn = Math.min(foundIn ?? Infinity, found.seed - fromSeed + 1)
      return prevented >= wanted
    },
  })
  rmSync(folder, { recursive: true })
  const first = foundIn === undefined ? 'NOT FOUND' : `found at seed ${foundIn}`
  say(
    `${mutation.rule.padEnd(18)} ${String(prevented).padStart(6)} prevented in ${String(ran).padStart(5)} seeds, ${first.padEnd(20)} without ${mutation.without}`,
  )
  return foundIn !== undefined && foundIn <= findsWithin
}

/** Replays one seed with its story, shortened to what breaks the same rule. */
async function tell(seed: number, kept: readonly number[] | undefined): Promise<void> {
  const whole = planOf(seed)
  const ruleOf = async (plan: Plan) => (await run({ seed, plan })).violations[0]?.rule
  const rule = kept ? undefined : await ruleOf(whole)
  const left = rule === undefined ? kept : await shrink(whole, async (plan) => (await ruleOf(plan)) === rule)
  say(`story of seed ${seed}${left ? `, acts ${left.join(',')}` : ''}`)
  await run({ seed, plan: left && keep(whole, left), tell: say })
  if (left) say(`again: npm run simulate -- --seed ${seed} --keep ${left.join(',')}`)
}

async function main(): Promise<boolean> {
  const seeds = Number(values.seeds)
  if (values.seed !== undefined) {
    await tell(
      Number(values.seed),
      values.keep === undefined ? undefined : values.keep.split(',').map(Number),
    )
    return true
  }
  if (values.mutation === undefined) return runSound(seeds)
  const chosen = mutations.filter(({ rule }) => values.mutation === 'all' || values.mutation === rule)
  if (chosen.length === 0)
    throw new Error(
      `there is no mutation ${values.mutation}; there are ${mutations.map(({ rule }) => rule).join(', ')}`,
    )
  let isWell = true
  for (const mutation of chosen)
    isWell = (await runMutation(mutation, seeds, Number(values.prevented))) && isWell
  return isWell
}

process.exitCode = (await main()) ? 0 : 1
