import { type ChildProcessByStdio, execFileSync, spawn, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'

const root = join(import.meta.dirname, '../../..')

/** The command line as installed, in a separate folder. */
export interface BuiltCli {
  readonly folder: string
  start(args: readonly string[], stdio?: StdioOptions, env?: Readonly<Record<string, string>>): RunningCli
  /** The file of the command. */
  readonly main: string
  /** Ends what still runs, and removes the folder. */
  close(): Promise<void>
}

export interface RunningCli {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  readonly out: () => string
  readonly err: () => string
  /** Resolves once the output holds this. */
  reported(text: string): Promise<void>
  /** Resolves with the exit code; null where a signal ended it. */
  readonly ended: Promise<number | null>
}

/** `options` are those of `vite build`. */
export function buildCli(options: readonly string[] = []): BuiltCli {
  const folder = mkdtempSync(join(tmpdir(), 'flotsam-cli-'))
  execFileSync('npm', ['run', 'build:node', '--', ...options], {
    cwd: root,
    env: { ...process.env, NODE_ENV: 'production', FLOTSAM_DIST: join(folder, 'dist') },
    stdio: 'pipe',
  })
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json'))
  // all that is installed with it
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(join(root, 'node_modules/xstate'), join(folder, 'node_modules/xstate'))
  const main = join(folder, 'dist/src/cli/main.js')
  if (!existsSync(main)) throw new Error('the build has no command line')
  const running = new Set<RunningCli>()
  return {
    folder,
    main,
    start(args, stdio = ['ignore', 'pipe', 'pipe'], env = {}) {
      const { PATH } = process.env
      const child = spawn(process.execPath, [main, ...args], { stdio, env: { PATH, HOME: folder, ...env } })
      const started = follow(child as RunningCli['child'])
      running.add(started)
      void started.ended.then(() => running.delete(started))
      return started
    },
    async close() {
      for (const { child } of running) child.kill('SIGKILL')
      await Promise.all([...running].map(({ ended }) => ended))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Each module of the sources by itself, for what needs one alone. */
export function compileModules(folder: string): void {
  const compiler = join(root, 'node_modules/.bin/tsc')
  const options = ['--noCheck', '--declaration', 'false', '--declarationMap', 'false', '--sourceMap', 'false']
  execFileSync(compiler, ['-p', join(root, 'tsconfig.build.json'), ...options, '--outDir', folder])
}

function follow(child: RunningCli['child']): RunningCli {
  let out = ''
  let err = ''
  const waiting = new Set<() => void>()
  // a stream that the test gave away is not there
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text
    for (const check of waiting) check()
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return {
    child,
    out: () => out,
    err: () => err,
    ended,
    reported: (text) =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (!out.includes(text)) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
        void ended.then((code) =>
          reject(new Error(`ended with ${code} before it reported "${text}": ${out}${err}`)),
        )
      }),
  }
}
