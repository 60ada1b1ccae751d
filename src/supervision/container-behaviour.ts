import { fromPromise } from 'xstate'
import {
  type ContainerContext,
  containerMachine,
  errorIn,
  hasFailedBefore,
  judgementIn,
  retryDelayMs,
} from '../../machines/container.machine.ts'
import type { AttemptAnswer, HookAnswer } from '../../machines/types.ts'
import type { Fleet } from '../containers/fleet.ts'
import { about, knownOf } from '../containers/known-container.ts'
import type { RemovalQueue } from '../containers/removal-queue.ts'
import type { ToSupervisor } from '../containers/seal.ts'
import type { Clock } from '../domain/clock.ts'
import type { FailureKind } from '../domain/errors.ts'
import type { Emit } from '../domain/events.ts'
import { type ContainerId, shortId } from '../domain/ids.ts'
import { type Verdict, verdictReason } from '../domain/verdict.ts'
import type { Attempts } from '../removing/attempt.ts'
import { withQuickListing } from './quick-listing.ts'
import { withSharedStates } from './shared-states.ts'

export interface ContainerBehaviourOptions {
  /** Undefined in a dry run, which has no code path that can remove a container. */
  readonly attempts: Attempts | undefined
  readonly clock: Clock
  readonly fleet: Pick<Fleet, 'noteFailing' | 'noteFault' | 'noteWell'>
  readonly queue: RemovalQueue
  readonly emit: Emit
  readonly toSupervisor: ToSupervisor
  readonly dryRun: boolean
  /** A requested scan has not started yet. */
  readonly isScanRequested: () => boolean
}

type Asked = { readonly id: string; readonly failures: number }

/** Provides the container machine with its effects. */
export function containerBehaviour(options: ContainerBehaviourOptions): typeof containerMachine {
  const { attempts, clock, dryRun, fleet, isScanRequested, queue, emit, toSupervisor } = options
  const capable = (): Attempts => {
    if (!attempts) throw new Error('dry-run: no removal is possible')
    return attempts
  }
  let isChangeNoted = false
  /** Notifies the supervisor once per turn, after the actors that end in that turn have ended. */
  const changed = () => {
    if (isChangeNoted) return
    isChangeNoted = true
    queueMicrotask(() => {
      isChangeNoted = false
      toSupervisor({ type: 'removals.changed', inFlight: queue.inFlightCount })
    })
  }
  const machine = containerMachine.provide({
    actors: {
      askHook: fromPromise<HookAnswer, Asked>(({ input }) => capable().askHook(idIn(input))),
      stopGracefully: fromPromise<AttemptAnswer, Asked>(({ input, signal }) =>
        capable().stopGracefully(idIn(input), signal),
      ),
      unpauseContainer: fromPromise<AttemptAnswer, Asked>(({ input, signal }) =>
        capable().unpause(idIn(input), signal),
      ),
      removeContainer: fromPromise<AttemptAnswer, Asked>(({ input, signal }) =>
        capable().remove(idIn(input), input.failures, signal),
      ),
    },
    actions: {
      requestScan: () => {
        if (!isScanRequested()) toSupervisor({ type: 'scan.requested' })
      },
      enqueue: ({ context }) => queue.enqueue(idIn(context), hasFailedBefore(context)),
      dequeue: ({ context }) => queue.dequeue(idIn(context)),
      beginAttempt: ({ context }) => {
        queue.beginAttempt(idIn(context))
        changed()
      },
      endAttempt: ({ context }) => {
        queue.endAttempt(idIn(context))
        changed()
      },
      takeSlot: ({ context }) => queue.takeSlot(idIn(context)),
      releaseSlot: ({ context }) => {
        queue.releaseSlot(idIn(context))
        changed()
      },
      noteRequestSent: ({ context }) => {
        queue.sent(idIn(context))
        if (queue.wantsNextBatch) changed()
      },
      emitClassified: ({ context, event }) => {
        const verdict = judgementIn(event)?.verdict as Verdict | undefined
        const { verdict: before } = context
        if (!verdict || (before?.verdict === verdict.verdict && before.reason === verdict.reason)) return
        const known = knownOf(context)
        emit({ type: 'classified', ...about(known), ...verdictReason(verdict), dryRun })
        if (verdict.verdict === 'spared') emit({ type: 'spared', ...about(known), reason: verdict.reason })
      },
      emitLost: ({ context, event }) =>
        emit({
          type: 'lost',
          ...about(knownOf(context)),
          how: event.type === 'missed' ? 'vanished' : 'exited',
        }),
      emitRemoveFailed: ({ context }) => {
        const known = knownOf(context)
        const { failures } = context
        const { kind, message } = failureIn(context)
        if (kind === 'in-progress') return
        fleet.noteFailing(known.id)
        const retryInMs = retryDelayMs(failures)
        emit({ type: 'removeFailed', ...about(known), kind, message, failures, retryInMs })
        const name = known.listed.name || shortId(known.id)
        toSupervisor({
          type: 'degraded',
          about: 'removal',
          kind,
          message: `${name}: ${message}`,
          atMs: clock.now(),
        })
      },
      emitStuck: ({ context }) => {
        const { failures } = context
        const { kind, message } = failureIn(context)
        emit({ type: 'stuck', ...about(knownOf(context)), kind, message, failures })
      },
      noteFault: ({ context, event }) => fleet.noteFault(idIn(context), errorIn(event)),
      noteWell: ({ context }) => fleet.noteWell(idIn(context)),
    },
  })
  return withQuickListing(withSharedStates(machine))
}

/** A failure is counted only after it was recorded. The machine's own types do not know the kinds of failures. */
function failureIn({ failure }: ContainerContext): { readonly kind: FailureKind; readonly message: string } {
  return failure as { kind: FailureKind; message: string }
}

function idIn({ id }: { readonly id: string }): ContainerId {
  return id as ContainerId
}
