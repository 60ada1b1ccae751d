import { type Plan, stories } from './plan.ts'

/** A run in which something never happened proves nothing about it. */
export function idle(
  plan: Plan,
  faults: ReadonlyMap<string, number>,
  reported: ReadonlyMap<string, number>,
): string[] {
  const planned = plan.sabotage.map(({ act }) => (act.kind === 'proxy' ? act.fault.kind : act.kind))
  const wanted = [...new Set<string>(planned)].filter((kind) => !faults.has(kind))
  return [...wanted, ...stories.filter((story) => !reported.has(story))]
}
