import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { show } from '../../domain/show.ts'
// not from the public face, which would load all of the library for each change of a file
import { TrackerError } from '../../domain/tracked.ts'
import { messageWithCause } from '../text.ts'
import { mostTrackedBytes, readContent } from './content.ts'
import { FreshAnswers, type Ids } from './fresh-answers.ts'
import { isMountedFile, mountTheFolder } from './mounted-file.ts'
import type { TrackedSource } from './source.ts'

/** Shorter than the library's two seconds for a tracker, so that our own reason is reported. */
const deadlineMs = 1500

/**
 * A file of full ids that ends with the line `end`; see `readContent`. A file that holds nothing but that line says that
 * nothing is tracked.
 */
export function trackedFile(path: string): TrackedSource {
  const answers = new FreshAnswers({
    read: () => readTrackedFile(path),
    deadlineMs,
    late: () => unreadable(path, `it could not be read within ${deadlineMs / 1000} s`),
  })
  return {
    flag: '--tracked',
    tracked: { has: async (id) => (await answers.ask()).has(id) },
    check: async () => void (await answers.ask()),
  }
}

/** A writer that keeps moving ids within a mapping fooled up to 8 of 100 pairs of readings, and none of 5,000 times sixteen. */
const mostReadings = 16
/** Of the largest files, whose readings take long. */
const fewestReadings = 4
const mostBytesRead = 64 * 1024 * 1024

/**
 * Reads the whole file as it was at one moment. What is written through a mapping of the file leaves its size and times as
 * they were. So it is read many times, and must hold the same each time.
 */
export async function readTrackedFile(
  path: string,
  beforeReading: (reading: number) => unknown = () => {},
): Promise<Ids> {
  const file = await openFile(path)
  try {
    const before = await statOf(file, path)
    const bytes = await readBytes(file, path, before.size)
    for (let reading = 2; reading <= readingsOf(before.size); reading += 1) {
      await beforeReading(reading)
      if (!bytes.equals(await readBytes(file, path, before.size))) throw changed(path)
    }
    const after = await statOf(file, path)
    const named = await stat(path, { bigint: true }).catch(() => undefined)
    if (stamp(before) !== stamp(after) || !named || stamp(named) !== stamp(after)) throw changed(path)
    await refuseStale(path, after)
    const content = readContent(bytes.toString('latin1'))
    if ('wrong' in content) throw invalid(path, content.wrong)
    return content.ids
  } finally {
    await file.close()
  }
}

function readingsOf(size: bigint): number {
  return Math.max(fewestReadings, Math.min(mostReadings, Math.floor(mostBytesRead / Number(size))))
}

/** fresh-scan: a path may lead to a file that was replaced long ago, and is whole all the same. */
async function refuseStale(path: string, { nlink }: Stats): Promise<void> {
  if (await isMountedFile(path)) throw mounted(path)
  if (nlink === 0n)
    throw invalid(path, 'it was deleted or replaced, so another file may have taken its place')
  // one name of it may be replaced, and this one would keep showing what was tracked then
  if (nlink > 1n) throw invalid(path, `it has ${nlink} hard links; it must have one`)
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    // a pipe without a writer would block the reading forever
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    throw unreadable(path, messageWithCause(error), error)
  }
}

/** No more than the file held a moment ago: one that keeps growing must not fill the memory. */
async function readBytes(file: FileHandle, path: string, size: bigint): Promise<Buffer> {
  const bytes = Buffer.alloc(Number(size))
  let filled = 0
  try {
    while (filled < bytes.length) {
      const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
  } catch (error) {
    throw unreadable(path, messageWithCause(error), error)
  }
  return bytes.subarray(0, filled)
}

type Stats = Awaited<ReturnType<typeof statExactly>>

function statExactly(file: FileHandle) {
  return file.stat({ bigint: true })
}

async function statOf(file: FileHandle, path: string): Promise<Stats> {
  const stats = await statExactly(file)
  if (!stats.isFile()) throw unreadable(path, 'it is not a regular file')
  if (stats.size > mostTrackedBytes) throw invalid(path, `it is larger than ${mostTrackedBytes} bytes`)
  return stats
}

/** What differs where a file is another one, or was written to. */
function stamp({ dev, ino, size, mtimeNs, ctimeNs }: Stats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}

function unreadable(path: string, why: string, cause?: unknown): TrackerError {
  return new TrackerError('tracked-file-unreadable', `${show(path)} cannot be read: ${why}`, {
    cause,
  })
}

/** What a writer does about a file that is invalid. */
export const remedy = 'write it with flotsam track, or write a new file and rename it'

function invalid(path: string, why: string): TrackerError {
  return new TrackerError('tracked-file-invalid', `${show(path)} is invalid: ${why}; ${remedy}`)
}

function changed(path: string): TrackerError {
  return invalid(path, 'it changed while it was read')
}

function mounted(path: string): TrackerError {
  return new TrackerError('tracked-file-invalid', `${show(path)} is invalid: ${mountTheFolder}`)
}
