import { rmSync } from 'node:fs'

import { type Mutation, plant } from './mutations.ts'
import { soundFolder, sweep } from './sweep.ts'

/** A rule that is taken out must be missed within so many seeds. */
const findsWithin = 1000

export interface PreventionOptions {
  readonly fromSeed: number
  readonly seeds: number
  readonly workers: number
  /** So many wrong removals are enough to count. */
  readonly wanted: number
  readonly say: (text: string) => void
}

/** What the numbers are, for whoever reads them. */
export const preventionLegend = [
  'What each safety rule alone prevents: worlds are lived through on a copy of the library in which this one rule is switched',
  'off and everything else is as it is. Counted are the removals, and for truthful the claims, that break the rule, until',
  'there are enough. The worlds are those of the same seeds, with more in them of what the rule is about; the first ones are',
  'lived through with the rule as well, where not one removal may be wrong.',
]

/** So many of the worlds are lived through with the rule too. */
const soundWorlds = 50

/** One rule taken out: how soon that is found, and how many wrong removals or claims it prevents. Says whether that is enough. */
export async function measurePrevention(mutation: Mutation, options: PreventionOptions): Promise<boolean> {
  const { fromSeed, seeds, workers, wanted, say } = options
  const { rule, without, worlds } = mutation
  const folder = `${soundFolder}-without-${rule}`
  plant(mutation, soundFolder, folder)
  let prevented = 0
  let ran = 0
  let foundIn = Infinity
  await sweep({
    folder,
    fromSeed,
    seeds,
    workers,
    countsAll: true,
    worlds,
    onFound: (found) => {
      ran++
      if ('uncaught' in found) return false
      const broken = found.violations.filter((violation) => violation.rule === rule)
      // One removal can break a rule in more than one way.
      prevented += new Set(broken.flatMap(({ wrong }) => wrong ?? [])).size
      if (broken.length > 0) foundIn = Math.min(foundIn, found.seed - fromSeed + 1)
      return prevented >= wanted
    },
  })
  rmSync(folder, { recursive: true })
  const wrong = await countWrong(mutation, options)
  const first = foundIn === Infinity ? 'NOT FOUND' : `first in world ${foundIn}`
  say(
    `${rule.padEnd(18)} ${String(prevented).padStart(5)} in ${String(ran).padStart(4)} worlds, ${first.padEnd(18)} ${wrong} with it; without ${without}`,
  )
  return prevented >= wanted && foundIn <= findsWithin && wrong === 0
}

/** What goes wrong in the same worlds with every rule in its place. */
async function countWrong({ worlds }: Mutation, options: PreventionOptions): Promise<number> {
  const { fromSeed, seeds, workers } = options
  let wrong = 0
  await sweep({
    folder: soundFolder,
    fromSeed,
    seeds: Math.min(seeds, soundWorlds),
    workers,
    countsAll: true,
    worlds,
    onFound: (found) => {
      wrong += 'uncaught' in found ? 1 : found.violations.length
      return false
    },
  })
  return wrong
}
