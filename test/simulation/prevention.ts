import { rmSync } from 'node:fs'
import { type Mutation, nameOf, plant } from './mutations.ts'
import { soundFolder, sweep } from './sweep.ts'

/** A missing rule must be detected within so many seeds. */
const findsWithin = 1000

export interface PreventionOptions {
  readonly fromSeed: number
  readonly seeds: number
  readonly workers: number
  /** How many wrong removals to count. */
  readonly wanted: number
  readonly say: (text: string) => void
}

/** An explanation of the numbers, for the reader. */
export const preventionLegend = [
  'What each safety rule alone prevents: worlds are run on a copy of the library with only this rule switched off.',
  'The count is of removals (for truthful: of claims) that break the rule, until there are enough.',
  'The worlds have the same seeds, with more of the situations that the rule is about.',
  'The first ones are also run with the rule, and then no removal may be wrong.',
]

/** How many of the worlds are also run with the rule. */
const soundWorlds = 50

/** One rule switched off: how soon that is detected, and how many wrong removals or claims it prevents. Returns whether that is enough. */
export async function measurePrevention(mutation: Mutation, options: PreventionOptions): Promise<boolean> {
  const { fromSeed, seeds, workers, wanted, say } = options
  const { rule, without, worlds } = mutation
  const folder = `${soundFolder}-without-${nameOf(mutation)}`
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
    `${nameOf(mutation).padEnd(18)} ${String(prevented).padStart(5)} in ${String(ran).padStart(4)} worlds, ${first.padEnd(18)} ${wrong} with it; without ${without}`,
  )
  return prevented >= wanted && foundIn <= findsWithin && wrong === 0
}

/** The violations in the same worlds with every rule on. */
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
