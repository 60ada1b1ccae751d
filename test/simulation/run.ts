import { checkCalm } from './calm.ts'
import { type Plan, planOf } from './plan.ts'
import type { Violation } from './safety.ts'
import { World } from './world.ts'

export interface RunOptions {
  readonly seed: number
  readonly plan?: Plan | undefined
  readonly tell?: ((text: string) => void) | undefined
  /** Goes on after a violation, to count them all. */
  readonly countsAll?: boolean | undefined
}

export interface RunResult {
  readonly seed: number
  readonly violations: readonly Violation[]
  readonly removals: number
}

const stepMs = 20_000

/** Lives through one world: first wild, then calm. */
export async function run({
  seed,
  plan = planOf(seed),
  tell,
  countsAll = false,
}: RunOptions): Promise<RunResult> {
  const violations: Violation[] = []
  const world = new World({ seed, plan, tell, violate: (violation) => violations.push(violation) })
  const isOver = () => violations.length > 0 && !countsAll
  for (let atMs = stepMs; atMs <= plan.setting.chaosMs && !isOver(); atMs += stepMs)
    await world.timeline.passTo(atMs)
  if (!isOver()) await checkCalm(world, (violation) => violations.push(violation), countsAll)
  world.process.die()
  return { seed, violations, removals: world.events.filter(({ type }) => type === 'removed').length }
}
