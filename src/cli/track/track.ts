import { lstat, realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { parseContainerId } from '../../domain/ids.ts'
import { show } from '../../domain/show.ts'
// not from the public face, which would load all of the library for each change of a file
import { TrackerError } from '../../domain/tracked.ts'
import { messageWithCause } from '../text.ts'
import { contentOf, fullIdForm, mostTrackedBytes } from '../tracked/content.ts'
import { readTrackedFile, remedy } from '../tracked/file.ts'
import type { Ids } from '../tracked/fresh-answers.ts'
import { UsageError } from '../usage.ts'
import { type CliWorld, exitDone, exitFailed, type ExitCode } from '../world.ts'
import { type Lock, takeLock } from './lock.ts'
import { replaceFile } from './replace.ts'
import { TrackError } from './track-error.ts'

export const trackActions = ['add', 'remove', 'list', 'reset'] as const
export type TrackAction = (typeof trackActions)[number]

/** What is asked of `flotsam track`. */
export interface TrackRequest {
  readonly path: string
  readonly action: TrackAction
  readonly ids: readonly string[]
  /** That a reset to no ids at all is meant. */
  readonly nothingTracked: boolean
}

/** Maintains a tracked file for an agent that is a shell script, or prints what it contains. */
export async function track(request: TrackRequest, { stdout, stderr }: CliWorld): Promise<ExitCode> {
  checkRequest(request)
  const { path, action } = request
  try {
    if (action === 'list') stdout.write([...(await readTrackedFile(path)), ''].join('\n'))
    else await change(request)
    return exitDone
  } catch (error) {
    stderr.write(`error: ${complaint(path, action, error)}\n`)
    return exitFailed
  }
}

/** An id that is missing because of an empty shell variable must not pass for a request that asks for nothing. */
function checkRequest({ path, action, ids, nothingTracked }: TrackRequest): void {
  if (path === '') throw new UsageError('track: "" is not allowed; it must be FILE')
  if (nothingTracked && (action !== 'reset' || ids.length > 0)) {
    throw new UsageError('--nothing-tracked is only for reset, without ids')
  }
  if (action === 'list') {
    if (ids.length > 0) throw new UsageError('track list takes no ids')
    return
  }
  const wrong = ids.find((id) => !parseContainerId(id))
  if (wrong !== undefined) throw new UsageError(`track ${action}: ${show(wrong)} is not ${fullIdForm}`)
  if (ids.length > 0 || nothingTracked) return
  const otherwise = action === 'reset' ? ', or --nothing-tracked' : ''
  throw new UsageError(`track ${action}: no ids given; give one or more${otherwise}`)
}

async function change({ path, action, ids }: TrackRequest): Promise<void> {
  const target = await targetOf(path)
  const lock = await takeLock(`${target}.lock`)
  try {
    const before = action === 'reset' ? [] : await idsBefore(target, action, lock)
    const text = changedContent(before, action, ids)
    await replaceFile(target, text)
    await lock.noteWritten()
  } finally {
    await lock.release()
  }
}

/**
 * What the file is to hold.
 *
 * @throws TrackError where that is more than a reader takes
 */
export function changedContent(
  before: Iterable<string>,
  action: TrackAction,
  ids: readonly string[],
): string {
  const all = new Set(before)
  for (const id of ids) {
    if (action === 'remove') all.delete(id)
    else all.add(id)
  }
  const text = contentOf(all)
  if (text.length > mostTrackedBytes)
    throw new TrackError(`it would be larger than ${mostTrackedBytes} bytes`)
  return text
}

/** The file that a link leads to: a rename would replace the link itself, and who reads the file would not see it. */
async function targetOf(path: string): Promise<string> {
  const folder = await realpath(dirname(path))
  const link = join(folder, basename(path))
  const found = await lstat(link).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  const target = found?.isSymbolicLink() ? await realpath(link) : link
  const stats = found && (await lstat(target))
  if (stats && !stats.isFile()) throw new TrackError('it is not a regular file')
  // the other names would go on to show the old file
  if (stats && stats.nlink > 1) throw new TrackError(`it has ${stats.nlink} hard links; it must have one`)
  return target
}

/** What the file holds; a file that was never there holds nothing. */
async function idsBefore(path: string, action: TrackAction, lock: Lock): Promise<Ids> {
  try {
    return await readTrackedFile(path)
  } catch (error) {
    if (!isMissing(error)) throw error
    // Taken away to stop all removals, or lost: a new file with one id would say that all others are untracked.
    if (await lock.wasWritten()) {
      throw new TrackError('it was there before and is gone; put it back, or use flotsam track FILE reset')
    }
    if (action === 'remove') throw new TrackError('it does not exist; add creates it')
    return new Set()
  }
}

function isMissing(error: unknown): boolean {
  const cause = error instanceof TrackerError ? error.cause : undefined
  return cause instanceof Error && (cause as NodeJS.ErrnoException).code === 'ENOENT'
}

function complaint(path: string, action: TrackAction, error: unknown): string {
  // a tracker's own error names the file
  if (!(error instanceof TrackerError)) return `track ${action}: ${show(path)}: ${messageWithCause(error)}`
  const isInvalid = error.reason === 'tracked-file-invalid' && action !== 'list'
  const message = isInvalid
    ? error.message.replace(remedy, 'use flotsam track FILE reset to replace it')
    : error.message
  return `track ${action}: ${message}`
}
