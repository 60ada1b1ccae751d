import {
  type ActorSystem,
  type ActorSystemInfo,
  assign,
  type EventObject,
  fromPromise,
  fromTransition,
  raise,
  sendTo,
  setup,
} from 'xstate'
import { type Failure, failed, recovered, type Streaks } from './failure-streaks.ts'
import { hintPauseMs, noPace, pauseMs, scanEnded, type ScanPace } from './scan-pace.ts'
import type { FailureLike } from './types.ts'

export interface SupervisorPolicy {
  readonly isEnabled: boolean
  /** Follows the engine's events, which request early scans. */
  readonly followsEvents: boolean
  /** Asks the tracker between scans. */
  readonly asksTracker: boolean
  readonly recoveryGraceMs: number
}

export interface SupervisorInput {
  readonly policy: SupervisorPolicy
}

/** The counts of a completed scan. Its size does not depend on the number of containers. */
export interface ScanOutcome {
  readonly number: number
  /** Milliseconds since the Unix epoch. */
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

/** How a scan ended. Engine failures are reported earlier, by `engine.failed`. */
export interface ScanEnd {
  /** By the monotonic clock. */
  readonly endedMs: number
  readonly tookMs: number
  /** Undefined if the scan failed. */
  readonly outcome: ScanOutcome | undefined
  /** The message of an error that our own code threw. */
  readonly fault: string | undefined
}

/** How soon the next scan is requested, independent of the period. */
export type Urgency = 'hinted' | 'soon' | 'now'

export interface SupervisorContext {
  readonly policy: SupervisorPolicy
  readonly streaks: Streaks
  readonly lastScan: ScanOutcome | undefined
  readonly pace: ScanPace
  /** Our own code threw during the last scan. */
  readonly hasFaulted: boolean
  /** Consecutive failed scans; determines the backoff. */
  readonly failedScans: number
  /** Why the engine is down; undefined if it is not. */
  readonly engineFailure: FailureLike | undefined
  /** The most urgent request since the current or last scan began. */
  readonly wanted: Urgency | undefined
  /** The scan whose verdicts may lead to removals, and when they expire by the monotonic clock. */
  readonly verdicts: { readonly scan: number; readonly expireAtMs: number; readonly judgedAtMs: number }
  /** When the last recovery grace ends, on the clock that counts graces; undefined if there was none. */
  readonly recoveryEndsMs: number | undefined
  /** Pending requests that change a container. */
  readonly inFlight: number
  /** Why the event stream could not be opened; kept until a scan shows whether the engine itself is down. */
  readonly streamFailure: FailureLike | undefined
  /** Consecutive event streams that ended early. */
  readonly shortStreams: number
  /** When the event stream was opened, by the monotonic clock; undefined if it is not open. */
  readonly streamOpenedMs: number | undefined
  /** When the last event stream ended, by the monotonic clock; undefined if there was none. */
  readonly streamEndedMs: number | undefined
}

/** How an event stream ended. */
export interface StreamEnd {
  readonly atMs: number
  /** How long it was open; undefined if it never opened. */
  readonly openForMs: number | undefined
  readonly failure: FailureLike | undefined
}

export type SupervisorEvent =
  /** Requests a scan before the period ends; several requests share one scan. */
  | { readonly type: 'scan.requested' }
  | { readonly type: 'scan.requestedNow' }
  /** An engine event or an answer of the tracker suggests that a container changed. */
  | { readonly type: 'scan.hinted' }
  /** The engine returned a complete listing. `atMs` is monotonic, `awakeMs` is on the clock that counts graces. */
  | {
      readonly type: 'engine.listed'
      readonly scan: number
      readonly atMs: number
      readonly awakeMs: number
      /** The listing took so long that the engine must have stalled. */
      readonly stoodStill: boolean
    }
  | { readonly type: 'engine.failed'; readonly failure: FailureLike; readonly atMs: number }
  /** All containers of the listing have been judged. */
  | { readonly type: 'scan.judged'; readonly atMs: number; readonly beganAwakeMs: number }
  /** The result of a request suggests that the engine is unavailable; no removal starts until the next scan. */
  | { readonly type: 'verdicts.doubted' }
  /** A removal slot is free, or a request has been sent or answered. */
  | { readonly type: 'removals.changed'; readonly inFlight: number }
  /** The process was suspended or blocked. */
  | { readonly type: 'process.stalled'; readonly awakeMs: number }
  /** The engine's last listing is of another engine than the one before. */
  | { readonly type: 'engine.replaced'; readonly awakeMs: number }
  | { readonly type: 'events.opened'; readonly atMs: number }
  | ({ readonly type: 'degraded'; readonly atMs: number } & Failure)
  | { readonly type: 'recovered'; readonly about: string; readonly atMs: number }
  | { readonly type: 'stop' }

/** Events that the supervisor sends to the fleet. */
export type ToFleet =
  /** Removals are allowed: the fleet assigns free slots to queued containers. */
  | { readonly type: 'admit' }
  /** The verdicts of the last scan have expired: containers still queued need a new scan. */
  | { readonly type: 'verdicts.expired' }

/** The fleet's snapshot is empty: it does not expose the fleet's children. */
export type FleetSnapshot = Readonly<Record<string, never>>

const unprovided = (): never => {
  throw new Error('supervisorMachine needs its actors: supervisorMachine.provide({ actors })')
}
/** Default effect: a no-op, so that the chart can run without an implementation. */
const noEffect = () => {}

const secondMs = 1000
const minuteMs = 60 * secondMs

/** fresh-scan: how long after the listing a verdict may lead to a removal. */
export const verdictLifeMs = 5 * secondMs
/** How long a stop waits for removals in flight. */
const settleTimeMs = 5 * secondMs
/** An event stream that ends after less than this may keep failing, so reconnecting backs off. */
const steadyStreamMs = minuteMs

/**
 * Supervises one engine: schedules scans, monitors the engine's health and the freshness of verdicts, and counts
 * failures. The container actors are children of its `fleet`.
 */
export const supervisorMachine = setup({
  types: {
    context: {} as SupervisorContext,
    input: {} as SupervisorInput,
    events: {} as SupervisorEvent,
    tags: {} as
      /** Removals based on the last scan's verdicts are allowed. */
      'mayRemove',
  },
  actors: {
    fleet: fromTransition<FleetSnapshot, ToFleet, ActorSystem<ActorSystemInfo>, undefined>(
      (snapshot) => snapshot,
      {},
    ),
    scan: fromPromise<ScanEnd>(unprovided),
    followEvents: fromPromise<StreamEnd>(unprovided),
    askTracker: fromPromise<void>(unprovided),
    disbandFleet: fromPromise<void>(unprovided),
  },
  actions: {
    emitEngineDown: noEffect,
    emitEngineStillDown: noEffect,
    emitEngineUp: noEffect,
    emitDegraded: noEffect,
    emitRecovered: noEffect,
    noteFault: noEffect,
    emitStreamDegraded: noEffect,
    emitStreamRecovered: noEffect,
    emitStopped: noEffect,
    admit: sendTo('fleet', { type: 'admit' } satisfies ToFleet),
    expireVerdicts: sendTo('fleet', { type: 'verdicts.expired' } satisfies ToFleet),
    requestScan: raise({ type: 'scan.requested' }),
    noteScanEnd: assign(({ context, event }) => {
      const { endedMs, fault, outcome, tookMs } = scanEndIn(event)
      return {
        pace: scanEnded(context.pace, endedMs, tookMs),
        hasFaulted: fault !== undefined,
        lastScan: outcome ?? context.lastScan,
        ...(fault !== undefined && {
          streaks: failed(context.streaks, { about: 'fault', kind: 'fault', message: fault }, endedMs)
            .streaks,
        }),
      }
    }),
    noteScanFault: assign({ hasFaulted: true }),
    forgetWanted: assign({ wanted: undefined }),
    wantHinted: assign(({ context }) => ({ wanted: context.wanted ?? ('hinted' as const) })),
    wantSoon: assign(({ context }) => ({
      wanted: context.wanted === 'now' ? context.wanted : ('soon' as const),
    })),
    wantNow: assign({ wanted: 'now' }),
    noteEngineFailed: assign(({ context, event }) => {
      if (event.type !== 'engine.failed') return {}
      const { failure, atMs } = event
      return {
        streaks: failed(context.streaks, { about: 'engine', ...failure }, atMs).streaks,
        engineFailure: failure,
        failedScans: context.failedScans + 1,
      }
    }),
    noteEngineListed: assign(({ context }) => ({
      streaks: recovered(context.streaks, 'engine').streaks,
      engineFailure: undefined,
      failedScans: 0,
    })),
    noteDegraded: assign(({ context, event }) =>
      event.type === 'degraded' ? { streaks: failed(context.streaks, event, event.atMs).streaks } : {},
    ),
    noteRecovered: assign(({ context, event }) =>
      event.type === 'recovered' ? { streaks: recovered(context.streaks, event.about).streaks } : {},
    ),
    openVerdicts: assign(({ event }) =>
      event.type === 'engine.listed'
        ? { verdicts: { scan: event.scan, expireAtMs: event.atMs + verdictLifeMs, judgedAtMs: event.atMs } }
        : {},
    ),
    noteJudged: assign(({ context, event }) =>
      event.type === 'scan.judged' ? { verdicts: { ...context.verdicts, judgedAtMs: event.atMs } } : {},
    ),
    startRecovery: assign(({ context, event }) =>
      'awakeMs' in event ? { recoveryEndsMs: event.awakeMs + context.policy.recoveryGraceMs } : {},
    ),
    countInFlight: assign(({ event }) =>
      event.type === 'removals.changed' ? { inFlight: event.inFlight } : {},
    ),
    noteStreamEnd: assign(({ context, event }) => {
      const { atMs, openForMs, failure } = (event as EventObject & { readonly output: StreamEnd }).output
      const wasSteady = openForMs !== undefined && openForMs >= steadyStreamMs
      return {
        streamFailure: openForMs === undefined ? failure : undefined,
        shortStreams: wasSteady ? 0 : context.shortStreams + 1,
        streamEndedMs: atMs,
      }
    }),
    /** The engine went down while its events were followed, possibly because of the event stream. */
    noteStreamCut: assign(({ context, event }) => {
      if (event.type !== 'engine.failed') return {}
      const { shortStreams, streamOpenedMs = Infinity } = context
      const wasSteady = event.atMs - streamOpenedMs >= steadyStreamMs
      return { shortStreams: wasSteady ? 0 : shortStreams + 1, streamEndedMs: event.atMs }
    }),
    noteStreamFault: assign(({ context }) => ({ shortStreams: context.shortStreams + 1 })),
    noteStreamDegraded: assign(({ context, event }) =>
      context.streamFailure && event.type === 'engine.listed'
        ? {
            streaks: failed(context.streaks, { about: 'events', ...context.streamFailure }, event.atMs)
              .streaks,
            streamFailure: undefined,
          }
        : {},
    ),
    forgetStream: assign({ streamFailure: undefined, streamOpenedMs: undefined }),
    noteStreamOpen: assign(({ context, event }) =>
      event.type === 'events.opened'
        ? { streaks: recovered(context.streaks, 'events').streaks, streamOpenedMs: event.atMs }
        : {},
    ),
  },
  guards: {
    isEnabled: ({ context }) => context.policy.isEnabled,
    followsEvents: ({ context }) => context.policy.followsEvents,
    isEngineDown: ({ context }) => context.engineFailure !== undefined,
    isWantedNow: ({ context }) => context.wanted === 'now',
    isWantedSoon: ({ context }) => context.wanted === 'soon',
    isHinted: ({ context }) => context.wanted === 'hinted',
    hasFaulted: ({ context }) => context.hasFaulted,
    couldNotFollow: ({ context }) => context.streamFailure !== undefined,
    stoodStill: ({ event }) => event.type === 'engine.listed' && event.stoodStill,
    isRecovered: ({ context, event }) =>
      event.type === 'scan.judged' && event.beganAwakeMs >= (context.recoveryEndsMs ?? -Infinity),
    /** If judging took longer than the lifetime of a verdict, the verdicts have already expired. */
    isFresh: ({ context, event }) =>
      event.type === 'scan.judged' &&
      event.beganAwakeMs >= (context.recoveryEndsMs ?? -Infinity) &&
      event.atMs <= context.verdicts.expireAtMs,
    asksTracker: ({ context }) => context.policy.asksTracker,
    isNoneInFlight: ({ context }) => context.inFlight === 0,
  },
  delays: {
    period: 5 * minuteMs,
    /** The pause between scans is proportional to the duration of the last one. */
    pause: ({ context }) => pauseMs(context.pace),
    hintPause: ({ context }) => hintPauseMs(context.pace),
    backoff: ({ context }) => Math.min(minuteMs, secondMs * 2 ** Math.max(0, context.failedScans - 1)),
    reconnectDelay: ({ context: { shortStreams, streamEndedMs } }) =>
      streamEndedMs === undefined ? 0 : Math.min(5 * minuteMs, secondMs * 2 ** Math.max(0, shortStreams - 1)),
    verdictLife: ({ context: { verdicts } }) => Math.max(0, verdicts.expireAtMs - verdicts.judgedAtMs),
    recoveryGrace: ({ context }) => context.policy.recoveryGraceMs,
    faultPause: minuteMs,
    settleTime: settleTimeMs,
  },
}).createMachine({
  id: 'supervisor',
  context: ({ input }) => ({
    policy: input.policy,
    streaks: {},
    lastScan: undefined,
    pace: noPace,
    hasFaulted: false,
    failedScans: 0,
    engineFailure: undefined,
    wanted: undefined,
    verdicts: { scan: 0, expireAtMs: 0, judgedAtMs: 0 },
    recoveryEndsMs: undefined,
    inFlight: 0,
    streamFailure: undefined,
    shortStreams: 0,
    streamOpenedMs: undefined,
    streamEndedMs: undefined,
  }),
  invoke: { id: 'fleet', src: 'fleet' },
  initial: 'starting',
  on: {
    degraded: { actions: ['emitDegraded', 'noteDegraded'] },
    recovered: { actions: ['emitRecovered', 'noteRecovered'] },
  },
  states: {
    starting: {
      always: [{ guard: 'isEnabled', target: 'running' }, { target: 'disabled' }],
    },
    disabled: {
      description: 'Disabled by configuration; does nothing.',
      on: { stop: 'stopped' },
    },
    running: {
      type: 'parallel',
      on: { stop: 'stopping', 'removals.changed': { actions: 'countInFlight' } },
      states: {
        scanning: {
          description:
            'Runs one scan at a time. The period, the end of a grace, a retry or a request starts the next one.',
          initial: 'scan',
          states: {
            scan: {
              entry: 'forgetWanted',
              invoke: {
                id: 'scan',
                src: 'scan',
                onDone: { target: 'idle', actions: ['noteFault', 'noteScanEnd'] },
                onError: { target: 'idle', actions: ['noteFault', 'noteScanFault'] },
              },
              on: {
                'scan.requested': { actions: 'wantSoon' },
                'scan.requestedNow': { actions: 'wantNow' },
                'scan.hinted': { actions: 'wantHinted' },
              },
            },
            idle: {
              initial: 'choosing',
              on: { 'scan.requestedNow': '.now' },
              states: {
                choosing: {
                  always: [
                    { guard: 'isWantedNow', target: 'now' },
                    { guard: 'isEngineDown', target: 'backingOff' },
                    { target: 'resting' },
                  ],
                },
                resting: {
                  initial: 'choosing',
                  after: { period: '#supervisor.running.scanning.scan' },
                  states: {
                    choosing: {
                      always: [
                        { guard: 'isWantedSoon', target: 'requested' },
                        { guard: 'isHinted', target: 'hinted' },
                        { guard: 'hasFaulted', target: 'faulted' },
                        { target: 'waiting' },
                      ],
                    },
                    faulted: {
                      description: 'The scan threw: retries it before the period ends.',
                      on: { 'scan.requested': 'requested', 'scan.hinted': 'hinted' },
                      after: { faultPause: '#supervisor.running.scanning.scan' },
                    },
                    waiting: { on: { 'scan.requested': 'requested', 'scan.hinted': 'hinted' } },
                    hinted: {
                      description: 'Scans requested only by hints take at most a twentieth of the time.',
                      on: { 'scan.requested': 'requested' },
                      after: { hintPause: '#supervisor.running.scanning.scan' },
                    },
                    requested: { after: { pause: '#supervisor.running.scanning.scan' } },
                  },
                },
                now: {
                  description: 'Requests made in the same turn share one scan.',
                  after: { 0: '#supervisor.running.scanning.scan' },
                },
                backingOff: {
                  description: 'The engine is down: retries with increasing, jittered backoff.',
                  after: { backoff: '#supervisor.running.scanning.scan' },
                },
              },
            },
          },
        },
        engine: {
          description: 'Only a complete listing shows that the engine is up; a successful ping does not.',
          initial: 'unknown',
          on: {
            'engine.failed': { target: '.down', actions: ['emitEngineDown', 'noteEngineFailed'] },
          },
          states: {
            unknown: { on: { 'engine.listed': 'up' } },
            up: {
              description:
                'The last listing was complete. Events only request early scans; verdicts never rely on them.',
              initial: 'choosing',
              states: {
                choosing: {
                  always: [{ guard: 'followsEvents', target: 'resting' }, { target: 'eventsDisabled' }],
                },
                eventsDisabled: {},
                resting: {
                  description:
                    'Waits before reconnecting; the delay doubles if event streams keep ending early.',
                  after: { reconnectDelay: 'following' },
                  on: {
                    'engine.listed': {
                      guard: 'couldNotFollow',
                      actions: ['emitStreamDegraded', 'noteStreamDegraded'],
                    },
                  },
                },
                following: {
                  entry: 'forgetStream',
                  initial: 'connecting',
                  invoke: {
                    id: 'events',
                    src: 'followEvents',
                    onDone: { target: 'resting', actions: 'noteStreamEnd' },
                    onError: { target: 'resting', actions: ['noteFault', 'noteStreamFault'] },
                  },
                  on: {
                    'engine.failed': {
                      target: '#supervisor.running.engine.down',
                      actions: ['emitEngineDown', 'noteEngineFailed', 'noteStreamCut'],
                    },
                  },
                  states: {
                    connecting: {
                      on: {
                        'events.opened': {
                          target: 'open',
                          actions: ['emitStreamRecovered', 'noteStreamOpen'],
                        },
                      },
                    },
                    open: {},
                  },
                },
              },
            },
            down: {
              description: 'Sends the engine no request except the next listing.',
              on: {
                'engine.listed': { target: 'up', actions: ['emitEngineUp', 'noteEngineListed'] },
                'engine.failed': { actions: ['emitEngineStillDown', 'noteEngineFailed'] },
              },
            },
          },
        },
        verdicts: {
          description: 'Whether the verdicts of the last scan may lead to removals.',
          initial: 'none',
          on: {
            'engine.failed': '.held',
            'engine.listed': [
              { guard: 'stoodStill', target: '.recovering', actions: ['openVerdicts', 'startRecovery'] },
              { target: '.none', actions: 'openVerdicts' },
            ],
            'process.stalled': { target: '.recovering', actions: 'startRecovery' },
            'engine.replaced': { target: '.recovering', actions: 'startRecovery' },
            'verdicts.doubted': '.none',
          },
          states: {
            none: {
              on: {
                'scan.judged': [
                  { guard: 'isFresh', target: 'standing', actions: 'noteJudged' },
                  { guard: 'isRecovered', target: 'expired', actions: 'noteJudged' },
                ],
              },
            },
            standing: {
              tags: 'mayRemove',
              entry: 'admit',
              after: { verdictLife: 'expired' },
              on: { 'removals.changed': { actions: ['countInFlight', 'admit'] } },
            },
            expired: {
              description: 'Containers that are still queued need a new scan.',
              entry: 'expireVerdicts',
            },
            recovering: {
              description:
                'The process stalled, or the engine was unavailable or is another one: waits for the recovery grace before any removal.',
              on: {
                'engine.listed': [
                  {
                    guard: 'stoodStill',
                    target: 'recovering',
                    reenter: true,
                    actions: ['openVerdicts', 'startRecovery'],
                  },
                  { actions: 'openVerdicts' },
                ],
                'process.stalled': { target: 'recovering', reenter: true, actions: 'startRecovery' },
                'engine.replaced': { target: 'recovering', reenter: true, actions: 'startRecovery' },
                'verdicts.doubted': {},
                'scan.judged': [
                  { guard: 'isFresh', target: 'standing', actions: 'noteJudged' },
                  { guard: 'isRecovered', target: 'expired', actions: 'noteJudged' },
                ],
              },
              after: { recoveryGrace: { target: 'none', actions: 'requestScan' } },
            },
            held: {
              description: 'The engine is down: nothing is removed.',
              on: {
                'engine.listed': { target: 'recovering', actions: ['openVerdicts', 'startRecovery'] },
                'process.stalled': { actions: 'startRecovery' },
                'engine.replaced': { actions: 'startRecovery' },
                'verdicts.doubted': {},
              },
            },
          },
        },
        tracker: {
          description:
            'Between scans, asks the tracker about the known containers, so that a release grace does not wait for the next scan.',
          initial: 'silent',
          states: {
            silent: {
              description:
                'The engine is down, a scan asks by itself, or nothing is tracked by configuration.',
              on: { 'scan.judged': { guard: 'asksTracker', target: 'asking' } },
            },
            asking: {
              description:
                'Asks about each container again and again, with pauses. The engine gets no request.',
              invoke: {
                id: 'asking',
                src: 'askTracker',
                onDone: 'silent',
                onError: { target: 'silent', actions: 'noteFault' },
              },
              on: { 'engine.listed': 'silent', 'engine.failed': 'silent' },
            },
          },
        },
      },
    },
    stopping: {
      description: 'Starts no new removals and waits a bounded time for those in flight.',
      initial: 'settling',
      states: {
        settling: {
          always: { guard: 'isNoneInFlight', target: 'disbanding' },
          after: { settleTime: 'disbanding' },
          on: { 'removals.changed': { actions: 'countInFlight' } },
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
      entry: 'emitStopped',
    },
  },
})

function scanEndIn(event: EventObject): ScanEnd {
  return (event as EventObject & { readonly output: ScanEnd }).output
}
