import { fstatSync, write } from 'node:fs'
import { isatty } from 'node:tty'
import type { Output } from '../world.ts'

/** An output of the process. No write to it blocks. */
export interface ProcessOutput extends Output {
  readonly waitingLength: number
  /** Resolves when everything is written, or nothing more can be. */
  flushed(): Promise<void>
}

/** Called once, when nothing more can be written. The error is undefined if its reader has gone, which is no failure. */
type OnFailure = (error: Error | undefined) => void

/**
 * Opens stdout or stderr. Node's own streams write to terminals and files synchronously. A terminal that was paused, or a file
 * system that does not answer, would stop the process, and it would handle no signal. A pipe that is `shared` with a child
 * stays as it is: Node's stream would make it non-blocking for both, and the child would make its writes block.
 */
export function openOutput(name: 'stdout' | 'stderr', onFailure: OnFailure, isShared = false): ProcessOutput {
  const fd = name === 'stdout' ? 1 : 2
  const isTerminal = isatty(fd)
  // Windows writes to a console by another way.
  const isWritten = process.platform !== 'win32' && (isShared || isTerminal || isFile(fd))
  return isWritten
    ? new DescriptorOutput(fd, isTerminal, onFailure)
    : new StreamOutput(process[name], isTerminal, onFailure)
}

function isFile(fd: number): boolean {
  const stats = fstatSync(fd)
  return stats.isFile() || stats.isCharacterDevice() || stats.isBlockDevice()
}

/** A pipe or a socket. */
class StreamOutput implements ProcessOutput {
  readonly isTerminal: boolean
  readonly #stream: NodeJS.WriteStream
  #hasFailed = false

  constructor(stream: NodeJS.WriteStream, isTerminal: boolean, onFailure: OnFailure) {
    this.#stream = stream
    this.isTerminal = isTerminal
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (this.#hasFailed) return
      this.#hasFailed = true
      onFailure(error.code === 'EPIPE' ? undefined : error)
    })
  }

  get waitingLength(): number {
    return this.#stream.writableLength
  }

  write(text: string): void {
    if (!this.#hasFailed) this.#stream.write(text)
  }

  flushed(): Promise<void> {
    return this.#hasFailed
      ? Promise.resolve()
      : new Promise((resolve) => this.#stream.write('', () => resolve()))
  }
}

/** A terminal that another program shares may be busy for a moment. */
const busyMs = 20

/** A terminal, a file or a shared pipe, written to by a thread of Node, one write at a time. */
class DescriptorOutput implements ProcessOutput {
  readonly isTerminal: boolean
  readonly #fd: number
  readonly #onFailure: OnFailure
  #waiting: string[] = []
  #length = 0
  #writing: Promise<void> | undefined
  #hasFailed = false

  constructor(fd: number, isTerminal: boolean, onFailure: OnFailure) {
    this.#fd = fd
    this.isTerminal = isTerminal
    this.#onFailure = onFailure
  }

  get waitingLength(): number {
    return this.#length
  }

  write(text: string): void {
    if (this.#hasFailed || text === '') return
    this.#waiting.push(text)
    this.#length += text.length
    void this.flushed()
  }

  flushed(): Promise<void> {
    this.#writing ??= this.#drain().finally(() => (this.#writing = undefined))
    return this.#writing
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const bytes = Buffer.from(this.#waiting.join(''))
      this.#waiting = []
      try {
        for (let at = 0; at < bytes.length;) at += await this.#writeSome(bytes, at)
      } catch (error) {
        this.#hasFailed = true
        this.#waiting = []
        const { code } = error as NodeJS.ErrnoException
        const isClosed = code === 'EPIPE' || (this.isTerminal && code === 'EIO')
        this.#onFailure(isClosed ? undefined : (error as Error))
      }
      this.#length = this.#waiting.reduce((sum, { length }) => sum + length, 0)
    }
  }

  #writeSome(bytes: Buffer, at: number): Promise<number> {
    return new Promise((resolve, reject) => {
      write(this.#fd, bytes, at, bytes.length - at, null, (error, written) => {
        if (!error) resolve(written)
        else if (error.code === 'EAGAIN') setTimeout(() => resolve(0), busyMs)
        else reject(error)
      })
    })
  }
}
