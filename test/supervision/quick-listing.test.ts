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
