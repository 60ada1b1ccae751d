import { describe, expect, test } from 'vitest'
import { transition } from 'xstate'
import { containerMachine } from '../../machines/container.machine.ts'
import type { Met } from '../../machines/container.record.ts'
import { withQuickListing } from '../../src/supervision/quick-listing.ts'
import { id, pure } from '../machines/support/container-chart.ts'
import { routeTo, stateNames } from '../machines/support/container-routes.ts'

const quick = withQuickListing(containerMachine)
const entry = { id, name: 'renamed', state: 'exited' }
const changes: Readonly<Record<string, Met>> = {
  'changed and at rest': {
    listed: entry,
    atMs: 500,
    wasUnpaused: false,
    restedUntil: { atMs: 500, missedMs: 3 },
  },
  unpaused: {
    listed: { ...entry, state: 'running' },
    atMs: 500,
    wasUnpaused: true,
    restedUntil: undefined,
  },
}

describe.each(stateNames)('%s', (state) => {
  test.each(Object.entries(changes))('%s: the same as by the chart itself', (_name, met) => {
    const { events, ...setting } = routeTo(state)
    const before = pure.after(events, setting)
    const { after, does } = pure.step(before, { type: 'listed', met })
    expect(does).toEqual([])
    expect(transition(quick, before, { type: 'listed', met })).toEqual([after, []])
  })
})

test('every other field of the record stays as it is', () => {
  const optional = [
    'isVanishReported',
    'wasRemovalSent',
    'beingRemovedSinceMs',
    'inspectedName',
    'isAutoRemoved',
  ]
  const initial = pure.initial()
  const fields = [...Object.keys(initial.context), ...optional]
  const marked = Object.fromEntries(fields.map((field) => [field, `its ${field}`]))
  const context = { ...marked, policy: initial.context.policy } as unknown as typeof initial.context
  const { listed, restedUntil } = changes['changed and at rest'] as Met
  const met = { listed, restedUntil, atMs: 500, wasUnpaused: false }
  const [after] = transition(quick, { ...initial, context }, { type: 'listed', met })
  expect({ ...after.context, notStartedUntil: context.notStartedUntil }).toEqual({ ...context, listed })
})

test('every other event is left to the chart', () => {
  const asked: string[] = []
  const chart = Object.assign(Object.create(containerMachine) as typeof containerMachine, {
    transition: (snapshot: unknown, { type }: { readonly type: string }) => {
      asked.push(type)
      return snapshot
    },
  })
  withQuickListing(chart).transition(pure.initial(), { type: 'disowned' }, {} as never)
  expect(asked).toEqual(['disowned'])
})
