import type { Act, Plan } from './plan.ts'

/** The acts of a plan that are needed, by their indices in it: leaves out what it can while the plan still breaks a rule. */
export async function shrink(
  whole: Plan,
  breaks: (plan: Plan) => boolean | Promise<boolean>,
): Promise<readonly number[]> {
  let kept: readonly number[] = whole.acts.map((_, index) => index)
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < kept.length;) {
      const fewer = [...kept.slice(0, from), ...kept.slice(from + size)]
      if (await breaks(keep(whole, fewer))) kept = fewer
      else from += size
    }
  }
  return kept
}

/** The plan with only the acts at these indices. */
export function keep({ setting, acts }: Plan, kept: readonly number[]): Plan {
  return { setting, acts: kept.map((index) => acts[index] as Act) }
}
