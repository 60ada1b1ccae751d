import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Content, ImageContents } from './registry-image.ts'

/**
 * A registry on loopback that engines pull from: the part of the OCI distribution API that a pull needs. dockerd talks plain
 * HTTP to a registry on loopback without being configured to.
 */
export class ImageRegistry {
  readonly #server: Server
  readonly #contents = new Map<string, Content>()
  readonly #tags = new Map<string, string>()
  readonly #requests: string[] = []

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response))
  }

  static async open(): Promise<ImageRegistry> {
    const registry = new ImageRegistry()
    await new Promise<void>((resolve, reject) => {
      registry.#server.once('error', reject).listen(0, '127.0.0.1', () => resolve())
    })
    return registry
  }

  /** Method and path of all requests, in order. */
  get requests(): readonly string[] {
    return this.#requests
  }

  /** Adds an image, and returns the reference by which an engine pulls it. */
  add(name: string, contents: ImageContents): string {
    for (const content of contents) this.#contents.set(content.digest, content)
    this.#tags.set(name, contents[0].digest)
    const { port } = this.#server.address() as AddressInfo
    return `127.0.0.1:${port}/${name}:latest`
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  #answer({ method = '', url = '' }: IncomingMessage, response: ServerResponse): void {
    this.#requests.push(`${method} ${url}`)
    if (url === '/v2/') return void response.end('{}')
    const content = method === 'GET' || method === 'HEAD' ? this.#contentAt(url) : undefined
    if (content === undefined) return void response.writeHead(404).end()
    response.writeHead(200, {
      'content-type': content.mediaType,
      'content-length': content.bytes.length,
      'docker-content-digest': content.digest,
    })
    response.end(method === 'HEAD' ? undefined : content.bytes)
  }

  #contentAt(url: string): Content | undefined {
    const { pathname } = new URL(url, 'http://registry')
    const [, name = '', reference = ''] = /^\/v2\/(.+)\/(?:manifests|blobs)\/([^/]+)$/.exec(pathname) ?? []
    const digest = reference === 'latest' ? this.#tags.get(name) : reference
    return digest === undefined ? undefined : this.#contents.get(digest)
  }
}
