import type { Socket } from 'node:net'
import type { Fault } from './proxy.ts'

/** One connection that the proxy carries, and what belongs to it. */
export interface Carried {
  readonly client: Socket
  readonly timers: Set<NodeJS.Timeout>
  engine: Socket | undefined
  /** Ends every hang. */
  isHealed: boolean
}

/** What happens to the engine's answer in transit. */
export interface AnswerWay {
  data(chunk: Buffer): void
  end(): void
}

const pieceEveryMs = 20

/** How the client comes to see the engine's answer. */
export function answerTo(carried: Carried, fault: Fault | undefined): AnswerWay {
  const { client } = carried
  switch (fault?.kind) {
    case 'loses-answer':
      return { data: () => {}, end: () => client.destroy() }
    case 'swallows-answer':
      return { data: () => {}, end: () => void (carried.isHealed && client.destroy()) }
    case 'cuts':
      return cutAt(client, fault.atByte)
    case 'throttles':
      return inPieces(carried, fault.bytes)
    default:
      return { data: (chunk) => write(client, chunk), end: () => void client.end() }
  }
}

function cutAt(client: Socket, atByte: number): AnswerWay {
  const chunks: Buffer[] = []
  return {
    data: (chunk) => void chunks.push(chunk),
    end: () => {
      const whole = Buffer.concat(chunks)
      const bodyAt = whole.indexOf('\r\n\r\n') + 4
      const at = atByte < 0 ? whole.length + atByte : bodyAt + atByte
      // always short of the whole
      write(client, whole.subarray(0, Math.max(0, Math.min(at, whole.length - 1))))
      client.destroySoon()
    },
  }
}

function inPieces({ client, timers }: Carried, bytes: number): AnswerWay {
  let waiting = Buffer.alloc(0)
  let hasEnded = false
  const timer = setInterval(() => {
    write(client, waiting.subarray(0, bytes))
    waiting = waiting.subarray(bytes)
    if (!hasEnded || waiting.length > 0) return
    clearInterval(timer)
    client.end()
  }, pieceEveryMs)
  timers.add(timer)
  return {
    data: (chunk) => void (waiting = Buffer.concat([waiting, chunk])),
    end: () => void (hasEnded = true),
  }
}

function write(client: Socket, chunk: Buffer): void {
  if (!client.destroyed) client.write(chunk)
}
