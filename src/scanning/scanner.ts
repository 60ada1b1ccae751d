import type { Failure } from '../../machines/failure-streaks.ts'
import { type ScanEnd, type ScanOutcome, verdictLifeMs } from '../../machines/supervisor.machine.ts'
import type { Fleet } from '../containers/fleet.ts'
import type { KnownContainer } from '../containers/known-container.ts'
import type { RemovalQueue } from '../containers/removal-queue.ts'
import type { ToSupervisor } from '../containers/seal.ts'
import type { AwakeClock } from '../domain/awake.ts'
import type { Clock } from '../domain/clock.ts'
import { EngineError, messageOf } from '../domain/errors.ts'
import type { Emit } from '../domain/events.ts'
import { type ContainerId, shortId } from '../domain/ids.ts'
import { inSlices } from '../domain/slices.ts'
import type { Verdict } from '../domain/verdict.ts'
import type { Listing, WatchingEngine } from '../engine/port.ts'
import { confirmInHistory } from './dry-run.ts'
import type { EngineIdentity } from './engine-identity.ts'
import { EnginePace } from './engine-pace.ts'
import { judgeListing, type ListingJudgement } from './evidence.ts'
import type { Graces, Listed } from './graces.ts'
import { ImagesAhead } from './images-ahead.ts'
import type { Inspections } from './inspections.ts'
import { MissingContainers, withLastKnown } from './last-known.ts'
import { ListingDeadline } from './listing-deadline.ts'
import { type Judged, type EvidenceSources } from './scan-context.ts'
import { countVerdicts, type ScanReport, reportOf } from './scan-report.ts'
import type { Sessions } from './sessions.ts'
import { countSpared, SparedTotals } from './spared-totals.ts'
import { askAboutAll } from './tracker-questions.ts'

export interface ScannerOptions {
  /** Resolves with the dependencies of a scan, once they are initialized. */
  readonly sources: () => Promise<EvidenceSources>
  readonly engine: WatchingEngine
  readonly clock: Clock
  readonly awake: AwakeClock
  readonly fleet: Fleet
  readonly graces: Graces
  readonly sessions: Sessions
  readonly inspections: Inspections
  readonly identity: EngineIdentity
  readonly queue: RemovalQueue
  readonly isEngineDown: () => boolean
  /** The number of consecutive failed scans. */
  readonly failedScans: () => number
  readonly emit: Emit
  readonly toSupervisor: ToSupervisor
  /** In a dry run, the scan makes the inspections that otherwise begin a removal. */
  readonly dryRun: boolean
  /** The label filter for scans that only discover; undefined to always list everything. */
  readonly filter: string | undefined
  /** How long a delay must be to count as a stall. */
  readonly stallMs: number
}

/** The findings of a scan. */
interface Found extends Pick<ListingJudgement, 'judged' | 'listedAgain'> {
  readonly listed: Listed
  readonly isFiltered: boolean
}

interface Waiter {
  readonly resolve: (report: ScanReport) => void
  readonly reject: (error: unknown) => void
}

/** Scans the engine: lists, judges, and passes every verdict to the fleet. Only one scan runs at a time. */
export class Scanner {
  readonly #options: ScannerOptions
  readonly #deadline = new ListingDeadline()
  readonly #pace: EnginePace
  readonly #missing: MissingContainers
  readonly #imagesAhead: ImagesAhead
  readonly #sparedTotals: SparedTotals
  #number = 0
  /** How long the tracker took to answer at the last scan. */
  #askingMs = 0
  #isTrackerWarnedOf = false
  #waiters: Waiter[] = []
  #ended: Error | undefined

  constructor(options: ScannerOptions) {
    this.#options = options
    this.#pace = new EnginePace(options.stallMs)
    this.#sparedTotals = new SparedTotals(options.emit)
    this.#missing = new MissingContainers(options.engine, options.fleet, missingDeadlineMs)
    this.#imagesAhead = new ImagesAhead(options.clock)
  }

  /** Resolves with the report of the next scan that begins. */
  nextReport(): Promise<ScanReport> {
    if (this.#ended) return Promise.reject(this.#ended)
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }))
  }

  /** Rejects all pending reports. */
  stop(error: Error): void {
    this.#ended = error
    this.#imagesAhead.stop()
    for (const { reject } of this.#waiters.splice(0)) reject(error)
  }

  async scan(signal: AbortSignal): Promise<ScanEnd> {
    const { clock } = this.#options
    const beganMs = clock.now()
    const waiters = this.#waiters.splice(0)
    const end = (outcome: ScanOutcome | undefined, fault: string | undefined): ScanEnd => {
      const endedMs = clock.now()
      return { endedMs, tookMs: endedMs - beganMs, outcome, fault }
    }
    try {
      return end(await this.#scan(signal, waiters), undefined)
    } catch (error) {
      // On abort the waiters are kept, so that `stop` rejects them with the reason for the shutdown.
      if (signal.aborted && this.#ended === undefined) this.#waiters.push(...waiters)
      else for (const { reject } of waiters) reject(this.#ended ?? error)
      if (signal.aborted) throw error
      return end(undefined, error instanceof EngineError ? undefined : `scan: ${messageOf(error)}`)
    }
  }

  async #scan(signal: AbortSignal, waiters: readonly Waiter[]): Promise<ScanOutcome> {
    const { clock, fleet, identity, emit, toSupervisor } = this.#options
    const sources = await this.#options.sources()
    const beganAt = clock.wallNow()
    const beganMs = clock.now()
    const { failures, ...results } = await this.#listAndJudge(sources, signal)
    const { listed, judged } = results
    const spared = countSpared(judged, (id) => fleet.get(id))
    await this.#feed(sources, results, signal)
    // A listener that received a verdict may have stopped the reconciler.
    signal.throwIfAborted()
    this.#reportFailures(failures, sources)
    this.#warnOfTracker(sources, judged)
    fleet.scanEnded()
    identity.judged(listed.beganAwakeMs)
    toSupervisor({ type: 'scan.judged', atMs: clock.now(), beganAwakeMs: listed.beganAwakeMs })
    const endedAt = clock.wallNow()
    const counts = countVerdicts(judged)
    const found = { listed: listed.listing.containers.length, owned: judged.length, ...counts }
    const scanned = { beganAt, endedAt, durationMs: clock.now() - beganMs, ...found }
    emit({ type: 'scanned', ...scanned })
    this.#sparedTotals.note(spared)
    if (waiters.length > 0) {
      const { beganAwakeMs } = listed
      const { engineNowMs } = listed.listing
      const times = { beganAt, endedAt, engineNowMs, beganAwakeMs }
      const reported = await reportOf(judged, times, clock, signal)
      for (const { resolve } of waiters) resolve(reported)
    }
    this.#imagesAhead
      .read(judged, sources)
      .catch((error: unknown) =>
        emit({ type: 'degraded', about: 'fault', kind: 'fault', message: `images: ${messageOf(error)}` }),
      )
    return { number: listed.scan, ...scanned }
  }

  /** A filtered listing only discovers; candidates for removal are judged again on an unfiltered listing. */
  async #listAndJudge(
    sources: EvidenceSources,
    signal: AbortSignal,
  ): Promise<ListingJudgement & Pick<Found, 'listed' | 'isFiltered'>> {
    const { filter, isEngineDown } = this.#options
    // An outage ends only when the unfiltered listing, which failed, succeeds.
    if (filter !== undefined && !isEngineDown()) {
      const listed = await this.#list(sources, signal, filter)
      const found = await this.#judge(sources, listed, signal, true)
      if (!found.judged.some(({ verdict }) => verdict.verdict === 'dangling'))
        return { listed, isFiltered: true, ...found }
    }
    const listed = await this.#list(sources, signal, undefined)
    return { listed, isFiltered: false, ...(await this.#judge(sources, listed, signal)) }
  }

  async #list(
    { images, namespaces }: EvidenceSources,
    signal: AbortSignal,
    label: string | undefined,
  ): Promise<Listed> {
    const { awake, clock, fleet, graces, identity, isEngineDown, queue, toSupervisor } = this.#options
    const beganMs = clock.now()
    const beganAwakeMs = awake.now()
    const missedBeforeMs = awake.missedMs
    graces.begin(beganAwakeMs)
    fleet.listingBegins()
    const listing = await this.#askForListing({ deadlineMs: this.#deadline.ms, signal, label }, beganAwakeMs)
    signal.throwIfAborted()
    const durationMs = clock.now() - beganMs
    this.#deadline.took(durationMs)
    const stoodStill = this.#pace.isStandstill(durationMs)
    if (stoodStill || isEngineDown()) {
      images.engineIsBack()
      namespaces.engineIsBack()
      awake.discount(beganAwakeMs)
    }
    const scan = ++this.#number
    queue.startBatch()
    toSupervisor({ type: 'engine.listed', scan, atMs: clock.now(), awakeMs: awake.now(), stoodStill })
    await identity.note(listing.containers, signal)
    const { engineNowMs } = listing
    const engineOffsetMs = engineNowMs === undefined ? undefined : engineNowMs - clock.now()
    const seenAwakeMs = awake.now()
    const { missedMs } = awake
    const atMs = clock.now()
    const gone = await this.#missing.goneFrom(listing, signal)
    const whole = withLastKnown(listing, fleet, gone)
    const times = { atMs, beganAwakeMs, seenAwakeMs, missedBeforeMs, missedMs, durationMs }
    return { scan, listing: whole, engineOffsetMs, ...times }
  }

  async #askForListing(call: Parameters<WatchingEngine['list']>[0], beganAwakeMs: number): Promise<Listing> {
    const { awake, clock, engine, failedScans, emit, toSupervisor } = this.#options
    const beganMs = clock.now()
    try {
      return await engine.list(call)
    } catch (error) {
      if (!call.signal?.aborted && error instanceof EngineError) {
        if (error.kind === 'timed-out') this.#deadline.timedOut()
        awake.discount(beganAwakeMs)
        const failure = { kind: error.kind, message: error.message }
        const atMs = clock.now()
        toSupervisor({ type: 'engine.failed', failure, atMs })
        emit({ type: 'scanFailed', ...failure, failures: failedScans(), durationMs: atMs - beganMs })
      }
      throw error
    }
  }

  async #judge(
    sources: EvidenceSources,
    listed: Listed,
    signal: AbortSignal,
    isFiltered = false,
  ): Promise<ListingJudgement> {
    const { awake, dryRun, fleet, graces, inspections, sessions } = this.#options
    const { self } = sources
    return judgeListing(sources, {
      listing: listed.listing,
      isFiltered,
      scanBeganMs: listed.beganAwakeMs,
      historyOf: graces.historiesAt(listed),
      stillTracked: (container, answer) => graces.stillTracked(container, answer),
      hasDeparted: (id) => fleet.hasDeparted(id),
      noteAnswers: (owned, answers, askingMs) => {
        this.#askingMs = askingMs
        graces.noteAnswers(owned, answers, listed)
      },
      noteLeases: (readings) => {
        sessions.note(readings, awake.now())
        return (id) => sessions.graceEndsMs(id)
      },
      noteInspection: (inspection) => inspections.note(inspection, self),
      ...(dryRun && !isFiltered ? { confirm: confirmInHistory({ fleet, inspections, self, signal }) } : {}),
      signal,
    })
  }

  async #feed(
    sources: EvidenceSources,
    { listed, isFiltered, judged, listedAgain }: Found,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, fleet, graces, identity } = this.#options
    const met = new Set<ContainerId>()
    const askedAgainMs: Readonly<Record<string, number | undefined>> = {
      'image-unknown': sources.images.untilAskedAgainMs(),
      'namespace-unknown': sources.namespaces.untilAskedAgainMs(),
      'session-unknown': sources.leases?.untilAskedAgainMs(),
    }
    await inSlices(judged, clock, signal, ({ container: { id }, verdict }) => {
      met.add(id)
      const { scan } = listed
      // A filtered listing omits foreign guests, so a verdict on namespaces stays until the next unfiltered listing.
      if (isFiltered && verdict.verdict === 'graced' && isAboutNamespaces(fleet.get(id)?.verdict)) return
      fleet.judge(id, verdict, { scan, askedAgainMs: askedAgainMs[verdict.reason] })
    })
    const missing: KnownContainer[] = []
    await inSlices(fleet.all(), clock, signal, (known) => {
      // truthful: a container on the second listing has not vanished.
      if (!met.has(known.id) && !listedAgain?.has(known.id)) missing.push(known)
    })
    // truthful: another engine does not list them, and they may be there still.
    const isUnsettled = identity.isUnsettled(listed.beganAwakeMs)
    if (missing.length > 0 && !isUnsettled) await this.#miss(missing, sources, listed.listing, signal)
    graces.note(listed)
  }

  /** Handles containers that are no longer listed. The loss of one that is still tracked is emitted. */
  async #miss(
    missing: readonly KnownContainer[],
    sources: EvidenceSources,
    listing: Listing,
    signal: AbortSignal,
  ): Promise<void> {
    const tracked = missing.filter(({ wasTracked, isLossReported }) => wasTracked && !isLossReported)
    const answers = await askAboutAll(
      tracked.map((known) => known.listed),
      sources,
      { signal },
    )
    const stillTracked = new Set(
      tracked.filter((_, index) => answers[index] === 'tracked').map(({ id }) => id),
    )
    const ids = new Set(listing.containers.map(({ id }) => id))
    const found = missing.map(({ id }) => ({ id, isListed: ids.has(id), isTracked: stillTracked.has(id) }))
    await this.#options.fleet.miss(found, signal)
  }

  /** Reports the failures of each scan, and their absence, to the supervisor, which counts them. */
  #reportFailures(failures: readonly Failure[], { leases }: EvidenceSources): void {
    const { clock, toSupervisor } = this.#options
    for (const about of degradable) {
      if (about === 'sessions' && !leases) continue
      const failure = failures.find((one) => one.about === about) ?? this.#suspicionAbout(about)
      const atMs = clock.now()
      toSupervisor(failure ? { type: 'degraded', atMs, ...failure } : { type: 'recovered', atMs, about })
    }
  }

  #suspicionAbout(about: (typeof degradable)[number]): Failure | undefined {
    const { awake, sessions } = this.#options
    if (about === 'sessions') return sessions.doubtAt(awake.now())
    return about === 'tracker' ? (this.#emptied() ?? tooSlow(this.#askingMs)) : undefined
  }

  #emptied(): Failure | undefined {
    const { awake, graces } = this.#options
    const leftMs = (graces.emptiedEndsMs ?? -Infinity) - awake.now()
    if (leftMs <= 0) return undefined
    const message = `the tracker tracked containers and suddenly tracks none of them; nothing is removed for another ${Math.ceil(leftMs / 1000)}s`
    return { about: 'tracker', kind: 'tracker-emptied', message }
  }

  /** Warns once: a tracker that never answers `true` while containers dangle may be keyed by something other than ids. */
  #warnOfTracker({ ownership, tracker }: EvidenceSources, judged: readonly Judged[]): void {
    if (this.#options.graces.hasTracked || this.#isTrackerWarnedOf || tracker.tracksNothing) return
    // Of another session it is not expected to track any.
    const dangling = judged.find(
      ({ container, verdict }) =>
        verdict.verdict === 'dangling' && ownership.sessionOf?.(container) === undefined,
    )
    if (!dangling) return
    this.#isTrackerWarnedOf = true
    const message = `${dangling.container.name || shortId(dangling.container.id)} is dangling, and has(id) has not returned true for any container yet; it is called with full container ids`
    this.#options.emit({ type: 'degraded', about: 'tracking', kind: 'tracker-never-true', message })
  }
}

/** As long as a scan waits for any inspection. */
const missingDeadlineMs = 2000

/** Subjects besides the engine that can be degraded. */
const degradable = [
  'tracker',
  'sessions',
  'image',
  'listing',
  'half-removed',
  'namespaces',
  'inspection',
] as const

/** Verdicts expire if the tracker takes longer to answer than their lifetime; nothing would then be removed. */
function tooSlow(askingMs: number): Failure | undefined {
  if (askingMs <= verdictLifeMs) return undefined
  const message = `calling has(id) for every container took ${Math.round(askingMs)} ms, but a verdict expires after ${verdictLifeMs} ms`
  return { about: 'tracker', kind: 'tracker-too-slow', message }
}

function isAboutNamespaces(verdict: Verdict | undefined): boolean {
  return verdict?.reason === 'namespace-shared' || verdict?.reason === 'namespace-unknown'
}
