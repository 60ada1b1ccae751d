import type { Inspect } from '../../src/options/objects.ts'
import { checkCalm, waitInCalm } from './calm/calm.ts'
import { type Plan, planOf } from './plan.ts'
import type { Violation } from './safety/life.ts'
import type { Counts } from './vocabulary.ts'
import { World } from './world.ts'

export interface RunOptions {
  readonly seed: number
  readonly plan?: Plan | undefined
  readonly say?: ((text: string) => void) | undefined
  /** Continues after a violation, to count them all, and does not check the liveness rules. */
  readonly countsAll?: boolean | undefined
  /** Returns the observer of the next reconciler. */
  readonly inspect?: (() => Inspect) | undefined
}

export interface RunResult {
  readonly seed: number
  readonly violations: readonly Violation[]
  readonly removals: number
  /** What happened in it. */
  readonly counts: Counts
}

const stepMs = 20_000

/** Runs one world: first wild, then calm. */
export async function run({
  seed,
  plan = planOf(seed),
  say,
  countsAll = false,
  inspect,
}: RunOptions): Promise<RunResult> {
  const violations: Violation[] = []
  const violate = (violation: Violation) => violations.push(violation)
  const world = new World({ seed, plan, say, violate, inspect })
  const isOver = () => violations.length > 0 && !countsAll
  const { chaosMs } = plan.setting
  for (let atMs = 0; atMs < chaosMs && !isOver(); atMs += stepMs)
    await world.timeline.passTo(Math.min(atMs + stepMs, chaosMs))
  if (countsAll) await waitInCalm(world)
  else if (!isOver()) await checkCalm(world, violate)
  world.process.die()
  const removals = world.events.filter(({ type }) => type === 'removed').length
  return { seed, violations, removals, counts: world.tally.counts }
}
