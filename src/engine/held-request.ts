import type { ClientRequest } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { AnswerError, ReachError } from './failure.ts'
import { expectPong } from './ping.ts'

export interface HeldRequestOptions {
  /** fresh-scan: the last question. The request is withheld unless it returns exactly `true`. */
  readonly maySend: () => boolean | Promise<boolean>
  /** Called right before the first byte is written. */
  readonly onSent?: (() => void) | undefined
  /** Whether the call is over, because of its deadline or an abort. */
  readonly isOver: () => boolean
  /** Aborted when the call is over. */
  readonly signal: AbortSignal
}

/** `expected`: the next request is created by the guarded modem, which holds it. */
type State = 'new' | 'expected' | 'waiting' | 'asking' | 'sent' | 'never'

/**
 * fresh-scan: holds a request until its connection is established, asks the last question, and then sends the request in
 * the same turn of the event loop or never. At most one request per call is sent, and only once.
 */
export class HeldRequest {
  /** Settles if the request is never sent: resolves with `withheld`, or rejects if the connection fails. */
  readonly withheld: Promise<'withheld'>
  readonly #options: HeldRequestOptions
  #state: State = 'new'
  #request: ClientRequest | undefined
  #withhold!: () => void
  #fail!: (error: unknown) => void

  constructor(options: HeldRequestOptions) {
    this.#options = options
    this.withheld = new Promise((resolve, reject) => {
      this.#withhold = () => resolve('withheld')
      this.#fail = reject
    })
    // the caller adds its handler later
    this.withheld.catch(() => {})
    options.signal.addEventListener('abort', () => this.#close(), { once: true })
  }

  /** Announces that the next request will be passed to `hold`. */
  expect(): void {
    if (this.#state === 'new') this.#state = 'expected'
  }

  get isExpected(): boolean {
    return this.#state === 'expected'
  }

  get wasSent(): boolean {
    return this.#state === 'sent'
  }

  /** Takes over a request before any of its bytes are sent. */
  hold(request: ClientRequest): void {
    const send = holdBack(request)
    const isFirst = this.#state === 'expected'
    // headers that were flushed early cannot be held back
    if (isFirst && request.writableLength === 0 && !this.#options.isOver()) {
      this.#state = 'waiting'
      this.#request = request
      request.prependListener('response', () => this.#expectToBeSent())
      request.once('close', () => this.#close())
      request.once('socket', (socket: Duplex) => {
        this.#sendIfAllowed(request, socket, send).catch((error: unknown) => this.#stop(error))
      })
      return
    }
    const error = new ReachError(
      'misconfigured',
      'the Dockerode instance sends a request before it is allowed',
    )
    if (isFirst) this.#stop(error)
    // the request has no error listeners yet
    request.once('error', () => {})
    request.destroy(error)
  }

  async #sendIfAllowed(request: ClientRequest, socket: Duplex, send: () => void): Promise<void> {
    await untilConnected(socket)
    // first let pending events run: late bytes of the previous response, or the end of an idle connection
    if (request.reusedSocket) await twoTurns()
    if (this.#isClosed()) return
    if (!(socket instanceof Socket)) await expectPong(socket)
    if (this.#isClosed()) return
    this.#state = 'asking'
    // only an asynchronous answer can come between the question and the write
    const answer = askNow(this.#options.maySend)
    const isAllowed = typeof answer === 'boolean' ? answer : await answer
    if (this.#isClosed()) return
    if (!isAllowed) {
      this.#withhold()
      this.#close()
    } else if (socket.destroyed || !socket.writable) {
      this.#stop(new ReachError('unavailable', 'the connection broke before the request was sent'))
    } else {
      this.#state = 'sent'
      this.#options.onSent?.()
      send()
    }
  }

  #isClosed(): boolean {
    return this.#state === 'never' || this.#options.isOver()
  }

  /** A response that arrives before the request was sent belongs to another one. */
  #expectToBeSent(): void {
    if (this.wasSent) return
    this.#stop(new AnswerError('the engine responded before the request was sent'))
  }

  #stop(error: unknown): void {
    this.#fail(error)
    this.#close()
  }

  #close(): void {
    if (this.#state === 'sent' || this.#state === 'never') return
    this.#state = 'never'
    this.#request?.destroy()
  }
}

/** Buffers what is written to an unsent request; the returned function sends it. */
function holdBack(request: ClientRequest): () => void {
  const own = {
    write: request.write.bind(request),
    end: request.end.bind(request),
    flushHeaders: request.flushHeaders.bind(request),
  }
  const kept: (() => void)[] = []
  const keep =
    <T>(act: (...args: never[]) => unknown, result: T) =>
    (...args: never[]): T => {
      kept.push(() => void act(...args))
      return result
    }
  Object.assign(request, {
    write: keep(own.write, true),
    end: keep(own.end, request),
    flushHeaders: keep(own.flushHeaders, undefined),
  })
  return () => {
    Object.assign(request, own)
    for (const act of kept) act()
  }
}

/** A throw or a rejection counts as `false`. */
function askNow(maySend: () => boolean | Promise<boolean>): boolean | Promise<boolean> {
  try {
    const answer: unknown = maySend()
    if (typeof answer !== 'object' || answer === null) return answer === true
    return Promise.resolve(answer).then(
      (later: unknown) => later === true,
      () => false,
    )
  } catch {
    return false
  }
}

/** Resolves when the handshakes with the direct peer are done. */
async function untilConnected(stream: Duplex): Promise<void> {
  if (stream instanceof TLSSocket) {
    const { secureConnecting } = stream as { readonly secureConnecting?: boolean }
    if (secureConnecting !== false) await emitted(stream, 'secureConnect')
  } else if (stream instanceof Socket && stream.pending) await emitted(stream, 'connect')
}

function emitted(stream: Duplex, event: string): Promise<void> {
  return new Promise((resolve) => stream.once(event, () => resolve()))
}

/** Resolves when all events that are already pending have been handled. */
async function twoTurns(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
