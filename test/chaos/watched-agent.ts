import { Agent } from 'node:http'
import { Socket } from 'node:net'
import { readHead, type RequestHead, statusIn } from './wire.ts'

/** Called with each request as its bytes leave; returns the callback for the status of the answer. */
export type Watch = (head: RequestHead) => ((status: number) => void) | undefined

/**
 * Carries one request per connection, and records it in the turn in which its bytes are passed to the kernel: what waits for
 * a connection, or behind other bytes, has not left yet.
 */
export class WatchedAgent extends Agent {
  readonly #watch: Watch

  constructor(watch: Watch) {
    super({ keepAlive: false })
    this.#watch = watch
  }

  override createConnection(...args: Parameters<Agent['createConnection']>) {
    const connection = super.createConnection(...args)
    if (!(connection instanceof Socket)) throw new Error('what carries requests here is a socket')
    watchSocket(connection, this.#watch)
    return connection
  }
}

function watchSocket(socket: Socket, watch: Watch): void {
  let sent = Buffer.alloc(0)
  let receive: ReturnType<Watch>
  let isSeen = false
  onBytes(socket, (bytes) => {
    if (isSeen) return
    sent = Buffer.concat([sent, bytes])
    const head = readHead(sent)
    if (!head) return
    isSeen = true
    receive = watch(head)
  })
  socket.once('data', (chunk: Buffer) => {
    const status = statusIn(chunk)
    if (status !== undefined) receive?.(status)
  })
}

interface Piece {
  readonly chunk: Buffer | string
  readonly encoding: BufferEncoding
}

/** Sees all that a socket sends, at the moment at which it sends it. */
function onBytes(socket: Socket, see: (bytes: Buffer) => void): void {
  const write = socket._write.bind(socket)
  const writeMany = socket._writev?.bind(socket)
  const seeSent = (pieces: readonly Piece[]) => {
    const bytes = Buffer.concat(
      pieces.map(({ chunk, encoding }) => (typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk)),
    )
    // the socket keeps it until it stands
    if (socket.connecting) socket.once('connect', () => see(bytes))
    else see(bytes)
  }
  socket._write = (chunk: Buffer | string, encoding, done) => {
    seeSent([{ chunk, encoding }])
    write(chunk, encoding, done)
  }
  if (!writeMany) return
  socket._writev = (pieces: Piece[], done) => {
    seeSent(pieces)
    writeMany(pieces, done)
  }
}
