import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { TrackError } from './track-error.ts'

/** Holding it takes milliseconds, so that even fifty processes at once are through long before. */
const longestWaitMs = 30_000

/** A lock that the kernel takes back when its holder ends, however that ends. */
export interface Lock {
  /** Whether the tracked file has been written under this lock before. */
  wasWritten(): Promise<boolean>
  noteWritten(): Promise<void>
  release(): Promise<void>
}

/**
 * Takes the lock on a file that is there for nothing else and is never removed. Node itself has no flock: flock(1) is
 * given our descriptor, and the lock belongs to what both share, so that it stays ours when flock(1) has ended.
 *
 * @throws TrackError
 */
export async function takeLock(path: string, longestMs = longestWaitMs): Promise<Lock> {
  const deadlineMs = performance.now() + longestMs
  for (;;) {
    const file = await openLockFile(path)
    try {
      await flock(file, path, deadlineMs - performance.now())
      if (await isAt(path, file)) return lockOn(file)
    } catch (error) {
      await file.close()
      throw error
    }
    // It was removed meanwhile; the others lock the new one.
    await file.close()
  }
}

function lockOn(file: FileHandle): Lock {
  return {
    wasWritten: async () => (await file.stat()).size > 0,
    // a length, not a byte: it needs no room on a full disk
    noteWritten: () => file.truncate(1),
    release: () => file.close(),
  }
}

async function openLockFile(path: string): Promise<FileHandle> {
  const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants
  let file: FileHandle
  try {
    file = await open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o666)
  } catch (error) {
    throw new TrackError('the lock cannot be opened', { cause: error })
  }
  if ((await file.stat()).isFile()) return file
  await file.close()
  throw new TrackError(`the lock "${path}" is not a regular file`)
}

/** Whether the path still leads to this file. */
async function isAt(path: string, file: FileHandle): Promise<boolean> {
  const [ours, named] = await Promise.all([file.stat(), stat(path).catch(() => undefined)])
  return named?.dev === ours.dev && named.ino === ours.ino
}

function flock(file: FileHandle, path: string, longestMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('flock', ['3'], { stdio: ['ignore', 'ignore', 'ignore', file.fd] })
    let isLate = false
    const timer = setTimeout(
      () => {
        isLate = true
        child.kill('SIGKILL')
      },
      Math.max(0, longestMs),
    )
    child.on('error', (error) => {
      clearTimeout(timer)
      reject(new TrackError('flock(1) of util-linux or BusyBox is needed', { cause: error }))
    })
    child.on('exit', (code) => {
      clearTimeout(timer)
      if (code === 0) resolve()
      else if (isLate) reject(new TrackError(`another process holds the lock "${path}"`))
      else reject(new TrackError(`the lock "${path}" cannot be taken: flock ended with ${code}`))
    })
  })
}
