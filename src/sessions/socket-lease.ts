import { randomBytes } from 'node:crypto'
import { link, unlink } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../domain/clock.ts'
import { codeOf, messageOf, SessionError } from '../domain/errors.ts'
import type { Lease } from '../domain/session.ts'
import { askHolder } from './ask-holder.ts'
import { deleteFile, fileId, statsOf } from './files.ts'
import type { LeaseDirectory } from './lease-directory.ts'
import { holderIntervalMs, longestAbsenceMs } from './timing.ts'

const mostAttempts = 5

/** The names of sockets that are about to be those of sessions. */
export const temporaryName = /^new-[0-9a-f]{28}$/

interface Listening {
  readonly server: Server
  /** Of its socket. The kernel gives it to no other file before the server is closed. */
  readonly fileId: string
}

/** Holds a lease by listening on a socket. Makes the socket again when it was deleted. */
export class SocketLease implements Lease {
  readonly #directory: LeaseDirectory
  readonly #id: string
  readonly #clock: Clock
  readonly #lost = new AbortController()
  #listening: Listening
  #lastSeenAtMs: number
  #timer: unknown
  #checking: Promise<void> = Promise.resolve()
  #released: Promise<void> | undefined

  /** Rejects if the lease is held already, or cannot be taken. */
  static async take(directory: LeaseDirectory, id: string, clock: Clock): Promise<SocketLease> {
    return new SocketLease(directory, id, clock, await listen(directory, id, clock))
  }

  constructor(directory: LeaseDirectory, id: string, clock: Clock, listening: Listening) {
    this.#directory = directory
    this.#id = id
    this.#clock = clock
    this.#listening = listening
    this.#lastSeenAtMs = clock.now()
    this.#schedule()
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  release(): Promise<void> {
    return (this.#released ??= this.#end())
  }

  async #end(): Promise<void> {
    this.#clock.clearTimeout(this.#timer)
    await this.#checking
    this.#clock.clearTimeout(this.#timer)
    const { server, fileId } = this.#listening
    try {
      await deleteFile(this.#path, fileId)
    } catch {
      // A socket that refuses connections says the same. The next list of sessions deletes it.
    }
    server.close()
  }

  get #path(): string {
    return this.#directory.pathOf(this.#id)
  }

  #schedule(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#checking = this.#check()
      this.#clock.waitFor?.(this.#checking)
    }, holderIntervalMs)
  }

  async #check(): Promise<void> {
    const failure = await this.#makeSure()
    const absenceMs = this.#clock.now() - this.#lastSeenAtMs
    if (absenceMs > longestAbsenceMs) this.#lose(absenceMs, failure)
    if (failure === undefined) this.#lastSeenAtMs = this.#clock.now()
    this.#schedule()
  }

  /** Makes the socket again if it is not there. Returns why that failed. */
  async #makeSure(): Promise<unknown> {
    try {
      if (await this.#isInPlace()) this.#lastSeenAtMs = this.#clock.now()
      else await this.#listenAgain()
      return undefined
    } catch (error) {
      return error
    }
  }

  async #isInPlace(): Promise<boolean> {
    const stats = await statsOf(this.#path)
    if (!stats || fileId(stats) !== this.#listening.fileId) return false
    // without it sessions are spared, so that it can wait
    await this.#directory.mark().catch(() => {})
    return true
  }

  async #listenAgain(): Promise<void> {
    await this.#directory.make()
    const before = this.#listening
    this.#listening = await listen(this.#directory, this.#id, this.#clock)
    before.server.close()
  }

  #lose(absenceMs: number, cause: unknown): void {
    const seconds = Math.round(absenceMs / 1000)
    const why = cause === undefined ? '' : `: ${messageOf(cause)}`
    this.#lost.abort(
      new SessionError(`the socket of session ${this.#id} was not there for up to ${seconds} s${why}`, {
        cause,
      }),
    )
  }
}

async function listen(directory: LeaseDirectory, id: string, clock: Clock): Promise<Listening> {
  for (let attempt = 1; attempt <= mostAttempts; attempt += 1) {
    const listening = await tryToListen(directory, id, clock)
    if (listening) return listening
  }
  throw new SessionError(`${directory.pathOf(id)} was deleted while it was made`)
}

/** Undefined if the socket was deleted before it had its name: until it listens, it looks like that of a dead process. */
async function tryToListen(
  directory: LeaseDirectory,
  id: string,
  clock: Clock,
): Promise<Listening | undefined> {
  // A socket that does not listen yet refuses connections, as that of a dead process does. It gets its name afterwards.
  const temporary = directory.pathOf(`new-${randomBytes(14).toString('hex')}`)
  const server = createServer((socket) => answer(socket, id))
  let listening: Listening | undefined
  try {
    await listenOn(server, temporary)
    const stats = await statsOf(temporary)
    if (stats && (await giveName(directory, temporary, id, clock))) {
      listening = { server, fileId: fileId(stats) }
    }
  } catch (error) {
    if (error instanceof SessionError) throw error
    const message = `cannot listen on ${directory.pathOf(id)}: ${messageOf(error)}`
    throw new SessionError(message, { cause: error })
  } finally {
    if (!listening) server.close()
    await unlink(temporary).catch(() => {})
  }
  return listening
}

function listenOn(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.unref()
    server.once('error', reject)
    // in a worker of a cluster, the first process would listen otherwise
    server.listen({ path, exclusive: true }, () => {
      server.off('error', reject)
      // a connection that could not be accepted is unknown to the other side
      server.on('error', () => {})
      resolve()
    })
  })
}

function answer(socket: Socket, id: string): void {
  socket.unref()
  socket.on('error', () => {})
  socket.write(`${id}\n`)
  socket.destroySoon()
}

/** Gives it the session's name, which no living process has. False if the socket is not there. */
async function giveName(
  directory: LeaseDirectory,
  temporary: string,
  id: string,
  clock: Clock,
): Promise<boolean> {
  const path = directory.pathOf(id)
  for (let attempt = 1; attempt <= mostAttempts; attempt += 1) {
    try {
      await link(temporary, path)
      return true
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false
      if (codeOf(error) !== 'EEXIST') throw error
    }
    const found = await askHolder(path, id, clock)
    if (found.kind === 'held') throw new SessionError(`session ${id} is held already`)
    if (found.kind === 'ended') await deleteFile(path, found.fileId)
    if (found.kind === 'unknown') break
  }
  throw new SessionError(`${path} exists already, and it is unknown whether a process listens on it`)
}
