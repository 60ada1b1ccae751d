import { EngineError } from '../../../src/domain/errors.ts'
import { readEvents } from '../../../src/engine/event-stream.ts'
import { AnswerError, StatusError, toEngineError } from '../../../src/engine/failure.ts'
import type { EventsCall } from '../../../src/engine/port.ts'
import type { Mischief } from '../plan.ts'
import type { Random } from '../random.ts'
import { ownerLabel, ownerValue } from '../setting.ts'
import type { Process, Timeline } from '../timeline.ts'
import type { Body } from './body.ts'
import { address, type Wire, type Witness } from './wire.ts'

/** Bytes as they come in, until the stream ends or breaks. */
class Chunks implements AsyncIterable<Buffer> {
  #waiting: Buffer[] = []
  #wake: () => void = () => {}
  #end: { readonly error: Error | undefined } | undefined

  push(chunk: Buffer): void {
    this.#waiting.push(chunk)
    this.#wake()
  }

  end(error?: Error): void {
    this.#end ??= { error }
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for (;;) {
      const chunk = this.#waiting.shift()
      if (chunk) yield chunk
      else if (this.#end?.error) throw this.#end.error
      else if (this.#end) return
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
    }
  }
}

interface Stream {
  readonly process: Process
  readonly actions: readonly string[]
  readonly chunks: Chunks
  /** Events in transit arrive in order. */
  arrivesMs: number
}

/** The engine's event stream, with every fault that it can have. */
export class EventStreams {
  readonly mischiefs = new Set<Mischief>()
  readonly #timeline: Timeline
  readonly #random: Random
  readonly #witness: Witness
  readonly #wire: Wire
  readonly #streams = new Set<Stream>()
  #invented = 0

  constructor(timeline: Timeline, random: Random, witness: Witness, wire: Wire) {
    this.#timeline = timeline
    this.#random = random
    this.#witness = witness
    this.#wire = wire
  }

  get openCount(): number {
    return this.#streams.size
  }

  /** As the port promises it; the bytes are read by the library's own reader. */
  follow(process: Process, call: EventsCall): Promise<void> {
    this.#witness.note('asks:events')
    const { signal } = call
    const stream: Stream = { process, actions: call.actions, chunks: new Chunks(), arrivesMs: 0 }
    return new Promise<void>((resolve, reject) => {
      const giveUp = () => {
        const error = new EngineError('timed-out', 'events: given up')
        stream.chunks.end(error)
        reject(error)
      }
      signal.addEventListener('abort', giveUp, { once: true })
      const fail = (thrown: unknown) =>
        process.receive(() => reject(toEngineError(thrown, { verb: 'events', address })))
      const open = () => {
        if (signal.aborted) return
        this.#streams.add(stream)
        process.receive(() => {
          if (signal.aborted) return
          call.onOpen()
          void this.#read(stream, call).then(resolve, reject)
        })
      }
      this.#timeline.after(this.#wire.lagMs('events'), () => this.#arrive(open, fail))
    }).finally(() => {
      this.#streams.delete(stream)
    })
  }

  async #read({ chunks }: Stream, { onEvent }: EventsCall): Promise<void> {
    try {
      for await (const event of readEvents(chunks)) onEvent(event)
    } catch (thrown) {
      throw toEngineError(thrown, { verb: 'events', address })
    }
  }

  #arrive(open: () => void, fail: (thrown: unknown) => void): void {
    if (this.#wire.condition === 'down')
      return fail(Object.assign(new Error('ECONNREFUSED'), { code: 'ECONNREFUSED' }))
    this.#wire.whenUp(() => {
      if (this.#has('hanging')) return undefined
      return this.#has('refused')
        ? fail(new StatusError(this.#random.pick([403, 404, 503]), 'no events', true))
        : open()
    })
  }

  /** Ends the fault; a hanging stream keeps hanging. */
  mend(mischief: Mischief): void {
    this.mischiefs.delete(mischief)
  }

  #has(mischief: Mischief): boolean {
    if (!this.mischiefs.has(mischief)) return false
    this.#witness.note(`mischief:${mischief}`)
    return true
  }

  /** Every stream ends, as in a restart of the engine. */
  cut(): void {
    for (const stream of this.#streams) {
      const error = this.#random.chance(0.5) ? reset() : undefined
      stream.process.receive(() => stream.chunks.end(error))
    }
  }

  /** Something happened to a container; it is emitted, unless it is lost. */
  emit(action: string, body: Body): void {
    if (this.#streams.size === 0) return
    const { id, labels, name, imageId } = body
    const line = lineOf(action, id, { ...labels, name, image: imageId })
    for (const stream of this.#streams) {
      if (!stream.actions.includes(action) && !this.#wire.lies.has('ignores-filter')) continue
      this.#send(stream, line)
      if (this.#has('invented')) this.#send(stream, this.#invent(body))
    }
  }

  /** So many events at once, all of them false. */
  flood(count: number, bodies: readonly Body[]): void {
    for (const stream of this.#streams) {
      const lines = Array.from({ length: count }, () => this.#invent(this.#random.pick(bodies)))
      this.#write(stream, Buffer.from(lines.join('')), 0)
    }
  }

  #send(stream: Stream, line: string): void {
    const random = this.#random
    if (this.mischiefs.size === 0) return this.#write(stream, Buffer.from(line), random.between(1, 20))
    if (this.mischiefs.has('lost') && random.chance(0.6)) return this.#witness.note('mischief:lost')
    const text = this.#has('doubled') ? line + line : line
    const laterMs = this.#has('late')
      ? random.between(1000, 30_000)
      : this.#has('reordered')
        ? random.between(1, 3000)
        : 0
    this.#timeline.after(laterMs, () => this.#sendNow(stream, text))
  }

  #sendNow(stream: Stream, text: string): void {
    const bytes = Buffer.from(text)
    if (this.#has('split')) {
      const at = this.#random.between(1, bytes.length - 1)
      this.#write(stream, bytes.subarray(0, at), 5)
      this.#write(stream, bytes.subarray(at), this.#random.between(1, 800))
    } else this.#write(stream, bytes, 5)
    if (this.mischiefs.has('garbled') && this.#random.chance(0.3) && this.#has('garbled'))
      this.#write(stream, Buffer.from('<html>\n'), 5)
    if (this.mischiefs.has('breaking') && this.#random.chance(0.3) && this.#has('breaking')) this.#end(stream)
  }

  #write(stream: Stream, bytes: Buffer, delayMs: number): void {
    const nowMs = this.#timeline.nowMs
    stream.arrivesMs = Math.max(stream.arrivesMs, nowMs + delayMs)
    this.#timeline.after(stream.arrivesMs - nowMs, () =>
      this.#wire.whenUp(() => stream.process.receive(() => stream.chunks.push(bytes))),
    )
  }

  #end(stream: Stream): void {
    const error = this.#random.chance(0.5) ? new AnswerError('the events end') : undefined
    stream.process.receive(() => stream.chunks.end(error))
  }

  /** An event of something that did not happen: of no container, of a foreign one, to one of ours, or to what is no id. */
  #invent(body: Body): string {
    const random = this.#random
    this.#invented++
    const unknownId = `${(this.#invented * 7919).toString(16).padStart(8, '0')}${'e'.repeat(56)}`
    const id = random.pick([unknownId, body.id, body.id.slice(0, 12), body.name, '', null, 7])
    const action = random.pick([
      'create',
      'start',
      'die',
      'destroy',
      'pause',
      'rename',
      'oom',
      '',
      'exec_start: sh',
    ])
    return lineOf(action, id, { [ownerLabel]: random.pick([ownerValue, ownerValue, 'agent-70']), name: 'x' })
  }
}

function reset(): Error {
  return Object.assign(new Error('ECONNRESET'), { code: 'ECONNRESET' })
}

function lineOf(action: string, id: unknown, attributes: object): string {
  return `${JSON.stringify({ Type: 'container', Action: action, Actor: { ID: id, Attributes: attributes }, time: 1 })}\n`
}
