import { describe, expect, test } from 'vitest'
import { transition } from 'xstate'
import { containerMachine } from '../../machines/container.machine.ts'
import { withSharedStates } from '../../src/supervision/shared-states.ts'
import { judged, pure, verdicts } from '../machines/support/container-chart.ts'
import { events, routeTo, stateNames } from '../machines/support/container-routes.ts'

const shared = withSharedStates(containerMachine)

describe.each(stateNames)('%s', (state) => {
  test.each(Object.entries(events))('%s: the same as by the chart itself', (_name, event) => {
    const { events: before, ...setting } = routeTo(state)
    const snapshot = pure.after(before, setting)
    const [after, actions] = transition(containerMachine, snapshot, event as never)
    const [afterShared, actionsShared] = transition(shared, snapshot, event as never)
    expect({ ...afterShared, children: Object.keys(afterShared.children) }).toEqual({
      ...after,
      children: Object.keys(after.children),
    })
    expect(actionsShared.map(({ type }) => type)).toEqual(actions.map(({ type }) => type))
  })
})

test('flat: what follows from a state is kept once for all containers in it', () => {
  const afterJudged = () => transition(shared, pure.initial(), judged(verdicts.graced))[0]
  const [one, other] = [afterJudged(), afterJudged()]
  expect(one.context).not.toBe(other.context)
  for (const part of ['_nodes', 'value', 'tags', 'children', 'historyValue'] as const)
    expect(one[part]).toBe(other[part])
})
