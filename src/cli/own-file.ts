import { constants } from 'node:fs'
import { access, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { messageOf, OptionError } from '../domain/errors.ts'
import { beginningOf, type FileKind } from '../recording/header.ts'

/** A file that was given as an option could not be written to. */
export class FileError extends Error {
  override readonly name = 'FileError'
}

/** Names and labels of containers may be private. */
export const ownFileMode = 0o600

/**
 * Checks that a file of ours can be written there. A file that holds anything else is refused, so that a mistyped path
 * destroys no tracked file.
 *
 * @throws OptionError with the reason
 */
export async function checkOwnFile(option: string, path: string, kind: FileKind): Promise<void> {
  const refuse = (thrown: unknown): never => {
    throw new OptionError(option, path, `it must be a file that can be written: ${messageOf(thrown)}`)
  }
  const found = await stat(path).catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? undefined : refuse(error),
  )
  await access(found ? path : dirname(path), constants.W_OK).catch(refuse)
  if (!found || found.isCharacterDevice()) return
  if (!found.isFile()) throw new OptionError(option, path, 'it must be a regular file')
  if (
    found.size === 0 ||
    (await textIn(path, 0, beginningOf(kind).length).catch(refuse)) === beginningOf(kind)
  )
    return
  throw new OptionError(
    option,
    path,
    `it holds something else; it must be a new file, or one of --${flags[kind]}`,
  )
}

const flags: Readonly<Record<FileKind, string>> = { recording: 'record', crash: 'crash-file' }

/** Some bytes of a file, as ASCII. */
export async function textIn(path: string, position: number, length: number): Promise<string> {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position)
    return buffer.toString('latin1', 0, bytesRead)
  } finally {
    await file.close()
  }
}
