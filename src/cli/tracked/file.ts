import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { TrackerTroubleError } from '../../index.ts'
import { messageOf, quoted } from '../text.ts'
import { FreshAnswers, type Ids } from './fresh-answers.ts'
import { fullIdForm, isFullId } from './ids.ts'
import type { TrackedSource } from './source.ts'

/** Under the two seconds that the library gives a tracker, so that the reason told is ours. */
const deadlineMs = 1500
/** A million ids. */
const mostBytes = 65 * 1024 * 1024

/**
 * A file of full ids, one a line, each line ended by a line feed, the last one also without. An empty file says that
 * nothing is tracked. Blank lines, spaces, carriage returns and comments make it invalid: what cannot be understood in
 * full is not believed at all.
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

/** Reads the whole file as it was at one moment. */
export async function readTrackedFile(path: string, duringReading: () => unknown = () => {}): Promise<Ids> {
  const file = await openFile(path)
  try {
    const before = await stampOf(file, path)
    const text = await readText(file, path)
    await duringReading()
    const after = await stampOf(file, path)
    const named = await stat(path, { bigint: true }).catch(() => undefined)
    const isSame = before === after && named !== undefined && stamp(named) === after
    if (!isSame) throw invalid(path, 'it changed while it was read; write a new file and rename it')
    return readIds(text, path)
  } finally {
    await file.close()
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    // a pipe without a writer would block the reading for ever
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    throw unreadable(path, messageOf(error), error)
  }
}

async function readText(file: FileHandle, path: string): Promise<string> {
  try {
    return await file.readFile('latin1')
  } catch (error) {
    throw unreadable(path, messageOf(error), error)
  }
}

type Stats = Awaited<ReturnType<typeof statExactly>>

function statExactly(file: FileHandle) {
  return file.stat({ bigint: true })
}

async function stampOf(file: FileHandle, path: string): Promise<string> {
  const stats = await statExactly(file)
  if (!stats.isFile()) throw unreadable(path, 'it is not a regular file')
  if (stats.size > mostBytes) throw invalid(path, `it is larger than ${mostBytes} bytes`)
  return stamp(stats)
}

/** What differs where a file is another one, or was written to. */
function stamp({ dev, ino, size, mtimeNs, ctimeNs }: Stats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}

function readIds(text: string, path: string): Ids {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const wrong = lines.findIndex((line) => !isFullId(line))
  if (wrong >= 0) throw invalid(path, `line ${wrong + 1} is not ${fullIdForm}`)
  return new Set(lines)
}

function unreadable(path: string, why: string, cause?: unknown): TrackerTroubleError {
  return new TrackerTroubleError('tracked-file-unreadable', `${quoted(path)} cannot be read: ${why}`, {
    cause,
  })
}

function invalid(path: string, why: string): TrackerTroubleError {
  return new TrackerTroubleError('tracked-file-invalid', `${quoted(path)} cannot be believed: ${why}`)
}
