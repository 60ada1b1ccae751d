import type { Listing } from '../../src/engine/port.ts'
import type { EngineError } from '../../src/errors.ts'
import type { FlotsamEvent } from '../../src/events.ts'
import type { Agent } from './agent.ts'
import type { Body, Call, SimulatedEngine, Witness } from './engine.ts'
import type { Setting } from './plan.ts'
import type { Process, Timeline } from './timeline.ts'

export type SafetyRule =
  | 'owned-only'
  | 'fresh-look'
  | 'awake-time'
  | 'unknown-is-spared'
  | 'exact-id'
  | 'not-self'
  | 'own-label'
  | 'protected'
  | 'bounded-removal'
  | 'dry-run'
  | 'honest-clock'
  | 'quiet-stop'
  | 'truthful'

export interface Violation {
  readonly rule: string
  /** What was done wrong by it: something that the rule should have prevented, and not only a way of getting there. */
  readonly wrong: string | undefined
  readonly message: string
  readonly atMs: number
}

export const ownerLabel = 'com.example.agent'
export const ownerValue = 'agent-7'
export const keepLabel = 'flotsam.keep'

const verdictLifeMs = 5000
const placeMs = 5000
const mostHung = 20

interface Look {
  readonly beganMs: number
  readonly listing: Listing
  readonly isFiltered: boolean
  readonly deliveredMs: number
  /** Containers that this look led to something with. */
  readonly acted: Set<string>
}

/** All that the world knows of one life of the process under test. */
interface Life {
  readonly process: Process
  readonly agent: Agent
  firstLookMs: number | undefined
  /** When the engine first told its time. */
  firstToldMs: number | undefined
  look: Look | undefined
  stopAskedMs: number | undefined
  /** Since when listings fail; undefined while they do not. */
  outSinceMs: number | undefined
  /** Nothing may be removed on a look that began before a recovery grace from here on has passed. */
  recoveryFromMs: number | undefined
  /** An image, or a network, that could not be looked at is not asked about again for a while. */
  askedInVainMs: number | undefined
  readonly askedAtMs: Map<string, number>
  readonly answers: Map<string, { readonly answer: unknown; readonly turn: number }>
  readonly approvals: Map<string, unknown>
  /** Flotsam was told that these are tracked, and has not reported their end since. */
  readonly seenTracked: Set<string>
  readonly owedRelease: Set<string>
  /** Asked to be stopped or removed since they were last told to be tracked. */
  readonly endedByUs: Set<string>
  readonly sent: Map<string, { confirmed: boolean; mayHaveArrived: boolean }>
  readonly failures: Map<string, number>
  /** Since when the removal of these is under way, by what can be seen of it. */
  readonly underWay: Map<string, number>
  /** In which turn a request for it failed: another one in the same turn belongs to the same removal. */
  readonly failedInTurn: Map<string, number>
  readonly open: Set<Call>
  /** The hook has been asked about these and has not answered. */
  readonly consulting: Set<string>
}

interface Span {
  readonly fromMs: number
  readonly toMs: number
}

export interface SafetyOptions {
  readonly timeline: Timeline
  readonly setting: Setting
  readonly selfId: string
  readonly violate: (violation: Violation) => void
}

/**
 * The safety rules, told from what truly is in the world. Every request that changes something is weighed as it leaves
 * the port; every claim as it is made.
 */
export class Safety implements Witness {
  life: Life | undefined
  readonly #options: SafetyOptions
  /** Spans of this life that no grace may count. */
  #uncounted: Span[] = []
  #clockJumpsMs: number[] = []
  #engine: SimulatedEngine | undefined

  constructor(options: SafetyOptions) {
    this.#options = options
  }

  watch(engine: SimulatedEngine): void {
    this.#engine = engine
  }

  begin(process: Process, agent: Agent): void {
    this.#uncounted = []
    this.life = {
      process,
      agent,
      firstLookMs: undefined,
      firstToldMs: undefined,
      look: undefined,
      stopAskedMs: undefined,
      outSinceMs: undefined,
      recoveryFromMs: undefined,
      askedInVainMs: undefined,
      askedAtMs: new Map(),
      answers: new Map(),
      approvals: new Map(),
      seenTracked: new Set(),
      owedRelease: new Set(),
      endedByUs: new Set(),
      sent: new Map(),
      failures: new Map(),
      underWay: new Map(),
      failedInTurn: new Map(),
      open: new Set(),
      consulting: new Set(),
    }
  }

  stopAsked(): void {
    if (this.life) this.life.stopAskedMs ??= this.#nowMs
  }

  /** The process, or its machine, stood still for longer than a stall. */
  stalled(span: Span): void {
    this.#uncounted.push(span)
    if (this.life) this.life.recoveryFromMs = span.toMs
  }

  wallJumped(): void {
    if (this.life) this.life.recoveryFromMs = this.#nowMs
  }

  clockJumped(): void {
    this.#clockJumpsMs.push(this.#nowMs)
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
    this.life?.askedAtMs.delete(id)
    this.#acts(id)
    this.life?.consulting.add(id)
    if (this.life?.stopAskedMs !== undefined)
      this.#violate('quiet-stop', id, 'the hook is asked after stop()')
  }

  hookSaid(id: string, answer: unknown): void {
    this.life?.approvals.set(id, answer)
    this.life?.consulting.delete(id)
    if (answer !== true) this.life?.underWay.delete(id)
  }

  leaves(call: Call): void {
    const { life } = this
    if (!life || call.process !== life.process) return
    this.#checkDeadline(call)
    life.open.add(call)
    if (call.verb === 'list') {
      life.firstLookMs ??= this.#nowMs
      return
    }
    if (call.verb !== 'remove' && call.verb !== 'stop' && call.verb !== 'unpause') return
    const id = call.id ?? ''
    this.#checkTarget(life, id)
    this.#checkMoment(life, id)
    this.#checkGraces(life, id)
    this.#acts(id)
    this.#checkBounds(life, id)
    if (call.verb === 'unpause') return
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
    life.open.delete(call)
    if (call.verb === 'list' && !error.message.endsWith('given up')) {
      life.outSinceMs ??= this.#leftAtMs.get(call) ?? this.#nowMs
      life.look = undefined
    }
    if (call.verb === 'imageLabels' || call.verb === 'networkMode') life.askedInVainMs = this.#nowMs
    if (call.verb === 'remove' || call.verb === 'stop') {
      life.failedInTurn.set(call.id ?? '', this.#options.timeline.turn)
      life.failures.set(call.id ?? '', this.failuresOf(call.id ?? '') + 1)
      const isLost = (error.cause as { code?: string } | undefined)?.code === 'ECONNREFUSED'
      const isOpen = ['unavailable', 'timed-out', 'invalid-answer'].includes(error.kind)
      const before = life.sent.get(call.id ?? '')
      if (before && isOpen && !isLost) before.mayHaveArrived = true
    }
  }

  /** The agent lets go of a container; it is owed a release grace where Flotsam was last told that it is tracked. */
  released(id: string): void {
    if (this.life?.seenTracked.has(id)) this.life.owedRelease.add(id)
    else this.life?.owedRelease.delete(id)
  }

  /** What holds at every moment. */
  checkStep(): void {
    if (!this.life || this.life.open.size <= mostHung) return
    const { length } = this.#removalsOut(this.life)
    if (length > mostHung) this.#violate('bounded-removal', '', `${length} requests are out`)
  }

  lateStop(withinMs: number): void {
    this.#violate('quiet-stop', '', `stop() takes longer than ${withinMs} ms`, true)
  }

  #removalsOut({ open }: Life): readonly Call[] {
    return [...open].filter(({ verb }) => verb === 'remove' || verb === 'stop')
  }

  /** What Flotsam says of the end of a container. */
  heard(event: FlotsamEvent): void {
    const { life } = this
    if (!life || !('id' in event)) return
    const { id } = event
    if (event.type === 'removed' || event.type === 'vanished') this.#checkClaim(life, event)
    if (event.type === 'removed' || event.type === 'vanished' || event.type === 'released') {
      life.seenTracked.delete(id)
      life.owedRelease.delete(id)
      life.approvals.delete(id)
      life.sent.delete(id)
      life.endedByUs.delete(id)
      life.underWay.delete(id)
    }
  }

  /** How often a removal of it was asked for and not confirmed. */
  failuresOf(id: string): number {
    return this.life?.failures.get(id) ?? 0
  }

  /** How much of the time between the two a grace may count. */
  countedMs(fromMs: number, toMs: number): number {
    let uncountedMs = 0
    let reachedMs = fromMs
    for (const span of [...this.#uncounted].sort((one, other) => one.fromMs - other.fromMs)) {
      const startMs = Math.max(span.fromMs, reachedMs)
      const endMs = Math.min(span.toMs, toMs)
      if (endMs <= startMs) continue
      uncountedMs += endMs - startMs
      reachedMs = endMs
    }
    return toMs - fromMs - uncountedMs
  }

  readonly #leftAtMs = new WeakMap<Call, number>()

  get #nowMs(): number {
    return this.#options.timeline.nowMs
  }

  #violate(
    rule: SafetyRule | 'policy' | 'every-call-ends',
    id: string,
    message: string,
    isHarmless = false,
  ): void {
    const wrong = isHarmless ? undefined : `${id} at ${this.#nowMs}`
    this.#options.violate({ rule, message: `${id.slice(0, 4)}: ${message}`, atMs: this.#nowMs, wrong })
  }

  #checkDeadline(call: Call): void {
    this.#leftAtMs.set(call, this.#nowMs)
    const [leastMs, mostMs] = call.verb === 'remove' ? [30_000, 120_000] : [1000, 120_000]
    if (call.deadlineMs >= leastMs && call.deadlineMs <= mostMs) return
    this.#violate('every-call-ends', call.id ?? '', `${call.verb} has a deadline of ${call.deadlineMs} ms`)
  }

  #listed(life: Life, call: Call, listing: Listing): void {
    const nowMs = this.#nowMs
    if (life.outSinceMs !== undefined) {
      this.#uncounted.push({ fromMs: life.outSinceMs, toMs: nowMs })
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

  /** What the container is. */
  #checkTarget(life: Life, id: string): void {
    const { selfId, setting } = this.#options
    if (setting.dryRun) this.#violate('dry-run', id, 'a request that changes something, in a dry run')
    if (!/^[0-9a-f]{64}$/.test(id))
      return this.#violate('exact-id', id, `${JSON.stringify(id)} is no full id`)
    const body = this.#body(id)
    if (!body) return this.#violate('exact-id', id, 'there never was such a container')
    if (body.labels[ownerLabel] !== ownerValue) this.#violate('owned-only', id, 'it is not ours')
    if (id === selfId) this.#violate('not-self', id, 'the agent runs in it')
    if (this.#isFromImage(body)) this.#violate('own-label', id, 'its label came with its image')
    if (isKept(body)) this.#violate('protected', id, 'it bears the keep label')
    const listed = life.look?.listing.containers.find((one) => one.id === id)
    const isCovered = listed && (setting.states as readonly string[]).includes(listed.state)
    if (listed && !isCovered && !life.endedByUs.has(id))
      this.#violate('policy', id, `${listed.state} is not covered`)
    const guest = this.#protectingGuest(life, body)
    if (guest) this.#violate('protected', id, `${guest.id.slice(0, 4)} uses its network`)
  }

  /** What was asked and seen last. */
  #checkMoment(life: Life, id: string): void {
    const { timeline, setting } = this.#options
    const { look, agent } = life
    if (life.stopAskedMs !== undefined) this.#violate('quiet-stop', id, 'a removal begins after stop()')
    const last = life.answers.get(id)
    if (last?.answer !== false)
      this.#violate('unknown-is-spared', id, `the tracker last said ${String(last?.answer)}`)
    if (agent.tasks.has(id) && agent.trackerMood !== 'forgets-all')
      this.#violate('fresh-look', id, 'the agent tracks it')
    else if (last && last.turn !== timeline.turn)
      this.#violate('fresh-look', id, 'the tracker was not asked last', true)
    if (setting.hasHook && life.approvals.get(id) !== true)
      this.#violate('unknown-is-spared', id, 'the hook has not agreed')
    if (!look) return this.#violate('fresh-look', id, 'there is no look to decide upon', true)
    if (look.isFiltered) this.#violate('protected', id, 'decided on a filtered look', true)
    if (!look.listing.containers.some((one) => one.id === id))
      this.#violate('fresh-look', id, 'the last look does not hold it', true)
    const ageMs = life.process.now() - look.deliveredMs
    if (ageMs > verdictLifeMs + 10) this.#violate('fresh-look', id, `the last look is ${ageMs} ms old`, true)
  }

  /** What time may have passed, and what the agent has promised. */
  #checkGraces(life: Life, id: string): void {
    const { setting } = this.#options
    const { look, agent } = life
    const body = this.#body(id)
    const promised = agent.promised.get(id)
    // Past its deadline the agent will give it up, whatever it still waits for.
    if (promised?.deadlineMs !== undefined && this.#nowMs <= promised.deadlineMs) {
      this.#violate(
        this.#blame(body?.createdMs ?? 0),
        id,
        `the agent is about to register it (${promised.kind})`,
      )
    }
    const releasedUntilMs = agent.releasing.get(id)
    if (releasedUntilMs !== undefined && releasedUntilMs >= this.#nowMs && life.owedRelease.has(id)) {
      this.#violate(
        this.#blame(releasedUntilMs - setting.releaseGraceMs),
        id,
        'the agent is about to remove it itself',
      )
    }
    if (!look || !body) return
    this.#checkGrace(id, 'creation', this.#creationSince(life, body), setting.creationGraceMs, look)
    this.#checkGrace(id, 'restore', life.firstLookMs, setting.restoreGraceMs, look)
    this.#checkGrace(id, 'recovery', life.recoveryFromMs, setting.recoveryGraceMs, look)
  }

  #checkGrace(id: string, name: string, sinceMs: number | undefined, graceMs: number, look: Look): void {
    if (sinceMs === undefined) return
    const countedMs = this.countedMs(sinceMs, look.beganMs)
    if (countedMs >= graceMs - 10) return
    const rule = name === 'recovery' ? 'awake-time' : this.#blame(sinceMs)
    this.#violate(
      rule,
      id,
      `the look began ${Math.round(countedMs)} ms into a ${name} grace of ${graceMs} ms`,
    )
  }

  /** Where an engine set its clock before it ever told the time, its ages are all that anybody knows. */
  #creationSince({ firstToldMs = Infinity }: Life, { createdMs }: Body): number | undefined {
    return this.#clockJumpsMs.some((atMs) => atMs >= createdMs && atMs <= firstToldMs) ? undefined : createdMs
  }

  /** Which rule should have prevented a removal that is too early. */
  #blame(sinceMs: number): SafetyRule {
    if (this.#uncounted.some(({ toMs }) => toMs >= sinceMs)) return 'awake-time'
    return this.#clockJumpsMs.some((atMs) => atMs >= sinceMs) ? 'honest-clock' : 'fresh-look'
  }

  #acts(id: string): void {
    const { life } = this
    if (!life) return
    const failedInTurn = life.failedInTurn.get(id)
    const goesOn =
      life.underWay.has(id) && (failedInTurn === undefined || failedInTurn === this.#options.timeline.turn)
    life.failedInTurn.delete(id)
    if (goesOn) return
    life.look?.acted.add(id)
    // It had its place before the last question was put.
    life.underWay.set(id, Math.min(life.process.now(), life.askedAtMs.get(id) ?? Infinity))
  }

  #checkBounds(life: Life, id: string): void {
    const { setting } = this.#options
    const { look, process, underWay } = life
    const removals = this.#removalsOut(life)
    if (setting.tracker === 'later') return
    const busy = new Set([...removals.map((call) => call.id ?? ''), ...life.consulting])
    const young = [...busy].filter((one) => process.now() - (underWay.get(one) ?? 0) < placeMs - 10).length
    if (young > setting.maxConcurrent) {
      this.#violate('bounded-removal', id, `${young} removals at once, not ${setting.maxConcurrent}`)
    }
    if (!look) return
    if (look.acted.size > setting.maxPerLook) {
      this.#violate(
        'bounded-removal',
        id,
        `${look.acted.size} removals by one look, not ${setting.maxPerLook}`,
      )
    }
    if (setting.maxShare === undefined) return
    const owned = new Set(
      look.listing.containers.filter(({ labels }) => labels[ownerLabel] === ownerValue).map((one) => one.id),
    )
    const share = look.acted.size / owned.size
    if (share > setting.maxShare)
      this.#violate('bounded-removal', id, `a share of ${share.toFixed(2)} is removed`)
  }

  #checkClaim(life: Life, event: Extract<FlotsamEvent, { type: 'removed' | 'vanished' }>): void {
    const { id } = event
    const sent = life.sent.get(id)
    const isListed = life.look?.listing.containers.some((one) => one.id === id) ?? true
    if (event.type === 'removed' && event.confirmedBy === 'answer') {
      if (sent?.confirmed !== true)
        this.#violate('truthful', id, 'called removed by an answer that never came')
      return
    }
    if (isListed) this.#violate('truthful', id, `called ${event.type} while the last look holds it`)
    if (event.type === 'removed' && sent?.mayHaveArrived !== true) {
      this.#violate('truthful', id, 'called removed by us although nothing of ours can have arrived')
    }
  }

  #body(id: string): Body | undefined {
    return this.#engine?.bodies.find((body) => body.id === id)
  }

  #isFromImage({ imageId }: Body): boolean {
    return this.#engine?.images.get(imageId)?.[ownerLabel] === ownerValue
  }

  /** A container on the last listing that is there and truly uses this one's network, itself or through another. */
  #protectingGuest(life: Life, holder: Body, met = new Set<string>()): Body | undefined {
    for (const { id, state } of life.look?.listing.containers ?? []) {
      const guest = this.#body(id)
      if (
        !guest ||
        guest.removedMs !== undefined ||
        met.has(id) ||
        guest.networkMode !== `container:${holder.id}`
      )
        continue
      met.add(id)
      if (!this.#isForgotten(life, guest) || !['exited', 'dead'].includes(state)) return guest
      const further = this.#protectingGuest(life, guest, met)
      if (further) return further
    }
    return undefined
  }

  #isForgotten(life: Life, body: Body): boolean {
    const isOurs = body.labels[ownerLabel] === ownerValue && !isKept(body) && !this.#isFromImage(body)
    const isTracked =
      this.#options.setting.tracker === 'at-once' &&
      life.agent.tasks.has(body.id) &&
      life.agent.trackerMood !== 'forgets-all'
    return isOurs && !isTracked && life.answers.get(body.id)?.answer === false
  }
}

export function isKept({ labels }: Body): boolean {
  return Object.hasOwn(labels, keepLabel) && labels[keepLabel] !== 'false'
}
