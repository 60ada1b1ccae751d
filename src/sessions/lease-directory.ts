import type { BigIntStats } from 'node:fs'
import { access, constants, mkdir, readdir, statfs, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Clock } from '../domain/clock.ts'
import { codeOf, messageOf, OptionError, SessionError } from '../domain/errors.ts'
import { fileId, statsOf } from './files.ts'
import { settlingMs } from './timing.ts'

/** Without this file, an id that is not in a directory proves nothing: sessions may be held in another one. */
const markName = '.flotsam-sessions'
const markText = 'The sessions of Flotsam are held in this directory.\n'

/** The bytes of an address of a unix socket, without the zero at its end. */
const longestPath = process.platform === 'linux' ? 107 : 103
/** Every name of a socket has as many bytes as an id. */
const nameLength = 32

/** File systems on which another kernel may answer, so that a socket of a living process refuses connections. */
const sharedFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, 'nfs'],
  [0x517b, 'smb'],
  [0xff534d42, 'cifs'],
  [0xfe534d42, 'smb3'],
  [0x01021997, '9p'],
  [0x65735546, 'fuse'],
  [0x00c36400, 'ceph'],
  [0x786f4256, 'vboxsf'],
])

/** What a directory was found to be. */
interface DirectoryView {
  /** Of the directory and its mark. Differs once either was replaced. */
  readonly identity: string
  /** Sessions are, or were, held in it. */
  readonly isMarked: boolean
  /** Has not been replaced recently. Until then its sockets may not be back. */
  readonly isSettled: boolean
}

/** A private directory in which sessions listen on sockets that are named by their ids. */
export class LeaseDirectory {
  readonly path: string
  readonly #clock: Clock
  /** One of several: it counts only if this user may write to it. */
  readonly #isOptional: boolean
  #seen: { readonly directory: string; readonly mark: string | undefined } | undefined
  #replacedAtMs = Number.NEGATIVE_INFINITY

  constructor(path: unknown, clock: Clock, { isOptional = false } = {}) {
    this.path = checkedPath(path)
    this.#clock = clock
    this.#isOptional = isOptional
  }

  /** It was there once: if it is not there now, it was moved away. */
  get wasSeen(): boolean {
    return this.#seen !== undefined
  }

  pathOf(name: string): string {
    return join(this.path, name)
  }

  /** Creates it with its mark, where these are missing. Throws if this process may not use it. */
  async make(): Promise<void> {
    try {
      await mkdir(this.path, { recursive: true, mode: 0o700 })
    } catch (error) {
      // something else has this name, and is refused below
      if (codeOf(error) !== 'EEXIST') throw this.#unusable(error)
    }
    const stats = await statsOf(this.path)
    if (stats) this.#refuseOpen(stats)
    try {
      await access(this.path, constants.W_OK | constants.X_OK)
      await this.mark()
    } catch (error) {
      throw this.#unusable(error)
    }
    await this.view()
  }

  async mark(): Promise<void> {
    try {
      await writeFile(this.pathOf(markName), markText, { flag: 'wx', mode: 0o600 })
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
  }

  /** Undefined if there is none. Throws an `OptionError` if it is not private. */
  async view(): Promise<DirectoryView | undefined> {
    const stats = await statsOf(this.path)
    if (!stats || (this.#isOptional && !(await this.#mayBeOurs(stats)))) return undefined
    this.#refuseOpen(stats)
    const directory = fileId(stats)
    const markStats = await statsOf(this.pathOf(markName))
    const mark = markStats && `${fileId(markStats)}:${markStats.mtimeNs}`
    const before = this.#seen
    if (before?.directory !== directory) await this.#refuseShared()
    const isOther = before !== undefined && before.directory !== directory
    const isMarkedAgain = before?.mark !== undefined && mark !== undefined && before.mark !== mark
    if (isOther || isMarkedAgain) this.#replacedAtMs = this.#clock.now()
    this.#seen = { directory, mark: mark ?? (isOther ? undefined : before?.mark) }
    return {
      identity: `${directory} ${mark}`,
      isMarked: mark !== undefined,
      isSettled: this.#clock.now() - this.#replacedAtMs >= settlingMs,
    }
  }

  async names(): Promise<readonly string[]> {
    return readdir(this.path)
  }

  /** Others could put sockets here that answer with any id, or delete those of sessions. */
  #refuseOpen(stats: BigIntStats): void {
    if (stats.isSymbolicLink()) throw this.#refusal('a symbolic link', 'it must be a directory itself')
    if (!stats.isDirectory()) throw this.#refusal('not a directory', 'it must be a directory')
    if (!isOwnerAllowed(stats)) {
      const allowed = thisUser() === 0 ? 'root (0)' : `this user (${thisUser()}) or root (0)`
      throw this.#refusal(`owned by user ${stats.uid}`, `its owner must be ${allowed}`)
    }
    const mode = Number(stats.mode) & 0o7777
    if ((mode & 0o022) !== 0) {
      const found = `mode ${mode.toString(8).padStart(4, '0')}`
      throw this.#refusal(found, 'only its owner may write to it, as with mode 0700')
    }
  }

  async #refuseShared(): Promise<void> {
    if (process.platform !== 'linux') return
    const { type } = await statfs(this.path)
    const shared = sharedFileSystems.get(type)
    if (shared === undefined) return
    throw this.#refusal(
      `on a file system of type ${shared}`,
      'it must be on a file system of this machine alone, such as tmpfs or ext4',
    )
  }

  /** In any other directory, this user cannot have opened sessions. */
  async #mayBeOurs(stats: BigIntStats): Promise<boolean> {
    if (!stats.isDirectory() || !isOwnerAllowed(stats)) return false
    try {
      await access(this.path, constants.W_OK | constants.X_OK)
      return true
    } catch {
      return false
    }
  }

  #refusal(found: string, requirement: string): OptionError {
    return refusal(this.path, `${this.path} (${found})`, requirement)
  }

  #unusable(cause: unknown): SessionError {
    return new SessionError(`cannot use the directory of sessions ${this.path}: ${messageOf(cause)}`, {
      cause,
    })
  }
}

function thisUser(): number {
  return process.getuid?.() ?? 0
}

function isOwnerAllowed({ uid }: BigIntStats): boolean {
  return Number(uid) === thisUser() || uid === 0n
}

function checkedPath(given: unknown): string {
  if (typeof given !== 'string' || given === '' || given.includes('\0')) {
    throw refusal(given, undefined, 'it must be the path of a directory')
  }
  const path = resolve(given)
  const bytes = Buffer.byteLength(join(path, 'x'.repeat(nameLength)))
  if (bytes <= longestPath) return path
  const longest = longestPath - nameLength - 1
  throw refusal(
    path,
    `${path} (${Buffer.byteLength(path)} bytes)`,
    `it may have at most ${longest} bytes, since the path of a unix socket may have at most ${longestPath}`,
  )
}

function refusal(value: unknown, shown: string | undefined, requirement: string): OptionError {
  return new OptionError('directory', value, requirement, {
    source: 'directory of sessions',
    ...(shown !== undefined && { shown }),
  })
}
