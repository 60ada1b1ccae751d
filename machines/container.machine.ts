import { assign, type EventObject, fromPromise, setup } from 'xstate'
import {
  answered,
  type ContainerRecord,
  graceRestarted,
  type Inspected,
  inspected,
  isNewLife,
  type Met,
  met,
} from './container.record.ts'
import type {
  AttemptAnswer,
  FailureLike,
  HookAnswer,
  Judgement,
  Outcome,
  StopEffect,
  StoppedByUs,
  VerdictLike,
} from './types.ts'

/** The owner's options, as they apply to every container. */
export interface ContainerPolicy {
  readonly dryRun: boolean
  /** The hook must approve each removal. */
  readonly hasHook: boolean
  /** A running container is stopped with SIGTERM before it is removed. */
  readonly stopsGracefully: boolean
  readonly creationGraceMs: number
  readonly releaseGraceMs: number
}

export interface ContainerInput {
  readonly id: string
  readonly policy: ContainerPolicy
  readonly record: ContainerRecord
}

/** A container's record and the progress of its removal. */
export interface ContainerContext extends ContainerRecord {
  readonly id: string
  readonly policy: ContainerPolicy
  /** The verdict in force; undefined until the first scan has judged the container. */
  readonly verdict: VerdictLike | undefined
  /** When the verdict was made, on the clock that counts graces. */
  readonly judgedAtMs: number
  /** The number of the scan that the verdict is based on. */
  readonly scan: number
  readonly recheckMs: number | undefined
  /** The hook has approved this removal and is not called again for it. */
  readonly isApproved: boolean
  /** One of our requests has been sent and not yet answered. */
  readonly isRequestOut: boolean
  /** The last start before the last of our requests was sent, by the engine's clock. */
  readonly startBeforeRequestMs: number | undefined
  /** One of our removals may have reached the engine without a conclusive response. */
  readonly isSent: boolean
  /** Consecutive failed removals. */
  readonly failures: number
  readonly failure: FailureLike | undefined
  /** Reported as stuck. */
  readonly isStuck: boolean
  readonly outcome: Outcome
  /** The engine itself confirmed the removal, not only a later scan. */
  readonly isByAnswer: boolean
}

export interface ContainerOutput {
  readonly outcome: Outcome
  readonly isByAnswer: boolean
  readonly failures: number
}

export type ContainerEvent =
  /** A scan found the container changed. */
  | { readonly type: 'listed'; readonly met: Met }
  /** The tracker answered. */
  | {
      readonly type: 'answered'
      readonly answer: string
      readonly atMs: number
      /** The container is no longer running. */
      readonly hasEnded: boolean
    }
  | { readonly type: 'inspected'; readonly inspected: Inspected }
  /** A scan produced a verdict that is new, or that a removal is waiting for. */
  | { readonly type: 'judged'; readonly judgement: Judgement }
  /** A scan no longer lists the container; the tracker has been asked about it once more. */
  | { readonly type: 'missed'; readonly isTracked: boolean }
  /** The container still exists but is no longer owned. */
  | { readonly type: 'disowned' }
  /** The removal may start now, based on the last scan's verdict. */
  | { readonly type: 'admitted'; readonly judgement: Judgement }
  /** A request that changes the container has been sent. */
  | { readonly type: 'request.sent' }
  /** The engine's clock was changed, so ages computed from it are invalid. */
  | { readonly type: 'graces.restarted'; readonly atMs: number }

interface Asked {
  readonly id: string
  readonly failures: number
}

const unprovided = (): never => {
  throw new Error('containerMachine needs its actors: containerMachine.provide({ actors })')
}
/** Default effect: a no-op, so that the chart can run without an implementation. */
const noEffect = () => {}

const secondMs = 1000
const minuteMs = 60 * secondMs
/** Retry backoff, indexed by the number of failures. */
const retryDelaysMs = [
  secondMs,
  5 * secondMs,
  30 * secondMs,
  2 * minuteMs,
  4 * minuteMs,
  8 * minuteMs,
] as const
const longestRetryDelayMs = 15 * minuteMs

export function retryDelayMs(failures: number): number {
  return retryDelaysMs[Math.max(1, failures) - 1] ?? longestRetryDelayMs
}

/** Failures after which a container is reported as stuck: the quick retries are exhausted. */
const stuckAfter = 4
/** A removal already in progress can legitimately take minutes. */
const stuckInProgressAfter = 6

export function isStuckAfter(failures: number, kind: string | undefined): boolean {
  return failures >= (kind === 'in-progress' ? stuckInProgressAfter : stuckAfter)
}

/** no-head-of-line: containers whose removal failed or threw queue behind those whose removal did not. */
export function hasFailedBefore({
  failures,
  failure,
}: Pick<ContainerContext, 'failures' | 'failure'>): boolean {
  return failures > 0 || failure?.kind === 'fault'
}

/** no-head-of-line: a removal that takes longer than this releases its slot. */
export const slotTimeMs = 5000
/** Timers are limited to 2^31 - 1 ms. Clamping costs at most one unnecessary scan every 12 days. */
const longestTimerMs = 2 ** 30

const timer = (ms: number) => Math.min(longestTimerMs, Math.max(0, Math.ceil(ms)))

const runs: ReadonlySet<string> = new Set(['running', 'restarting'])
const stillListed: FailureLike = { kind: 'refused', message: 'the engine still lists it' }

/**
 * The lifecycle of one owned container, from its first sighting until it is gone. The context holds the container's
 * record; only this machine writes it.
 *
 * Every transition into `removing` follows a fresh verdict, and every exit other than `gone` requires a new one. The
 * machine only decides; effects are provided by the caller.
 */
export const containerMachine = setup({
  types: {
    context: {} as ContainerContext,
    input: {} as ContainerInput,
    output: {} as ContainerOutput,
    events: {} as ContainerEvent,
    tags: {} as
      /** The next verdict must be delivered, even if it is unchanged. */
      'awaitsVerdict',
  },
  actors: {
    askHook: fromPromise<HookAnswer, Asked>(unprovided),
    stopGracefully: fromPromise<AttemptAnswer, Asked>(unprovided),
    unpauseContainer: fromPromise<AttemptAnswer, Asked>(unprovided),
    removeContainer: fromPromise<AttemptAnswer, Asked>(unprovided),
  },
  actions: {
    requestScan: noEffect,
    enqueue: noEffect,
    dequeue: noEffect,
    beginAttempt: noEffect,
    endAttempt: noEffect,
    takeSlot: noEffect,
    releaseSlot: noEffect,
    noteRequestSent: noEffect,
    emitClassified: noEffect,
    emitLost: noEffect,
    emitRemoveFailed: noEffect,
    emitStuck: noEffect,
    noteFault: noEffect,
    noteWell: noEffect,
    rememberMet: assign(({ context, event }) =>
      event.type === 'listed' ? met(context, event.met, context.policy.creationGraceMs) : {},
    ),
    rememberAnswer: assign(({ context, event }) =>
      event.type === 'answered' ? answered(context, event, context.policy.releaseGraceMs) : {},
    ),
    rememberInspected: assign(({ context, event }) =>
      event.type === 'inspected' ? inspected(context, event.inspected, context.policy.creationGraceMs) : {},
    ),
    restartGrace: assign(({ context, event }) =>
      event.type === 'graces.restarted'
        ? graceRestarted(context, event.atMs, context.policy.creationGraceMs)
        : {},
    ),
    rememberJudgement: assign(({ event }) => {
      const judgement = judgementIn(event)
      if (!judgement) return {}
      const { atMs, ...rest } = judgement
      return { ...rest, judgedAtMs: atMs }
    }),
    rememberRefusal: assign(({ event }) => {
      const judgement = judgementIn(event)
      if (!judgement) return {}
      const { atMs, recheckMs = 0, verdict } = judgement
      return { refusal: { reason: verdict.reason, untilMs: atMs + recheckMs } }
    }),
    rememberSent: assign(({ context }) => ({
      isRequestOut: true,
      startBeforeRequestMs: context.startId,
    })),
    rememberFailure: assign(({ context, event }) => {
      const answer = answerIn(event)
      if (!answer || !('failure' in answer)) return {}
      return { failure: answer.failure, stop: answer.stop ? stoppedBy(context, answer.stop) : context.stop }
    }),
    /** truthful: a container counts as removed by us only if one of our removal requests may have reached the engine. */
    rememberClaim: assign(({ context, event }) => {
      const answer = answerIn(event)
      const isUnsettled = answer?.answer === 'unsettled' && answer.isOurs
      const hasFailed = answer?.answer === 'failed' && answer.stop !== undefined
      return {
        isSent: context.isSent || isUnsettled,
        wasRemovalSent: context.wasRemovalSent === true || isUnsettled || hasFailed,
      }
    }),
    rememberFault: assign(({ event }) => ({ failure: { kind: 'fault', message: errorIn(event) } })),
    /** A request that was pending when our code threw may have stopped the container. */
    settleRequest: assign(({ context, event }) => ({
      isRequestOut: false,
      stop:
        context.stop ??
        (context.isRequestOut && 'error' in event ? stoppedBy(context, unanswered) : undefined),
    })),
    /** truthful: what the engine removes as soon as it ends is removed by our stop. */
    rememberStopped: assign(({ context }) => ({
      listed: { ...context.listed, state: 'exited' },
      stop: context.stop ?? stoppedBy(context, unanswered),
      gracefulStopAttempted: true,
      isSent: context.isSent || context.isAutoRemoved === true,
    })),
    rememberStopAttempted: assign({ gracefulStopAttempted: true }),
    rememberUnpaused: assign(({ context }) => ({ listed: { ...context.listed, state: 'running' } })),
    approve: assign({ isApproved: true }),
    forgetApproval: assign({ isApproved: false }),
    forgetFailures: assign({ failures: 0, failure: undefined, isSent: false }),
    forgetStuck: assign({ isStuck: false }),
    rememberStuck: assign({ isStuck: true }),
    countFailure: assign(({ context }) => ({
      failures: context.failures + 1,
      failure: context.failure ?? stillListed,
    })),
    endRemoved: assign({ outcome: 'removed', isByAnswer: true }),
    endMissed: assign(({ context }) => ({
      outcome: context.isSent ? ('removed' as const) : ('vanished' as const),
    })),
    rememberVanish: assign({ isVanishReported: true }),
    endReleased: assign({ outcome: 'released' }),
  },
  guards: {
    isGraced: ({ context }) => context.verdict?.verdict === 'graced',
    isTracked: ({ context }) => context.verdict?.verdict === 'tracked',
    isSpared: ({ context }) => context.verdict?.verdict === 'spared',
    isRecheckable: ({ context }) => context.recheckMs !== undefined,
    isDryRun: ({ context }) => context.policy.dryRun,
    hasFailedBefore: ({ context }) => hasFailedBefore(context),
    isStuck: ({ context }) => isStuckAfter(context.failures, context.failure?.kind),
    wasStuck: ({ context }) => context.isStuck,
    needsApproval: ({ context }) => context.policy.hasHook && !context.isApproved,
    isStoppedFirst: ({ context: { gracefulStopAttempted, listed, policy } }) =>
      policy.stopsGracefully && !gracefulStopAttempted && runs.has(listed.state),
    isJudgedDangling: ({ event }) =>
      event.type === 'judged' && event.judgement.verdict.verdict === 'dangling',
    /** Emits once when a container that the agent still tracks is no longer running. */
    isNewlyLost: ({ context, event }) =>
      !context.isLossReported &&
      ((event.type === 'answered' && event.answer === 'tracked' && event.hasEnded) ||
        (event.type === 'missed' && event.isTracked && context.isVanishReported !== true)),
    isNewLife: ({ context, event }) =>
      event.type === 'inspected' && isNewLife(context, event.inspected.start),
    hasApproved: ({ event }) => says(event, 'approved'),
    isDone: ({ event }) => says(event, 'done'),
    isCancelled: ({ event }) => says(event, 'cancelled'),
    isStale: ({ event }) => says(event, 'stale'),
    isUnsettled: ({ event }) => says(event, 'unsettled'),
    /** Already ended, gone or being removed: continue with the removal, which repeats every check. */
    isDispensable: ({ event }) => ['ended', 'gone', 'in-progress'].includes(failureKindIn(event)),
    isUnavailable: ({ event }) => failureKindIn(event) === 'unavailable',
    isRefusedWhilePaused: ({ context, event }) =>
      context.listed.state === 'paused' && failureKindIn(event) === 'refused',
  },
  delays: {
    graceTime: ({ context }) => timer((context.verdict?.endsAtMs ?? 0) - context.judgedAtMs),
    recheckTime: ({ context }) => timer(context.recheckMs ?? longestTimerMs),
    slotTime: slotTimeMs,
    retryDelay: ({ context }) => retryDelayMs(context.failures),
    faultPause: minuteMs,
  },
}).createMachine({
  id: 'container',
  context: ({ input }) => ({
    ...input.record,
    id: input.id,
    policy: input.policy,
    verdict: undefined,
    judgedAtMs: 0,
    scan: 0,
    recheckMs: undefined,
    isApproved: false,
    isRequestOut: false,
    startBeforeRequestMs: undefined,
    isSent: false,
    failures: 0,
    failure: undefined,
    isStuck: false,
    outcome: 'vanished',
    isByAnswer: false,
  }),
  output: ({ context: { outcome, isByAnswer, failures } }) => ({ outcome, isByAnswer, failures }),
  initial: 'discovered',
  on: {
    listed: { actions: 'rememberMet' },
    answered: [
      { guard: 'isNewlyLost', actions: ['rememberAnswer', 'emitLost'] },
      { actions: 'rememberAnswer' },
    ],
    inspected: [
      {
        guard: 'isNewLife',
        actions: ['rememberInspected', 'forgetApproval', 'forgetFailures', 'forgetStuck'],
      },
      { actions: 'rememberInspected' },
    ],
    'graces.restarted': { actions: 'restartGrace' },
    missed: [
      { guard: 'isNewlyLost', target: '.gone', actions: ['emitLost', 'rememberVanish', 'endMissed'] },
      { target: '.gone', actions: 'endMissed' },
    ],
    disowned: { target: '.gone', actions: 'endReleased' },
  },
  states: {
    discovered: {
      description: 'Found by a scan and not yet judged.',
      tags: 'awaitsVerdict',
      on: {
        judged: { target: 'classified', actions: ['emitClassified', 'rememberJudgement'] },
      },
    },
    graced: {
      description: 'Waits for its graces to end, then requests a scan to judge it again.',
      entry: 'forgetApproval',
      initial: 'waiting',
      states: {
        waiting: { after: { graceTime: 'due' } },
        due: { tags: 'awaitsVerdict', entry: 'requestScan' },
      },
      on: {
        judged: { target: 'classified', actions: ['emitClassified', 'rememberJudgement'] },
      },
    },
    classified: {
      description: 'Keeps its verdict until a scan changes it.',
      initial: 'sorting',
      states: {
        sorting: {
          always: [
            { guard: 'isGraced', target: '#container.graced' },
            { guard: 'isTracked', target: 'tracked' },
            { guard: 'isSpared', target: 'spared' },
            { guard: 'isDryRun', target: 'withheld' },
            { guard: 'hasFailedBefore', target: 'queuedAgain' },
            { target: 'queued' },
          ],
        },
        tracked: {
          description: 'Tracked by the agent.',
          entry: ['forgetApproval', 'forgetFailures', 'forgetStuck', 'noteWell'],
        },
        spared: {
          description: 'Untracked, but must not be removed.',
          entry: ['forgetApproval', 'forgetStuck', 'noteWell'],
          initial: 'choosing',
          states: {
            choosing: { always: [{ guard: 'isRecheckable', target: 'waiting' }, { target: 'settled' }] },
            settled: {},
            waiting: {
              description:
                'The reason may be temporary: waits before it calls the hook or inspects the image again.',
              after: { recheckTime: 'due' },
            },
            due: { tags: 'awaitsVerdict', entry: 'requestScan' },
          },
        },
        withheld: { description: 'Dangling, but not removed in a dry run.' },
        queued: {
          description: 'Dangling; waits for a removal slot.',
          entry: 'enqueue',
          exit: 'dequeue',
          on: { admitted: { target: '#container.removing', actions: 'rememberJudgement' } },
        },
        queuedAgain: {
          description: 'A removal failed before: waits behind containers without a failure.',
          entry: 'enqueue',
          exit: 'dequeue',
          on: { admitted: { target: '#container.removing', actions: 'rememberJudgement' } },
        },
      },
      on: {
        judged: { target: '.sorting', actions: ['emitClassified', 'rememberJudgement'] },
      },
    },
    removing: {
      description: 'Inspects the container and asks the tracker before every request.',
      initial: 'attempting',
      states: {
        attempting: {
          type: 'parallel',
          tags: 'awaitsVerdict',
          entry: 'beginAttempt',
          exit: ['settleRequest', 'endAttempt'],
          on: {
            judged: {
              description: 'Takes effect when the attempt ends.',
              actions: ['emitClassified', 'rememberJudgement'],
            },
            'request.sent': { actions: ['rememberSent', 'noteRequestSent'] },
          },
          states: {
            slot: {
              initial: 'taken',
              states: {
                taken: { entry: 'takeSlot', exit: 'releaseSlot', after: { slotTime: 'overdue' } },
                overdue: { description: 'The slot is released; the attempt continues.' },
              },
            },
            request: {
              initial: 'choosing',
              states: {
                choosing: {
                  always: [
                    { guard: 'needsApproval', target: 'askingHook' },
                    { guard: 'isStoppedFirst', target: 'stopping' },
                    { target: 'deleting' },
                  ],
                },
                askingHook: {
                  description: "Calls the owner's hook.",
                  invoke: {
                    id: 'hook',
                    src: 'askHook',
                    input: ({ context: { id, failures } }) => ({ id, failures }),
                    onDone: [
                      { guard: 'hasApproved', target: 'choosing', actions: 'approve' },
                      {
                        target: '#container.classified',
                        actions: ['rememberRefusal', 'emitClassified', 'rememberJudgement'],
                      },
                    ],
                    onError: {
                      target: '#container.removing.faulted',
                      actions: ['rememberFault', 'noteFault'],
                    },
                  },
                },
                stopping: {
                  description: 'Sends SIGTERM, and SIGKILL after the configured timeout.',
                  // The pending response is more precise than a scan that completed before it.
                  on: { missed: {}, disowned: {} },
                  invoke: {
                    id: 'stop',
                    src: 'stopGracefully',
                    input: ({ context: { id, failures } }) => ({ id, failures }),
                    onDone: [
                      { guard: 'isDone', target: 'deleting', actions: ['settleRequest', 'rememberStopped'] },
                      {
                        guard: 'isCancelled',
                        target: '#container.classified',
                        actions: ['emitClassified', 'rememberJudgement'],
                      },
                      { guard: 'isStale', target: '#container.removing.expired' },
                      {
                        guard: 'isDispensable',
                        target: 'deleting',
                        actions: ['settleRequest', 'rememberStopAttempted'],
                      },
                      {
                        guard: 'isUnavailable',
                        target: '#container.removing.failed',
                        actions: 'rememberFailure',
                      },
                      {
                        target: '#container.removing.failed',
                        actions: ['rememberFailure', 'rememberStopAttempted'],
                      },
                    ],
                    onError: {
                      target: '#container.removing.faulted',
                      actions: ['rememberFault', 'noteFault'],
                    },
                  },
                },
                deleting: {
                  description:
                    'Inspects the container, asks the tracker once more and sends the removal request.',
                  on: { missed: {}, disowned: {} },
                  invoke: {
                    id: 'removal',
                    src: 'removeContainer',
                    input: ({ context: { id, failures } }) => ({ id, failures }),
                    onDone: [
                      { guard: 'isDone', target: '#container.gone', actions: 'endRemoved' },
                      {
                        guard: 'isCancelled',
                        target: '#container.classified',
                        actions: ['emitClassified', 'rememberJudgement'],
                      },
                      { guard: 'isStale', target: '#container.removing.expired' },
                      {
                        guard: 'isUnsettled',
                        target: '#container.removing.confirming',
                        actions: ['rememberFailure', 'rememberClaim'],
                      },
                      {
                        guard: 'isRefusedWhilePaused',
                        target: 'unpausing',
                        actions: ['settleRequest', 'rememberFailure'],
                      },
                      {
                        target: '#container.removing.failed',
                        actions: ['rememberFailure', 'rememberClaim'],
                      },
                    ],
                    onError: {
                      target: '#container.removing.faulted',
                      actions: ['rememberFault', 'noteFault'],
                    },
                  },
                },
                unpausing: {
                  description: 'Older engines refuse to remove a paused container.',
                  on: { missed: {}, disowned: {} },
                  invoke: {
                    id: 'unpause',
                    src: 'unpauseContainer',
                    input: ({ context: { id, failures } }) => ({ id, failures }),
                    onDone: [
                      { guard: 'isDone', target: 'deleting', actions: ['settleRequest', 'rememberUnpaused'] },
                      {
                        guard: 'isCancelled',
                        target: '#container.classified',
                        actions: ['emitClassified', 'rememberJudgement'],
                      },
                      { guard: 'isStale', target: '#container.removing.expired' },
                      {
                        guard: 'isUnsettled',
                        target: '#container.removing.confirming',
                        actions: 'rememberFailure',
                      },
                      { target: '#container.removing.failed', actions: 'rememberFailure' },
                    ],
                    onError: {
                      target: '#container.removing.faulted',
                      actions: ['rememberFault', 'noteFault'],
                    },
                  },
                },
              },
            },
          },
        },
        expired: {
          description: 'The verdict expired before the request could be sent.',
          always: [
            // Part of the grace has elapsed since it was computed; a new scan determines the remainder.
            { guard: 'isGraced', target: '#container.graced.due' },
            { target: '#container.classified', actions: 'requestScan' },
          ],
        },
        confirming: {
          description: 'The result of the removal is unknown until the next scan.',
          tags: 'awaitsVerdict',
          entry: 'requestScan',
          on: {
            judged: [
              {
                guard: 'isJudgedDangling',
                target: 'failed',
                actions: ['emitClassified', 'rememberJudgement'],
              },
              { target: '#container.classified', actions: ['emitClassified', 'rememberJudgement'] },
            ],
          },
        },
        failed: {
          entry: 'countFailure',
          always: 'backingOff',
        },
        backingOff: {
          description: 'Waits before the next attempt. Any verdict other than dangling ends the wait.',
          // A verdict that changed while the request was pending is otherwise not delivered again.
          tags: 'awaitsVerdict',
          entry: 'emitRemoveFailed',
          initial: 'choosing',
          states: {
            choosing: {
              always: [
                { guard: 'wasStuck', target: 'stuck' },
                { guard: 'isStuck', target: 'stuck', actions: ['rememberStuck', 'emitStuck'] },
                { target: 'quick' },
              ],
            },
            quick: {},
            stuck: { description: 'Reported once; retried with increasing backoff.' },
          },
          after: { retryDelay: 'due' },
          on: {
            judged: [
              { guard: 'isJudgedDangling', actions: ['emitClassified', 'rememberJudgement'] },
              { target: '#container.classified', actions: ['emitClassified', 'rememberJudgement'] },
            ],
          },
        },
        faulted: {
          description: 'Our code threw. The next scan judges the container again.',
          tags: 'awaitsVerdict',
          after: { faultPause: 'due' },
          on: {
            judged: { target: '#container.classified', actions: ['emitClassified', 'rememberJudgement'] },
          },
        },
        due: {
          tags: 'awaitsVerdict',
          entry: 'requestScan',
          on: {
            judged: { target: '#container.classified', actions: ['emitClassified', 'rememberJudgement'] },
          },
        },
      },
    },
    gone: {
      description: 'Final; the outcome is the output.',
      type: 'final',
    },
  },
})

/** A stop without a failure that the engine reported. */
const unanswered: StopEffect = { failedAtMs: undefined }

function stoppedBy({ startBeforeRequestMs }: ContainerContext, { failedAtMs }: StopEffect): StoppedByUs {
  return { failedAtMs, startId: startBeforeRequestMs }
}

function outputIn(event: EventObject): unknown {
  return (event as { readonly output?: unknown }).output
}

/** The result of the attempt that has just ended. */
function answerIn(event: EventObject): AttemptAnswer | undefined {
  return outputIn(event) as AttemptAnswer | undefined
}

/** Whether the hook or the attempt that has just ended answered so. */
function says(event: EventObject, word: (AttemptAnswer | HookAnswer)['answer']): boolean {
  return (outputIn(event) as AttemptAnswer | HookAnswer | undefined)?.answer === word
}

/** Empty if the attempt did not fail. */
function failureKindIn(event: EventObject): string {
  const answer = answerIn(event)
  return answer && 'failure' in answer ? answer.failure.kind : ''
}

/** The judgement made by a scan, an attempt or the hook. */
export function judgementIn(event: EventObject): Judgement | undefined {
  const { judgement } = event as { readonly judgement?: Judgement }
  return judgement ?? (outputIn(event) as { readonly judgement?: Judgement } | undefined)?.judgement
}

/** The message of the error that an invoked actor threw. */
export function errorIn(event: EventObject): string {
  const { error } = event as { readonly error?: unknown }
  return error instanceof Error ? error.message : String(error)
}
