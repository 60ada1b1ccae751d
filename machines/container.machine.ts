import { fromPromise, setup } from 'xstate'

import type { FailureLike, HookAnswer, Outcome, TryAnswer, VerdictLike } from './types.ts'

export interface ContainerInput {
  readonly id: string
  readonly name: string
  readonly verdict: VerdictLike
}

/** What a container actor knows. Everything else is the fleet's. */
export interface ContainerContext {
  readonly id: string
  readonly name: string
  /** The last verdict that counts. */
  readonly verdict: VerdictLike
  /** The hook has agreed, and has not to be asked again for this removal. */
  readonly isApproved: boolean
  /** A removal of ours may have reached the engine without a clear answer. */
  readonly isSent: boolean
  /** Removals that failed since the last one that did not. */
  readonly failures: number
  readonly failure: FailureLike | undefined
  readonly outcome: Outcome | undefined
  /** The engine itself confirmed the removal, not only a later look. */
  readonly isByAnswer: boolean
}

export type ContainerEvent =
  /** A look has a verdict: a changed one, or one that a removal waits for. */
  | { readonly type: 'judged'; readonly verdict: VerdictLike }
  /** A look that should hold the container does not. */
  | { readonly type: 'missed' }
  /** It is still there and no longer the owner's. */
  | { readonly type: 'disowned' }
  /** Its removal may start now. */
  | { readonly type: 'admitted' }
  | { readonly type: 'engineLost' }
  | { readonly type: 'engineBack' }

const unprovided = (): never => {
  throw new Error(
    'containerMachine needs its behaviour: containerMachine.provide({ actions, guards, actors })',
  )
}

/**
 * The life of one owned container, from its first sighting until it is gone.
 *
 * A parked container holds no timer and runs nothing: it is moved by looks alone. Each arrow into `removing` comes from a
 * look that just judged the container, and each way out of it that is not `gone` leads back to a new judgement.
 */
export const containerMachine = setup({
  types: {
    context: {} as ContainerContext,
    input: {} as ContainerInput,
    events: {} as ContainerEvent,
  },
  actors: {
    askHook: fromPromise<HookAnswer, { readonly id: string }>(unprovided),
    endGracefully: fromPromise<TryAnswer, { readonly id: string }>(unprovided),
    removeContainer: fromPromise<TryAnswer, { readonly id: string; readonly failures: number }>(unprovided),
  },
  actions: {
    rememberVerdict: unprovided,
    rememberApproval: unprovided,
    rememberRefusal: unprovided,
    rememberFinalAnswer: unprovided,
    rememberUnsettled: unprovided,
    rememberFailure: unprovided,
    countFailure: unprovided,
    rememberRemovedByAnswer: unprovided,
    rememberGone: unprovided,
    rememberReleased: unprovided,
    forgetApproval: unprovided,
    forgetFailures: unprovided,
    tellRefused: unprovided,
    tellEndedByUs: unprovided,
    tellRetryWanted: unprovided,
    tellRemovalBegan: unprovided,
    tellPlaceGivenBack: unprovided,
    tellRemovalEnded: unprovided,
    tellGone: unprovided,
    askForLook: unprovided,
  },
  guards: {
    isGraced: unprovided,
    isTracked: unprovided,
    isSpared: unprovided,
    isWithheld: unprovided,
    needsApproval: unprovided,
    endsGracefully: unprovided,
    hasFailed: unprovided,
    hasApproved: unprovided,
    isDone: unprovided,
    isLetLive: unprovided,
    isStale: unprovided,
    isUnsettled: unprovided,
  },
}).createMachine({
  id: 'container',
  context: ({ input }) => ({
    id: input.id,
    name: input.name,
    verdict: input.verdict,
    isApproved: false,
    isSent: false,
    failures: 0,
    failure: undefined,
    outcome: undefined,
    isByAnswer: false,
  }),
  initial: 'discovered',
  states: {
    discovered: {
      description: 'Seen for the first time; its graces are worked out.',
      always: [{ guard: 'isGraced', target: 'graced' }, { target: 'classified' }],
    },
    graced: {
      description: 'Waits out its graces. The end of a grace asks for a look, and that look judges.',
      entry: 'forgetApproval',
      on: {
        judged: [
          { guard: 'isGraced', actions: 'rememberVerdict' },
          { target: 'classified', actions: 'rememberVerdict' },
        ],
        missed: { target: 'gone', actions: 'rememberGone' },
        disowned: { target: 'gone', actions: 'rememberReleased' },
      },
    },
    classified: {
      description: 'Parked with its verdict until a look changes it.',
      initial: 'sorting',
      states: {
        sorting: {
          always: [
            { guard: 'isGraced', target: '#container.graced' },
            { guard: 'isTracked', target: 'tracked' },
            { guard: 'isSpared', target: 'spared' },
            { guard: 'isWithheld', target: 'withheld' },
            { target: 'queued' },
          ],
        },
        tracked: {
          description: 'The agent knows it.',
          entry: ['forgetApproval', 'forgetFailures'],
        },
        spared: {
          description: 'Untracked, and still not to be removed.',
          entry: 'forgetApproval',
        },
        withheld: { description: 'Dangling, in a dry run.' },
        queued: {
          description: 'Dangling, and waiting for a place among the removals.',
          on: {
            admitted: '#container.removing',
          },
        },
      },
      on: {
        judged: { target: '.sorting', actions: 'rememberVerdict' },
        missed: { target: 'gone', actions: 'rememberGone' },
        disowned: { target: 'gone', actions: 'rememberReleased' },
      },
    },
    removing: {
      description:
        'Has a place among the removals. Every single try asks the tracker once more before it leaves.',
      initial: 'starting',
      entry: 'tellRemovalBegan',
      exit: ['tellPlaceGivenBack', 'tellRemovalEnded'],
      states: {
        starting: {
          always: [
            { guard: 'needsApproval', target: 'consulting' },
            { guard: 'endsGracefully', target: 'ending' },
            { target: 'deleting' },
          ],
        },
        consulting: {
          description: "Asks the owner's hook.",
          invoke: {
            id: 'hook',
            src: 'askHook',
            input: ({ context }) => ({ id: context.id }),
            onDone: [
              { guard: 'hasApproved', target: 'starting', actions: 'rememberApproval' },
              { target: '#container.classified.spared', actions: ['rememberRefusal', 'tellRefused'] },
            ],
          },
        },
        ending: {
          description: 'Lets it end by itself after SIGTERM, for as long as the owner allows.',
          invoke: {
            id: 'end',
            src: 'endGracefully',
            input: ({ context }) => ({ id: context.id }),
            onDone: [
              { guard: 'isDone', target: 'deleting', actions: 'tellEndedByUs' },
              { guard: 'isLetLive', target: '#container.classified', actions: 'rememberFinalAnswer' },
              { guard: 'isStale', target: '#container.classified', actions: 'askForLook' },
              { target: 'backingOff', actions: ['rememberFailure', 'countFailure'] },
            ],
          },
          // The answer is on its way and says more than a look that overtook it.
          on: { missed: {}, disowned: {} },
        },
        deleting: {
          description: 'Asks the tracker a last time and sends the request.',
          invoke: {
            id: 'removal',
            src: 'removeContainer',
            input: ({ context }) => ({ id: context.id, failures: context.failures }),
            onDone: [
              { guard: 'isDone', target: '#container.gone', actions: 'rememberRemovedByAnswer' },
              { guard: 'isLetLive', target: '#container.classified', actions: 'rememberFinalAnswer' },
              { guard: 'isStale', target: '#container.classified', actions: 'askForLook' },
              { guard: 'isUnsettled', target: 'confirming', actions: 'rememberUnsettled' },
              { target: 'backingOff', actions: ['rememberFailure', 'countFailure'] },
            ],
          },
          // The answer is on its way and says more than a look that overtook it.
          on: { missed: {}, disowned: {} },
        },
        confirming: {
          description: 'The answer left open what happened: the next look tells.',
          entry: ['tellPlaceGivenBack', 'askForLook'],
          on: {
            judged: [
              { guard: 'hasFailed', target: 'backingOff', actions: ['rememberVerdict', 'countFailure'] },
              { target: '#container.classified', actions: 'rememberVerdict' },
            ],
            engineLost: 'waitingForEngine',
          },
        },
        backingOff: {
          description: 'Failed; waits before it is judged anew. The fleet keeps the time.',
          entry: ['tellPlaceGivenBack', 'tellRetryWanted'],
          on: {
            judged: { target: '#container.classified', actions: 'rememberVerdict' },
            engineLost: 'waitingForEngine',
          },
        },
        waitingForEngine: {
          description: 'The engine is down: its own timer means nothing until the engine answers.',
          on: {
            judged: { target: '#container.classified', actions: 'rememberVerdict' },
            engineBack: 'confirming',
          },
        },
      },
      on: {
        // The fleet tells a verdict once: what is not remembered while a request is out would be lost.
        judged: { actions: 'rememberVerdict' },
        missed: { target: 'gone', actions: 'rememberGone' },
        disowned: { target: 'gone', actions: 'rememberReleased' },
      },
    },
    gone: {
      description: 'The end, with its outcome. The fleet stops the actor.',
      entry: 'tellGone',
    },
  },
})
