import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Puts a new file in the place of an old one, so that a reader finds either the old or the new one, whole, and so that it
 * stays after a crash of the machine. Only one may do so at a time: the new file has the same name each time, so that
 * nothing piles up where processes are killed.
 *
 * @throws whatever the file system says; the old file is then as it was, unless only the last sync failed
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const fresh = `${path}.track-new`
  await rm(fresh, { force: true })
  try {
    await writeDurably(fresh, text, path)
    await rename(fresh, path)
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => {})
    throw error
  }
  await syncFolder(dirname(path))
}

async function writeDurably(fresh: string, text: string, like: string): Promise<void> {
  const old = await stat(like).catch(() => undefined)
  // created new, so that no other process has it open and it is not a link to another file
  const file = await open(fresh, 'wx')
  try {
    await file.writeFile(text)
    if (old) await takeAfter(file, old)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Who could read the old one can read the new one. */
async function takeAfter(file: FileHandle, { mode, uid, gid }: { mode: number; uid: number; gid: number }) {
  // only root may give files away
  await file.chown(uid, gid).catch(() => {})
  await file.chmod(mode & 0o7777)
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } catch (error) {
    // some file systems cannot sync a folder, and need not
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error
  } finally {
    await folder.close()
  }
}
