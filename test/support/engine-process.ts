import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const endScript = join(import.meta.dirname, 'end-engine.sh')
/** More than the script gives itself for what may take long. */
const endDeadlineMs = 200_000
const exitDeadlineMs = 60_000

/** What the directories of all engines of one run of the tests have in their names. */
const runVariable = 'FLOTSAM_ENGINE_RUN'

/** From now on, in this process and in those that it starts. */
export function beginRunOfEngines(): void {
  process.env[runVariable] = `${process.pid}-`
}

/** Waits until every trace of every engine of this run is gone: those of a test process that was killed go by themselves. */
export async function enginesOfRunEnd(): Promise<void> {
  const prefix = `flotsam-private-${process.env[runVariable]}`
  const left = (): string[] => readdirSync(directoryOfEngines()).filter((name) => name.startsWith(prefix))
  await until(() => left().length === 0, endDeadlineMs, 'the end of the last engines').catch(
    (cause: unknown) => {
      throw new Error(`engines were left behind in ${directoryOfEngines()}: ${left().join(', ')}`, { cause })
    },
  )
}

/** Not below TMPDIR when that is deep: the path of a unix socket may have 107 bytes. */
function directoryOfEngines(): string {
  return tmpdir().length > 40 ? '/tmp' : tmpdir()
}

/**
 * The directory of one private engine, and the guard that ends everything that lives in it: when asked, and also when
 * this process goes away in whatever manner, SIGKILL included, because the guard waits for the end of a pipe that only
 * this process holds.
 */
export interface GuardedDirectory {
  readonly path: string
  /** Ends all processes, mounts and cgroups of the engine and removes the directory. A second call does nothing. */
  end(): Promise<void>
}

export function makeGuardedDirectory(): GuardedDirectory {
  const path = mkdtempSync(join(directoryOfEngines(), `flotsam-private-${process.env[runVariable] ?? ''}`))
  const guard = spawn('sh', [endScript, '--when-orphaned', path], {
    stdio: ['pipe', 'ignore', 'pipe'],
    detached: true,
  })
  let complaint = ''
  guard.stderr.setEncoding('utf8').on('data', (chunk: string) => (complaint += chunk))
  guard.unref()
  const ended = new Promise<number | null>((resolve, reject) => {
    guard.once('error', reject)
    guard.once('close', resolve)
  })
  // a guard that cannot even start is reported by end(), which every engine comes to
  ended.catch(() => undefined)
  return {
    path,
    end: async () => {
      guard.ref()
      guard.stdin.end()
      const lastWords = (): string => complaint.trim().split('\n').slice(-3).join('\n')
      const what = (): string => `the end of the engine in ${path}, which was at: ${lastWords()}`
      const code = await within(endDeadlineMs, ended, what)
      if (code !== 0) throw new Error(`could not end the engine in ${path}: ${lastWords()}`)
    },
  }
}

/** One daemon in the foreground, with its output in a file. It is its own session, so Ctrl-C is left to the guard. */
export class Daemon {
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  readonly #logFile: string
  readonly #name: string

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv, logFile: string) {
    const log = openSync(logFile, 'a')
    this.#name = command
    this.#logFile = logFile
    this.#child = spawn(command, args, { stdio: ['ignore', log, log], detached: true, env })
    closeSync(log)
    this.#child.unref()
    this.#exited = new Promise((resolve) => {
      this.#child.once('exit', () => resolve())
      this.#child.once('error', () => resolve())
    })
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#name} did not start`)
    return this.#child.pid
  }

  get isRunning(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Sends a signal; to a daemon that has gone it is an error, since a test would prove nothing with it. */
  signal(signal: NodeJS.Signals): void {
    if (!this.isRunning) throw new Error(`${this.#name} is not running\n${this.logTail()}`)
    process.kill(this.pid, signal)
  }

  /** SIGSTOP, and until every thread of it has really stopped: the last of them may still be answering. */
  async freeze(): Promise<void> {
    this.signal('SIGSTOP')
    await standstill(this.pid)
  }

  async exit(): Promise<void> {
    await within(exitDeadlineMs, this.#exited, () => `the exit of ${this.#name}`)
  }

  logTail(): string {
    return readFileSync(this.#logFile, 'utf8').split('\n').slice(-15).join('\n')
  }
}

/** Waits until a process that is not our child has ended; an unreaped zombie counts as ended. */
export async function processEnd(pid: number, deadlineMs = exitDeadlineMs): Promise<void> {
  await until(() => !isAlive(pid), deadlineMs, `the end of process ${pid}`)
}

function isAlive(pid: number): boolean {
  const stat = `/proc/${pid}/stat`
  if (!existsSync(stat)) return false
  try {
    return !/\) [ZX] /.test(readFileSync(stat, 'utf8'))
  } catch {
    return false
  }
}

/** Resolves when a process that was sent SIGSTOP has really stopped: until then it may still be answering. */
export function standstill(pid: number): Promise<void> {
  return until(() => isStopped(pid), exitDeadlineMs, `the standstill of process ${pid}`)
}

function isStopped(pid: number): boolean {
  const threads = `/proc/${pid}/task`
  return readdirSync(threads).every((thread) => isThreadStopped(`${threads}/${thread}/stat`))
}

/** A thread that ends while they are counted is one that has not stopped. */
function isThreadStopped(stat: string): boolean {
  try {
    return / \(.*\) T /s.test(readFileSync(stat, 'utf8'))
  } catch {
    return false
  }
}

/** Polls until the answer is yes. For what cannot be subscribed to: other processes, and an engine that is starting. */
export async function until(
  question: () => boolean | Promise<boolean>,
  deadlineMs: number,
  what: string,
): Promise<void> {
  const giveUpAt = performance.now() + deadlineMs
  while (!(await question())) {
    if (performance.now() > giveUpAt) throw new Error(`no sign of ${what} within ${deadlineMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function within<T>(deadlineMs: number, promise: Promise<T>, what: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no sign of ${what()} within ${deadlineMs} ms`)), deadlineMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
