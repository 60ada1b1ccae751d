import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { build } from 'vite'
import { onTestFinished } from 'vitest'
import { standstill } from '../../support/engine-process.ts'

const root = join(import.meta.dirname, '../../..')

/** An empty folder, removed after the test. `mkdtemp` makes it private. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'flotsam-leases-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The sources of `flotsam/sessions` as a module that Node can load. */
export async function buildSessions(): Promise<{ readonly module: string; remove(): void }> {
  const outDir = mkdtempSync(join(tmpdir(), 'flotsam-leases-build-'))
  await build({
    configFile: false,
    root,
    publicDir: false,
    logLevel: 'error',
    build: {
      ssr: 'src/sessions/index.ts',
      outDir,
      emptyOutDir: false,
      minify: false,
      rolldownOptions: { output: { entryFileNames: 'sessions.mjs' } },
    },
  })
  return {
    module: join(outDir, 'sessions.mjs'),
    remove: () => rmSync(outDir, { recursive: true, force: true }),
  }
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>

/** A process that holds a session and has printed its id. */
export interface Holder {
  readonly child: Child
  readonly id: string
  /** SIGSTOP, until it has really stopped. */
  freeze(): Promise<void>
  /** Resolves once it has ended, with its exit code. */
  kill(signal: NodeJS.Signals): Promise<number | null>
}

/** Starts a program that opens a session and prints its id on a line. It is killed after the test. */
export async function startHolder(command: string, args: readonly string[]): Promise<Holder> {
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] },
  })
  child.stderr.setEncoding('utf8')
  let errors = ''
  child.stderr.on('data', (text: string) => (errors += text))
  const ended = once(child, 'close') as Promise<[number | null]>
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const line = await Promise.race([firstLine(child), ended.then(() => undefined)])
  if (line === undefined) throw new Error(`the holder ended: ${errors}`)
  return {
    child,
    id: line,
    async freeze() {
      child.kill('SIGSTOP')
      await standstill(child.pid as number)
    },
    async kill(signal) {
      child.kill(signal)
      const [code] = await ended
      return code
    },
  }
}

async function firstLine(child: Child): Promise<string> {
  let text = ''
  for await (const chunk of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    text += String(chunk)
    if (text.includes('\n')) return text.slice(0, text.indexOf('\n'))
  }
  return new Promise(() => {})
}

/** Opens a session in a directory, and keeps its process alive until its standard input ends. */
export const holdingProgram = `
const { openSession, socketLeases } = await import(process.argv[1])
const session = await openSession({ leases: socketLeases(process.argv[2]) })
console.log(session.id)
process.stdin.resume().once('end', () => session.close())
`

/** The arguments of node that run a program of a string, as a module, with its arguments. */
export const programArgs = (program: string, ...args: readonly string[]) => [
  '--input-type=module',
  '--eval',
  program,
  ...args,
]

export const randomId = () =>
  Array.from({ length: 32 }, () => Math.floor(Math.random() * 16).toString(16)).join('')

/** The open descriptors of this process, on Linux. */
export const countDescriptors = () => readdirSync('/proc/self/fd').length
