import type { EngineError } from '../../../src/domain/errors.ts'
import type { EventOf, FlotsamEvent } from '../../../src/domain/events.ts'
import type { Listing } from '../../../src/engine/port.ts'
import type { Agent } from '../agent.ts'
import type { SimulatedEngine } from '../engine/engine.ts'
import type { Call, Witness } from '../engine/wire.ts'
import type { SimulatedSessions } from '../sessions.ts'
import { ownerLabel, type Setting } from '../setting.ts'
import type { Process, Timeline } from '../timeline.ts'
import type { Tally, Word } from '../vocabulary.ts'
import { checkBounds, checkDeadline, checkOpen, checkPace, mostHung, takeSlot } from './bounds.ts'
import { CountedTime } from './counted-time.ts'
import { type Life, listedIn, newLife, type Scene, type Violation } from './life.ts'
import { checkGraces, checkMoment } from './moments.ts'
import { checkTarget } from './targets.ts'

/** A tracker that forgets so many at once has probably lost its state. */
const suspiciouslyMany = 2
/** What a scan inspects it does not wait longer for; the first step of a removal has more time. */
const scanDeadlineMs = 2000

export interface SafetyOptions {
  readonly timeline: Timeline
  readonly setting: Setting
  readonly selfId: string
  readonly engine: () => SimulatedEngine
  readonly sessions: SimulatedSessions
  readonly tally: Tally
  readonly violate: (violation: Violation) => void
}

/**
 * The safety rules, checked against the true state of the world. Every request that changes something is weighed as it leaves
 * the port; every claim as it is made.
 */
export class Safety implements Witness {
  life: Life | undefined
  readonly time = new CountedTime()
  readonly #options: SafetyOptions
  readonly #leftAtMs = new WeakMap<Call, number>()

  constructor(options: SafetyOptions) {
    this.#options = options
  }

  begin(process: Process, agent: Agent): void {
    this.time.begin()
    this.life = newLife(process, agent)
  }

  note(word: Word): void {
    this.#options.tally.note(word)
  }

  stopAsked(): void {
    if (this.life) this.life.stopAskedMs ??= this.#nowMs
  }

  /** The process, or its machine, stood still for longer than a stall. */
  stalled(fromMs: number): void {
    const toMs = this.#nowMs
    this.time.leaveOut({ fromMs, toMs })
    if (this.life) this.life.recoveryFromMs = toMs
  }

  wallJumped(): void {
    if (this.life) this.life.recoveryFromMs = this.#nowMs
  }

  leaseSaid(process: Process, id: string, isHeld: boolean | undefined): void {
    const { life } = this
    if (!life || life.process !== process) return
    const atMs = this.#nowMs
    const before = life.leases.get(id)
    if (isHeld === undefined) life.leases.delete(id)
    else if (before?.isHeld === isHeld) before.atMs = atMs
    else life.leases.set(id, { isHeld, sinceMs: atMs, atMs })
  }

  /**
   * For how long the store may forget these leases without harm. Where every session was read as alive, and they are several,
   * that is twice as long. It must not forget again before it was seen to remember.
   */
  longestFlushMs(alive: readonly string[]): number {
    const { leases, scan } = this.life ?? {}
    const { engine, setting } = this.#options
    const isThere = (session: string) => engine().alive.some(({ labels }) => labels[ownerLabel] === session)
    const read = alive.filter(isThere).map((session) => leases?.get(session))
    if (read.some((lease) => lease?.isHeld === false)) return 0
    // A listing that left some of them out hid that they were several.
    const isAllRead = read.every(
      (lease) => lease?.isHeld === true && lease.atMs >= (scan?.beganMs ?? Infinity),
    )
    return setting.sessionGraceMs * (isAllRead && read.length >= suspiciouslyMany ? 1.6 : 0.8)
  }

  trackerAsked(id: string): void {
    this.life?.askedAtMs.set(id, this.life.process.now())
  }

  trackerSaid(id: string, answer: unknown): void {
    const { life } = this
    if (!life) return
    life.answers.set(id, { answer, turn: this.#options.timeline.turn })
    if (answer === false) life.seenTracked.delete(id)
    else life.underWay.delete(id)
    if (answer !== true) return
    life.seenTracked.add(id)
    life.reportedTracked.add(id)
    life.emptiedMs = undefined
    life.approvals.delete(id)
    life.endedByUs.delete(id)
  }

  hookAsked(id: string): void {
    const { life } = this
    if (!life) return
    life.askedAtMs.delete(id)
    life.inspectedAtMs.delete(id)
    takeSlot(life, id, this.#options.timeline.turn)
    life.consulting.add(id)
    if (life.stopAskedMs !== undefined)
      this.#scene(life).violate('quiet-stop', id, 'the hook is asked after stop()')
  }

  hookSaid(id: string, answer: unknown): void {
    this.life?.approvals.set(id, answer)
    this.life?.consulting.delete(id)
    if (answer !== true) this.life?.underWay.delete(id)
  }

  leaves(call: Call): void {
    const { life } = this
    if (!life || call.process !== life.process) return
    const scene = this.#scene(life)
    const { id = '', verb } = call
    if (life.isStopped) scene.violate('quiet-stop', id, `${verb} is asked after the end`, true)
    this.#leftAtMs.set(call, this.#nowMs)
    checkDeadline(scene, call)
    life.open.add(call)
    if (verb === 'list') {
      life.firstScanMs ??= this.#nowMs
      checkPace(scene)
    }
    if (verb === 'inspect') {
      // A removal that goes on inspects again, in the turn in which its last request failed.
      if (life.failedInTurn.get(id) === this.#options.timeline.turn) life.failedInTurn.delete(id)
      // One that is inspected again while its connection is open had its slot before.
      const hasSlot = [...life.open].some((one) => one.id === id && one.verb !== 'inspect')
      if (!hasSlot) life.inspectedAtMs.set(id, life.process.now())
    }
  }

  departs(call: Call): void {
    const { life } = this
    if (!life || call.process !== life.process) return
    const scene = this.#scene(life)
    const { id = '', verb } = call
    life.departed.add(call)
    checkTarget(scene, id)
    checkMoment(scene, id)
    checkGraces(scene, id)
    takeSlot(life, id, this.#options.timeline.turn, verb)
    checkBounds(scene, id)
    if (verb === 'unpause') return
    life.stopsBefore.set(id, life.endedByUs.get(id))
    life.endedByUs.set(id, { sentMs: this.#nowMs, failedMs: undefined })
    const before = life.sent.get(id)
    life.sent.set(id, { confirmed: false, mayHaveArrived: before?.mayHaveArrived ?? false })
  }

  answered(call: Call, answer: unknown): void {
    const { life } = this
    if (!life || call.process !== life.process) return
    life.open.delete(call)
    if (call.verb === 'identity') this.#identified(life, answer)
    if (call.verb === 'list') this.#listed(life, call, answer as Listing)
    if (call.verb === 'imageLabels' && call.id) life.readImages.add(call.id)
    if (call.verb === 'inspect' && call.id) {
      life.inspectionReadMs.set(call.id, this.#nowMs)
      if (!life.firstInspectedMs.has(call.id)) life.firstInspectedMs.set(call.id, this.#nowMs)
    }
    // Meanwhile the tracker may have answered that it is tracked.
    if (call.verb === 'stop' && answer === 'done') {
      const sentMs = this.#leftAtMs.get(call) ?? this.#nowMs
      life.endedByUs.set(call.id ?? '', { sentMs, failedMs: undefined })
    }
    if (answer === 'withheld') life.underWay.delete(call.id ?? '')
    else if (call.verb === 'remove') {
      life.underWay.delete(call.id ?? '')
      life.sent.set(call.id ?? '', { confirmed: true, mayHaveArrived: true })
    }
  }

  failed(call: Call, error: EngineError): void {
    const { life } = this
    if (!life || call.process !== life.process) return
    const { id = '', verb } = call
    life.open.delete(call)
    // The second listing of a scan has the deadline of a question, and its failure is no outage.
    const isOfScan = verb === 'list' && call.deadlineMs > scanDeadlineMs
    if (isOfScan && !error.message.endsWith('given up')) {
      life.outSinceMs ??= this.#leftAtMs.get(call) ?? this.#nowMs
      life.scan = undefined
    }
    const isStep = verb === 'inspect' && call.deadlineMs > scanDeadlineMs
    // Inspections of a missing image fail for ever.
    const isInVain = verb === 'imageLabels' ? this.#options.engine().images.has(id) : verb === 'inspect'
    if (isInVain && !isStep) life.askedInVainMs = this.#nowMs
    if (isStep) this.#stepFailed(life, id)
    if (verb !== 'remove' && verb !== 'stop' && verb !== 'unpause') return
    // A container that is gone or going need not be stopped: the removal itself comes next.
    const isOver = verb !== 'stop' || (error.kind !== 'gone' && error.kind !== 'in-progress')
    if (isOver) life.failedInTurn.set(id, this.#options.timeline.turn)
    if (verb === 'unpause') return
    life.failures.set(id, this.failuresOf(id) + 1)
    const hasDeparted = life.departed.has(call)
    if (hasDeparted) noteStop(life, id, error, this.#nowMs)
    const isLost = !hasDeparted || (error.cause as { code?: string } | undefined)?.code === 'ECONNREFUSED'
    const isOpen = ['unavailable', 'timed-out', 'invalid-answer'].includes(error.kind)
    const before = life.sent.get(id)
    if (before && isOpen && !isLost) before.mayHaveArrived = true
  }

  /** The first step of a removal: of the container's own, or of one that it uses something of. */
  #stepFailed(life: Life, id: string): void {
    const { bodies } = this.#options.engine()
    const met = new Set([id])
    for (const one of met) {
      life.failures.set(one, this.failuresOf(one) + 1)
      for (const { holderId } of bodies.find((body) => body.id === one)?.shares ?? []) met.add(holderId)
    }
  }

  /** The agent stops tracking a container; it is owed a release grace if the tracker last answered that it is tracked. */
  released(id: string): void {
    if (this.life?.seenTracked.has(id)) this.life.owedRelease.add(id)
    else this.life?.owedRelease.delete(id)
  }

  checkStep(): void {
    if (this.life && this.life.open.size > mostHung) checkOpen(this.#scene(this.life))
  }

  lateStop(withinMs: number): void {
    if (this.life)
      this.#scene(this.life).violate('quiet-stop', '', `stop() takes longer than ${withinMs} ms`, true)
  }

  /** What Flotsam says of the end of a container, and of its own. */
  received(event: FlotsamEvent): void {
    const { life } = this
    if (!life) return
    if (event.type === 'stopped') life.isStopped = true
    if (event.type === 'lost' && event.how === 'vanished') this.#checkLoss(life, event.id)
    if (event.type !== 'removed' && event.type !== 'vanished' && event.type !== 'released') return
    const { id } = event
    if (event.type !== 'released') this.#checkClaim(life, event)
    // What the engine called removed by mistake, and then interrupts, is no removal of its own any more.
    const body = this.#options.engine().find(id)
    if (body && event.type === 'removed') body.isCalledRemoved = true
    life.seenTracked.delete(id)
    life.owedRelease.delete(id)
    life.approvals.delete(id)
    // What it ended stays its own to remove, should a listing have left it out by mistake.
    life.sent.delete(id)
    life.underWay.delete(id)
  }

  /** Whether the tracker has again confirmed all tasks that it once confirmed: what is forgotten twice is forgotten for longer. */
  get isAllReportedAgain(): boolean {
    const { agent, seenTracked, reportedTracked } = this.life ?? {}
    return [...(agent?.tasks.keys() ?? [])].every((id) => !reportedTracked?.has(id) || seenTracked?.has(id))
  }

  /** How often a removal of it was asked for and not confirmed. */
  failuresOf(id: string): number {
    return this.life?.failures.get(id) ?? 0
  }

  get #nowMs(): number {
    return this.#options.timeline.nowMs
  }

  #scene(life: Life): Scene {
    const { engine, selfId, sessions, setting, timeline, violate } = this.#options
    const atMs = timeline.nowMs
    return {
      life,
      nowMs: atMs,
      time: this.time,
      timeline,
      setting,
      selfId,
      engine: engine(),
      sessions,
      violate: (rule, id, message, isHarmless = false) =>
        violate({
          rule,
          message: `${id.slice(0, 4)}: ${message}`,
          atMs,
          wrong: isHarmless ? undefined : `${id} at ${atMs}`,
        }),
    }
  }

  #identified(life: Life, identity: unknown): void {
    if (life.identity !== undefined && life.identity !== identity) life.recoveryFromMs = this.#nowMs
    life.identity = identity
  }

  #listed(life: Life, call: Call, listing: Listing): void {
    const nowMs = this.#nowMs
    if (life.outSinceMs !== undefined) {
      this.time.leaveOut({ fromMs: life.outSinceMs, toMs: nowMs })
      life.outSinceMs = undefined
      life.recoveryFromMs = nowMs
    }
    if (listing.engineNowMs !== undefined) life.firstReportedMs ??= nowMs
    this.#notePaused(life, listing)
    if (life.agent.trackerMood === 'forgets-suddenly') {
      const forgotten = new Set(
        listing.containers.map(({ id }) => id).filter((id) => life.seenTracked.has(id)),
      )
      if (forgotten.size >= suspiciouslyMany) life.emptiedMs ??= nowMs
    }
    life.scan = {
      beganMs: this.#leftAtMs.get(call) ?? nowMs,
      listing,
      isFiltered: call.label !== undefined,
      deliveredMs: life.process.now(),
      acted: new Set(),
    }
  }

  /** new-again: one paused at one scan and running at the next was unpaused in between. */
  #notePaused({ listedPaused, runsOnSinceMs }: Life, { containers }: Listing): void {
    for (const { id, state } of containers) {
      if (state === 'paused') listedPaused.add(id)
      else if (listedPaused.delete(id) && state === 'running') {
        const unpausedMs = this.#options.engine().find(id)?.unpausedMs
        if (unpausedMs !== undefined) runsOnSinceMs.set(id, unpausedMs)
      }
    }
  }

  /** one-line-per-change: a listing may show it again, and the next one omit it again. */
  #checkLoss(life: Life, id: string): void {
    if (life.vanishedLost.has(id))
      this.#scene(life).violate('truthful', id, 'called lost a second time', true)
    life.vanishedLost.add(id)
  }

  /** truthful: `removed` only where the engine confirmed it, gone only where the last scan omits it. */
  #checkClaim(life: Life, event: EventOf<'removed'> | EventOf<'vanished'>): void {
    const { violate } = this.#scene(life)
    const { id } = event
    const sent = life.sent.get(id)
    if (event.type === 'removed' && event.confirmedBy === 'answer') {
      if (sent?.confirmed !== true) violate('truthful', id, 'called removed by an answer that never came')
      return
    }
    if (life.scan?.listing.unidentified && this.#options.engine().find(id))
      violate('truthful', id, `called ${event.type} although an entry without an id may be its own`)
    if (!life.scan || listedIn(life, id))
      violate('truthful', id, `called ${event.type} while the last scan holds it`)
    // What the engine removes as soon as it ends is removed by a stop of ours, also if another client removed it meanwhile.
    const body = this.#options.engine().bodies.find((one) => one.id === id)
    const stop = life.endedByUs.get(id)
    const wasStopped = body?.isEndedByRequest === true || (stop !== undefined && stop.failedMs === undefined)
    const isOurs = sent?.mayHaveArrived === true || (body?.isAutoRemoved === true && wasStopped)
    if (event.type === 'removed' && !isOurs)
      violate('truthful', id, 'called removed by us although nothing of ours can have arrived')
  }
}

/** not-ours-to-stop: what a failure says of what the request has done. */
function noteStop(life: Life, id: string, { kind, status = 0 }: EngineError, nowMs: number): void {
  const before = life.stopsBefore.get(id)
  const hasDoneNothing = kind === 'gone' || kind === 'misconfigured' || (kind === 'refused' && status < 500)
  if (hasDoneNothing && before) life.endedByUs.set(id, before)
  else if (hasDoneNothing) life.endedByUs.delete(id)
  else if (kind === 'refused')
    life.endedByUs.set(id, { sentMs: life.endedByUs.get(id)?.sentMs ?? nowMs, failedMs: nowMs })
}
