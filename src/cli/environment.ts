import { show } from '../domain/show.ts'
import { nearestTo } from '../options/nearest.ts'
import { UsageError } from './usage.ts'

const ours = /^flotsam_/i

/**
 * Refuses a variable that nothing reads, as an unknown flag is refused: with `FLOTSAM_DRYRUN=true` the user means a dry
 * run. An empty one is refused too, since what it means is just as unknown. On Windows names have no case.
 *
 * @throws UsageError that names the variable, its value and the nearest known name
 */
export function refuseUnknownVariables(
  env: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
  hasCase: boolean,
): void {
  const isKnown = (name: string) => known.includes(hasCase ? name : name.toUpperCase())
  const unknown = Object.keys(env)
    .filter((name) => ours.test(name) && env[name] !== undefined && !isKnown(name))
    .toSorted()
  const [name] = unknown
  if (name === undefined) return
  throw new UsageError(
    `${name}: unknown environment variable, with the value ${show(env[name] ?? '')} (Did you mean ${nearestTo(name, known)}?)`,
  )
}
