import { request, type IncomingHttpHeaders } from 'node:http'
import Docker from 'dockerode'
import type { EmbeddedEngine } from '../../src/testing/index.ts'

export interface Received {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The pieces of the body, as they came. */
  readonly pieces: readonly string[]
  readonly body: string
  /** Whether the answer was whole. */
  readonly isWhole: boolean
}

export interface Pending {
  readonly received: Promise<Received>
  giveUp(): void
}

/** One request on a connection of its own; rejects when it closes before a status arrived. */
export function ask(address: string, method: string, path: string, body?: unknown): Promise<Received> {
  return begin(address, method, path, body).received
}

export function begin(address: string, method: string, path: string, body?: unknown): Pending {
  const url = new URL(address)
  const place =
    url.protocol === 'unix:' ? { socketPath: url.pathname } : { host: url.hostname, port: url.port }
  const sent = request({
    ...place,
    method,
    path,
    agent: false,
    headers: { 'Content-Type': 'application/json' },
  })
  const received = new Promise<Received>((resolve, reject) => {
    sent.on('error', reject)
    sent.on('response', (response) => {
      const pieces: string[] = []
      response.setEncoding('utf8')
      response.on('data', (piece: string) => pieces.push(piece))
      response.on('error', () => {})
      response.on('close', () => {
        const { statusCode = 0, headers, complete: isWhole } = response
        resolve({ status: statusCode, headers, pieces, body: pieces.join(''), isWhole })
      })
    })
  })
  sent.end(body === undefined ? undefined : JSON.stringify(body))
  return { received, giveUp: () => sent.destroy() }
}

export function messageOf({ body }: Received): unknown {
  return (JSON.parse(body) as { message: unknown }).message
}

/** What a listing of all containers shows, by full id. */
export async function listedIds(engine: EmbeddedEngine, query = 'all=1'): Promise<string[]> {
  const { body } = await ask(engine.address, 'GET', `/containers/json?${query}`)
  return (JSON.parse(body) as { Id: string }[]).map(({ Id }) => Id)
}

export function filters(value: unknown): string {
  return `filters=${encodeURIComponent(JSON.stringify(value))}`
}

export function dockerodeOf(engine: EmbeddedEngine): Docker {
  const url = new URL(engine.address)
  return url.protocol === 'unix:'
    ? new Docker({ socketPath: url.pathname })
    : new Docker({ host: url.hostname, port: url.port, protocol: 'http' })
}

/** Turns of the event loop until the condition holds; for what no promise reports. A test that never sees it runs into its timeout. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
}
