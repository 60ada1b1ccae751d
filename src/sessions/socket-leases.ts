import { stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { type Clock, systemClock } from '../domain/clock.ts'
import { codeOf, SessionError } from '../domain/errors.ts'
import { isSessionId, type Lease, type LeaseStore, requireSessionId } from '../domain/session.ts'
import { askHolder, type Found } from './ask-holder.ts'
import { withDeadline } from './deadline.ts'
import { deleteFile } from './files.ts'
import { LeaseDirectory } from './lease-directory.ts'
import { SocketLease, temporaryName } from './socket-lease.ts'

/** Connections at once while sessions are listed. */
const mostAtOnce = 16

/**
 * Keeps the leases of the sessions of one machine. A session is a unix socket that its process listens on, in a private
 * directory. The kernel ends it with the process, also after SIGKILL or a loss of power. There is no heartbeat, no clock, and
 * no process id that could be reused.
 *
 * All agents that share a label and an engine must share the directory: a session in another one seems to have ended. Agents
 * in containers need a volume for it, and agents of several users another store.
 *
 * Without a `directory`, a session is held in `/tmp/flotsam-UID`, which does not depend on a process's environment, and in the
 * first of these that this user may write to: `$XDG_RUNTIME_DIR/flotsam`, `/run/flotsam`, and `flotsam-UID` in the temporary
 * folder. Sessions are found in all of them.
 *
 * | found | `isHeld` |
 * | --- | --- |
 * | an answer with the session's id | `true` |
 * | a socket that refuses connections | `false` |
 * | no such socket, in a directory in which sessions were held before | `false` |
 * | a process that is stopped or busy and does not answer within 2 s | `undefined` |
 * | no directory, or one that was replaced within the last 30 s | `undefined` |
 * | any other answer or failure | `undefined` |
 *
 * The directory is created with mode 0700. One that exists must belong to this user or root, and only its owner may write to
 * it. Otherwise the methods reject with an `OptionError`. Symbolic links, FUSE and network file systems are refused as well.
 *
 * A holder checks every 5 s that its socket is there, and makes a deleted one again. `lost` is aborted if it may have been
 * absent for more than 15 s. While the process runs, that is before a session grace of 30 s or more has passed. The socket is
 * made again in any case.
 *
 * Any language can hold a session: listen on a unix socket in the directory, then rename it to the session's id. Answer each
 * connection with the id and a newline, and close it. See `examples/sessions` of the package.
 *
 * ```js
 * import { openSession, socketLeases } from 'flotsam/sessions'
 *
 * const leases = socketLeases('/run/my-agents')
 * await using session = await openSession({ leases })
 * console.log(await leases.isHeld(session.id), await leases.list())
 * ```
 *
 * @throws {@link OptionError} if the path is too long for a unix socket: 107 bytes with the id on Linux, 103 elsewhere.
 */
export function socketLeases(directory?: string): Required<LeaseStore> {
  if (directory !== undefined) return new SocketLeases(directory, systemClock)
  const [common, ...preferred] = defaultDirectories()
  return new SocketLeases(common, systemClock, preferred)
}

/**
 * With a directory in which every session is held, and others of which a session is held in the first usable one as well. What
 * those are may depend on the environment of a process, so that another one may not know of them.
 */
export class SocketLeases implements LeaseStore {
  readonly #common: LeaseDirectory
  readonly #preferred: readonly LeaseDirectory[]
  readonly #clock: Clock

  constructor(common: string, clock: Clock, preferred: readonly string[] = []) {
    this.#common = new LeaseDirectory(common, clock)
    this.#preferred = [...new Set(preferred)]
      .filter((path) => path !== common)
      .map((path) => new LeaseDirectory(path, clock, { isOptional: true }))
    this.#clock = clock
  }

  async hold(id: string): Promise<Lease> {
    requireSessionId(id)
    await this.#common.make()
    const inCommon = await SocketLease.take(this.#common, id, this.#clock)
    try {
      const preferred = await this.#usable()
      return preferred ? both(inCommon, await SocketLease.take(preferred, id, this.#clock)) : inCommon
    } catch (error) {
      await inCommon.release()
      throw error
    }
  }

  async isHeld(id: string): Promise<boolean | undefined> {
    requireSessionId(id)
    return withDeadline(this.#clock, () => this.#isHeldInAny(id))
  }

  /** Deletes the sockets of sessions that have ended. Sessions that do not answer are left out. */
  async list(): Promise<readonly string[]> {
    const lists = await Promise.all(this.#directories.map((one) => this.#listIn(one)))
    const found = lists.filter((list) => list !== undefined)
    if (found.length > 0) return [...new Set(found.flat())].sort()
    const paths = this.#directories.map(({ path }) => path).join(', ')
    throw new SessionError(`no session has been opened: there is no directory ${paths}`)
  }

  get #directories(): readonly LeaseDirectory[] {
    return [this.#common, ...this.#preferred]
  }

  async #usable(): Promise<LeaseDirectory | undefined> {
    for (const directory of this.#preferred) if (await isUsable(directory)) return directory
    return undefined
  }

  async #isHeldInAny(id: string): Promise<boolean | undefined> {
    const answers = await Promise.all(this.#directories.map((one) => this.#isHeldIn(one, id)))
    if (answers.includes(true)) return true
    // what is unknown in one of them is unknown, and so is a session if none of them exists
    const isGone = answers.includes(false) && !answers.includes(undefined)
    return isGone ? false : undefined
  }

  /** `null` if the directory was never there, so that it has nothing to say. */
  async #isHeldIn(directory: LeaseDirectory, id: string): Promise<boolean | null | undefined> {
    const before = await directory.view()
    if (!before) return directory.wasSeen ? undefined : null
    const found = await askHolder(directory.pathOf(id), id, this.#clock)
    if (found.kind === 'held') return true
    if (found.kind === 'unknown') return undefined
    const after = await directory.view()
    const isSame = after?.isSettled === true && after.identity === before.identity
    return isSame && (found.kind === 'ended' || after.isMarked) ? false : undefined
  }

  async #listIn(directory: LeaseDirectory): Promise<readonly string[] | undefined> {
    const before = await directory.view()
    if (!before && !directory.wasSeen) return undefined
    if (!before) throw new SessionError(`the directory of sessions ${directory.path} is gone`)
    const held: string[] = []
    const names = (await directory.names()).filter((name) => isSessionId(name) || temporaryName.test(name))
    const askNext = async () => {
      for (let name = names.pop(); name !== undefined; name = names.pop()) {
        const found = await askHolder(directory.pathOf(name), name, this.#clock)
        if (found.kind === 'held') held.push(name)
        else await this.#clean(directory, name, found)
      }
    }
    await Promise.all(Array.from({ length: mostAtOnce }, askNext))
    return held.sort()
  }

  /**
   * Deletes what a dead process has left behind. Ids are random, so no new holder of this one can come in between. A holder
   * that gives its socket a name finds out when the socket was deleted before.
   */
  async #clean(directory: LeaseDirectory, name: string, found: Found): Promise<void> {
    if (found.kind !== 'ended') return
    try {
      // what this socket shows is then shown by its absence
      await directory.mark()
      await deleteFile(directory.pathOf(name), found.fileId)
    } catch {
      // the next list finds it again
    }
  }
}

/** A lease that is held twice. It may have been lost as soon as one of the two may have been. */
function both(one: SocketLease, other: SocketLease): Lease {
  return {
    lost: AbortSignal.any([one.lost, other.lost]),
    release: async () => {
      await Promise.all([one.release(), other.release()])
    },
  }
}

/** The one that all processes of this user have in common comes first. */
function defaultDirectories(): readonly [string, ...string[]] {
  const { XDG_RUNTIME_DIR: runtime } = process.env
  const user = process.getuid?.() ?? 0
  const name = `flotsam-${user}`
  return [
    join('/tmp', name),
    ...(runtime !== undefined && isAbsolute(runtime) ? [join(runtime, 'flotsam')] : []),
    // where most systems have it, for a process without the variable
    ...(user > 0 ? [`/run/user/${user}/flotsam`] : []),
    '/run/flotsam',
    join(tmpdir(), name),
  ]
}

/** Whether sessions can be opened in it. It is created, but not its parent. */
async function isUsable(directory: LeaseDirectory): Promise<boolean> {
  if (!(await isDirectory(dirname(directory.path)))) return false
  try {
    await directory.make()
    return true
  } catch (error) {
    const code = error instanceof SessionError ? codeOf(error.cause) : undefined
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return false
    throw error
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}
