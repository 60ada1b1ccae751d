import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'

/** A server that notes every byte that reaches it, and when. */
export interface Wire {
  readonly socketPath: string
  readonly port: number
  /** What has come in on each connection, after any handshake. */
  readonly received: readonly string[]
  readonly openConnections: number
  /** Its own ends of the connections that are open. */
  readonly sockets: readonly Socket[]
  /** What is written for each head that has come in whole; undefined leaves it without an answer. */
  answer: (head: string) => string | undefined
  /** While it waits, a connection is made and no handshake begins. */
  beforeHandshake: () => Promise<void>
  onOpen: (socket: Socket) => void
  /** Resolves once so many connections have come in all. */
  opened(count: number): Promise<void>
  quiet(): Promise<void>
  close(): Promise<void>
}

export const confirms = 'HTTP/1.1 204 No Content\r\n\r\n'
export const emptyListing = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]'

export async function startWire({
  tls,
  on = 'unix',
}: { tls?: TlsOptions; on?: 'unix' | 'tcp' } = {}): Promise<Wire> {
  const folder = await mkdtemp(join(tmpdir(), 'flotsam-wire-'))
  const socketPath = join(folder, 'engine.sock')
  const received: string[] = []
  const open = new Set<Socket>()
  let openedCount = 0
  const waiting = new Set<() => void>()
  const wake = () => [...waiting].forEach((check) => check())
  const until = (isSo: () => boolean) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (isSo() && waiting.delete(check)) resolve()
      }
      waiting.add(check)
      check()
    })

  const serve = (socket: Socket) => {
    const at = received.push('') - 1
    let head = ''
    socket.on('error', () => {})
    wire.onOpen(socket)
    socket.on('data', (chunk) => {
      received[at] += chunk.toString('latin1')
      head += chunk.toString('latin1')
      if (!head.endsWith('\r\n\r\n')) return
      const answer = wire.answer(head)
      head = ''
      if (answer !== undefined) socket.write(answer)
    })
  }
  const tlsServer = tls === undefined ? undefined : createTlsServer(tls, serve)
  const server = createServer((socket) => {
    open.add(socket)
    openedCount += 1
    socket
      .on('error', () => {})
      .on('close', () => {
        open.delete(socket)
        wake()
      })
    wake()
    if (tlsServer === undefined) serve(socket)
    else void wire.beforeHandshake().then(() => tlsServer.emit('connection', socket))
  })
  tlsServer?.on('tlsClientError', () => {})
  if (on === 'unix') server.listen(socketPath)
  else server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const wire: Wire = {
    socketPath,
    port: on === 'tcp' ? (server.address() as AddressInfo).port : 0,
    received,
    get openConnections() {
      return open.size
    },
    get sockets() {
      return [...open]
    },
    answer: () => confirms,
    beforeHandshake: () => Promise.resolve(),
    onOpen: () => {},
    opened: (count) => until(() => openedCount >= count),
    quiet: () => until(() => open.size === 0),
    async close() {
      for (const socket of open) socket.destroy()
      server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return wire
}
