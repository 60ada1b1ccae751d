import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The address to listen on. */
export interface ListenOptions {
  /** The path of a unix socket. Default: one in a new temporary folder. */
  readonly socketPath?: string
  /** A loopback port instead of a unix socket; 0 chooses a free one. */
  readonly port?: number
}

type Place = { readonly path: string } | { readonly host: string; readonly port: number }

const loopback = '127.0.0.1'

/** The engine's server socket. It can be closed and opened again at the same address. */
export class Door {
  readonly #onRequest: RequestListener
  #server: Server | undefined
  #place: Place | undefined
  #folder: string | undefined

  constructor(onRequest: RequestListener) {
    this.#onRequest = onRequest
  }

  get isOpen(): boolean {
    return this.#server !== undefined
  }

  /** The address for `DOCKER_HOST`: `unix:///…` or `tcp://127.0.0.1:…`. */
  get address(): string {
    if (!this.#place) throw new Error('the engine is not listening; call listen() first')
    return 'path' in this.#place
      ? `unix://${this.#place.path}`
      : `tcp://${this.#place.host}:${this.#place.port}`
  }

  async listen(options: ListenOptions): Promise<string> {
    if (this.#place) throw new Error(`the engine listens at ${this.address} already`)
    this.#place = await this.#choose(options)
    try {
      await this.open()
    } catch (cause) {
      this.#place = undefined
      throw cause
    }
    return this.address
  }

  async open(): Promise<void> {
    if (this.#server || !this.#place) return
    const server = createServer({ keepAlive: true }, this.#onRequest)
    // an engine does not close idle or slow connections
    server.keepAliveTimeout = 0
    server.requestTimeout = 0
    server.headersTimeout = 0
    server.timeout = 0
    const listening = once(server, 'listening')
    server.listen(this.#place)
    await listening
    this.#server = server
    const address = server.address()
    if (typeof address === 'object' && address) this.#place = { host: loopback, port: address.port }
  }

  /** Refuses new connections and closes existing ones. */
  async shut(): Promise<void> {
    const server = this.#server
    if (!server) return
    this.#server = undefined
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }

  /** Closes permanently, and deletes the files that it created. */
  async close(): Promise<void> {
    await this.shut()
    this.#place = undefined
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true })
    this.#folder = undefined
  }

  async #choose(options: ListenOptions): Promise<Place> {
    if (options.port !== undefined) return { host: loopback, port: options.port }
    if (options.socketPath !== undefined) return { path: options.socketPath }
    this.#folder = await mkdtemp(join(tmpdir(), 'embedded-engine-'))
    return { path: join(this.#folder, 'docker.sock') }
  }
}
