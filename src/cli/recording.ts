import { type FileHandle, open } from 'node:fs/promises'
import type { InspectionEvent } from 'xstate'
import { messageOf, OptionError } from '../domain/errors.ts'
import type { Header } from '../recording/header.ts'
import { LineWriter } from './line-writer.ts'
import { checkOwnFile, FileError, ownFileMode, textIn } from './own-file.ts'
import { jsonLine } from './text.ts'
import type { CommandClock } from './world.ts'

/** A run that is being recorded. */
export interface Recording {
  readonly inspect: (event: InspectionEvent) => void
  /**
   * Opens the file and writes the header. A file that has a recording gets a further run.
   *
   * @throws OptionError where it cannot be opened, and FileError where it cannot be written to
   */
  begin(header: Header): Promise<void>
  /** Records an actor that has failed without a snapshot. */
  settle(): void
  /** Returns whether everything was recorded. Idempotent. */
  end(): Promise<boolean>
}

/** `--record`. Nothing is loaded without it, and nothing is opened before `begin`. */
export async function prepareRecording(
  path: string | undefined,
  clock: CommandClock,
  onFailure: (reason: string) => void,
): Promise<Recording | undefined> {
  if (path === undefined) return undefined
  const { Recorder } = await import('../recording/recorder.ts')
  let writer: LineWriter | undefined
  let ended: Promise<boolean> | undefined
  const recorder = new Recorder({ now: Date.now, write: (event) => writer?.write(jsonLine(event)) })
  return {
    inspect: recorder.inspect,
    async begin(header) {
      writer = new LineWriter({ file: await openRecording(path, header), clock, onFailure })
    },
    settle: () => recorder.settle(),
    end: () => (ended ??= writer?.end() ?? Promise.resolve(true)),
  }
}

async function openRecording(path: string, header: Header): Promise<FileHandle> {
  await checkOwnFile('record', path, 'recording')
  const file = await open(path, 'a', ownFileMode).catch((error: unknown) => {
    throw new OptionError('record', path, `it must be a file that can be written: ${messageOf(error)}`)
  })
  try {
    await file.appendFile(`${await lineBreakIn(path, file)}${jsonLine(header)}`)
    return file
  } catch (error) {
    await file.close()
    throw new FileError(`cannot write to the recording ${path}: ${messageOf(error)}`, { cause: error })
  }
}

/** Ends the last line of a run that was killed. */
async function lineBreakIn(path: string, file: FileHandle): Promise<string> {
  const { size } = await file.stat()
  return size === 0 || (await textIn(path, size - 1, 1)) === '\n' ? '' : '\n'
}
