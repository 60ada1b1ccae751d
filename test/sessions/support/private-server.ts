import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { standstill } from '../../support/engine-process.ts'

/** The flags of a server, without their dashes. */
type Flags = (port: number, folder: string) => Readonly<Record<string, string>>

/** A server that a test starts for itself, on loopback and with files in a folder of its own. */
export class PrivateServer implements AsyncDisposable {
  readonly port: number
  readonly folder: string
  readonly #command: string
  readonly #flags: Flags
  #process: ChildProcess | undefined
  #guard: ChildProcess | undefined

  private constructor(port: number, command: string, flags: Flags) {
    this.port = port
    this.folder = mkdtempSync(join(tmpdir(), 'flotsam-store-'))
    this.#command = command
    this.#flags = flags
  }

  static async start(command: string, flags: Flags): Promise<PrivateServer> {
    const server = new PrivateServer(await freePort(), command, flags)
    server.start()
    return server
  }

  start(): void {
    const flags = Object.entries(this.#flags(this.port, this.folder))
    const args = flags.flatMap(([name, value]) => [`--${name}`, value])
    this.#process = spawn(this.#command, args, { stdio: 'ignore' })
    // ends the server when the tests are killed, which closes the pipe
    const ending = `cat; kill -9 ${this.#process.pid}; rm -rf "$0"`
    this.#guard = spawn('sh', ['-c', ending, this.folder], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    })
  }

  get isRunning(): boolean {
    return this.#process?.exitCode === null && this.#process.signalCode === null
  }

  /** SIGSTOP, until it has really stopped. */
  async freeze(): Promise<void> {
    this.#process?.kill('SIGSTOP')
    if (this.#process?.pid !== undefined) await standstill(this.#process.pid)
  }

  thaw(): void {
    this.#process?.kill('SIGCONT')
  }

  async kill(): Promise<void> {
    this.#guard?.kill()
    if (this.#process === undefined || !this.isRunning) return
    const exited = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
