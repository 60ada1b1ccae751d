import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'

/** A pipe that is full, and whose reader has stopped reading. */
export interface FullPipe {
  /** For a child to write to. */
  readonly fd: number
  /** Reads all that is in it. */
  read(): string
  close(): void
}

export function openFullPipe(path: string): FullPipe {
  execFileSync('mkfifo', [path])
  // Of its own, since a child makes the one that it writes to blocking.
  const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  const filling = Buffer.alloc(4096, '.')
  while (done(() => writeSync(fd, filling)));
  return {
    fd,
    read() {
      let text = ''
      const part = Buffer.alloc(65_536)
      for (let length = 1; length > 0;) {
        length = 0
        done(() => (length = readSync(reading, part)))
        text += part.toString('latin1', 0, length)
      }
      return text
    },
    close: () => [fd, reading].forEach((one) => closeSync(one)),
  }
}

/** Whether it could be done without waiting. */
function done(act: () => unknown): boolean {
  try {
    act()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    return false
  }
}
