import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { WebSocketServer } from 'ws'
import { Connections } from './connections.ts'
import { Gate, newToken, type Refusal } from './gate.ts'
import { createPages } from './pages.ts'
import type { Sessions } from './sessions.ts'
import { Tab } from './tab.ts'

export interface RelayOptions {
  readonly port: number
  readonly sessions: Sessions
  readonly mostWaiting: number
}

export interface Relay {
  readonly port: number
  readonly token: string
  /** The number of open connections, tabs included. */
  readonly connections: number
  stop(): Promise<void>
}

const loopback = '127.0.0.1'
const mostTabs = 8
/** Tabs send nothing that matters. */
const longestMessageBytes = 1024

/** For clients that send their requests slowly, or not at all, or do not read the answers. A tab has no such limits. */
const patience = {
  headersTimeout: 3000,
  requestTimeout: 5000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 1000,
}
const idleMs = 5000

/** Serves the pages and the messages on loopback. Does not keep the process alive. */
export async function openRelay({ port, sessions, mostWaiting }: RelayOptions): Promise<Relay> {
  const token = newToken()
  const gate = new Gate(token)
  const pages = createPages(gate)
  const listener = getRequestListener(pages.fetch, { overrideGlobalObjects: false })
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: longestMessageBytes,
  })
  const tabs = new Set<Tab>()
  const connections = new Connections()
  const server = createServer(patience, (request, response) => {
    const refusal = gate.refuse(request)
    if (!refusal) return void listener(request, response)
    response.writeHead(refusal.status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' })
    response.end(`${refusal.help}\n`)
  })
  server.timeout = idleMs
  server.on('connection', (socket) => connections.add(socket))
  server.on('upgrade', (request, socket: Socket, head) => {
    socket.on('error', () => socket.destroy())
    const refusal = gate.refuseUpgrade(request) ?? (tabs.size >= mostTabs ? tooManyTabs : undefined)
    if (refusal) return connections.endWith(textOf(refusal), socket)
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      connections.becameTab(socket)
      const tab = new Tab({ webSocket, socket, sessions, mostWaiting })
      tabs.add(tab)
      webSocket.on('close', () => tabs.delete(tab))
    })
  })
  await listen(server, port)
  server.unref()
  return {
    port: (server.address() as AddressInfo).port,
    token,
    get connections() {
      return connections.count
    },
    stop: async () => {
      const closed = once(server, 'close')
      server.close()
      await Promise.all([...tabs].map((tab) => tab.end()))
      connections.destroyAll()
      webSockets.close()
      await closed
    },
  }
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen({ host: loopback, port, exclusive: true })
  await once(server, 'listening')
}

const statusWords: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  503: 'Service Unavailable',
}

type UpgradeRefusal = Refusal | { readonly status: 503; readonly help: string }

const tooManyTabs: UpgradeRefusal = { status: 503, help: `${mostTabs} tabs are already connected.` }

function textOf({ status, help }: UpgradeRefusal): string {
  const body = `${help}\n`
  return [
    `HTTP/1.1 ${status} ${statusWords[status]}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n')
}
