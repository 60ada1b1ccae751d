import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** How the server handles one request. */
export type Behaviour = (response: ServerResponse, request: IncomingMessage) => void

export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** The number of its connection, counted from 1. */
  readonly connection: number
}

/** An HTTP server that misbehaves as configured, and tracks its connections. */
export interface MisbehavingServer {
  /** `unix:///…`, or `tcp://127.0.0.1:…` */
  readonly address: string
  readonly socketPath: string
  readonly port: number
  readonly requests: readonly SeenRequest[]
  readonly connections: number
  readonly openConnections: number
  behave(behaviour: Behaviour): void
  /** Resolves after this many requests in total. */
  requested(count: number): Promise<void>
  /** Resolves once no connection is open. */
  quiet(): Promise<void>
  close(): Promise<void>
}

export async function startMisbehavingServer(
  behaviour: Behaviour,
  { tls, on = 'unix' }: { tls?: ServerOptions; on?: 'unix' | 'tcp' } = {},
): Promise<MisbehavingServer> {
  let current = behaviour
  let connections = 0
  const open = new Map<Socket, number>()
  const requests: SeenRequest[] = []
  const waiting = new Set<() => void>()
  const wake = () => [...waiting].forEach((check) => check())
  const until = (isSo: () => boolean) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (!isSo()) return
        waiting.delete(check)
        resolve()
      }
      waiting.add(check)
      check()
    })

  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '', 'http://engine')
    requests.push({
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      connection: open.get(request.socket) ?? 0,
    })
    // answered first, so that it is answered when `requested` resolves
    current(response, request)
    wake()
  }
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
  server.keepAliveTimeout = 0
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    connections += 1
    open.set(socket, connections)
    // resets are expected in these tests
    socket.on('error', () => {})
    socket.on('close', () => {
      open.delete(socket)
      wake()
    })
  })
  const directory = await mkdtemp(join(tmpdir(), 'flotsam-engine-'))
  const socketPath = join(directory, 'engine.sock')
  if (on === 'unix') server.listen(socketPath)
  else server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const port = on === 'tcp' ? (server.address() as AddressInfo).port : 0

  return {
    address: on === 'unix' ? `unix://${socketPath}` : `tcp://127.0.0.1:${port}`,
    socketPath,
    port,
    requests,
    get connections() {
      return connections
    },
    get openConnections() {
      return open.size
    },
    behave: (behaviour) => void (current = behaviour),
    requested: (count) => until(() => requests.length >= count),
    quiet: () => until(() => open.size === 0),
    async close() {
      for (const socket of open.keys()) socket.destroy()
      server.close()
      await until(() => open.size === 0)
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Sends a complete answer. */
export function answers(status: number, body: unknown, headers: Record<string, string> = {}): Behaviour {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }
}

/** Answers with an HTML page, as proxies do. */
export function answersPage(status: number): Behaviour {
  return answers(status, '<html><body>Forbidden</body></html>\n', { 'content-type': 'text/html' })
}

/** Accepts the request and never answers. */
export const neverAnswers: Behaviour = () => {}

/** Sends this much, and then nothing more. */
export function stallsAfter(beginning: string): Behaviour {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.write(beginning)
  }
}

/** Writes these bytes to the connection and closes it. */
export function writesRaw(text: string): Behaviour {
  return (response) => void response.socket?.end(text)
}

/** Resets the connection without an answer. */
export const resets: Behaviour = (response) => {
  const socket = response.socket
  if (socket !== null && 'resetAndDestroy' in socket && socket.remotePort !== undefined)
    socket.resetAndDestroy()
  else socket?.destroy()
}

/** Applies one behaviour to each request in order; the last one applies to all further requests. */
export function inTurn(...behaviours: readonly [Behaviour, ...Behaviour[]]): Behaviour {
  let next = 0
  return (response, request) => {
    const behaviour = behaviours[Math.min(next, behaviours.length - 1)] ?? behaviours[0]
    next += 1
    behaviour(response, request)
  }
}
