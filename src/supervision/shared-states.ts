import type { AnyMachineSnapshot } from 'xstate'
import type { containerMachine } from '../../machines/container.machine.ts'

type Machine = typeof containerMachine
/** What XState makes for each snapshot, although it follows from the state. */
type Parts = Pick<AnyMachineSnapshot, '_nodes' | 'value' | 'tags'>

/** The chart, with what follows from a state kept once for all containers in that state. It is more than the record itself. */
export function withSharedStates(machine: Machine): Machine {
  const states = new Map<string, Parts>()
  const transition: Machine['transition'] = (before, event, scope) => {
    const snapshot = machine.transition(before, event, scope)
    if (snapshot !== before) share(snapshot)
    return snapshot
  }
  return Object.assign(Object.create(machine) as Machine, { transition })

  function share(snapshot: AnyMachineSnapshot): void {
    const { _nodes, value, tags, children, historyValue } = snapshot
    const state = _nodes.map(({ order }) => order).join()
    const known = states.get(state)
    if (!known) states.set(state, { _nodes, value, tags })
    Object.assign(snapshot, known, {
      children: orEmpty(children),
      historyValue: orEmpty(historyValue),
    })
  }
}

const empty = Object.freeze({})

function orEmpty<T extends object>(object: T): T | typeof empty {
  return Object.keys(object).length === 0 ? empty : object
}
