import { assign, enqueueActions, type EventObject, fromPromise } from 'xstate'

import {
  type LookOutcome,
  type Streak,
  type SupervisorContext,
  type SupervisorEvent,
  supervisorMachine,
} from '../../machines/supervisor.machine.ts'
import type { Parent } from '../../machines/types.ts'
import type { Clock } from '../clock.ts'
import { EngineError, type FailureKind, messageOf } from '../errors.ts'
import type { Happening, Report, TroubleSubject } from '../events.ts'
import type { Admission } from './admission.ts'
import type { Agenda } from './agenda.ts'
import type { Fleet } from './fleet.ts'
import type { Looker } from './look.ts'
import type { Removals } from './removals.ts'
import { type Failure, meet, over } from './streaks.ts'
import type { VerdictWindow } from './verdict-window.ts'

export interface SupervisorBehaviourOptions {
  readonly clock: Clock
  readonly agenda: Agenda
  readonly fleet: Fleet
  readonly looker: Looker
  readonly removals: Removals
  readonly admission: Admission
  readonly window: VerdictWindow
  readonly report: Report
  readonly settleMs: number
}

const engine = 'engine'

/** Gives the supervisor's chart everything that it does. */
export function supervisorBehaviour(options: SupervisorBehaviourOptions): typeof supervisorMachine {
  const { admission, agenda, clock, fleet, looker, removals, report, settleMs, window } = options

  /** Puts the failure into its streak, and tells what is worth a line. */
  function note(context: SupervisorContext, failure: Failure): Pick<SupervisorContext, 'streaks'> {
    const { streaks, streak, tell } = meet(context.streaks, failure, clock.now())
    if (tell) report(tell === 'began' ? began(streak) : goesOn(streak, clock.now()))
    return { streaks }
  }

  function noteOver(context: SupervisorContext, about: string): Pick<SupervisorContext, 'streaks'> {
    const { streaks, streak } = over(context.streaks, about)
    if (streak) report(ended(streak, clock.now()))
    return { streaks }
  }

  return supervisorMachine.provide({
    actors: {
      fleet: fleet.logic,
      look: fromPromise<LookOutcome, { readonly supervisor: Parent<SupervisorEvent> }>(({ input, signal }) =>
        looker.look(input.supervisor, signal),
      ),
      disbandFleet: fromPromise<void>(({ signal }) => fleet.disband(signal)),
    },
    delays: {
      untilNextLook: ({ context }) => agenda.untilNextLookMs(context.engineFailure !== undefined, context.failedLooks),
      settleTime: settleMs,
    },
    guards: {
      isEnabled: ({ context }) => context.isEnabled,
      isSettled: () => removals.underWayCount === 0,
    },
    actions: {
      rememberLook: assign(({ event }) => ({ lastLook: outputOf(event) })),
      rememberEngineFailure: enqueueActions(({ context, event, enqueue }) => {
        if (event.type !== 'engineFailed') return
        const { failure } = event
        const noted = note(context, { about: engine, ...failure })
        enqueue.assign({ ...noted, engineFailure: failure, failedLooks: context.failedLooks + 1 })
      }),
      forgetEngineFailure: enqueueActions(({ context, enqueue }) => {
        enqueue.assign({ ...noteOver(context, engine), engineFailure: undefined, failedLooks: 0 })
      }),
      noteFailedLook: enqueueActions(({ context, event, enqueue }) => {
        const error = errorOf(event)
        // The health region has heard of the engine's own failures already.
        if (error instanceof EngineError) return
        enqueue.assign(note(context, { about: 'fault', kind: 'fault', message: `look: ${messageOf(error)}` }))
      }),
      noteTrouble: enqueueActions(({ context, event, enqueue }) => {
        if (event.type === 'troubleMet') enqueue.assign(note(context, event))
      }),
      noteTroubleOver: enqueueActions(({ context, event, enqueue }) => {
        if (event.type === 'troubleOver' && context.streaks[event.about]) enqueue.assign(noteOver(context, event.about))
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

