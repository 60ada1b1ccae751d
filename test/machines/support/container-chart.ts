import {
  type AnyActorRef,
  createActor,
  fromTransition,
  initialTransition,
  type InspectionEvent,
  type SnapshotFrom,
  transition,
} from 'xstate'

import type {
  containerMachine,
  ContainerEvent,
  ToFleet,
  TryAnswer,
  VerdictLike,
} from '../../../machines/index.ts'
import { containerBehaviour } from '../../../src/supervision/container-behaviour.ts'
import type { Tries } from '../../../src/supervision/tries.ts'
import { leavesIn } from './chart.ts'

export type ContainerSnapshot = SnapshotFrom<typeof containerMachine>

/** What the owner asked for, as far as the chart can tell. */
export interface Wishes {
  readonly hasHook?: boolean
  readonly endsGracefully?: boolean
  readonly dryRun?: boolean
}

export const verdicts = {
  graced: { verdict: 'graced', reason: 'creation-grace' },
  tracked: { verdict: 'tracked', reason: 'tracked' },
  spared: { verdict: 'spared', reason: 'keep-label' },
  dangling: { verdict: 'dangling', reason: 'untracked' },
} as const satisfies Record<string, VerdictLike>

/** The three ways in which the world answers a container actor. They arrive as XState's own events. */
export type WorldEvent =
  | ContainerEvent
  | { readonly type: `xstate.done.actor.${string}`; readonly output: unknown }

export const answered = (id: 'hook' | 'end' | 'removal', output: unknown): WorldEvent => ({
  type: `xstate.done.actor.${id}`,
  output,
})

const failure = { kind: 'refused', message: 'busy' }
export const tryAnswers = {
  done: { answer: 'done' },
  'let-live tracked': { answer: 'let-live', verdict: verdicts.tracked },
  'let-live graced': { answer: 'let-live', verdict: verdicts.graced },
  'let-live spared': { answer: 'let-live', verdict: verdicts.spared },
  stale: { answer: 'stale' },
  'unsettled ours': {
    answer: 'unsettled',
    isOurs: true,
    failure: { kind: 'timed-out', message: 'no answer' },
  },
  'unsettled theirs': {
    answer: 'unsettled',
    isOurs: false,
    failure: { kind: 'gone', message: 'no such container' },
  },
  'unsettled outage': {
    answer: 'unsettled',
    isOurs: false,
    failure: { kind: 'unavailable', message: 'nobody' },
  },
  failed: { answer: 'failed', failure },
} as const satisfies Record<string, TryAnswer>

const id = 'a'.repeat(64)
const inputFor = (verdict: VerdictLike) => ({ id, name: 'task', verdict })

const never = () => new Promise<never>(() => {})
const pendingTries: Tries = { askHook: never, endGracefully: never, remove: never }

export function chartFor(
  { hasHook = false, endsGracefully = false, dryRun = false }: Wishes,
  tries = pendingTries,
) {
  return containerBehaviour({
    tries: dryRun ? undefined : tries,
    hasHook,
    endsGracefully: () => endsGracefully,
  })
}

/** What is told to the fleet, and by which action. */
export const messageOfAction = {
  tellRemovalBegan: 'removalBegan',
  tellPlaceGivenBack: 'placeGivenBack',
  tellRemovalEnded: 'removalEnded',
  tellRefused: 'refused',
  tellEndedByUs: 'endedByUs',
  tellRetryWanted: 'retryWanted',
  tellGone: 'gone',
  askForLook: 'lookWanted',
} as const satisfies Record<string, ToFleet['type']>

/** Steps the chart without an actor. What it would tell is only named: nobody is there to be told. */
export function pureChart(wishes: Wishes, verdict: VerdictLike) {
  const unsent = Object.fromEntries(Object.keys(messageOfAction).map((name) => [name, () => {}]))
  const machine = chartFor(wishes).provide({ actions: unsent })
  return {
    initial: () => initialTransition(machine, inputFor(verdict))[0],
    step(before: ContainerSnapshot, event: WorldEvent) {
      const [after, actions] = transition(machine, before, event as ContainerEvent)
      const told = actions
        .map(({ type }) => messageOfAction[type as keyof typeof messageOfAction])
        .filter(Boolean)
      const stopped = actions
        .map(({ type }): string => type)
        .filter((type) => type === 'xstate.stopChild').length
      const isSame = stateOf(after) === stateOf(before) && after.context === before.context
      return { after, told, stopped, doesNothing: actions.length === 0 && isSame }
    },
  }
}

export const stateOf = ({ value }: ContainerSnapshot): string => leavesIn(value).join('+')

/** The chart in a running actor, with everything that it tells the fleet. */
export function runningChart(
  wishes: Wishes,
  verdict: VerdictLike,
  {
    tries = pendingTries,
    inspect = () => {},
  }: { tries?: Tries; inspect?: (event: InspectionEvent) => void } = {},
) {
  const told: (ToFleet | { readonly type: string; readonly error?: unknown })[] = []
  const fleet = createActor(
    fromTransition<object, ToFleet, never, undefined>((state, event) => {
      told.push(event)
      return state
    }, {}),
    { inspect },
  )
  fleet.start()
  const actor = createActor(chartFor(wishes, tries), {
    id,
    parent: fleet as AnyActorRef,
    input: inputFor(verdict),
  })
  actor.start()
  return { actor, told, send: (event: WorldEvent) => actor.send(event as ContainerEvent) }
}
