import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import { WebSocketServer } from 'ws'
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
  readonly tabs: number
  stop(): Promise<void>
}

const loopback = '127.0.0.1'
const mostTabs = 8
const closingHandshakeMs = 500
/** Tabs send nothing that matters. */
const longestMessageBytes = 1024

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
  const server = createServer((request, response) => {
    const refusal = gate.refuse(request)
    if (!refusal) return void listener(request, response)
    response.writeHead(refusal.status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' })
    response.end(`${refusal.help}\n`)
  })
  server.on('upgrade', (request, socket: Duplex, head) => {
    socket.on('error', () => socket.destroy())
    const refusal = gate.refuseUpgrade(request)
    if (refusal) return refuseUpgrade(socket, refusal)
    if (tabs.size >= mostTabs) {
      return refuseUpgrade(socket, { status: 503, help: `${mostTabs} tabs are already connected.` })
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const tab = new Tab({ webSocket, socket, sessions, mostWaiting })
      tabs.add(tab)
      webSocket.on('close', () => tabs.delete(tab))
    })
  })
  server.on('connection', (socket) => socket.unref())
  await listen(server, port)
  server.unref()
  return {
    port: (server.address() as AddressInfo).port,
    token,
    get tabs() {
      return tabs.size
    },
    stop: async () => {
      const closed = once(server, 'close')
      server.close()
      await Promise.all([...tabs].map((tab) => tab.end(closingHandshakeMs)))
      server.closeAllConnections()
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

function refuseUpgrade(
  socket: Duplex,
  { status, help }: Refusal | { readonly status: 503; readonly help: string },
): void {
  const body = `${help}\n`
  socket.end(
    [
      `HTTP/1.1 ${status} ${statusWords[status]}`,
      'Connection: close',
      'Content-Type: text/plain; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  )
}
