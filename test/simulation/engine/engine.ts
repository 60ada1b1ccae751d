import { EngineError } from '../../../src/domain/errors.ts'
import type { CallOptions, ChangeOptions, Engine, Listing } from '../../../src/engine/port.ts'
import { createSameWords } from '../../support/same-words.ts'
import type { RemovalFault } from '../plan.ts'
import type { Random } from '../random.ts'
import type { Setting } from '../setting.ts'
import type { Process, Timeline } from '../timeline.ts'
import { bears, type Body, coveredAs, type Draft, hasEnded, isAtWork } from './body.ts'
import { EventStreams } from './events.ts'
import { disagreeing, inspectionOf } from './inspection.ts'
import { brokenBodies, entriesOf, listingOf, readBroken } from './listing.ts'
import { address, type Request, type Verb, Wire, type Witness } from './wire.ts'

type Traits = Pick<
  Setting,
  'hasSessions' | 'listsNetworks' | 'refusesPaused' | 'saysOnly500' | 'isPodman' | 'listsLate'
>

/** The engine of the simulated world, behind the port. */
export class SimulatedEngine {
  readonly bodies: Body[] = []
  readonly images = new Map<string, Readonly<Record<string, string>>>()
  /** Images that were removed under their containers. */
  readonly lostImages = new Map<string, Readonly<Record<string, string>>>()
  readonly wire: Wire
  readonly events: EventStreams
  /** How far its clock is ahead of the world's time. */
  clockOffsetMs = 0
  readonly #timeline: Timeline
  readonly #random: Random
  readonly #traits: Traits
  readonly #witness: Witness
  readonly #inSameWords = createSameWords()

  constructor(timeline: Timeline, random: Random, traits: Traits, witness: Witness) {
    this.#timeline = timeline
    this.#random = random
    this.#traits = traits
    this.#witness = witness
    this.wire = new Wire(timeline, random, witness)
    this.events = new EventStreams(timeline, random, witness, this.wire)
  }

  /** Nobody starts again what a request of ours has ended. */
  isCalm = false

  get isUp(): boolean {
    return this.wire.condition === 'up'
  }

  get nowMs(): number {
    return Date.UTC(2026, 0, 15, 12) + this.#timeline.nowMs + this.clockOffsetMs
  }

  get alive(): readonly Body[] {
    return this.bodies.filter(({ removedMs }) => removedMs === undefined)
  }

  find(id: string): Body | undefined {
    return this.bodies.find((body) => body.id === id && body.removedMs === undefined)
  }

  create(draft: Draft): Body {
    const { nowMs } = this.#timeline
    const hasStarted = coveredAs(draft.state) !== 'created'
    const body: Body = {
      shares: [],
      isInfra: false,
      isOverLimit: false,
      restartsAfterMs: undefined,
      isAutoRemoved: false,
      removalFault: undefined,
      replaced: undefined,
      ...draft,
      firstRenamedMs: undefined,
      renamedMs: undefined,
      listedState: draft.state,
      createdMs: nowMs,
      createdAtMs: Math.floor(this.nowMs / 1000) * 1000,
      startedMs: hasStarted ? nowMs : undefined,
      startedAtMs: hasStarted ? this.nowMs : undefined,
      restoredAtMs: undefined,
      endedMs: hasEnded(draft) ? nowMs : undefined,
      finishedAtMs: hasEnded(draft) ? this.nowMs : undefined,
      unpausedMs: undefined,
      restartCount: 0,
      inspectedMs: undefined,
      inspectedState: undefined,
      removedMs: undefined,
      isEndedByRequest: false,
      isRemovalUnderWay: false,
      removalBy: undefined,
      isCalledRemoved: false,
      isHalfRemoved: false,
    }
    this.bodies.push(body)
    this.events.emit('create', body)
    if (body.state === 'running') this.events.emit('start', body)
    return body
  }

  /** A container at rest is started. */
  start(body: Body): void {
    body.restartCount = 0
    this.#run(body)
  }

  /** Podman runs it again from its checkpoint, and keeps the time of its start. */
  restore(body: Body): void {
    body.startedMs = this.#timeline.nowMs
    body.restoredAtMs = this.nowMs
    this.put(body, 'running')
  }

  #run(body: Body): void {
    for (const share of body.shares) {
      if (!share.isLookedUp) continue
      const holder = this.alive.find(({ name }) => name === share.called)
      if (!holder) {
        this.#witness.note('engine:finds-no-holder')
        return body.state === 'running' ? this.put(body, 'exited') : undefined
      }
      this.#witness.note(share.holderId === '' ? 'engine:looks-up-holder' : 'engine:looks-up-holder-again')
      share.holderId = holder.id
    }
    body.startedMs = this.#timeline.nowMs
    body.startedAtMs = this.nowMs
    this.put(body, 'running')
  }

  /** Its processes resume; for an engine that is no start, and it records no time. */
  unpause(body: Body): void {
    if (body.state !== 'paused') return
    body.unpausedMs = this.#timeline.nowMs
    this.#setState(body, 'running')
    this.events.emit('unpause', body)
  }

  rename(body: Body, name: string): void {
    body.name = name
    body.renamedMs = this.#timeline.nowMs
    body.firstRenamedMs ??= body.renamedMs
    this.events.emit('rename', body)
  }

  /** Listings may lag a little, inspections never do. */
  #setState(body: Body, state: string): void {
    body.state = state
    const catchUp = () => {
      body.listedState = body.state
    }
    if (!this.#traits.listsLate) return catchUp()
    this.#witness.note('engine:listing-behind')
    return this.#timeline.after(this.#random.between(0, 300), catchUp)
  }

  /** Its state is changed. */
  put(body: Body, state: string): void {
    if (hasEnded({ state }) && !hasEnded(body)) {
      body.endedMs = this.#timeline.nowMs
      body.finishedAtMs = this.nowMs
      if (body.isAutoRemoved) this.#removeSoon(body)
    }
    this.#setState(body, state)
    this.events.emit(
      ({ exited: 'die', paused: 'pause', running: 'start' } as Record<string, string>)[state] ?? state,
      body,
    )
  }

  #endByRequest(body: Body): void {
    body.isEndedByRequest = true
    this.put(body, 'exited')
  }

  #removeSoon(body: Body): void {
    this.#timeline.after(this.#random.between(5, 500), () =>
      this.wire.whenUp(() => {
        if (!hasEnded(body) || body.removedMs !== undefined) return
        this.#witness.note('engine:removes-what-ended')
        this.end(body)
      }),
    )
  }

  /** It ended without a request, and its policy may restart it. */
  die(body: Body): void {
    this.put(body, 'exited')
    const { restartsAfterMs } = body
    if (restartsAfterMs === undefined) return
    this.#timeline.after(restartsAfterMs, () => {
      if (body.removedMs !== undefined || body.state !== 'exited') return
      this.#witness.note('agent:comes-back-by-policy')
      body.restartCount++
      this.#run(body)
    })
  }

  end(body: Body): void {
    if (body.removedMs !== undefined) return
    body.removedMs = this.#timeline.nowMs
    if (body.state === 'running') this.events.emit('die', body)
    this.events.emit('destroy', body)
    this.#killGuests(body)
    body.replaced?.()
  }

  /** When a pid namespace or a cgroup ends, so do all containers that run in it. */
  #killGuests(holder: Body): void {
    for (const guest of this.alive) {
      const dies = guest.shares.some(
        ({ space, holderId }) => holderId === holder.id && (space === 'pid' || space === 'cgroup'),
      )
      if (dies && isAtWork(guest)) this.put(guest, 'exited')
    }
  }

  crash(): void {
    this.wire.cut()
    this.events.cut()
    for (const body of this.bodies) {
      if (!body.isRemovalUnderWay) continue
      body.isRemovalUnderWay = false
      if (this.#traits.isPodman) this.#halfRemove(body)
    }
  }

  /** Its storage is lost, so that it can be neither inspected nor started, and breaks the listing of Docker's API. */
  #halfRemove(body: Body): void {
    this.#witness.note('engine:half-removes')
    if (isAtWork(body)) this.#endByRequest(body)
    body.isHalfRemoved = true
    this.put(body, 'removing')
    body.listedState = 'removing'
  }

  /** A person finishes the interrupted removals that the library leaves to one. */
  finishByHand(isLeft: (body: Body) => boolean): void {
    for (const body of this.alive) if (body.isHalfRemoved && isLeft(body)) this.end(body)
  }

  wedge(): void {
    this.wire.condition = 'wedged'
  }

  recover(): void {
    this.wire.mend()
  }

  /** The engine as the process sees it. */
  portFor(process: Process): Engine {
    const call = <T>(
      verb: Verb,
      id: string | undefined,
      options: CallOptions & { label?: string | undefined },
      carryOut: Request['carryOut'],
    ) =>
      this.wire.call<T>(
        { verb, id, label: options.label, deadlineMs: options.deadlineMs, process },
        options.signal,
        carryOut,
      )
    const change = (verb: Verb, id: string, options: ChangeOptions, carryOut: Request['carryOut']) =>
      this.wire.call<'done' | 'withheld'>(
        { verb, id, label: undefined, deadlineMs: options.deadlineMs, process },
        options.signal,
        carryOut,
        options,
      )
    const { wire } = this
    return {
      address,
      events: (options) => this.events.follow(process, options),
      list: (options) => call<Listing>('list', undefined, options, (request) => this.#list(request)),
      info: (options) =>
        call('info', undefined, options, (request) =>
          wire.answer(request, () => ({
            name: 'Simulated',
            version: '1',
            apiVersion: '1.41',
            clockOffsetMs: undefined,
          })),
        ),
      identity: (options) =>
        call('identity', undefined, options, (request) =>
          wire.answer(request, () =>
            wire.lies.has('elsewhere') ? 'another engine' : 'the simulated engine',
          ),
        ),
      imageLabels: ({ id }, options) =>
        call('imageLabels', id, options, (request) => this.#readImage(request, id)),
      inspect: (id, options) => call('inspect', id, options, (request) => this.#inspect(request, id)),
      shares: (id, options) => call('inspect', id, options, (request) => this.#inspect(request, id, true)),
      // Asked for only by scans without a history.
      unpausedWithin: () => Promise.resolve({ unpaused: new Set(), sinceMs: 0 }),
      remove: (id, options) =>
        change('remove', id, options, (request) => this.#remove(request, id, options.force)),
      stop: (id, options) =>
        change('stop', id, options, (request) =>
          this.#withBody(request, id, (body) => this.#stop(request, body, options.graceSeconds)),
        ),
      unpause: (id, options) =>
        change('unpause', id, options, (request) =>
          this.#withBody(request, id, (body) => {
            if (body.state === 'paused') this.#setState(body, 'running')
            wire.answer(request, () => 'done')
          }),
        ),
    }
  }

  loseImage(imageId: string): void {
    this.lostImages.set(imageId, this.images.get(imageId) ?? {})
    this.images.delete(imageId)
  }

  #readImage(request: Request, imageId: string): void {
    const { wire } = this
    const labels = this.images.get(imageId)
    if (!labels) return wire.refuse(request, 404, 'no such image')
    if (!wire.faults.has('empty-images')) return wire.answer(request, () => labels)
    this.#witness.note('fault:empty-images')
    return wire.answer(request, () => {
      throw new EngineError('invalid-answer', 'the answer holds no image')
    })
  }

  #inspect(request: Request, id: string, isOfShares = false): void {
    const { wire } = this
    const { faults } = wire
    const note = this.#witness.note.bind(this.#witness)
    // As engines do: the start of an id will do.
    const body = this.alive.find((one) => one.id.startsWith(id))
    if (!body) return wire.refuse(request, 404, 'no such container')
    if (body.isRemovalUnderWay && this.#traits.isPodman && this.#random.chance(0.3)) {
      note('engine:inspection-races-removal')
      return wire.refuse(request, 500, 'no such container')
    }
    if (body.isHalfRemoved) {
      body.inspectedMs = this.#timeline.nowMs
      body.inspectedState = body.state
      return wire.answer(request, () => {
        throw new EngineError('half-removed', 'layer not known', { status: 500 })
      })
    }
    if (faults.has('inspections-fail') && this.#random.chance(0.5)) {
      note('fault:inspections-fail')
      return wire.refuse(request, 500, 'layer not known')
    }
    if (faults.has('inspections-hang') && this.#random.chance(0.5)) return note('fault:inspections-hang')
    if (body.isOverLimit && !isOfShares)
      return wire.answer(request, () => {
        throw new EngineError('invalid-answer', 'the answer is too long')
      })
    body.inspectedMs = this.#timeline.nowMs
    body.inspectedState = body.state
    const inspection = inspectionOf(body, this.nowMs, this.#traits.isPodman)
    if (!faults.has('inspections-disagree')) return wire.answer(request, () => inspection)
    note('fault:inspections-disagree')
    return wire.answer(request, () => disagreeing(inspection, this.#random))
  }

  #withBody(request: Request, id: string, carryOut: (body: Body) => void): void {
    const body = this.find(id)
    if (body) carryOut(body)
    else this.wire.refuse(request, 404, 'no such container')
  }

  #list(request: Request): void {
    const { wire } = this
    const { faults, lies } = wire
    const note = this.#witness.note.bind(this.#witness)
    const fault = [...faults].find((one) => one !== 'slow' && one !== 'crawling' && one !== 'overloaded')
    if (fault) note(`fault:${fault}`)
    if (fault === 'broken-listing') return wire.refuse(request, 500, 'no such image')
    if (fault === 'denied') return wire.refuse(request, 403, '')
    if (fault === 'too-old') return wire.refuse(request, 400, 'client version 1.24 is too old')
    const { listsNetworks } = this.#traits
    const nowMs = this.#timeline.nowMs
    const { bodies } = this
    const random = this.#random
    const entries = entriesOf({ bodies, lies, label: request.label, nowMs, listsNetworks, random, note })
    if (fault && brokenBodies.includes(fault))
      return wire.answerWith(request, () => readBroken(fault, entries))
    if (lies.has('no-date')) note('lie:no-date')
    const engineNowMs = lies.has('no-date') ? undefined : Math.floor(this.nowMs / 1000) * 1000
    const { label } = request
    const half = this.alive.some((one) => one.isHalfRemoved && (!label || bears(one.labels, label)))
    const refusal = half ? 'the engine cannot list all containers: layer not known' : undefined
    return wire.answer(request, () => ({
      ...listingOf(entries, engineNowMs, this.#inSameWords, this.#traits),
      refusal,
    }))
  }

  #remove(request: Request, called: string, force: boolean): void {
    const { wire } = this
    const random = this.#random
    // As engines do: the start of an id will do, and so will a name.
    const { alive } = this
    const body =
      alive.find(({ id }) => id === called) ??
      alive.find(({ id, name }) => id.startsWith(called) || name === called)
    if (!body || this.#meets(body, 'ghost')) return wire.refuse(request, 404, 'no such container')
    const conflict = this.#traits.saysOnly500 ? 500 : 409
    if (body.isRemovalUnderWay)
      return wire.refuse(request, conflict, `removal of container ${called} is already in progress`)
    if (!force && isAtWork(body)) {
      return wire.refuse(request, conflict, `cannot remove container ${called}: it is running`)
    }
    if (body.state === 'paused' && this.#traits.refusesPaused)
      return wire.refuse(request, conflict, 'container is paused')
    if (this.#traits.isPodman && this.#hasDependents(body)) {
      // It is stopped before its dependents are checked.
      this.#witness.note('engine:refuses-dependents')
      if (isAtWork(body)) this.#endByRequest(body)
      this.#killGuests(body)
      return wire.refuse(request, 500, 'container has dependent containers which must be removed before it')
    }
    if (this.#meets(body, 'denied')) return wire.refuse(request, 403, 'not allowed by policy')
    if (this.#meets(body, 'overloaded')) return wire.refuse(request, 503, 'try again later')
    if (this.#meets(body, 'refused')) {
      // It was killed, and stays there; a policy may bring it back.
      if (body.state === 'running' && random.chance(0.5)) {
        body.isEndedByRequest = true
        this.die(body)
      } else if (!this.#traits.isPodman && random.chance(0.5)) this.#leaveHalfRemoved(body)
      if (body.state === 'exited') this.#startAndFail(body)
      return wire.refuse(request, 500, 'device or resource busy')
    }
    if (this.#meets(body, 'hangs')) return undefined
    if (this.#meets(body, 'answered-early')) {
      wire.answer(request, () => 'done')
      return this.#goAway(body, request.process, random.between(500, 8000), () => {})
    }
    const isSilent = this.#meets(body, 'hangs-then-does')
    const isSlow = this.#meets(body, 'slow')
    const takesMs = isSilent
      ? random.between(1000, 60_000)
      : isSlow
        ? random.between(2000, 40_000)
        : random.between(5, 200)
    return this.#goAway(body, request.process, takesMs, () => {
      if (!isSilent) wire.answer(request, () => 'done')
    })
  }

  /** Somebody starts again what a removal of ours has ended, and it ends by itself. */
  #startAndFail(body: Body): void {
    const may = (state: string) =>
      body.removedMs === undefined && !body.isRemovalUnderWay && body.state === state
    this.#timeline.after(this.#random.between(100, 20_000), () => {
      if (this.isCalm || !this.isUp || !may('exited')) return
      this.start(body)
      this.#timeline.after(this.#random.between(500, 60_000), () => {
        if (!may('running')) return
        this.#witness.note('agent:starts-what-we-ended')
        this.put(body, 'exited')
      })
    })
  }

  /** Listings keep showing the failed removal as in progress; an inspection does not. */
  #leaveHalfRemoved(body: Body): void {
    body.isEndedByRequest = true
    this.#witness.note('engine:lists-failed-removals')
    this.put(body, 'dead')
    this.#timeline.after(300, () => {
      if (body.state === 'dead') body.listedState = 'removing'
    })
  }

  #hasDependents({ id }: Body): boolean {
    return this.alive.some(({ shares }) => shares.some(({ holderId }) => holderId === id))
  }

  #goAway(body: Body, process: Process, takesMs: number, then: () => void): void {
    body.isRemovalUnderWay = true
    body.removalBy = process
    this.#timeline.after(takesMs, () =>
      this.wire.whenUp(() => {
        // A crash in between has undone it.
        if (!body.isRemovalUnderWay) return
        body.isRemovalUnderWay = false
        if (body.isHalfRemoved) this.#witness.note('engine:half-removed-finished')
        this.end(body)
        then()
      }),
    )
  }

  #meets(body: Body, kind: RemovalFault): boolean {
    const { removalFault } = body
    if (removalFault?.kind !== kind || removalFault.times <= 0) return false
    removalFault.times--
    this.#witness.note(`removalFault:${kind}`)
    return true
  }

  #stop(request: Request, body: Body, graceSeconds: number): void {
    this.#timeline.after(this.#random.between(50, Math.max(300, graceSeconds * 1000)), () =>
      this.wire.whenUp(() => {
        // Ended by request, it stays ended, whatever its policy.
        if (body.removedMs === undefined && !hasEnded(body)) {
          this.#endByRequest(body)
          this.#startAndFail(body)
        }
        this.wire.answer(request, () => 'done')
      }),
    )
  }
}
