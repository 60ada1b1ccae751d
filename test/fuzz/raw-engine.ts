import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** One request line as it came in. */
export interface RawRequest {
  readonly method: string
  readonly path: string
}

/** What is written on the connection, piece by piece; and whether it stays open then. */
export interface RawAnswer {
  readonly pieces: readonly (string | Buffer)[]
  readonly staysOpen?: boolean
}

/** A server that writes the given bytes, and records its requests. */
export interface RawEngine {
  readonly address: string
  readonly port: number
  readonly requests: RawRequest[]
  readonly openConnections: number
  answer: (request: RawRequest) => RawAnswer
  close(): Promise<void>
}

export async function startRawEngine(on: 'unix' | 'tcp' = 'unix'): Promise<RawEngine> {
  const open = new Set<Socket>()
  const requests: RawRequest[] = []
  const folder = await mkdtemp(join(tmpdir(), 'flotsam-fuzz-'))
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket)).on('error', () => {})
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      if (!text.includes('\r\n\r\n')) return
      const [method = '', path = ''] = text.split(' ', 2)
      text = ''
      requests.push({ method, path })
      void writeAnswer(socket, engine.answer({ method, path }))
    })
  })
  const path = join(folder, 'engine.sock')
  if (on === 'unix') server.listen(path)
  else server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address()
  const port = typeof bound === 'object' && bound ? bound.port : 0

  const engine: RawEngine = {
    address: on === 'unix' ? `unix://${path}` : `tcp://127.0.0.1:${port}`,
    port,
    requests,
    get openConnections() {
      return open.size
    },
    answer: () => ({ pieces: [] }),
    async close() {
      for (const socket of open) socket.destroy()
      server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return engine
}

async function writeAnswer(socket: Socket, { pieces, staysOpen }: RawAnswer): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece)
    // in a turn of its own, so that the pieces arrive apart
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  if (!staysOpen) socket.end()
}

/** A whole answer of HTTP, its body in one piece. */
export function wholeAnswer(
  status: number,
  body: string | Buffer,
  headers: readonly string[] = [],
): RawAnswer {
  const bytes = Buffer.from(body)
  const head = [
    `HTTP/1.1 ${status} Whatever`,
    `Content-Length: ${bytes.length}`,
    'Content-Type: application/json',
    ...headers,
  ]
  return { pieces: [Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes])] }
}
