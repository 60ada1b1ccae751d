import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A server that a test starts for itself, on loopback and with files in a folder of its own. */
export class PrivateServer implements AsyncDisposable {
  readonly port: number
  readonly folder: string
  readonly #command: string
  readonly #args: (port: number, folder: string) => readonly string[]
  #process: ChildProcess | undefined

  private constructor(
    port: number,
    command: string,
    args: (port: number, folder: string) => readonly string[],
  ) {
    this.port = port
    this.folder = mkdtempSync(join(tmpdir(), 'flotsam-store-'))
    this.#command = command
    this.#args = args
  }

  static async start(
    command: string,
    args: (port: number, folder: string) => readonly string[],
  ): Promise<PrivateServer> {
    const server = new PrivateServer(await freePort(), command, args)
    server.start()
    return server
  }

  start(): void {
    this.#process = spawn(this.#command, this.#args(this.port, this.folder), { stdio: 'ignore' })
  }

  freeze(): void {
    this.#process?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#process?.kill('SIGCONT')
  }

  async kill(): Promise<void> {
    const started = this.#process
    this.#process = undefined
    if (started === undefined || started.exitCode !== null || started.signalCode !== null) return
    const exited = once(started, 'exit')
    started.kill('SIGKILL')
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
