import { confirmed, type Start } from '../../machines/container.record.ts'
import type { Fleet } from '../containers/fleet.ts'
import { isStoppedByUs, type KnownContainer } from '../containers/known-container.ts'
import type { AwakeClock } from '../domain/awake.ts'
import type { Clock } from '../domain/clock.ts'
import type { ContainerSummary, Inspection } from '../domain/container.ts'
import { EngineError } from '../domain/errors.ts'
import type { Emit } from '../domain/events.ts'
import { type ContainerId, shortId } from '../domain/ids.ts'
import { isAtRest } from '../domain/states.ts'
import type { Objection } from '../domain/verdict.ts'
import type { WatchingEngine } from '../engine/port.ts'
import { isOursToFinish } from '../policy/half-removed.ts'
import type { Policy } from '../policy/judge.ts'
import { hasEnded } from '../policy/namespaces.ts'
import { agrees, isRemovalUnderWay, lastStartOf, namedBy, objectionTo } from '../policy/second-source.ts'
import type { SelfTest } from '../self/self-test.ts'
import { clockToleranceMs, type Graces } from './graces.ts'
import { inspectionsAtOnce } from './namespace-facts.ts'

export interface InspectionsOptions {
  readonly clock: Clock
  readonly awake: AwakeClock
  readonly engine: WatchingEngine
  readonly fleet: Fleet
  readonly graces: Graces
  readonly emit: Emit
  readonly policy: Policy
}

/** Shorter than a verdict's lifetime: after that the inspection before a removal is useless. */
const deadlineMs = 4500
/** A container that exits this long after our failed request has exited on its own. */
const failedStopCountsMs = 15_000

/**
 * second-source: the listing nominates, the inspection confirms. Every candidate is inspected right before each request;
 * the findings go into its record, so that later scans use them too.
 */
export class Inspections {
  readonly #options: InspectionsOptions
  #isSelfReported = false

  constructor(options: InspectionsOptions) {
    this.#options = options
  }

  /**
   * Returns the reason against a removal that the inspection found; undefined if there is none. There is none against one of
   * our own removals that was interrupted: nothing is left that could be inspected, or started again.
   *
   * @throws EngineError if the inspection failed
   */
  async confirm(
    id: ContainerId,
    self: SelfTest,
    signal: AbortSignal,
    /** The listing's entry to remember as confirmed, if any. */
    confirmedAs?: ContainerSummary,
  ): Promise<Objection | undefined> {
    const { engine, fleet } = this.#options
    let inspection: Inspection
    try {
      inspection = await engine.inspect(id, { deadlineMs, signal })
    } catch (thrown) {
      if (!(thrown instanceof EngineError) || thrown.kind !== 'half-removed') throw thrown
      const known = fleet.get(id)
      const objection = known && isOursToFinish(known) ? undefined : 'half-removed'
      this.#note(id, { start: undefined, isStopOver: false, objection: objection ?? confirmed, confirmedAs })
      return objection
    }
    const known = fleet.get(id)
    return known && this.#weigh(known, inspection, self, confirmedAs)
  }

  #weigh(
    known: KnownContainer,
    inspection: Inspection,
    self: SelfTest,
    confirmedAs: ContainerSummary | undefined,
  ): Objection | undefined {
    const isStopOver = this.#isStopOver(known, inspection)
    const isOurs = isStoppedByUs(isStopOver ? { ...known, stop: undefined } : known)
    const objection =
      objectionTo({
        listed: known.listed,
        inspection,
        self: self.judge(inspection),
        states: isOurs ? undefined : this.#options.policy.states,
        beingRemovedForMs: this.#beingRemovedForMs(known),
      }) ?? (isNameConfirmed(known, inspection) ? undefined : 'inspection-disagrees')
    const start = objection ? undefined : this.#startOf(known, inspection)
    const named = objection ? known.listed : namedBy(known.listed, inspection)
    this.#note(known.id, {
      start,
      isStopOver,
      objection: objection ?? confirmed,
      confirmedAs,
      named: named === known.listed ? undefined : named,
      inspectedName: nameMissingIn(known, inspection),
      isAutoRemoved: inspection.isAutoRemoved,
      isBeingRemoved: isRemovalUnderWay(inspection),
    })
    if (objection === 'self-unknown') this.#reportSelf(known)
    return objection
  }

  #beingRemovedForMs({ beingRemovedSinceMs }: KnownContainer): number {
    return beingRemovedSinceMs === undefined ? 0 : this.#options.awake.now() - beingRemovedSinceMs
  }

  /** Records that the container could not be inspected. */
  noteFailed(id: ContainerId): void {
    this.#note(id, { start: undefined, isStopOver: false, objection: 'inspection-failed' })
  }

  /** Records permanent objections from any inspection; later scans then do not nominate the container. */
  note(inspection: Inspection, self: SelfTest): void {
    const known = this.#options.fleet.get(inspection.id)
    if (!known) return
    const isSelf = self.judge(inspection) === 'self'
    const objection = isSelf ? 'self' : inspection.isInfra ? 'infra-container' : undefined
    const start = this.#startOf(known, inspection)
    const isStopOver = this.#isStopOver(known, inspection)
    const inspectedName = nameMissingIn(known, inspection)
    const { isAutoRemoved } = inspection
    if (start || objection || inspectedName !== undefined || isAutoRemoved)
      this.#note(known.id, { start, isStopOver, objection, inspectedName, isAutoRemoved })
  }

  /**
   * protected: whether the ended guests are still not running. A guest started since the listing would lose its namespaces.
   *
   * @throws EngineError if a guest could not be inspected, even if it is gone; the next listing must show that
   */
  async haveEnded(guests: readonly ContainerSummary[], signal: AbortSignal): Promise<boolean> {
    for (let from = 0; from < guests.length; from += inspectionsAtOnce) {
      const some = guests.slice(from, from + inspectionsAtOnce)
      const ended = await Promise.all(some.map(async (guest) => this.#hasEnded(guest, signal)))
      if (!ended.every(Boolean)) return false
    }
    return true
  }

  async #hasEnded(listed: ContainerSummary, signal: AbortSignal): Promise<boolean> {
    const { awake, engine, fleet } = this.#options
    const { id } = listed
    const inspection = await engine.inspect(id, { deadlineMs, signal })
    // If it ran in the meantime, its creation grace starts again.
    const guest = fleet.get(id)
    const start = guest && this.#startOf(guest, inspection)
    if (start)
      this.#note(id, { start, isStopOver: this.#isStopOver(guest, inspection), objection: undefined })
    const graceEndsMs = fleet.get(id)?.creationGraceEndsMs ?? -Infinity
    // Ownership and tracking are known only from the listing. If the inspection contradicts it or adds a name, the guest
    // protects its holder.
    return (
      agrees(listed, inspection) &&
      namedBy(listed, inspection) === listed &&
      (hasEnded(inspection) || (listed.state === 'created' && inspection.state === 'created')) &&
      graceEndsMs <= awake.now()
    )
  }

  #note(
    id: ContainerId,
    found: {
      readonly start: Start | undefined
      readonly isStopOver: boolean
      readonly objection: Objection | typeof confirmed | undefined
      readonly named?: ContainerSummary | undefined
      readonly inspectedName?: string | undefined
      readonly confirmedAs?: ContainerSummary | undefined
      readonly isAutoRemoved?: boolean | undefined
      readonly isBeingRemoved?: boolean
    },
  ): void {
    const { awake, fleet } = this.#options
    const at = { atMs: awake.now(), missedMs: awake.missedMs }
    fleet.send(id, { type: 'inspected', inspected: { at, ...found } })
  }

  /** Reported only once, because the cause is the same for every container. */
  #reportSelf({ id, listed }: KnownContainer): void {
    if (this.#isSelfReported) return
    this.#isSelfReported = true
    const message = `${listed.name || shortId(id)} may be the container that this process runs in; to distinguish them, set self, or --self, to the name or the full id of its own container`
    this.#options.emit({ type: 'degraded', about: 'self', kind: 'self-unknown', message })
  }

  /**
   * not-ours-to-stop: a container that was started after our request was not stopped by it, and one that exited long after our
   * request failed has exited on its own.
   */
  #isStopOver({ stop }: KnownContainer, inspection: Inspection): boolean {
    if (stop === undefined) return false
    const start = lastStartOf(inspection)
    if (start !== undefined && start.id !== stop.startId) return true
    const { finishedAtMs, engineNowMs } = inspection
    const { failedAtMs } = stop
    if (failedAtMs === undefined || finishedAtMs === undefined || engineNowMs === undefined) return false
    const failedAgoMs = this.#options.clock.now() - failedAtMs
    return engineNowMs - finishedAtMs < failedAgoMs - failedStopCountsMs
  }

  /** new-again: the last start; undefined if it never ran. */
  #startOf(known: KnownContainer, inspection: Inspection): Start | undefined {
    const start = lastStartOf(inspection)
    if (start === undefined) return undefined
    return {
      startId: start.id,
      ageMs: start.atMs === undefined ? undefined : this.#ageOf(start.atMs, inspection.engineNowMs),
      isAtRest: isAtRest(inspection.state),
      restedUntil: this.#options.graces.restedUntil(known),
      isInCrashLoop: start.isInCrashLoop,
    }
  }

  /** honest-clock: the age is unknown if the engine's clock changed since the listing, or a short time before it. */
  #ageOf(atMs: number, engineNowMs: number | undefined): number | undefined {
    const { awake, graces } = this.#options
    if (engineNowMs === undefined) return undefined
    const before = graces.engineOffsetMs
    const offsetMs = engineNowMs - this.#options.clock.now()
    if (before !== undefined && Math.abs(offsetMs - before) > clockToleranceMs) return undefined
    const ageMs = Math.max(0, engineNowMs - atMs)
    return graces.isDoubtful(ageMs, awake.now()) ? undefined : ageMs
  }
}

/** The name from the inspection, if the listing has none. */
function nameMissingIn({ listed }: KnownContainer, { name }: Inspection): string | undefined {
  return listed.names.length > 0 || name === '' ? undefined : name
}

/**
 * positive-evidence: a name missing from listings needs two matching inspections, since a tracker may use it as a key.
 */
function isNameConfirmed(known: KnownContainer, inspection: Inspection): boolean {
  const name = nameMissingIn(known, inspection)
  return name === undefined || name === known.inspectedName
}
