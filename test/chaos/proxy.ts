import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answerTo, type Carried } from './carriage.ts'
import { onlyReads, readHead, type RequestHead, statusIn } from './wire.ts'

/** What can go wrong between an agent and its engine. */
export type Fault =
  /** The connection is accepted and closed without an answer. */
  | { readonly kind: 'hangs-up' }
  /** The request is read and goes nowhere; no answer ever comes. */
  | { readonly kind: 'never-answers' }
  /** The request reaches the engine late. */
  | { readonly kind: 'delays'; readonly ms: number }
  /** The answer comes in small pieces, one every 20 ms. */
  | { readonly kind: 'throttles'; readonly bytes: number }
  /** The connection closes after so many bytes of the answer's body, counted from its end if negative. */
  | { readonly kind: 'cuts'; readonly atByte: number }
  /** The engine carries the request out; instead of the answer the connection closes. */
  | { readonly kind: 'loses-answer' }
  /** The engine carries the request out; the answer never comes. */
  | { readonly kind: 'swallows-answer' }
  /** An intermediary answers that the engine is absent. */
  | { readonly kind: 'unavailable' }

export type FaultKind = Fault['kind']

export interface Armed {
  readonly fault: Fault
  readonly strikes: (request: RequestHead) => boolean
  /** Gone after so many strikes; undefined until it is disarmed. */
  times: number | undefined
}

/** One request that came through, and what became of it. */
export interface Passage extends Pick<RequestHead, 'method' | 'path' | 'query' | 'life'> {
  readonly atMs: number
  struckBy: FaultKind | undefined
  /** When it went on to the engine; undefined where it never did. */
  passedMs: number | undefined
  /** When the engine had said all that it would; undefined while it works at it. */
  overMs: number | undefined
  /** What the engine answered, whether that came through or not. */
  status: number | undefined
}

export interface ProxyOptions {
  readonly engineSocket: string
  readonly onStrike?: (kind: FaultKind, passage: Passage) => void
  /** The engine's whole answer to a request that changes something, struck or not. */
  readonly onAnswer?: (passage: Passage, body: string) => void
}

const longestKeptAnswer = 256 * 1024

/**
 * A unix socket in front of an engine's that treats requests as badly as configured, and keeps an account of them. It
 * carries one request a connection and refuses a second, which would get past the account.
 */
export class FaultProxy {
  readonly socketPath: string
  /** Everything but what only reads. */
  readonly passages: Passage[] = []
  requests = 0
  /** Requests that followed another one on the same connection. There must be none. */
  unaccounted = 0
  readonly struck = new Map<FaultKind, number>()
  readonly #options: ProxyOptions
  readonly #folder: string
  readonly #carried = new Set<Carried>()
  #armed: Armed[] = []
  #server: Server | undefined

  private constructor(folder: string, options: ProxyOptions) {
    this.#folder = folder
    this.#options = options
    this.socketPath = join(folder, 'docker.sock')
  }

  static async open(options: ProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(await mkdtemp(join(tmpdir(), 'flotsam-chaos-')), options)
    await proxy.comeUp()
    return proxy
  }

  arm(fault: Fault, strikes: Armed['strikes'] = () => true, times?: number): { disarm(): void } {
    const armed: Armed = { fault, strikes, times }
    this.#armed.push(armed)
    return { disarm: () => void (this.#armed = this.#armed.filter((one) => one !== armed)) }
  }

  /** Disarms the fault, and ends everything that hangs because of it. */
  heal(): void {
    this.#armed = []
    for (const carried of this.#carried) {
      carried.isHealed = true
      if (carried.engine?.closed !== false) this.#drop(carried)
    }
  }

  /** Removes the socket: every connection is refused. */
  async goAway(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (!server) return
    const closed = once(server, 'close')
    server.close()
    for (const carried of this.#carried) this.#drop(carried)
    await closed
  }

  async comeUp(): Promise<void> {
    if (this.#server) return
    const server = createServer((client) => this.#accept(client))
    this.#server = server
    server.listen(this.socketPath)
    await once(server, 'listening')
  }

  async close(): Promise<void> {
    await this.goAway()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #accept(client: Socket): void {
    const carried: Carried = { client, timers: new Set(), engine: undefined, isHealed: false }
    this.#carried.add(carried)
    let received = Buffer.alloc(0)
    let head: RequestHead | undefined
    let bytes = 0
    client.on('error', () => client.destroy())
    client.on('close', () => this.#drop(carried))
    client.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (head) {
        if (bytes > head.length) return this.#refuseSecond(carried)
        if (carried.engine) carried.engine.write(chunk)
        else received = Buffer.concat([received, chunk])
        return
      }
      received = Buffer.concat([received, chunk])
      head = readHead(received)
      if (!head) return
      if (bytes > head.length) return this.#refuseSecond(carried)
      this.#treat(carried, head, () => received)
    })
  }

  #refuseSecond(carried: Carried): void {
    this.unaccounted++
    this.#drop(carried)
  }

  #treat(carried: Carried, head: RequestHead, received: () => Buffer): void {
    const { method, path, query, life } = head
    this.requests++
    const fault = this.#faultFor(head)
    const passage: Passage = {
      method,
      path,
      query,
      life,
      atMs: Date.now(),
      struckBy: fault?.kind,
      passedMs: undefined,
      overMs: undefined,
      status: undefined,
    }
    if (!onlyReads(method)) this.passages.push(passage)
    if (fault) {
      this.struck.set(fault.kind, (this.struck.get(fault.kind) ?? 0) + 1)
      this.#options.onStrike?.(fault.kind, passage)
    }
    if (fault?.kind === 'hangs-up') return this.#drop(carried)
    if (fault?.kind === 'never-answers') return
    if (fault?.kind === 'unavailable') {
      carried.client.end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
      return
    }
    const pass = () => this.#pass(carried, passage, received(), fault)
    if (fault?.kind !== 'delays') return pass()
    const timer = setTimeout(pass, fault.ms)
    carried.timers.add(timer)
  }

  #faultFor(head: RequestHead): Fault | undefined {
    const armed = this.#armed.find(({ strikes }) => strikes(head))
    if (armed?.times !== undefined && --armed.times <= 0) {
      this.#armed = this.#armed.filter((one) => one !== armed)
    }
    return armed?.fault
  }

  #pass(carried: Carried, passage: Passage, request: Buffer, fault: Fault | undefined): void {
    const engine = connect(this.#options.engineSocket)
    carried.engine = engine
    let kept = ''
    const answer = answerTo(carried, fault)
    // the rest of a long request is written after this, connected or not
    engine.write(request)
    engine.on('connect', () => void (passage.passedMs = Date.now()))
    engine.on('error', () => engine.destroy())
    engine.on('data', (chunk: Buffer) => {
      if (!onlyReads(passage.method) && kept.length < longestKeptAnswer) kept += chunk.toString('latin1')
      passage.status ??= statusIn(chunk)
      answer.data(chunk)
    })
    engine.on('close', () => {
      passage.overMs = Date.now()
      if (!onlyReads(passage.method)) {
        this.#options.onAnswer?.(passage, kept.slice(kept.indexOf('\r\n\r\n') + 4))
      }
      answer.end()
    })
  }

  #drop(carried: Carried): void {
    if (!this.#carried.delete(carried)) return
    for (const timer of carried.timers) clearTimeout(timer)
    carried.client.destroy()
    // What changes something is seen to its end, as an engine does whether or not a client waits; what only reads is aborted.
    if (carried.engine && !carried.engine.writableEnded) carried.engine.end()
  }
}
