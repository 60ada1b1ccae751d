import type { CallOptions, Engine, Listing } from '../../../src/engine/port.ts'
import { createSameWords } from '../../support/same-words.ts'
import type { Trouble } from '../plan.ts'
import type { Random } from '../random.ts'
import type { Setting } from '../setting.ts'
import type { Process, Timeline } from '../timeline.ts'
import type { Body, Draft } from './body.ts'
import { EventStreams } from './events.ts'
import { brokenBodies, entriesOf, listingOf, readBroken } from './listing.ts'
import { address, type Request, type Verb, Wire, type Witness } from './wire.ts'

type Traits = Pick<Setting, 'listsNetworks' | 'refusesPaused' | 'saysOnly500'>

/** The engine of the simulated world, behind the port. */
export class SimulatedEngine {
  readonly bodies: Body[] = []
  readonly images = new Map<string, Readonly<Record<string, string>>>()
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
    const body: Body = {
      holderId: undefined,
      restartsAfterMs: undefined,
      trouble: undefined,
      ...draft,
      createdMs: this.#timeline.nowMs,
      createdAtMs: Math.floor(this.nowMs / 1000) * 1000,
      removedMs: undefined,
      isRemovalUnderWay: false,
    }
    this.bodies.push(body)
    this.events.tell('create', body)
    if (body.state === 'running') this.events.tell('start', body)
    return body
  }

  /** Somebody changes what state it is in. */
  put(body: Body, state: string): void {
    body.state = state
    this.events.tell(
      ({ exited: 'die', paused: 'pause', running: 'start' } as Record<string, string>)[state] ?? state,
      body,
    )
  }

  /** It ended without being told to, and its policy may bring it back. */
  die(body: Body): void {
    this.put(body, 'exited')
    const { restartsAfterMs } = body
    if (restartsAfterMs === undefined) return
    this.#timeline.after(restartsAfterMs, () => {
      if (body.removedMs !== undefined || body.state !== 'exited') return
      this.#witness.note('agent:comes-back-by-policy')
      this.put(body, 'running')
    })
  }

  end(body: Body): void {
    if (body.removedMs !== undefined) return
    body.removedMs = this.#timeline.nowMs
    if (body.state === 'running') this.events.tell('die', body)
    this.events.tell('destroy', body)
  }

  crash(): void {
    this.wire.cut()
    this.events.cut()
    for (const body of this.bodies) body.isRemovalUnderWay = false
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
      imageLabels: (imageId, options) =>
        call('imageLabels', imageId, options, (request) => {
          const labels = this.images.get(imageId)
          if (labels) wire.answer(request, () => labels)
          else wire.refuse(request, 404, 'no such image')
        }),
      networkMode: (id, options) =>
        call('networkMode', id, options, (request) =>
          this.#withBody(request, id, (body) => wire.answer(request, () => body.networkMode)),
        ),
      remove: (id, options) => call('remove', id, options, (request) => this.#remove(request, id)),
      stop: (id, options) =>
        call('stop', id, options, (request) =>
          this.#withBody(request, id, (body) => this.#stop(request, body, options.graceSeconds)),
        ),
      unpause: (id, options) =>
        call('unpause', id, options, (request) =>
          this.#withBody(request, id, (body) => {
            if (body.state === 'paused') body.state = 'running'
            wire.answer(request, () => undefined)
          }),
        ),
    }
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
    return wire.answer(request, () => listingOf(entries, engineNowMs, this.#inSameWords))
  }

  #remove(request: Request, called: string): void {
    const { wire } = this
    const random = this.#random
    // As engines do: the start of an id will do, and so will a name.
    const body = this.alive.find(({ id, name }) => id.startsWith(called) || name === called)
    if (!body || this.#meets(body, 'ghost')) return wire.refuse(request, 404, 'no such container')
    const conflict = this.#traits.saysOnly500 ? 500 : 409
    if (body.isRemovalUnderWay)
      return wire.refuse(request, conflict, `removal of container ${called} is already in progress`)
    if (body.state === 'paused' && this.#traits.refusesPaused)
      return wire.refuse(request, conflict, 'container is paused')
    if (this.#meets(body, 'overloaded')) return wire.refuse(request, 503, 'try again later')
    if (this.#meets(body, 'refused')) {
      // It was killed, and stays there; a policy may bring it back.
      if (body.state === 'running' && random.chance(0.5)) this.die(body)
      return wire.refuse(request, 500, 'device or resource busy')
    }
    if (this.#meets(body, 'hangs')) return undefined
    if (this.#meets(body, 'answered-early')) {
      wire.answer(request, () => undefined)
      return this.#goAway(body, random.between(500, 8000), () => {})
    }
    const isSilent = this.#meets(body, 'hangs-then-does')
    const isSlow = this.#meets(body, 'slow')
    const takesMs = isSilent
      ? random.between(1000, 60_000)
      : isSlow
        ? random.between(2000, 40_000)
        : random.between(5, 200)
    return this.#goAway(body, takesMs, () => {
      if (!isSilent) wire.answer(request, () => undefined)
    })
  }

  #goAway(body: Body, takesMs: number, then: () => void): void {
    body.isRemovalUnderWay = true
    this.#timeline.after(takesMs, () =>
      this.wire.whenUp(() => {
        // A crash in between has undone it.
        if (!body.isRemovalUnderWay) return
        body.isRemovalUnderWay = false
        this.end(body)
        then()
      }),
    )
  }

  #meets(body: Body, kind: Trouble): boolean {
    const { trouble } = body
    if (trouble?.kind !== kind || trouble.times <= 0) return false
    trouble.times--
    this.#witness.note(`trouble:${kind}`)
    return true
  }

  #stop(request: Request, body: Body, graceSeconds: number): void {
    this.#timeline.after(this.#random.between(50, graceSeconds * 1000), () =>
      this.wire.whenUp(() => {
        // Told to end, it stays ended, whatever its policy.
        if (body.removedMs === undefined) this.put(body, 'exited')
        this.wire.answer(request, () => undefined)
      }),
    )
  }
}
