import { isDeepStrictEqual } from 'node:util'
import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  initialTransition,
  type StateValue,
  transition,
} from 'xstate'
import { containerMachine } from '../../machines/container.machine.ts'
import { supervisorMachine } from '../../machines/supervisor.machine.ts'
import { plainError } from '../inspector/plain.ts'
import { shownFactsOf } from '../inspector/present.ts'
import { type ChartName, type Facts, type PlainError, recordable, type RecordedEvent } from './format.ts'

/** The charts that take the recorded events. */
export type Charts = Readonly<Record<ChartName, AnyStateMachine>>

export const ourCharts: Charts = { supervisor: supervisorMachine, container: containerMachine }

/** Where an actor is after an event. */
export interface Reached {
  readonly status: string
  readonly state?: StateValue | undefined
  /** The facts that differ. */
  readonly context: Facts
  readonly error?: PlainError | undefined
}

/** What a chart made of an event. */
export type Attempt = { readonly snapshot: AnyMachineSnapshot } | { readonly error: PlainError }

/** The pure transition of a chart: no effect is carried out, and no time passes. */
export function attempt(
  machine: AnyStateMachine,
  before: AnyMachineSnapshot | undefined,
  { event }: RecordedEvent,
): Attempt {
  try {
    const [snapshot] =
      before === undefined
        ? initialTransition(machine, event.input as never)
        : transition(machine, before, event)
    return { snapshot: snapshot as AnyMachineSnapshot }
  } catch (thrown) {
    return { error: plainError(thrown) }
  }
}

/** What an actor is known to have been before an event. */
export interface Before {
  readonly chart: ChartName
  readonly snapshot: AnyMachineSnapshot | undefined
  /** Its facts as recorded, those of the event included. */
  readonly facts: Facts
}

/** Compares what was reached with what was recorded: the status, the state and all facts. Undefined if they are the same. */
export function differenceOf(
  { chart, facts, snapshot: before }: Before,
  { status: recordedStatus, state, context: changed = {} }: RecordedEvent,
  reached: Attempt,
): { readonly expected: Reached; readonly reached: Reached } | undefined {
  const status = recordedStatus ?? 'active'
  if ('error' in reached) {
    const { error } = reached
    return { expected: { status, state, context: {} }, reached: { status: 'error', context: {}, error } }
  }
  const { status: reachedStatus, value } = reached.snapshot
  const after = reached.snapshot.context as Facts
  const names = new Set([...(shownFactsOf(ourCharts[chart].config as object) ?? []), ...Object.keys(changed)])
  const differing = [...names].filter((name) => {
    // Compared when it was last changed, by either of them.
    const isCompared = before && after[name] === (before.context as Facts)[name] && !(name in changed)
    return !isCompared && !isSame(facts[name], after[name])
  })
  if (differing.length === 0 && status === reachedStatus && isDeepStrictEqual(state, value)) return undefined
  const pick = (from: Facts) => Object.fromEntries(differing.map((name) => [name, recordable(from[name])]))
  return {
    expected: { status, state, context: pick(facts) },
    reached: { status: reachedStatus, state: value as StateValue, context: pick(after) },
  }
}

/** In the form in which both can be recorded: a cut text has lost the same characters. */
function isSame(recorded: unknown, reached: unknown): boolean {
  return Object.is(recorded, reached) || isDeepStrictEqual(recordable(recorded), recordable(reached))
}
