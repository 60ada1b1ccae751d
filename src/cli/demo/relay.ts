import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LosableCall } from './stage.ts'

/** One connection, which carries one request. */
interface Carried {
  readonly client: Socket
  /** The data received while nothing was forwarded. */
  readonly held: Buffer[]
  engine: Socket | undefined
  /** Method and path, once received. */
  requestLine: string
  isAnswerLost: boolean
}

const lastWordsMs = 10_000
const longestRequestLine = 300

const requestLines: Readonly<Record<LosableCall, RegExp>> = {
  create: /^POST (?:\/v[\d.]+)?\/containers\/create[? ]/,
  start: /^POST (?:\/v[\d.]+)?\/containers\/[^/ ]+\/start[? ]/,
}

/**
 * A proxy on a unix socket in front of an engine. It can lose an answer, freeze and close, without any effect on the
 * engine. Each connection carries one request.
 */
export class Relay {
  readonly socketPath: string
  readonly #folder: string
  readonly #dial: () => Socket
  readonly #carried = new Set<Carried>()
  readonly #losses: LosableCall[] = []
  #server: Server | undefined
  #isFrozen = false

  private constructor(folder: string, dial: () => Socket) {
    this.#folder = folder
    this.#dial = dial
    this.socketPath = join(folder, 'docker.sock')
  }

  static async open(dial: () => Socket): Promise<Relay> {
    const relay = new Relay(await mkdtemp(join(tmpdir(), 'flotsam-demo-')), dial)
    await relay.comeUp()
    return relay
  }

  loseAnswer(call: LosableCall): void {
    this.#losses.push(call)
  }

  freeze(): void {
    this.#isFrozen = true
  }

  async goDown(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    const closed = server && once(server, 'close')
    server?.close()
    this.#isFrozen = false
    for (const carried of this.#carried) {
      carried.isAnswerLost = true
      if (carried.engine === undefined && requestLines.create.test(carried.requestLine)) this.#passOn(carried)
      carried.client.destroy()
    }
    await this.#settled()
    await closed
  }

  async comeUp(): Promise<void> {
    const server = createServer((client) => this.#accept(client))
    const listening = once(server, 'listening')
    server.listen(this.socketPath)
    await listening
    this.#server = server
  }

  /** Waits for the requests that the engine is still processing, so that nothing is created after the cleanup. */
  async close(): Promise<void> {
    for (const carried of this.#carried) if (carried.engine === undefined) this.#carried.delete(carried)
    await this.goDown()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #accept(client: Socket): void {
    const carried: Carried = { client, held: [], engine: undefined, requestLine: '', isAnswerLost: false }
    this.#carried.add(carried)
    client.on('error', () => client.destroy())
    client.on('data', (chunk: Buffer) => {
      if (carried.engine) return void carried.engine.write(chunk)
      if (carried.requestLine === '') carried.requestLine = chunk.toString('latin1', 0, longestRequestLine)
      carried.held.push(chunk)
      if (!this.#isFrozen) this.#passOn(carried)
    })
    client.on('close', () => {
      // The engine carries out a request that changes something even without a client, so its end is awaited.
      if (carried.requestLine.startsWith('GET ')) carried.engine?.destroy()
      if (carried.engine === undefined && !this.#isFrozen) this.#carried.delete(carried)
    })
  }

  #passOn(carried: Carried): void {
    const { client, held, requestLine } = carried
    const loss = this.#losses.findIndex((call) => requestLines[call].test(requestLine))
    if (loss >= 0) {
      this.#losses.splice(loss, 1)
      carried.isAnswerLost = true
    }
    const engine = this.#dial()
    carried.engine = engine
    for (const chunk of held.splice(0)) engine.write(chunk)
    engine.on('data', (chunk: Buffer) => {
      if (!carried.isAnswerLost && !this.#isFrozen && !client.destroyed) client.write(chunk)
    })
    engine.on('error', () => engine.destroy())
    engine.on('close', () => {
      this.#carried.delete(carried)
      if (!carried.isAnswerLost && !this.#isFrozen) client.end()
    })
  }

  async #settled(): Promise<void> {
    const engines = [...this.#carried].flatMap(({ engine }) => engine ?? [])
    const limit = AbortSignal.timeout(lastWordsMs)
    await Promise.all(
      engines.map(async (engine) => {
        if (!engine.closed) await once(engine, 'close', { signal: limit }).catch(() => engine.destroy())
      }),
    )
    this.#carried.clear()
  }
}
