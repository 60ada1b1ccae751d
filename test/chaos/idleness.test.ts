import { expect, it } from 'vitest'
import { idle } from './idleness.ts'
import { planOf, stories } from './plan.ts'

const plan = planOf(1, 60_000)
const faults = new Map(
  plan.sabotage.map(({ act }) => [act.kind === 'proxy' ? act.fault.kind : act.kind, 1] as const),
)
const reported = new Map(stories.map((story) => [story, 1] as const))

it('a run in which everything happened was not idle', () => {
  expect(idle(plan, faults, reported)).toEqual([])
})

it('names the planned faults that never struck, and the stories that never ran', () => {
  const without = <TKey>(map: ReadonlyMap<TKey, number>, key: TKey) =>
    new Map([...map].filter(([one]) => one !== key))
  expect(idle(plan, without(faults, 'standstill'), without(reported, 'crash'))).toEqual([
    'standstill',
    'crash',
  ])
})
