import type { FileHandle } from 'node:fs/promises'
import { messageOf } from '../domain/errors.ts'
import type { CommandClock } from './world.ts'

/** What a killed process may lose. */
const flushMs = 200
const flushedLength = 64 * 1024
/** More than this waits for a disk only if the disk hangs. */
const mostWaiting = 16 * 1024 * 1024
/** The end of a process does not wait longer for a disk that hangs. */
const endMs = 1000

export interface LineWriterOptions {
  readonly file: FileHandle
  readonly clock: CommandClock
  /** Called once, with the reason, when nothing more can be written. */
  readonly onFailure: (message: string) => void
}

/** Appends lines to a file, several at a time. The first failure ends it; lines are dropped from then on. */
export class LineWriter {
  readonly #options: LineWriterOptions
  #waiting: string[] = []
  #length = 0
  #timer: unknown
  #writing: Promise<void> | undefined
  #isOver = false
  #hasFailed = false

  constructor(options: LineWriterOptions) {
    this.#options = options
  }

  write(line: string): void {
    if (this.#isOver) return
    this.#waiting.push(line)
    this.#length += line.length
    if (this.#length > mostWaiting) this.#fail('the disk does not keep up')
    else if (this.#length >= flushedLength) void this.#flush()
    else this.#timer ??= this.#options.clock.setTimeout(() => void this.#flush(), flushMs)
  }

  /** Writes what is left and closes the file. Returns whether every line was written. */
  async end(): Promise<boolean> {
    const { clock, file } = this.#options
    let timer: unknown
    const late = new Promise<void>((resolve) => {
      timer = clock.setTimeout(() => {
        this.#fail('the disk does not answer')
        resolve()
      }, endMs)
    })
    const written = this.#flush().then(() => file.close())
    await Promise.race([written.catch((error: unknown) => this.#fail(messageOf(error))), late])
    clock.clearTimeout(timer)
    this.#isOver = true
    return !this.#hasFailed
  }

  /** One write at a time keeps the lines in order. */
  #flush(): Promise<void> {
    this.#options.clock.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing ??= this.#drain().finally(() => (this.#writing = undefined))
    return this.#writing
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const text = this.#waiting.join('')
      this.#waiting = []
      this.#length = 0
      try {
        await this.#options.file.appendFile(text)
      } catch (error) {
        this.#fail(messageOf(error))
      }
    }
  }

  #fail(message: string): void {
    this.#waiting = []
    this.#length = 0
    this.#isOver = true
    if (this.#hasFailed) return
    this.#hasFailed = true
    this.#options.onFailure(message)
  }
}
