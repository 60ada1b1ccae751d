import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { mutations, nameOf, partMutations } from './mutations.ts'
import { type Plan, planOf } from './plan.ts'
import { measurePrevention, preventionLegend } from './prevention.ts'
import { run } from './run.ts'
import { keep, shrink } from './shrink.ts'
import { soundFolder, sweep } from './sweep.ts'
import { Tally } from './vocabulary.ts'

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
const seeds = Number(values.seeds)
const workers = Number(values.workers)
const fromSeed = Number(values.from)
const say = (text: string) => process.stdout.write(`${text}\n`)

/** In so many worlds everything that can happen happens. */
const seedsOfALongRun = 1000

/** Every seed on the unmodified library: none may break a rule, and everything that can happen must happen. */
async function runSound(): Promise<boolean> {
  const beganMs = performance.now()
  const tally = new Tally()
  let removals = 0
  const failed: { readonly seed: number; readonly rule: string }[] = []
  await sweep({
    folder: soundFolder,
    fromSeed,
    seeds,
    workers,
    onFound: (found) => {
      if ('uncaught' in found) failed.push({ seed: found.seed, rule: found.uncaught })
      else {
        removals += found.removals
        tally.add(found.counts)
        const [violation] = found.violations
        if (violation) failed.push({ seed: found.seed, rule: violation.rule })
      }
      return failed.length >= 10
    },
  })
  const seconds = (performance.now() - beganMs) / 1000
  const pace = (seeds / seconds).toFixed(0)
  say(
    `${seeds} seeds from ${fromSeed}, ${removals} removals, ${failed.length} failed, ${seconds.toFixed(0)} s, ${pace} seeds/s`,
  )
  say('\nWhat happened in them, and how often:')
  for (const line of tally.lines()) say(line)
  for (const { seed, rule } of failed) say(`seed ${seed}: ${rule}`)
  const [first] = failed
  if (first) await replay(first.seed, undefined)
  const { missing } = tally
  if (missing.length === 0) return failed.length === 0
  say(`\nnever happened: ${missing.join(', ')}`)
  return failed.length === 0 && seeds < seedsOfALongRun
}

/** What the rules prevent: of all of them, or of one. */
async function runMutations(called: string): Promise<boolean> {
  const all = [...mutations, ...partMutations]
  const chosen = all.filter((mutation) => called === 'all' || called === nameOf(mutation))
  if (chosen.length === 0) {
    const known = all.map(nameOf).join(', ')
    throw new Error(`there is no mutation ${called}; there are ${known}`)
  }
  const beganMs = performance.now()
  say('')
  for (const line of preventionLegend) say(line)
  const wanted = Number(values.prevented)
  let isWell = true
  for (const mutation of chosen) {
    const isEnough = await measurePrevention(mutation, { fromSeed, seeds, workers, wanted, say })
    if (!isEnough) say(`${nameOf(mutation)}: too few, or found too late`)
    isWell &&= isEnough
  }
  say(`${((performance.now() - beganMs) / 1000).toFixed(0)} s`)
  return isWell
}

/** Replays one seed with its story, shortened to what breaks the same rule. */
async function replay(seed: number, kept: readonly number[] | undefined): Promise<void> {
  const whole = planOf(seed)
  const ruleOf = async (plan: Plan) => (await run({ seed, plan })).violations[0]?.rule
  const rule = kept ? undefined : await ruleOf(whole)
  const left = rule === undefined ? kept : await shrink(whole, async (plan) => (await ruleOf(plan)) === rule)
  say(`story of seed ${seed}${left ? `, acts ${left.join(',')}` : ''}`)
  await run({ seed, plan: left && keep(whole, left), say })
  if (left) say(`again: npm run simulate -- --seed ${seed} --keep ${left.join(',')}`)
}

async function main(): Promise<boolean> {
  if (values.seed !== undefined) {
    await replay(Number(values.seed), values.keep?.split(',').map(Number))
    return true
  }
  if (values.mutation !== undefined) return runMutations(values.mutation)
  return runSound()
}

process.exitCode = (await main()) ? 0 : 1
