import { type EventObject, fromPromise } from 'xstate'
import { errorIn } from '../../machines/container.machine.ts'
import { failed, recovered, type Streak } from '../../machines/failure-streaks.ts'
import { hintPauseMs, pauseMs } from '../../machines/scan-pace.ts'
import {
  type ScanEnd,
  type StreamEnd,
  type SupervisorContext,
  supervisorMachine,
} from '../../machines/supervisor.machine.ts'
import type { Fleet } from '../containers/fleet.ts'
import type { Clock } from '../domain/clock.ts'
import type { FailureKind } from '../domain/errors.ts'
import type { UnstampedEvent, Emit, DegradedSubject } from '../domain/events.ts'
import type { Asking } from '../scanning/asking.ts'
import type { EventWatcher } from '../scanning/event-watcher.ts'
import type { Scanner } from '../scanning/scanner.ts'

export interface SupervisorBehaviourOptions {
  readonly clock: Clock
  readonly fleet: Fleet
  readonly scanner: Scanner
  readonly watcher: EventWatcher
  readonly asking: Asking
  readonly emit: Emit
  readonly periodMs: number
  readonly backoffMinMs: number
  readonly backoffMaxMs: number
  /** Returns a number in [0, 1), for jitter. */
  readonly random: () => number
}

/** Delay that groups hints belonging together, such as a create and a start. */
const hintSettleMs = 100
/** Timers are limited to 2^31 - 1 ms. Clamping costs at most one unnecessary scan every 12 days. */
const longestTimerMs = 2 ** 30

/** The fraction by which jitter may shorten a period. */
const periodJitter = 0.1

/** Provides the supervisor machine with its effects, and shortens its pauses by the time already elapsed. */
export function supervisorBehaviour(options: SupervisorBehaviourOptions): typeof supervisorMachine {
  const { asking, backoffMaxMs, backoffMinMs, clock, fleet } = options
  const { periodMs, random, emit, scanner, watcher } = options
  const sinceEnd = (sinceMs: number | undefined, ms: number) =>
    sinceMs === undefined ? 0 : Math.max(0, sinceMs + ms - clock.now())
  const noteFailure = (
    { streaks }: SupervisorContext,
    failure: Parameters<typeof failed>[1],
    atMs: number,
  ) => {
    const { streak, report: what } = failed(streaks, failure, atMs)
    if (what) emit(what === 'began' ? began(streak) : goesOn(streak, atMs))
  }
  const noteRecovery = ({ streaks }: SupervisorContext, about: string, atMs: number) => {
    const { streak } = recovered(streaks, about)
    if (streak) emit(ended(streak, atMs))
  }
  const noteFault = (context: SupervisorContext, message: string) =>
    noteFailure(context, { about: 'fault', kind: 'fault', message }, clock.now())
  const noteEngineFailure = ({ context, event }: { context: SupervisorContext; event: EventObject }) => {
    const { failure, atMs } = event as Extract<
      Parameters<typeof supervisorMachine.transition>[1],
      { readonly type: 'engine.failed' }
    >
    noteFailure(context, { about: 'engine', ...failure }, atMs)
  }

  return supervisorMachine.provide({
    actors: {
      fleet: fleet.logic,
      scan: fromPromise<ScanEnd>(({ signal }) => scanner.scan(signal)),
      followEvents: fromPromise<StreamEnd>(({ signal }) => watcher.follow(signal)),
      askTracker: fromPromise<void>(({ signal }) => asking.follow(signal)),
      disbandFleet: fromPromise<void>(({ signal }) => fleet.disband(signal)),
    },
    delays: {
      // Spreads the scans of reconcilers that were started together.
      period: () => Math.min(longestTimerMs, periodMs * (1 - periodJitter * random())),
      pause: ({ context: { pace } }) => sinceEnd(pace.endedMs, pauseMs(pace)),
      hintPause: ({ context: { pace } }) => Math.max(hintSettleMs, sinceEnd(pace.endedMs, hintPauseMs(pace))),
      backoff: ({ context: { failedScans } }) => {
        // Doubles with each failure up to the maximum; jitter then picks between half of it and all of it.

        const fullMs = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(30, Math.max(0, failedScans - 1)))
        return Math.max(backoffMinMs, fullMs * (0.5 + random() / 2))
      },
      reconnectDelay: ({ context: { shortStreams, streamEndedMs } }) => {
        const longestMs = Math.max(backoffMaxMs, periodMs)
        const fullMs = Math.min(longestMs, backoffMinMs * 2 ** Math.min(30, Math.max(0, shortStreams - 1)))
        return sinceEnd(streamEndedMs, Math.min(longestTimerMs, fullMs))
      },
    },
    actions: {
      emitEngineDown: noteEngineFailure,
      emitEngineStillDown: noteEngineFailure,
      emitEngineUp: ({ context, event }) => {
        if (event.type === 'engine.listed') noteRecovery(context, 'engine', event.atMs)
      },
      emitDegraded: ({ context, event }) => {
        if (event.type === 'degraded') noteFailure(context, event, event.atMs)
      },
      emitRecovered: ({ context, event }) => {
        if (event.type === 'recovered') noteRecovery(context, event.about, event.atMs)
      },
      noteFault: ({ context, event }) => {
        const { output } = event as EventObject & { readonly output?: ScanEnd }
        if (!output) noteFault(context, errorIn(event))
        else if (output.fault !== undefined) noteFault(context, output.fault)
      },
      emitStreamDegraded: ({ context, event }) => {
        const { streamFailure } = context
        if (streamFailure && event.type === 'engine.listed')
          noteFailure(context, { about: 'events', ...streamFailure }, event.atMs)
      },
      emitStreamRecovered: ({ context, event }) => {
        if (event.type === 'events.opened') noteRecovery(context, 'events', event.atMs)
      },
      emitStopped: ({ context }) => emit({ type: 'stopped', underWay: context.inFlight }),
    },
  })
}

function began({ about, kind, message }: Streak): UnstampedEvent {
  return about === 'engine'
    ? { type: 'engineDown', kind: kind as FailureKind, message }
    : { type: 'degraded', about: about as DegradedSubject, kind, message }
}

function goesOn({ about, kind, message, count, sinceMs }: Streak, nowMs: number): UnstampedEvent {
  const lastedMs = nowMs - sinceMs
  return about === 'engine'
    ? { type: 'engineStillDown', kind: kind as FailureKind, message, failures: count, downForMs: lastedMs }
    : { type: 'stillDegraded', about: about as DegradedSubject, kind, message, count, lastedMs }
}

function ended({ about, kind, count, sinceMs }: Streak, nowMs: number): UnstampedEvent {
  const lastedMs = nowMs - sinceMs
  return about === 'engine'
    ? { type: 'engineUp', failures: count, downForMs: lastedMs }
    : { type: 'recovered', about: about as DegradedSubject, kind, count, lastedMs }
}
