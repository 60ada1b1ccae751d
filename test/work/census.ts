import { Writable } from 'node:stream'
import { pino } from 'pino'
import type { InspectionEvent } from 'xstate'
import type { ReconcilerOptions } from '../../src/options/types.ts'
import { createHarness, type Harness } from '../support/harness.ts'

/** What was done, counted; the same on every machine. */
export interface Work {
  /** Actors of containers that came to life, events that such actors were sent, and snapshots that they made. */
  readonly containerActors: number
  readonly containerEvents: number
  readonly containerSnapshots: number
  /** The same of the supervisor, its fleet, and whatever an actor invokes. */
  readonly otherActors: number
  readonly otherEvents: number
  readonly otherSnapshots: number
  /** What the engine was asked, by verb. */
  readonly calls: Readonly<Record<string, number>>
  /** How often `has(id)` was asked. */
  readonly questions: number
  /** Lines in a log of the level `info`. */
  readonly lines: number
  /** Timers that wait now. */
  readonly timers: number
}

/** A harness that keeps account of everything that is done. */
export interface Census extends Pick<Harness, 'clock' | 'engine' | 'tracked' | 'reconciler'> {
  /** What was done since this was last asked. */
  take(): Work
}

const noWork = () => ({
  containerActors: 0,
  otherActors: 0,
  containerEvents: 0,
  containerSnapshots: 0,
  otherEvents: 0,
  otherSnapshots: 0,
  questions: 0,
  lines: 0,
})
const isContainers = (actor: unknown) =>
  (actor as { readonly logic?: { readonly id?: string } }).logic?.id === 'container'
/** Out of every grace when it is first seen. */
export const oldMs = 600_000

export function createCensus(options: Partial<ReconcilerOptions> = {}): Census {
  let work = noWork()
  let received = 0
  const tracked = new Set<string>()
  const inspect = (event: InspectionEvent) => {
    const whose = isContainers(event.actorRef) ? 'container' : 'other'
    if (event.type === '@xstate.actor') work[`${whose}Actors`]++
    if (event.type === '@xstate.event') work[`${whose}Events`]++
    if (event.type === '@xstate.snapshot') work[`${whose}Snapshots`]++
  }
  const log = new Writable({
    write(_chunk, _encoding, written) {
      work.lines++
      written()
    },
  })
  const counting = {
    has: (id: string) => {
      work.questions++
      return tracked.has(id)
    },
  }
  const harness = createHarness({ tracked: counting, inspect, logger: pino(log), ...options })
  const { clock, engine, reconciler } = harness
  return {
    clock,
    engine,
    reconciler,
    tracked,
    take() {
      const { requests } = engine
      const calls: Record<string, number> = {}
      for (const { verb } of requests.slice(received)) calls[verb] = (calls[verb] ?? 0) + 1
      received = requests.length
      const taken = { ...work, calls, timers: clock.pendingTimers }
      work = noWork()
      return taken
    },
  }
}
