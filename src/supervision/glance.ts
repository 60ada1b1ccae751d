import type { ContainerSummary, WatchingEngine } from '../engine/port.ts'
import { believedAge } from './known.ts'
import { ageOf, type LookReport, reportOf } from './report-of-look.ts'
import { type Sight, survey, type Surveyor } from './survey.ts'

export interface GlanceOptions {
  readonly surveyor: Surveyor
  readonly engine: WatchingEngine
  readonly creationGraceMs: number
  readonly signal: AbortSignal
}

const listingDeadlineMs = 10_000

/** One look without a history: judges by the creation grace alone, and starts nothing. */
export async function glance(options: GlanceOptions): Promise<LookReport> {
  const { clock } = options.surveyor
  const beganAt = clock.wallNow()
  const sight = await see(options)
  const judged = await survey(options.surveyor, sight)
  const { engineNowMs } = sight.listing
  return reportOf(judged, { beganAt, endedAt: clock.wallNow(), engineNowMs }, clock, options.signal)
}

/** Everything that a look without a history rests on. */
export async function see({ surveyor, engine, creationGraceMs, signal }: GlanceOptions): Promise<Sight> {
  const beganMs = surveyor.clock.now()
  const listing = await engine.list({ deadlineMs: listingDeadlineMs, signal })
  // The listing tells the age at its end, and a verdict goes by its beginning, here as in a look with a history.
  const durationMs = surveyor.clock.now() - beganMs
  const historyOf = ({ createdAtMs }: ContainerSummary) => ({
    graceEnds: {
      creationMs: durationMs + creationGraceMs - believedAge(ageOf(createdAtMs, listing.engineNowMs)),
      restoreMs: undefined,
      releaseMs: undefined,
      recoveryMs: undefined,
    },
    endedByUs: false,
    hookRefusal: undefined,
  })
  return { listing, lookBeganMs: 0, historyOf, hasDeparted: () => false, signal }
}
