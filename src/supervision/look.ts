import type { LookOutcome, SupervisorEvent } from '../../machines/supervisor.machine.ts'
import type { Parent } from '../../machines/types.ts'
import type { AwakeClock } from '../awake.ts'
import type { Clock } from '../clock.ts'
import type { Listing, WatchingEngine } from '../engine/port.ts'
import { EngineError } from '../errors.ts'
import type { Report } from '../events.ts'
import type { ContainerId } from '../ids.ts'
import { hasEnded } from '../namespaces.ts'
import { inSlices } from '../slices.ts'
import type { Agenda } from './agenda.ts'
import type { LeftOut } from './left-out.ts'
import { EnginePace } from './engine-pace.ts'
import type { Fleet } from './fleet.ts'
import { about, dueMs, type Known } from './known.ts'
import { ListingDeadline } from './listing-deadline.ts'
import type { Removals } from './removals.ts'
import { countVerdicts, type LookReport, reportOf } from './report-of-look.ts'
import { type Answered, Sightings } from './sightings.ts'
import { askAboutAll, type Judged, survey, type Surveyor } from './survey.ts'
import { verdictLifeMs, type VerdictWindow } from './verdict-window.ts'

export interface LookerOptions {
  /** Gives what a survey needs; waits for what has to be found out first. */
  readonly surveyor: () => Promise<Surveyor>
  readonly engine: WatchingEngine
  readonly awake: AwakeClock
  readonly agenda: Agenda
  readonly fleet: Fleet
  readonly memory: Map<ContainerId, Known>
  readonly leftOut: LeftOut
  readonly removals: Removals
  readonly window: VerdictWindow
  readonly report: Report
  readonly graces: { readonly creationMs: number; readonly restoreMs: number; readonly releaseMs: number }
  /** What the engine is asked to filter by on looks that only find; undefined to list everything always. */
  readonly filter: string | undefined
  /** How long counts as standing still. */
  readonly stallMs: number
}

interface Waiter {
  readonly resolve: (report: LookReport) => void
  readonly reject: (error: unknown) => void
}

/** A look that a fault of our own ended is begun again after so much awake time, where the period is longer. */
const faultAgainMs = 60_000

/** Looks at the engine: lists, judges, and feeds every verdict to the fleet. Only one look is ever under way. */
export class Looker {
  readonly #options: LookerOptions
  readonly #deadline = new ListingDeadline()
  readonly #pace: EnginePace
  readonly #sightings: Sightings
  #number = 0
  #isOut = false
  /** How long the agent took at the last look. */
  #askingMs = 0
  #waiters: Waiter[] = []
  #ended: Error | undefined

  constructor(options: LookerOptions) {
    this.#options = options
    this.#pace = new EnginePace(options.stallMs)
    this.#sightings = new Sightings(options)
  }

  /** A report of the next look that begins. */
  wish(): Promise<LookReport> {
    if (this.#ended) return Promise.reject(this.#ended)
    this.#options.agenda.wish('now')
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }))
  }

  /** When the restore grace ends, on the awake clock; undefined before the first look. */
  get restoreEndsMs(): number | undefined {
    return this.#sightings.restoreEndsMs
  }

  /** Leaves nobody waiting. */
  stop(error: Error): void {
    this.#ended = error
    for (const { reject } of this.#waiters.splice(0)) reject(error)
  }

  async look(supervisor: Parent<SupervisorEvent>, signal: AbortSignal): Promise<LookOutcome> {
    const { agenda, awake } = this.#options
    agenda.begin()
    const waiters = this.#waiters.splice(0)
    try {
      return await this.#look(supervisor, signal, waiters)
    } catch (error) {
      // The end of everything cuts a look off, and is what its waiters want to hear of.
      if (signal.aborted && this.#ended === undefined) this.#waiters.push(...waiters)
      else for (const { reject } of waiters) reject(this.#ended ?? error)
      // The agenda has forgotten what this look was to serve; the engine's own failures have their backoff.
      if (!signal.aborted && !(error instanceof EngineError)) agenda.due(awake.now() + faultAgainMs)
      throw error
    } finally {
      agenda.end()
    }
  }

  async #look(
    supervisor: Parent<SupervisorEvent>,
    signal: AbortSignal,
    waiters: readonly Waiter[],
  ): Promise<LookOutcome> {
    const { fleet, report, window } = this.#options
    const surveyor = await this.#options.surveyor()
    const { clock } = surveyor
    const beganAt = clock.wallNow()
    const beganMs = clock.now()
    const { answered, judged } = await this.#listAndJudge(surveyor, supervisor, signal)
    await this.#feed(surveyor, answered, judged, signal)
    await this.#planNext(clock, signal)
    // Whoever heard of what was fed may have stopped everything.
    signal.throwIfAborted()
    this.#tellTroubles(surveyor, supervisor)
    fleet.lookEnded()
    window.judgedInFull()
    const endedAt = clock.wallNow()
    const counts = countVerdicts(judged)
    const found = { listed: answered.listing.containers.length, owned: judged.length, ...counts }
    const looked = { beganAt, endedAt, durationMs: clock.now() - beganMs, ...found }
    report({ type: 'looked', ...looked })
    if (waiters.length > 0) {
      const { engineNowMs } = answered.listing
      const told = await reportOf(judged, { beganAt, endedAt, engineNowMs }, clock, signal)
      for (const { resolve } of waiters) resolve(told)
    }
    return { number: answered.number, ...looked }
  }

  /** With a filter, a filtered listing only finds: what it would remove is judged again on an unfiltered one. */
  async #listAndJudge(
    surveyor: Surveyor,
    supervisor: Parent<SupervisorEvent>,
    signal: AbortSignal,
  ): Promise<{ readonly answered: Answered; readonly judged: readonly Judged[] }> {
    const { filter } = this.#options
    // What ends an outage is an answer to the question that was not answered.
    if (filter !== undefined && !this.#isOut) {
      const answered = await this.#list(surveyor, supervisor, signal, filter)
      const judged = await this.#judge(surveyor, answered, signal)
      if (!judged.some(({ verdict }) => verdict.verdict === 'dangling')) return { answered, judged }
    }
    const answered = await this.#list(surveyor, supervisor, signal, undefined)
    return { answered, judged: await this.#judge(surveyor, answered, signal) }
  }

  async #list(
    { clock }: Surveyor,
    supervisor: Parent<SupervisorEvent>,
    signal: AbortSignal,
    label: string | undefined,
  ): Promise<Answered> {
    const { awake, engine, removals, window } = this.#options
    const beganMs = clock.now()
    const beganAwakeMs = awake.now()
    const missedBeforeMs = awake.missedMs
    this.#sightings.begin(beganAwakeMs)
    this.#options.fleet.listingBegins()
    let listing: Listing
    try {
      listing = await engine.list({ deadlineMs: this.#deadline.ms, signal, label })
    } catch (error) {
      if (!signal.aborted && error instanceof EngineError) this.#wentWrong(error, beganAwakeMs, supervisor)
      throw error
    }
    signal.throwIfAborted()
    const durationMs = clock.now() - beganMs
    this.#deadline.took(durationMs)
    if (this.#pace.isStandstill(durationMs) || this.#isOut) {
      this.#isOut = false
      awake.pause(beganAwakeMs)
      awake.resume()
      window.startRecovery()
    }
    const number = ++this.#number
    window.open(number)
    removals.startBatch()
    supervisor.send({ type: 'engineAnswered' })
    const { engineNowMs } = listing
    const engineOffsetMs = engineNowMs === undefined ? undefined : engineNowMs - clock.now()
    const seenAwakeMs = awake.now()
    const { missedMs } = awake
    return {
      number,
      listing,
      answeredMs: clock.now(),
      beganAwakeMs,
      seenAwakeMs,
      missedBeforeMs,
      missedMs,
      durationMs,
      engineOffsetMs,
    }
  }

  #wentWrong(error: EngineError, beganAwakeMs: number, supervisor: Parent<SupervisorEvent>): void {
    if (error.kind === 'timed-out') this.#deadline.timedOut()
    this.#isOut = true
    this.#options.awake.pause(beganAwakeMs)
    this.#options.window.close()
    supervisor.send({ type: 'engineFailed', failure: { kind: error.kind, message: error.message } })
  }

  async #judge(surveyor: Surveyor, answered: Answered, signal: AbortSignal): Promise<readonly Judged[]> {
    return survey(surveyor, {
      listing: answered.listing,
      lookBeganMs: answered.beganAwakeMs,
      historyOf: this.#sightings.historiesAt(answered),
      stillTracked: this.#sightings.stillTrackedAt(answered),
      hasDeparted: (id) => this.#options.fleet.hasDeparted(id),
      noteAsking: (askingMs) => {
        this.#askingMs = askingMs
      },
      signal,
    })
  }

  async #feed(
    surveyor: Surveyor,
    answered: Answered,
    judged: readonly Judged[],
    signal: AbortSignal,
  ): Promise<void> {
    const { fleet, memory } = this.#options
    const { listing, number } = answered
    await inSlices(judged, surveyor.clock, signal, (one) => {
      const { container, verdict, answer } = one
      const known = memory.get(container.id)
      if (!known) return
      known.judgedTracked = verdict.verdict === 'tracked' ? one : undefined
      fleet.meet({ known, verdict, lookNumber: number })
      if (answer === 'tracked') this.#tellIfLost(known)
    })
    const missing: Known[] = []
    await inSlices(memory.values(), surveyor.clock, signal, (known) => {
      if (known.lookNumber !== number) missing.push(known)
    })
    if (missing.length > 0) await this.#miss(missing, surveyor, listing, signal)
    this.#sightings.note(answered)
  }

  /** Those that the look did not meet. */
  async #miss(
    missing: readonly Known[],
    surveyor: Surveyor,
    listing: Listing,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#tellVanished(
      missing.filter(({ wasTracked, isLossTold }) => wasTracked && !isLossTold),
      surveyor,
      signal,
    )
    await this.#options.fleet.miss(missing, new Set(listing.containers.map(({ id }) => id)), signal)
  }

  #tellIfLost(known: Known): void {
    if (!hasEnded(known.summary)) known.isLossTold = false
    else if (!known.isLossTold) this.#tellLost(known, 'exited')
  }

  async #tellVanished(missing: readonly Known[], surveyor: Surveyor, signal: AbortSignal): Promise<void> {
    const answers = await askAboutAll(
      missing.map(({ summary }) => summary),
      surveyor,
      { signal },
    )
    for (const [index, known] of missing.entries())
      if (answers[index] === 'tracked') this.#tellLost(known, 'vanished')
  }

  #tellLost(known: Known, how: 'exited' | 'vanished'): void {
    known.isLossTold = true
    this.#options.report({ type: 'lost', ...about(known), how })
  }

  /** The supervisor keeps the streaks: it hears of each look's troubles, and of their absence. */
  #tellTroubles({ tracker, images, networks }: Surveyor, supervisor: Parent<SupervisorEvent>): void {
    const tracking = tracker.takeTrouble() ?? tooSlow(this.#askingMs)
    supervisor.send(
      tracking
        ? { type: 'troubleMet', about: 'tracker', kind: tracking.reason, message: tracking.message }
        : { type: 'troubleOver', about: 'tracker' },
    )
    const others = { image: images.takeTrouble(), network: networks.takeTrouble() }
    for (const [about, trouble] of Object.entries(others)) {
      supervisor.send(trouble ? { type: 'troubleMet', about, ...trouble } : { type: 'troubleOver', about })
    }
  }

  async #planNext(clock: Clock, signal: AbortSignal): Promise<void> {
    const { agenda, awake, memory } = this.#options
    const nowMs = awake.now()
    let earliestMs = Infinity
    await inSlices(memory.values(), clock, signal, (known) => {
      earliestMs = Math.min(earliestMs, dueMs(known, nowMs) ?? Infinity)
    })
    if (earliestMs < Infinity) agenda.due(earliestMs)
  }
}

/** Verdicts that the agent takes longer to answer for than they live lead to nothing, which it should know. */
function tooSlow(askingMs: number): { readonly reason: string; readonly message: string } | undefined {
  if (askingMs <= verdictLifeMs) return undefined
  const message = `asking has(id) of every container took ${Math.round(askingMs)} ms, and a verdict lives ${verdictLifeMs} ms`
  return { reason: 'tracker-too-slow', message }
}
