import { AnswerError } from '../../src/engine/failure.ts'
import type { CallOptions, ContainerSummary, Engine, Listing } from '../../src/engine/port.ts'
import { toSummary } from '../../src/engine/summary.ts'
import { EngineError, type FailureKind } from '../../src/errors.ts'
import type { Random } from './random.ts'
import type { Process, Timeline } from './timeline.ts'

export type RemovalTrouble = 'refused' | 'hangs' | 'hangs-then-does' | 'ghost' | 'answered-early' | 'slow'

/** A container as it truly is, whatever a listing says of it. */
export interface Body {
  readonly id: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly imageId: string
  readonly networkMode: string
  /** By the world's time, and by the engine's clock of that moment. */
  readonly createdMs: number
  readonly createdAtMs: number
  state: string
  removedMs: number | undefined
  isRemovalUnderWay: boolean
  /** What goes wrong when it is to be removed, and how often. */
  trouble: { readonly kind: RemovalTrouble; times: number } | undefined
}

export type Verb = 'list' | 'info' | 'imageLabels' | 'networkMode' | 'remove' | 'stop' | 'unpause'
export type Condition = 'up' | 'down' | 'wedged'
/** Faults of an engine that is up. */
export type Fault = 'broken-listing' | 'denied' | 'web-page' | 'slow' | 'crawling'
export type Lie =
  | 'stale'
  | 'ghosts'
  | 'omits'
  | 'duplicates'
  | 'short-ids'
  | 'misshapen'
  | 'no-date'
  | 'ignores-filter'
  | 'loses-answers'

/** One call of the process under test, as it leaves the port and as it comes back. */
export interface Call {
  readonly verb: Verb
  readonly id: string | undefined
  readonly label: string | undefined
  readonly deadlineMs: number
  readonly process: Process
}

export interface Witness {
  leaves(call: Call): void
  answered(call: Call, answer: unknown): void
  failed(call: Call, error: EngineError): void
}

interface Request extends Call {
  readonly carryOut: (request: Request) => void
  readonly settle: (outcome: () => unknown) => void
  isArrived: boolean
}

export interface EngineTraits {
  /** Whether listings tell network modes; Podman's do not. */
  readonly listsNetworks: boolean
  /** Whether it refuses to remove a paused container. */
  readonly refusesPaused: boolean
}

/** The engine of the simulated world, behind the port. */
export class SimulatedEngine {
  readonly bodies: Body[] = []
  readonly images = new Map<string, Readonly<Record<string, string>>>()
  readonly faults = new Set<Fault>()
  readonly lies = new Set<Lie>()
  /** How far its clock is ahead of the world's time. */
  clockOffsetMs = 0
  condition: Condition = 'up'
  readonly #timeline: Timeline
  readonly #random: Random
  readonly #traits: EngineTraits
  readonly #witness: Witness
  readonly #open = new Set<Request>()
  #queue: (() => void)[] = []

  constructor(timeline: Timeline, random: Random, traits: EngineTraits, witness: Witness) {
    this.#timeline = timeline
    this.#random = random
    this.#traits = traits
    this.#witness = witness
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

  create(body: Pick<Body, 'id' | 'name' | 'labels' | 'imageId' | 'networkMode' | 'state' | 'trouble'>): Body {
    const whole: Body = {
      ...body,
      createdMs: this.#timeline.nowMs,
      createdAtMs: Math.floor(this.nowMs / 1000) * 1000,
      removedMs: undefined,
      isRemovalUnderWay: false,
    }
    this.bodies.push(whole)
    return whole
  }

  /** Everything that was asked and not answered is cut off; some of it was carried out. */
  crash(): void {
    this.condition = 'down'
    this.#queue = []
    for (const request of this.#open) {
      if (request.isArrived) this.#fail(request, 'unavailable', 'the connection was reset', 'ECONNRESET')
    }
    for (const body of this.bodies) body.isRemovalUnderWay = false
  }

  wedge(): void {
    this.condition = 'wedged'
  }

  /** Carries out what was asked meanwhile, in its order. */
  recover(): void {
    this.condition = 'up'
    for (const run of this.#queue.splice(0)) run()
  }

  /** The engine as the process sees it. */
  portFor(process: Process): Engine {
    const call = <T>(
      verb: Verb,
      id: string | undefined,
      options: CallOptions & { label?: string | undefined },
      carryOut: Request['carryOut'],
    ) =>
      this.#call<T>(
        { verb, id, label: options.label, deadlineMs: options.deadlineMs, process },
        options.signal,
        carryOut,
      )
    return {
      address: 'simulated://engine',
      // It tells of nothing that happens: hints are all that is lost.
      events: ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('given up')))),
      list: (options) => call<Listing>('list', undefined, options, (request) => this.#list(request)),
      info: (options) =>
        call('info', undefined, options, (request) =>
          this.#answer(request, () => ({
            name: 'Simulated',
            version: '1',
            apiVersion: '1.41',
            clockOffsetMs: undefined,
          })),
        ),
      imageLabels: (imageId, options) =>
        call('imageLabels', imageId, options, (request) => this.#imageLabels(request, imageId)),
      networkMode: (id, options) =>
        call('networkMode', id, options, (request) => this.#networkMode(request, id)),
      remove: (id, options) => call('remove', id, options, (request) => this.#remove(request, id)),
      stop: (id, options) =>
        call('stop', id, options, (request) => this.#stop(request, id, options.graceSeconds)),
      unpause: (id, options) => call('unpause', id, options, (request) => this.#unpause(request, id)),
    }
  }

  #call<T>(call: Call, signal: AbortSignal | undefined, carryOut: Request['carryOut']): Promise<T> {
    this.#witness.leaves(call)
    const { process, verb, deadlineMs } = call
    return new Promise<T>((resolve, reject) => {
      let isSettled = false
      const settle = (outcome: () => unknown) => {
        if (isSettled) return
        isSettled = true
        process.clearTimeout(timer)
        signal?.removeEventListener('abort', giveUp)
        this.#open.delete(request)
        try {
          const answer = outcome()
          this.#witness.answered(call, answer)
          resolve(answer as T)
        } catch (thrown) {
          this.#witness.failed(call, thrown as EngineError)
          reject(thrown)
        }
      }
      const giveUp = () =>
        settle(() => {
          throw new EngineError('timed-out', `${verb}: given up`)
        })
      const timer = process.setTimeout(
        () =>
          settle(() => {
            throw new EngineError('timed-out', `${verb}: no answer within ${deadlineMs} ms`)
          }),
        deadlineMs,
      )
      const request: Request = { ...call, carryOut, settle, isArrived: false }
      this.#open.add(request)
      signal?.addEventListener('abort', giveUp, { once: true })
      this.#timeline.after(this.#lagMs(verb), () => this.#arrive(request))
    })
  }

  #lagMs(verb: Verb): number {
    if (verb === 'list' && this.faults.has('crawling')) return this.#random.between(8000, 24_000)
    if (this.faults.has('slow')) return this.#random.between(500, 4000)
    return this.#random.between(1, 30)
  }

  #arrive(request: Request): void {
    if (this.condition === 'down') {
      this.#fail(request, 'unavailable', 'nobody listens there', 'ECONNREFUSED')
      return
    }
    request.isArrived = true
    this.#whenUp(() => request.carryOut(request))
  }

  /** At once, or when it recovers from being wedged. */
  #whenUp(run: () => void): void {
    if (this.condition === 'wedged') this.#queue.push(run)
    else if (this.condition === 'up') run()
  }

  #answer(request: Request, outcome: () => unknown): void {
    if (this.lies.has('loses-answers') && this.#random.chance(0.4)) return
    this.#timeline.after(this.#random.between(1, 10), () =>
      this.#whenUp(() => request.process.receive(() => request.settle(outcome))),
    )
  }

  #fail(request: Request, kind: FailureKind, message: string, code?: string): void {
    const cause = code === undefined ? undefined : Object.assign(new Error(message), { code })
    request.process.receive(() =>
      request.settle(() => {
        throw new EngineError(kind, `${request.verb}: ${message}`, { cause })
      }),
    )
  }

  #refuse(request: Request, kind: FailureKind, message: string): void {
    this.#timeline.after(this.#random.between(1, 10), () =>
      this.#whenUp(() => this.#fail(request, kind, message)),
    )
  }

  #list(request: Request): void {
    if (this.faults.has('broken-listing')) return this.#refuse(request, 'unavailable', 'HTTP 500')
    if (this.faults.has('denied')) return this.#refuse(request, 'misconfigured', 'HTTP 403')
    if (this.faults.has('web-page')) return this.#refuse(request, 'invalid-answer', 'a web page')
    const entries = this.#entries(request.label)
    const engineNowMs = this.lies.has('no-date') ? undefined : Math.floor(this.nowMs / 1000) * 1000
    this.#answer(request, () => ({
      containers: readEntries(entries),
      engineNowMs,
      bytes: entries.length * 800,
    }))
  }

  #entries(label: string | undefined): object[] {
    const { lies } = this
    const isStale = lies.has('stale') && this.#random.chance(0.7)
    const asOfMs = this.#timeline.nowMs - (isStale ? this.#random.between(1000, 60_000) : 0)
    const ghostsSinceMs = asOfMs - (lies.has('ghosts') ? 20_000 : 0)
    const filter = lies.has('ignores-filter') ? undefined : label
    const shown = this.bodies.filter(({ createdMs, removedMs, labels }) => {
      if (createdMs > asOfMs || (removedMs !== undefined && removedMs <= ghostsSinceMs)) return false
      if (lies.has('omits') && this.#random.chance(0.25)) return false
      return filter === undefined || matches(labels, filter)
    })
    const entries = shown.map((body) => this.#entry(body))
    return lies.has('duplicates') ? [...entries, ...entries.slice(0, 3)] : entries
  }

  #entry({ id, name, labels, imageId, networkMode, createdAtMs, state }: Body): object {
    const isShort = this.lies.has('short-ids')
    return {
      Id: isShort ? id.slice(0, 12) : id,
      Names: [`/${name}`],
      Image: 'busybox:test',
      ImageID: imageId,
      State: state,
      Created: createdAtMs / 1000,
      Labels: this.lies.has('misshapen') ? ['wrong'] : labels,
      HostConfig: this.#traits.listsNetworks ? { NetworkMode: networkMode } : {},
    }
  }

  #imageLabels(request: Request, imageId: string): void {
    const labels = this.images.get(imageId)
    if (labels) this.#answer(request, () => labels)
    else this.#refuse(request, 'gone', 'no such image')
  }

  #networkMode(request: Request, id: string): void {
    const body = this.find(id)
    if (body) this.#answer(request, () => body.networkMode)
    else this.#refuse(request, 'gone', 'no such container')
  }

  #remove(request: Request, called: string): void {
    // As engines do: the start of an id will do, and so will a name.
    const body = this.alive.find(({ id, name }) => id.startsWith(called) || name === called)
    if (!body || this.#meets(body, 'ghost')) return this.#refuse(request, 'gone', 'no such container')
    if (body.isRemovalUnderWay) return this.#refuse(request, 'in-progress', 'removal is already in progress')
    if (body.state === 'paused' && this.#traits.refusesPaused)
      return this.#refuse(request, 'refused', 'is paused')
    if (this.#meets(body, 'refused')) {
      if (body.state === 'running' && this.#random.chance(0.5)) body.state = 'exited'
      return this.#refuse(request, 'refused', 'device or resource busy')
    }
    if (this.#meets(body, 'hangs')) return
    if (this.#meets(body, 'answered-early')) {
      this.#answer(request, () => undefined)
      return this.#goAway(body, this.#random.between(500, 8000), () => {})
    }
    const isSilent = this.#meets(body, 'hangs-then-does')
    const isSlow = this.#meets(body, 'slow')
    const takesMs = isSilent
      ? this.#random.between(1000, 60_000)
      : isSlow
        ? this.#random.between(2000, 40_000)
        : this.#random.between(5, 200)
    this.#goAway(body, takesMs, () => {
      if (!isSilent) this.#answer(request, () => undefined)
    })
  }

  #goAway(body: Body, takesMs: number, then: () => void): void {
    body.isRemovalUnderWay = true
    this.#timeline.after(takesMs, () =>
      this.#whenUp(() => {
        // A crash in between has undone it.
        if (!body.isRemovalUnderWay) return
        body.isRemovalUnderWay = false
        body.removedMs ??= this.#timeline.nowMs
        then()
      }),
    )
  }

  #meets(body: Body, kind: RemovalTrouble): boolean {
    const { trouble } = body
    if (trouble?.kind !== kind || trouble.times <= 0) return false
    trouble.times--
    return true
  }

  #stop(request: Request, id: string, graceSeconds: number): void {
    const body = this.find(id)
    if (!body) return this.#refuse(request, 'gone', 'no such container')
    this.#timeline.after(this.#random.between(50, graceSeconds * 1000), () =>
      this.#whenUp(() => {
        if (body.removedMs === undefined) body.state = 'exited'
        this.#answer(request, () => undefined)
      }),
    )
  }

  #unpause(request: Request, id: string): void {
    const body = this.find(id)
    if (!body) return this.#refuse(request, 'gone', 'no such container')
    if (body.state === 'paused') body.state = 'running'
    this.#answer(request, () => undefined)
  }
}

function matches(labels: Body['labels'], filter: string): boolean {
  const [key = '', value] = filter.split('=')
  return Object.hasOwn(labels, key) && (value === undefined || labels[key] === value)
}

/** Read by the real reader of entries: what it does not accept is no listing. */
function readEntries(entries: readonly object[]): readonly ContainerSummary[] {
  try {
    return entries.map(toSummary)
  } catch (thrown) {
    if (thrown instanceof AnswerError)
      throw new EngineError('invalid-answer', thrown.message, { cause: thrown })
    throw thrown
  }
}
