import type { Listing } from '../../../src/engine/port.ts'
import type { EngineError } from '../../../src/errors.ts'
import type { EventOf, FlotsamEvent } from '../../../src/events.ts'
import type { Agent } from '../agent.ts'
import type { SimulatedEngine } from '../engine/engine.ts'
import type { Call, Witness } from '../engine/wire.ts'
import type { Setting } from '../setting.ts'
import type { Process, Timeline } from '../timeline.ts'
import type { Tally, Word } from '../vocabulary.ts'
import { checkBounds, checkDeadline, checkOpen, checkPace, mostHung, takePlace } from './bounds.ts'
import { CountedTime } from './counted-time.ts'
import { type Life, listedIn, newLife, type Scene, type Violation } from './life.ts'
import { checkGraces, checkMoment } from './moments.ts'
import { checkTarget } from './targets.ts'

export interface SafetyOptions {
  readonly timeline: Timeline
  readonly setting: Setting
  readonly selfId: string
  /** An image that cannot be looked at, and is asked about in vain for ever. */
  readonly goneImage: string
  readonly engine: () => SimulatedEngine
  readonly tally: Tally
  readonly violate: (violation: Violation) => void
}

/**
 * The safety rules, told from what truly is in the world. Every request that changes something is weighed as it leaves
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
    life.approvals.delete(id)
    life.endedByUs.delete(id)
  }

  hookAsked(id: string): void {
    const { life } = this
    if (!life) return
    life.askedAtMs.delete(id)
    takePlace(life, id, this.#options.timeline.turn)
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
      life.firstLookMs ??= this.#nowMs
      checkPace(scene)
    }
    if (verb !== 'remove' && verb !== 'stop' && verb !== 'unpause') return
    checkTarget(scene, id)
    checkMoment(scene, id)
    checkGraces(scene, id)
    takePlace(life, id, this.#options.timeline.turn, verb)
    checkBounds(scene, id)
    if (verb === 'unpause') return
    life.endedByUs.add(id)
    const before = life.sent.get(id)
    life.sent.set(id, { confirmed: false, mayHaveArrived: before?.mayHaveArrived ?? false })
  }

  answered(call: Call, answer: unknown): void {
    const { life } = this
    if (!life || call.process !== life.process) return
    life.open.delete(call)
    if (call.verb === 'list') this.#listed(life, call, answer as Listing)
    if (call.verb === 'remove') {
      life.underWay.delete(call.id ?? '')
      life.sent.set(call.id ?? '', { confirmed: true, mayHaveArrived: true })
    }
  }

  failed(call: Call, error: EngineError): void {
    const { life } = this
    if (!life || call.process !== life.process) return
    const { id = '', verb } = call
    life.open.delete(call)
    if (verb === 'list' && !error.message.endsWith('given up')) {
      life.outSinceMs ??= this.#leftAtMs.get(call) ?? this.#nowMs
      life.look = undefined
    }
    const isInVain = verb === 'networkMode' || (verb === 'imageLabels' && id !== this.#options.goneImage)
    if (isInVain) life.askedInVainMs = this.#nowMs
    if (verb !== 'remove' && verb !== 'stop' && verb !== 'unpause') return
    // What is gone or going need not be stopped: the removal itself comes next.
    const isOver = verb !== 'stop' || (error.kind !== 'gone' && error.kind !== 'in-progress')
    if (isOver) life.failedInTurn.set(id, this.#options.timeline.turn)
    if (verb === 'unpause') return
    life.failures.set(id, this.failuresOf(id) + 1)
    const isLost = (error.cause as { code?: string } | undefined)?.code === 'ECONNREFUSED'
    const isOpen = ['unavailable', 'timed-out', 'invalid-answer'].includes(error.kind)
    const before = life.sent.get(id)
    if (before && isOpen && !isLost) before.mayHaveArrived = true
  }

  /** The agent lets go of a container; it is owed a release grace where Flotsam was last told that it is tracked. */
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
  heard(event: FlotsamEvent): void {
    const { life } = this
    if (!life) return
    if (event.type === 'stopped') life.isStopped = true
    if (event.type !== 'removed' && event.type !== 'vanished' && event.type !== 'released') return
    const { id } = event
    if (event.type !== 'released') this.#checkClaim(life, event)
    life.seenTracked.delete(id)
    life.owedRelease.delete(id)
    life.approvals.delete(id)
    // What it ended stays its own to remove, should a listing have left it out by mistake.
    life.sent.delete(id)
    life.underWay.delete(id)
  }

  /** How often a removal of it was asked for and not confirmed. */
  failuresOf(id: string): number {
    return this.life?.failures.get(id) ?? 0
  }

  get #nowMs(): number {
    return this.#options.timeline.nowMs
  }

  #scene(life: Life): Scene {
    const { engine, selfId, setting, timeline, violate } = this.#options
    const atMs = timeline.nowMs
    return {
      life,
      nowMs: atMs,
      time: this.time,
      timeline,
      setting,
      selfId,
      engine: engine(),
      violate: (rule, id, message, isHarmless = false) =>
        violate({
          rule,
          message: `${id.slice(0, 4)}: ${message}`,
          atMs,
          wrong: isHarmless ? undefined : `${id} at ${atMs}`,
        }),
    }
  }

  #listed(life: Life, call: Call, listing: Listing): void {
    const nowMs = this.#nowMs
    if (life.outSinceMs !== undefined) {
      this.time.leaveOut({ fromMs: life.outSinceMs, toMs: nowMs })
      life.outSinceMs = undefined
      life.recoveryFromMs = nowMs
    }
    if (listing.engineNowMs !== undefined) life.firstToldMs ??= nowMs
    life.look = {
      beganMs: this.#leftAtMs.get(call) ?? nowMs,
      listing,
      isFiltered: call.label !== undefined,
      deliveredMs: life.process.now(),
      acted: new Set(),
    }
  }

  /** truthful: `removed` only where the engine confirmed it, gone only where the last look omits it. */
  #checkClaim(life: Life, event: EventOf<'removed'> | EventOf<'vanished'>): void {
    const { violate } = this.#scene(life)
    const { id } = event
    const sent = life.sent.get(id)
    if (event.type === 'removed' && event.confirmedBy === 'answer') {
      if (sent?.confirmed !== true) violate('truthful', id, 'called removed by an answer that never came')
      return
    }
    if (!life.look || listedIn(life, id))
      violate('truthful', id, `called ${event.type} while the last look holds it`)
    if (event.type === 'removed' && sent?.mayHaveArrived !== true)
      violate('truthful', id, 'called removed by us although nothing of ours can have arrived')
  }
}
