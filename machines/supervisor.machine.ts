import { type ActorSystem, type ActorSystemInfo, fromPromise, fromTransition, setup } from 'xstate'

import type { FailureLike, FleetSnapshot, Parent, ToFleet } from './types.ts'

export interface SupervisorInput {
  readonly isEnabled: boolean
}

/** A run of failures of one sort, told once and then counted. All times are milliseconds by the monotonic clock. */
export interface Streak {
  readonly about: string
  readonly kind: string
  readonly message: string
  readonly count: number
  readonly sinceMs: number
  /** When it is worth another line. */
  readonly mentionAtMs: number
}

/** What a finished look tells the supervisor: counts only, however many containers there are. */
export interface LookOutcome {
  readonly number: number
  /** Milliseconds since 1970. */
  readonly beganAt: number
  readonly endedAt: number
  readonly durationMs: number
  readonly listed: number
  readonly owned: number
  readonly tracked: number
  readonly graced: number
  readonly dangling: number
  readonly spared: number
}

export interface SupervisorContext {
  readonly isEnabled: boolean
  readonly streaks: Readonly<Record<string, Streak>>
  readonly lastLook: LookOutcome | undefined
  /** Looks that failed one after the other; the backoff grows with them. */
  readonly failedLooks: number
  readonly engineFailure: FailureLike | undefined
  /** Why the engine's events could not be followed, until a look shows whether that is its only trouble. */
  readonly deafness: FailureLike | undefined
}

export type SupervisorEvent =
  /** Somebody wants a look sooner than the next one is due; several such wishes make one look. */
  | { readonly type: 'lookAsked' }
  /** When the next look is due has changed. */
  | { readonly type: 'dueChanged' }
  /** The engine gave a whole listing. */
  | { readonly type: 'engineAnswered' }
  | { readonly type: 'engineFailed'; readonly failure: FailureLike }
  /** A place among the removals may be free. */
  | { readonly type: 'placeFreed' }
  | { readonly type: 'troubleMet'; readonly about: string; readonly kind: string; readonly message: string }
  | { readonly type: 'troubleOver'; readonly about: string }
  | { readonly type: 'stop' }

const unprovided = (): never => {
  throw new Error(
    'supervisorMachine needs its behaviour: supervisorMachine.provide({ actions, guards, delays, actors })',
  )
}

/**
 * Watches one engine: looks at it from time to time, keeps its health, admits removals, and keeps the streaks of failures.
 * The container actors are the children of its `fleet`.
 */
export const supervisorMachine = setup({
  types: {
    context: {} as SupervisorContext,
    input: {} as SupervisorInput,
    events: {} as SupervisorEvent,
  },
  actors: {
    fleet: fromTransition<
      FleetSnapshot,
      ToFleet,
      ActorSystem<ActorSystemInfo>,
      { readonly supervisor: Parent<SupervisorEvent> }
    >(unprovided, {}),
    look: fromPromise<LookOutcome, { readonly supervisor: Parent<SupervisorEvent> }>(unprovided),
    listen: fromPromise<void, { readonly supervisor: Parent<SupervisorEvent> }>(unprovided),
    disbandFleet: fromPromise<void>(unprovided),
  },
  actions: {
    rememberLook: unprovided,
    rememberEngineFailure: unprovided,
    forgetEngineFailure: unprovided,
    noteFailedLook: unprovided,
    rememberDeafness: unprovided,
    forgetDeafness: unprovided,
    noteDeafness: unprovided,
    noteTrouble: unprovided,
    noteTroubleOver: unprovided,
    holdFleet: unprovided,
    releaseFleet: unprovided,
    admitRemovals: unprovided,
    quietFleet: unprovided,
    tellStopped: unprovided,
  },
  guards: {
    isEnabled: unprovided,
    hearsEvents: unprovided,
    mustRest: unprovided,
    couldNotListen: unprovided,
    isSettled: unprovided,
  },
  delays: {
    untilNextLook: unprovided,
    untilListeningAgain: unprovided,
    settleTime: unprovided,
  },
}).createMachine({
  id: 'supervisor',
  context: ({ input }) => ({
    isEnabled: input.isEnabled,
    streaks: {},
    lastLook: undefined,
    failedLooks: 0,
    engineFailure: undefined,
    deafness: undefined,
  }),
  invoke: { id: 'fleet', src: 'fleet', input: ({ self }) => ({ supervisor: self }) },
  initial: 'starting',
  on: {
    troubleMet: { actions: 'noteTrouble' },
    troubleOver: { actions: 'noteTroubleOver' },
  },
  states: {
    starting: {
      always: [{ guard: 'isEnabled', target: 'running' }, { target: 'disabled' }],
    },
    disabled: {
      description: 'Does nothing, on purpose.',
      on: { stop: 'stopped' },
    },
    running: {
      type: 'parallel',
      on: {
        stop: 'stopping',
        placeFreed: { actions: 'admitRemovals' },
      },
      states: {
        looking: {
          description:
            'At most one look at a time. A period, the end of a grace, a retry and a wish all lead to the same next look.',
          initial: 'looking',
          states: {
            idle: {
              after: { untilNextLook: 'looking' },
              on: {
                lookAsked: { target: 'idle', reenter: true },
                dueChanged: { target: 'idle', reenter: true },
              },
            },
            looking: {
              invoke: {
                id: 'look',
                src: 'look',
                input: ({ self }) => ({ supervisor: self }),
                onDone: { target: 'idle', actions: ['rememberLook', 'admitRemovals'] },
                onError: { target: 'idle', actions: 'noteFailedLook' },
              },
            },
          },
        },
        health: {
          description: 'Believes only whole listings: a ping that answers proves nothing.',
          initial: 'unknown',
          states: {
            unknown: {
              on: {
                engineAnswered: 'up',
                engineFailed: { target: 'down', actions: 'rememberEngineFailure' },
              },
            },
            up: {
              description:
                'The last listing was whole. What the engine tells of itself until the next one is a hint for an early look, and never the truth.',
              on: {
                engineFailed: { target: 'down', actions: 'rememberEngineFailure' },
              },
              initial: 'choosing',
              states: {
                choosing: {
                  always: [
                    { guard: 'mustRest', target: 'deaf' },
                    { guard: 'hearsEvents', target: 'listening' },
                    { target: 'unhearing' },
                  ],
                },
                unhearing: {},
                listening: {
                  entry: 'forgetDeafness',
                  invoke: {
                    id: 'listen',
                    src: 'listen',
                    input: ({ self }) => ({ supervisor: self }),
                    onDone: 'deaf',
                    onError: { target: 'deaf', actions: 'rememberDeafness' },
                  },
                },
                deaf: {
                  on: {
                    engineAnswered: { guard: 'couldNotListen', actions: 'noteDeafness' },
                  },
                  after: { untilListeningAgain: 'listening' },
                },
              },
            },
            down: {
              description: 'Tried again with a growing, jittered pause; nothing else is asked of it.',
              entry: 'holdFleet',
              exit: 'releaseFleet',
              on: {
                engineAnswered: { target: 'up', actions: 'forgetEngineFailure' },
                engineFailed: { actions: 'rememberEngineFailure' },
              },
            },
          },
        },
      },
    },
    stopping: {
      description: 'Starts nothing new; removals under way have a bounded time to settle.',
      entry: 'quietFleet',
      initial: 'settling',
      states: {
        settling: {
          always: { guard: 'isSettled', target: 'disbanding' },
          after: { settleTime: 'disbanding' },
        },
        disbanding: {
          invoke: {
            id: 'disband',
            src: 'disbandFleet',
            onDone: '#supervisor.stopped',
            onError: '#supervisor.stopped',
          },
        },
      },
    },
    stopped: {
      type: 'final',
      entry: 'tellStopped',
    },
  },
})
