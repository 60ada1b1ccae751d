import { minimumAge } from '../../machines/container.record.ts'
import type { Failure } from '../../machines/failure-streaks.ts'
import type { ContainerSummary, Inspection } from '../domain/container.ts'
import { EngineError } from '../domain/errors.ts'
import type { ContainerId } from '../domain/ids.ts'
import { isAtRest } from '../domain/states.ts'
import type { UnpauseMemory, WatchingEngine } from '../engine/port.ts'
import type { Evidence } from '../policy/judge.ts'
import { lastStartOf, objectionTo } from '../policy/second-source.ts'
import { judgeListing } from './evidence.ts'
import { type Confirmed, type ScanContext, type EvidenceSources } from './scan-context.ts'
import { ageOf, type ScanReport, reportOf } from './scan-report.ts'

export interface StatelessScanOptions {
  readonly sources: EvidenceSources
  readonly engine: WatchingEngine
  readonly creationGraceMs: number
  readonly sessionGraceMs: number
  readonly signal: AbortSignal
  /** Whether a running reconciler would have noticed an unpause. */
  readonly hasHistory?: boolean
}

const listingDeadlineMs = 10_000
const inspectionDeadlineMs = 10_000

/** The findings of a scan without a history, and what remained unknown. */
export interface StatelessScan {
  readonly report: ScanReport
  readonly failures: readonly Failure[]
}

/** Runs one scan without a history: applies only the creation grace, and starts nothing. */
export async function scanWithoutHistory(options: StatelessScanOptions): Promise<StatelessScan> {
  const { clock } = options.sources
  const beganAt = clock.wallNow()
  const context = await see(options)
  const { judged, failures } = await judgeListing(options.sources, context)
  const { engineNowMs } = context.listing
  const beganAwakeMs = context.scanBeganMs
  const times = { beganAt, endedAt: clock.wallNow(), engineNowMs, beganAwakeMs }
  const report = await reportOf(judged, times, clock, options.signal)
  const unpausesForgotten = context.forgottenIds()
  return {
    report: unpausesForgotten.length === 0 ? report : { ...report, unpausesForgotten },
    failures,
  }
}

/** The context of a scan without a history. */
export interface StatelessContext extends ScanContext {
  /** Containers that would dangle if the engine still remembered whether they were unpaused recently. */
  readonly forgottenIds: () => readonly ContainerId[]
}

/** Lists the containers and builds the context of a scan without a history. */
export async function see(options: StatelessScanOptions): Promise<StatelessContext> {
  const { sources, engine, creationGraceMs, sessionGraceMs, signal } = options
  const { clock } = sources
  const beganMs = clock.now()
  const listing = await engine.list({ deadlineMs: listingDeadlineMs, signal })
  /** Verdicts refer to the beginning of the scan, but ages are measured later. */
  const graceEndOf = (ageMs: number | undefined) =>
    clock.now() - beganMs + creationGraceMs - minimumAge(ageMs)
  const durationMs = clock.now() - beganMs
  const inspections = new Map<ContainerId, Inspection>()
  const unpauses = recentUnpauses(options, listing.engineNowMs, beganMs)
  const forgotten: ContainerId[] = []
  const historyOf = ({ createdAtMs }: ContainerSummary) => ({
    graceEnds: {
      creationMs: durationMs + creationGraceMs - minimumAge(ageOf(createdAtMs, listing.engineNowMs)),
      restoreMs: undefined,
      releaseMs: undefined,
      recoveryMs: undefined,
      emptiedMs: undefined,
      sessionMs: undefined,
    },
    stoppedByUs: false,
    hookRefusal: undefined,
    objection: undefined,
  })
  return {
    listing,
    scanBeganMs: 0,
    historyOf,
    hasDeparted: () => false,
    // live-session: this is the first reading, which alone is not enough unless the grace is zero.
    noteLeases: () => {
      const endsMs = sessionGraceMs === 0 ? 0 : clock.now() - beganMs + sessionGraceMs
      return () => endsMs
    },
    noteInspection: (inspection) => inspections.set(inspection.id, inspection),
    confirm: (evidence) =>
      confirmAlone(evidence, { sources, engine, signal, graceEndOf, inspections, unpauses, forgotten }),
    forgottenIds: () => forgotten,
    signal,
  }
}

interface AloneOptions extends Pick<StatelessScanOptions, 'sources' | 'engine' | 'signal'> {
  readonly graceEndOf: (ageMs: number | undefined) => number
  /** Inspections that the scan has already made. */
  readonly inspections: ReadonlyMap<ContainerId, Inspection>
  readonly unpauses: () => Promise<UnpauseMemory>
  /** Collects containers that are graced only because the engine's event memory is too short. */
  readonly forgotten: ContainerId[]
}

/** second-source, without a history: only the age of the last start counts. */
async function confirmAlone(
  evidence: Evidence,
  { sources, engine, signal, graceEndOf, inspections, unpauses, forgotten }: AloneOptions,
): Promise<Confirmed> {
  const { container, graceEnds, scanBeganMs, policy, stoppedByUs } = evidence
  try {
    const inspection =
      inspections.get(container.id) ??
      (await engine.inspect(container.id, { deadlineMs: inspectionDeadlineMs, signal }))
    const self = sources.self.judge(inspection)
    const objection = objectionTo({
      listed: container,
      inspection,
      self,
      states: stoppedByUs ? undefined : policy.states,
    })
    const start = lastStartOf(inspection)
    const startGraceMs =
      start === undefined || start.isInCrashLoop
        ? -Infinity
        : scanBeganMs + graceEndOf(ageOf(start.atMs, inspection.engineNowMs))
    const bornMs = Math.max(graceEnds.creationMs, startGraceMs)
    let creationMs = bornMs
    if (objection === undefined && !isAtRest(inspection.state)) {
      const { unpaused, sinceMs } = await unpauses()
      const isNewAgain = unpaused.has(container.id)
      // It may have been unpaused before the first event that the engine remembers.
      const ageMs = isNewAgain ? undefined : ageOf(sinceMs, inspection.engineNowMs)
      creationMs = Math.max(bornMs, scanBeganMs + graceEndOf(ageMs))
      if (!isNewAgain && bornMs <= scanBeganMs && creationMs > scanBeganMs) forgotten.push(container.id)
    }
    return {
      evidence: { ...evidence, objection, graceEnds: { ...graceEnds, creationMs } },
      failure: undefined,
    }
  } catch (thrown) {
    if (!(thrown instanceof EngineError)) throw thrown
    // A removal would find it gone as well and report it as vanished.
    if (thrown.kind === 'gone') return { evidence, failure: undefined }
    // The listing's refusal names it.
    if (thrown.kind === 'half-removed')
      return { evidence: { ...evidence, objection: 'half-removed' }, failure: undefined }
    const failure = { about: 'inspection', kind: thrown.kind, message: thrown.message }
    return { evidence: { ...evidence, objection: 'inspection-failed' }, failure }
  }
}

/** The engine keeps the event stream open until this much time has passed. */
const momentMs = 1000

/** Used if the engine, or a proxy in front of it, does not provide past events. */
const withoutMemory: UnpauseMemory = { unpaused: new Set(), sinceMs: -Infinity }

/**
 * new-again, without a history: inspections do not show when a container was unpaused, but the engine keeps recent events.
 * Requested at most once per scan, and only if a running container would be removed.
 */
function recentUnpauses(
  { sources: { clock }, engine, creationGraceMs, signal, hasHistory = false }: StatelessScanOptions,
  engineNowMs: number | undefined,
  beganMs: number,
): () => Promise<UnpauseMemory> {
  let asked: Promise<UnpauseMemory> | undefined
  const ask = async (nowMs: number): Promise<UnpauseMemory> => {
    // The `Date` header has a resolution of one second.
    const untilMs = nowMs + (clock.now() - beganMs) + momentMs
    const period = { sinceMs: nowMs - creationGraceMs, untilMs }
    try {
      const memory = await engine.unpausedWithin(period, { deadlineMs: inspectionDeadlineMs, signal })
      return hasHistory ? { ...memory, sinceMs: -Infinity } : memory
    } catch (thrown) {
      const isDenied = thrown instanceof EngineError && ['misconfigured', 'refused'].includes(thrown.kind)
      if (isDenied) return withoutMemory
      throw thrown
    }
  }
  return async () => (engineNowMs === undefined ? withoutMemory : (asked ??= ask(engineNowMs)))
}
