import type { BigIntStats } from 'node:fs'
import { lstat, unlink } from 'node:fs/promises'
import { codeOf } from '../domain/errors.ts'

/** The file's own state; of a symbolic link, that of the link. Undefined if there is no such file. */
export async function statsOf(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true })
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}

export function fileId({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`
}

/** Deletes a file, if it is still that one. */
export async function deleteFile(path: string, id: string): Promise<void> {
  const found = await statsOf(path)
  if (found && fileId(found) === id) await unlink(path)
}
