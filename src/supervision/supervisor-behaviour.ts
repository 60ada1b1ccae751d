import { assign, enqueueActions, type EventObject, fromPromise } from 'xstate'

import {
  type LookOutcome,
  type Streak,
  type SupervisorContext,
  type SupervisorEvent,
  supervisorMachine,
} from '../../machines/supervisor.machine.ts'
import type { FailureLike, Parent } from '../../machines/types.ts'
import type { Clock } from '../clock.ts'
import { EngineError, type FailureKind, messageOf } from '../errors.ts'
import type { Happening, Report, TroubleSubject } from '../events.ts'
import type { Admission } from './admission.ts'
import type { Agenda } from './agenda.ts'
import type { Fleet } from './fleet.ts'
import type { Hearing } from './hearing.ts'
import type { Looker } from './look.ts'
import type { Removals } from './removals.ts'
import { type Failure, meet, over } from './streaks.ts'
import type { VerdictWindow } from './verdict-window.ts'

export interface SupervisorBehaviourOptions {
  readonly clock: Clock
  readonly agenda: Agenda
  readonly fleet: Fleet
  readonly looker: Looker
  readonly hearing: Hearing
  readonly removals: Removals
  readonly admission: Admission
  readonly window: VerdictWindow
  readonly report: Report
  readonly settleMs: number
}

const engine = 'engine'

/** What a failure, or its end, changes in the context, and what it has to tell. */
interface Noted {
  readonly change: Pick<SupervisorContext, 'streaks'>
  readonly tell: (() => void) | undefined
}

/** Gives the supervisor's chart everything that it does. */
export function supervisorBehaviour(options: SupervisorBehaviourOptions): typeof supervisorMachine {
  const { admission, agenda, clock, fleet, hearing, looker, removals, report, settleMs, window } = options

  /** Puts the failure into its streak; what of it is worth a line is told when the step is taken. */
  function note({ streaks: before }: SupervisorContext, failure: Failure): Noted {
    const nowMs = clock.now()
    const { streaks, streak, tell } = meet(before, failure, nowMs)
    if (!tell) return { change: { streaks }, tell: undefined }
    return {
      change: { streaks },
      tell: () => report(tell === 'began' ? began(streak) : goesOn(streak, nowMs)),
    }
  }

  function noteOver({ streaks: before }: SupervisorContext, about: string): Noted {
    const nowMs = clock.now()
    const { streaks, streak } = over(before, about)
    if (!streak) return { change: { streaks }, tell: undefined }
    return { change: { streaks }, tell: () => report(ended(streak, nowMs)) }
  }

  return supervisorMachine.provide({
    actors: {
      fleet: fleet.logic,
      look: fromPromise<LookOutcome, { readonly supervisor: Parent<SupervisorEvent> }>(({ input, signal }) =>
        looker.look(input.supervisor, signal),
      ),
      listen: fromPromise<void, { readonly supervisor: Parent<SupervisorEvent> }>(({ input, signal }) =>
        hearing.listen(input.supervisor, signal),
      ),
      disbandFleet: fromPromise<void>(({ signal }) => fleet.disband(signal)),
    },
    delays: {
      untilNextLook: ({ context }) =>
        agenda.untilNextLookMs(context.engineFailure !== undefined, context.failedLooks),
      untilListeningAgain: () => hearing.restMs,
      settleTime: settleMs,
    },
    guards: {
      isEnabled: ({ context }) => context.isEnabled,
      hearsEvents: () => hearing.isWanted,
      mustRest: () => hearing.restMs > 0,
      couldNotListen: ({ context }) => context.deafness !== undefined,
      isSettled: () => removals.underWayCount === 0,
    },
    actions: {
      rememberLook: assign(({ event }) => ({ lastLook: outputOf(event) })),
      rememberEngineFailure: enqueueActions(({ context, event, enqueue }) => {
        if (event.type !== 'engineFailed') return
        const { failure } = event
        const { change, tell } = note(context, { about: engine, ...failure })
        enqueue.assign({ ...change, engineFailure: failure, failedLooks: context.failedLooks + 1 })
        if (tell) enqueue(tell)
      }),
      forgetEngineFailure: enqueueActions(({ context, enqueue }) => {
        const { change, tell } = noteOver(context, engine)
        enqueue.assign({ ...change, engineFailure: undefined, failedLooks: 0 })
        if (tell) enqueue(tell)
      }),
      noteFailedLook: enqueueActions(({ context, event, enqueue }) => {
        const error = errorOf(event)
        // The health region has heard of the engine's own failures already.
        if (error instanceof EngineError) return
        const { change, tell } = note(context, {
          about: 'fault',
          kind: 'fault',
          message: `look: ${messageOf(error)}`,
        })
        enqueue.assign(change)
        if (tell) enqueue(tell)
      }),
      rememberDeafness: assign(({ event }) => ({ deafness: failureOf(errorOf(event)) })),
      forgetDeafness: assign({ deafness: undefined }),
      noteDeafness: enqueueActions(({ context, enqueue }) => {
        const { deafness } = context
        if (!deafness) return
        const { change, tell } = note(context, { about: 'events', ...deafness })
        enqueue.assign({ ...change, deafness: undefined })
        if (tell) enqueue(tell)
      }),
      noteTrouble: enqueueActions(({ context, event, enqueue }) => {
        if (event.type !== 'troubleMet') return
        const { change, tell } = note(context, event)
        enqueue.assign(change)
        if (tell) enqueue(tell)
      }),
      noteTroubleOver: enqueueActions(({ context, event, enqueue }) => {
        if (event.type !== 'troubleOver' || !context.streaks[event.about]) return
        const { change, tell } = noteOver(context, event.about)
        enqueue.assign(change)
        if (tell) enqueue(tell)
      }),
      holdFleet: () => {
        window.hold(true)
        fleet.tellEngine({ type: 'engineLost' })
      },
      releaseFleet: () => {
        window.hold(false)
        fleet.tellEngine({ type: 'engineBack' })
      },
      admitRemovals: ({ self }) =>
        admission.admit({
          askForLook: () => self.send({ type: 'lookAsked' }),
          admitAgain: () => self.send({ type: 'placeFreed' }),
        }),
      quietFleet: () => {
        window.quieten()
        admission.stop()
      },
      tellStopped: () => report({ type: 'stopped', underWay: removals.underWayCount }),
    },
  })
}

function failureOf(error: unknown): FailureLike {
  return { kind: error instanceof EngineError ? error.kind : 'fault', message: messageOf(error) }
}

function began({ about, kind, message }: Streak): Happening {
  return about === engine
    ? { type: 'engineDown', kind: kind as FailureKind, message }
    : { type: 'trouble', about: about as TroubleSubject, kind, message }
}

function goesOn({ about, kind, message, count, sinceMs }: Streak, nowMs: number): Happening {
  const lastedMs = nowMs - sinceMs
  return about === engine
    ? { type: 'engineStillDown', kind: kind as FailureKind, message, failures: count, downForMs: lastedMs }
    : { type: 'troubleGoesOn', about: about as TroubleSubject, kind, message, count, lastedMs }
}

function ended({ about, kind, count, sinceMs }: Streak, nowMs: number): Happening {
  const lastedMs = nowMs - sinceMs
  return about === engine
    ? { type: 'engineUp', failures: count, downForMs: lastedMs }
    : { type: 'troubleOver', about: about as TroubleSubject, kind, count, lastedMs }
}

function outputOf(event: EventObject): LookOutcome {
  return (event as EventObject & { readonly output: LookOutcome }).output
}

function errorOf(event: EventObject): unknown {
  return (event as EventObject & { readonly error?: unknown }).error
}
