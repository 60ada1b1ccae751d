#!/usr/bin/env node
import { createRequire } from 'node:module'
import { createReconciler } from '../index.ts'
import { runCli } from './program.ts'
import { type CliWorld, exitDone, exitFailed, type Output } from './world.ts'

const { version } = createRequire(import.meta.url)('flotsam/package.json') as { version: string }

const { stdout, stderr } = process

/** Nobody reads it any more: that is known from the first write that fails. */
const closed = new Set<NodeJS.WriteStream>()
const closeListeners = new Set<() => void>()
let hasLostOutput = false

for (const stream of [stdout, stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') noteLostOutput(error)
    closed.add(stream)
    if (stream === stdout) for (const listener of closeListeners) listener()
  })
}

/** A full disk is no reason to leave containers behind quietly, nor to show a trace. */
function noteLostOutput({ message }: Error): void {
  hasLostOutput = true
  if (!closed.has(stderr)) stderr.write(`error: cannot write output: ${message}\n`)
}

const outputTo = (stream: NodeJS.WriteStream): Output => ({
  isTerminal: stream.isTTY,
  write: (text) => void (closed.has(stream) || stream.write(text)),
})

const world: CliWorld = {
  stdout: outputTo(stdout),
  stderr: outputTo(stderr),
  env: process.env,
  version,
  clock: { setTimeout, clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout) },
  createReconciler,
  onSignal(listener) {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, listener)
    return () => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, listener)
    }
  },
  onOutputClosed(listener) {
    closeListeners.add(listener)
    return () => closeListeners.delete(listener)
  },
}

/** Resolves when what was written is on its way, or can never be. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return closed.has(stream) ? Promise.resolve() : new Promise((resolve) => stream.write('', () => resolve()))
}

// The library's timers do not keep the process alive; a command that waits for them must.
setInterval(() => {}, 2 ** 30)
const code = await runCli(process.argv.slice(2), world)
await Promise.all([flushed(stdout), flushed(stderr)])
// An engine that never answers must not keep the process: its sockets would.
process.exit(hasLostOutput && code === exitDone ? exitFailed : code)
