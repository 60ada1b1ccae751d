import { assign, type EventObject, fromPromise, sendParent } from 'xstate'

import { type ContainerContext, containerMachine } from '../../machines/container.machine.ts'
import type { FailureLike, HookAnswer, ToFleet, TryAnswer, VerdictLike } from '../../machines/types.ts'
import type { Tries } from './tries.ts'

export interface ContainerBehaviourOptions {
  /** Undefined in a dry run, where nothing in the program is able to remove. */
  readonly tries: Tries | undefined
  /** Whether the owner wants to be asked before a removal. */
  readonly hasHook: boolean
  /** Whether this container is still to be ended with SIGTERM before it is removed. */
  readonly endsGracefully: (id: string) => boolean
}

/** Gives the container's chart everything that it does. */
export function containerBehaviour({
  tries,
  hasHook,
  endsGracefully,
}: ContainerBehaviourOptions): typeof containerMachine {
  const withTries = (): Tries => {
    if (!tries) throw new Error('dry-run: there is nothing here that could remove')
    return tries
  }
  return containerMachine.provide({
    actors: {
      askHook: fromPromise<HookAnswer, { readonly id: string }>(({ input }) => withTries().askHook(input.id)),
      endGracefully: fromPromise<TryAnswer, { readonly id: string }>(({ input, signal }) =>
        withTries().endGracefully(input.id, signal),
      ),
      removeContainer: fromPromise<TryAnswer, { readonly id: string; readonly failures: number }>(
        ({ input, signal }) => withTries().remove(input.id, input.failures, signal),
      ),
    },
    guards: {
      isGraced: ({ context, event }) => verdictNow(context, event).verdict === 'graced',
      isTracked: ({ context }) => context.verdict.verdict === 'tracked',
      isSpared: ({ context }) => context.verdict.verdict === 'spared',
      isWithheld: () => tries === undefined,
      needsApproval: ({ context }) => hasHook && !context.isApproved,
      endsGracefully: ({ context }) => endsGracefully(context.id),
      hasFailed: ({ context, event }) => verdictNow(context, event).verdict === 'dangling',
      hasApproved: ({ event }) => hookAnswerOf(event).answer === 'approved',
      isDone: ({ event }) => tryAnswerOf(event).answer === 'done',
      isLetLive: ({ event }) => tryAnswerOf(event).answer === 'let-live',
      isStale: ({ event }) => tryAnswerOf(event).answer === 'stale',
      isUnsettled: ({ event }) => tryAnswerOf(event).answer === 'unsettled',
    },
    actions: {
      rememberVerdict: assign(({ context, event }) => ({ verdict: verdictNow(context, event) })),
      rememberApproval: assign({ isApproved: true }),
      rememberRefusal: assign(({ event }) => verdictIn(hookAnswerOf(event))),
      rememberFinalAnswer: assign(({ event }) => verdictIn(tryAnswerOf(event))),
      rememberUnsettled: assign(({ context, event }) => {
        const output = tryAnswerOf(event)
        return output.answer === 'unsettled'
          ? { failure: output.failure, isSent: context.isSent || output.isOurs }
          : {}
      }),
      rememberFailure: assign(({ event }) => {
        const output = tryAnswerOf(event)
        return 'failure' in output ? { failure: output.failure } : {}
      }),
      countFailure: assign(({ context }) => ({ failures: context.failures + 1 })),
      forgetFailures: assign({ failures: 0, failure: undefined, isSent: false }),
      forgetApproval: assign({ isApproved: false }),
      rememberRemovedByAnswer: assign({ outcome: 'removed', isByAnswer: true }),
      rememberGone: assign(({ context }) => ({
        outcome: context.isSent ? ('removed' as const) : ('vanished' as const),
      })),
      rememberReleased: assign({ outcome: 'released' }),
      tellRemovalBegan: sendParent(({ context: { id } }) => ({ type: 'removalBegan', id }) satisfies ToFleet),
      tellPlaceGivenBack: sendParent(
        ({ context: { id } }) => ({ type: 'placeGivenBack', id }) satisfies ToFleet,
      ),
      tellRemovalEnded: sendParent(({ context: { id } }) => ({ type: 'removalEnded', id }) satisfies ToFleet),
      tellRefused: sendParent(
        ({ context: { id, verdict } }) => ({ type: 'refused', id, verdict }) satisfies ToFleet,
      ),
      tellEndedByUs: sendParent(({ context: { id } }) => ({ type: 'endedByUs', id }) satisfies ToFleet),
      tellRetryWanted: sendParent(({ context: { id, failures, failure = stillThere } }) => {
        return { type: 'retryWanted', id, failures, failure } satisfies ToFleet
      }),
      askForLook: sendParent(({ context: { id } }) => ({ type: 'lookWanted', id }) satisfies ToFleet),
      tellGone: sendParent(({ context: { id, outcome = 'vanished', failures, isByAnswer } }) => {
        return { type: 'gone', id, outcome, failures, isByAnswer } satisfies ToFleet
      }),
    },
  })
}

const stillThere: FailureLike = { kind: 'refused', message: 'the engine still lists it' }

/** The verdict that an event brings, else the last one. */
function verdictNow(context: ContainerContext, event: EventObject): VerdictLike {
  return 'verdict' in event ? (event.verdict as VerdictLike) : context.verdict
}

function verdictIn(output: HookAnswer | TryAnswer): Partial<ContainerContext> {
  return 'verdict' in output ? { verdict: output.verdict } : {}
}

function hookAnswerOf(event: EventObject): HookAnswer {
  return (event as EventObject & { readonly output: HookAnswer }).output
}

function tryAnswerOf(event: EventObject): TryAnswer {
  return (event as EventObject & { readonly output: TryAnswer }).output
}
