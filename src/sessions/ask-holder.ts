import { connect } from 'node:net'
import type { Clock } from '../domain/clock.ts'
import { codeOf } from '../domain/errors.ts'
import { withDeadline } from './deadline.ts'
import { fileId, statsOf } from './files.ts'

/** What is found under a session's name. */
export type Found =
  /** Its holder answered with the id. */
  | { readonly kind: 'held' }
  /** A socket on which no process listens. The kernel says so; it closes the sockets of a process that ends. */
  | { readonly kind: 'ended'; readonly fileId: string }
  /** There is no such file. */
  | { readonly kind: 'absent' }
  /** Another file, another answer or none, or a failure of our own. */
  | { readonly kind: 'unknown' }

/** Resolves within the deadline, and never rejects. */
export async function askHolder(path: string, id: string, clock: Clock): Promise<Found> {
  try {
    return (await withDeadline(clock, (signal) => ask(path, id, signal))) ?? { kind: 'unknown' }
  } catch {
    return { kind: 'unknown' }
  }
}

async function ask(path: string, id: string, signal: AbortSignal): Promise<Found> {
  const stats = await statsOf(path)
  if (!stats) return { kind: 'absent' }
  // a connection to any other file is refused as well
  if (!stats.isSocket()) return { kind: 'unknown' }
  return connectTo(path, id, fileId(stats), signal)
}

function connectTo(path: string, id: string, fileId: string, signal: AbortSignal): Promise<Found> {
  const expected = `${id}\n`
  return new Promise((resolve) => {
    let received = ''
    const socket = connect({ path }).setEncoding('latin1')
    const end = (found: Found) => {
      resolve(found)
      socket.destroy()
    }
    signal.addEventListener('abort', () => end({ kind: 'unknown' }), { once: true })
    socket.on('data', (text: string) => {
      received += text
      if (received.startsWith(expected)) end({ kind: 'held' })
      else if (!expected.startsWith(received)) end({ kind: 'unknown' })
    })
    socket.on('error', (error) => {
      const code = codeOf(error)
      if (code === 'ECONNREFUSED') end({ kind: 'ended', fileId })
      else end({ kind: code === 'ENOENT' ? 'absent' : 'unknown' })
    })
    socket.once('close', () => end({ kind: 'unknown' }))
  })
}
