import { type Act, type Plan, planOf } from './plan.ts'
import { run } from './run.ts'

export interface Shrunk {
  readonly plan: Plan
  /** The acts of the seed's plan that are left, by their place in it. */
  readonly kept: readonly number[]
}

/** Leaves out act after act for as long as the same rule is still broken. */
export async function shrink(seed: number, rule: string): Promise<Shrunk> {
  const whole = planOf(seed)
  const breaks = async (kept: readonly number[]) => {
    const { violations } = await run({ seed, plan: keep(whole, kept) })
    return violations[0]?.rule === rule
  }
  let kept: readonly number[] = whole.acts.map((_, index) => index)
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < kept.length; ) {
      const fewer = [...kept.slice(0, from), ...kept.slice(from + size)]
      if (await breaks(fewer)) kept = fewer
      else from += size
    }
  }
  return { plan: keep(whole, kept), kept }
}

/** The plan with only the acts at these places. */
export function keep({ setting, acts }: Plan, kept: readonly number[]): Plan {
  return { setting, acts: kept.map((index) => acts[index] as Act) }
}
