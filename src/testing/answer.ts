import type { ServerResponse } from 'node:http'
import type { Gate } from './gate.ts'
import type { MutableLoggedRequest } from './request-log.ts'

/** How a fault changes an answer before it is sent. */
export interface Shaping {
  /** Nothing is ever sent. */
  readonly isMute: boolean
  /** The connection closes after this many bytes of the body, or after half of it or of its first chunk. */
  readonly closeAfterBytes: number | 'half' | undefined
  /** Only the first half of the body is sent, as if it were complete. */
  readonly isCut: boolean
}

export const plainShaping: Shaping = { isMute: false, closeAfterBytes: undefined, isCut: false }

/** Sends the answer to one request, and records it in the request log. */
export class Answer {
  shaping: Shaping = plainShaping
  readonly #response: ServerResponse
  readonly #gate: Gate
  readonly #entry: MutableLoggedRequest
  /** The engine's wall clock. The date of an answer is the time of its first byte. */
  readonly #now: () => number
  #isOver = false

  constructor(response: ServerResponse, gate: Gate, entry: MutableLoggedRequest, now: () => number) {
    this.#now = now
    this.#response = response
    this.#gate = gate
    this.#entry = entry
  }

  get hasBegun(): boolean {
    return this.#response.headersSent || this.#isOver
  }

  /** Whether the client has disconnected. */
  get isAbandoned(): boolean {
    return this.#response.destroyed || this.#response.socket === null
  }

  onAbandoned(run: () => void): void {
    this.#response.once('close', run)
  }

  setHeader(name: string, value: string): void {
    this.#response.setHeader(name, value)
  }

  /** Sends a complete answer with a JSON body. */
  json(status: number, value: unknown): Promise<void> {
    return this.text(status, `${JSON.stringify(value)}\n`, 'application/json')
  }

  async text(status: number, text: string, contentType: string): Promise<void> {
    await this.#gate.pass()
    if (!this.#begin(status, contentType)) return
    const whole = Buffer.from(text)
    const body = this.shaping.isCut ? whole.subarray(0, Math.floor(whole.length / 2)) : whole
    this.#response.setHeader('Content-Length', body.length)
    const { closeAfterBytes } = this.shaping
    if (closeAfterBytes === undefined) return this.#finish(body)
    await this.#closeAfter(
      body.subarray(0, closeAfterBytes === 'half' ? Math.floor(body.length / 2) : closeAfterBytes),
    )
  }

  async empty(status: number): Promise<void> {
    await this.#gate.pass()
    if (this.shaping.closeAfterBytes !== undefined) return this.cut()
    if (this.#begin(status, undefined)) this.#finish(undefined)
  }

  /** Begins a chunked answer. Returns false if the client has disconnected. */
  async stream(contentType: string): Promise<boolean> {
    await this.#gate.pass()
    if (!this.#begin(200, contentType)) return false
    this.#response.flushHeaders()
    return true
  }

  /** Sends a chunk, with backpressure. Returns false if no further chunks are needed. */
  async write(text: string): Promise<boolean> {
    await this.#gate.pass()
    if (this.#isOver || this.isAbandoned) return false
    const piece = Buffer.from(text)
    const { closeAfterBytes, isCut } = this.shaping
    if (isCut) {
      this.#finish(piece.subarray(0, Math.floor(piece.length / 2)))
      return false
    }
    if (closeAfterBytes !== undefined) {
      const left =
        closeAfterBytes === 'half' ? Math.floor(piece.length / 2) : closeAfterBytes - this.#entry.bytes
      if (left <= piece.length) {
        await this.#closeAfter(piece.subarray(0, left))
        return false
      }
    }
    this.#entry.bytes += piece.length
    if (!this.#response.write(piece)) await this.#drained()
    return !this.isAbandoned
  }

  async end(): Promise<void> {
    await this.#gate.pass()
    if (!this.#isOver) this.#finish(undefined)
  }

  /** Closes the connection immediately. */
  cut(): void {
    this.#isOver = true
    this.#response.socket?.destroy()
  }

  #begin(status: number, contentType: string | undefined): boolean {
    if (this.#isOver || this.shaping.isMute) {
      this.#isOver = true
      return false
    }
    this.#entry.status = status
    this.#response.statusCode = status
    this.#response.setHeader('Date', new Date(this.#now()).toUTCString())
    if (contentType !== undefined) this.#response.setHeader('Content-Type', contentType)
    return !this.isAbandoned
  }

  #finish(body: Buffer | undefined): void {
    this.#isOver = true
    this.#entry.bytes += body?.length ?? 0
    this.#response.end(body)
  }

  async #closeAfter(body: Buffer): Promise<void> {
    this.#isOver = true
    this.#entry.bytes += body.length
    if (body.length === 0) this.#response.flushHeaders()
    else await new Promise<void>((flushed) => this.#response.write(body, () => flushed()))
    this.#response.socket?.destroySoon()
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#response.off('drain', done)
        this.#response.off('close', done)
        resolve()
      }
      this.#response.on('drain', done)
      this.#response.on('close', done)
    })
  }
}
