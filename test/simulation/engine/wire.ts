import { EngineError } from '../../../src/domain/errors.ts'
import { type FailureContext, StatusError, toEngineError } from '../../../src/engine/failure.ts'
import type { ChangeOptions } from '../../../src/engine/port.ts'
import type { Fault, Lie, Outage } from '../plan.ts'
import type { Random } from '../random.ts'
import type { Process, Timeline } from '../timeline.ts'
import type { Word } from '../vocabulary.ts'

export const address = 'simulated://engine'

export type Verb = FailureContext['verb']

/** One call of the process under test, as it leaves the port and as it comes back. */
export interface Call {
  readonly verb: Verb
  readonly id: string | undefined
  readonly label: string | undefined
  readonly deadlineMs: number
  readonly process: Process
}

/** Sees everything that passes the port, and what the world does to it. */
export interface Witness {
  /** The process asks for something. */
  leaves(call: Call): void
  /** The last question has approved a request that changes something: its bytes leave now. */
  departs(call: Call): void
  answered(call: Call, answer: unknown): void
  failed(call: Call, error: EngineError): void
  note(word: Word): void
}

export interface Request extends Call {
  readonly call: Call
  readonly carryOut: (request: Request) => void
  /** What is asked when the connection is established, and notified when it is sent; undefined of what changes nothing. */
  readonly change: ChangeOptions | undefined
  readonly settle: (outcome: () => unknown) => void
  isArrived: boolean
  readonly isSettled: () => boolean
}

/** The connection between the process and the engine, and the fate of requests in transit. */
export class Wire {
  readonly faults = new Set<Fault>()
  readonly lies = new Set<Lie>()
  condition: 'up' | Outage = 'up'
  readonly #timeline: Timeline
  readonly #random: Random
  readonly #witness: Witness
  readonly #open = new Set<Request>()
  #queue: (() => void)[] = []

  constructor(timeline: Timeline, random: Random, witness: Witness) {
    this.#timeline = timeline
    this.#random = random
    this.#witness = witness
  }

  /** Every pending request is cut off; some were carried out. */
  cut(): void {
    this.condition = 'down'
    this.#queue = []
    for (const request of this.#open) {
      if (request.isArrived) this.#break(request, this.#random.pick(['ECONNRESET', 'EPIPE']))
    }
  }

  /** Carries out what was asked meanwhile, in its order. */
  mend(): void {
    this.condition = 'up'
    for (const run of this.#queue.splice(0)) run()
  }

  /** At once, or when it recovers from being wedged. */
  whenUp(run: () => void): void {
    if (this.condition === 'wedged') this.#queue.push(run)
    else if (this.condition === 'up') run()
  }

  call<T>(
    call: Call,
    signal: AbortSignal | undefined,
    carryOut: Request['carryOut'],
    change?: ChangeOptions,
  ): Promise<T> {
    this.#witness.note(`asks:${call.verb}` as Word)
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
      const request: Request = {
        ...call,
        call,
        carryOut,
        change,
        settle,
        isArrived: false,
        isSettled: () => isSettled,
      }
      this.#open.add(request)
      signal?.addEventListener('abort', giveUp, { once: true })
      if (change) this.#timeline.after(this.#connectingMs(), () => this.#connected(request, change))
      else this.#timeline.after(this.lagMs(verb), () => this.#arrive(request))
    })
  }

  /** A handshake takes time, and with few sockets a request waits for a connection. */
  #connectingMs(): number {
    if (!this.faults.has('few-sockets')) return this.#random.between(1, 30)
    this.#witness.note('fault:few-sockets')
    return this.#random.between(200, 7000)
  }

  #connected(request: Request, { maySend }: ChangeOptions): void {
    if (this.condition === 'down') {
      this.#witness.note('outage:down')
      return this.#break(request, 'ECONNREFUSED')
    }
    return request.process.receive(() => {
      if (request.isSettled()) return
      this.#witness.note('wire:asked-last')
      const answer = maySend()
      const go = (mayGo: boolean) => this.#sendOrWithhold(request, mayGo)
      if (answer instanceof Promise) void answer.then(go, () => go(false))
      else go(answer)
    })
  }

  #sendOrWithhold(request: Request, mayGo: boolean): void {
    if (!mayGo) {
      this.#witness.note('wire:withheld')
      return request.settle(() => 'withheld')
    }
    // Aborted meanwhile.
    if (request.isSettled()) return undefined
    request.change?.onSent?.()
    this.#witness.departs(request.call)
    this.#timeline.after(this.lagMs(request.verb), () => this.#arrive(request))
    return undefined
  }

  lagMs(verb: Verb): number {
    if (verb === 'list' && this.faults.has('crawling')) {
      this.#witness.note('fault:crawling')
      return this.#random.between(8000, 24_000)
    }
    if (!this.faults.has('slow')) return this.#random.between(1, 30)
    this.#witness.note('fault:slow')
    return this.#random.between(500, 4000)
  }

  #arrive(request: Request): void {
    if (this.condition === 'down') {
      this.#witness.note('outage:down')
      // What was sent after its last question had a connection.
      return this.#break(request, request.change ? 'ECONNRESET' : 'ECONNREFUSED')
    }
    if (this.condition === 'wedged') this.#witness.note('outage:wedged')
    request.isArrived = true
    this.whenUp(() => {
      if (!this.faults.has('overloaded') || this.#random.chance(0.1)) return request.carryOut(request)
      this.#witness.note('fault:overloaded')
      return this.refuse(request, 503, 'overloaded')
    })
  }

  /** The answer comes back, or is lost in transit. Producing it may take a few promises. */
  answer(request: Request, outcome: () => unknown): void {
    if (this.lies.has('loses-answers') && this.#random.chance(0.4)) {
      this.#witness.note('lie:loses-answers')
      return
    }
    this.#back(request, () => request.settle(outcome))
  }

  /** An answer that has to be read first, by the library's own reader. */
  answerWith(request: Request, read: () => Promise<unknown>): void {
    this.#back(
      request,
      () =>
        void read().then(
          (answer) => request.settle(() => answer),
          (thrown: unknown) => this.#reject(request, thrown),
        ),
    )
  }

  /** The engine says no, as HTTP does. */
  refuse(request: Request, status: number, detail: string): void {
    this.#witness.note(`refusal:${status}` as Word)
    this.#back(request, () => this.#reject(request, new StatusError(status, detail, true)))
  }

  #back(request: Request, read: () => void): void {
    this.#timeline.after(this.#random.between(1, 10), () => this.whenUp(() => request.process.receive(read)))
  }

  #break(request: Request, code: string): void {
    request.process.receive(() => this.#reject(request, Object.assign(new Error(code), { code })))
  }

  #reject({ verb, id, settle }: Request, thrown: unknown): void {
    settle(() => {
      throw toEngineError(thrown, { verb, address, subject: id?.slice(0, 12) })
    })
  }
}
