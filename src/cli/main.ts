#!/usr/bin/env node
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { createReconciler } from '../index.ts'
import { dieBy, exitWith } from './process/exit.ts'
import { openOutput } from './process/output.ts'
import { Signals } from './process/signals.ts'
import { runCli } from './program.ts'
import { sessionName } from './session/name.ts'
import { type CliWorld, exitDone, exitFailed } from './world.ts'

/** After a signal a reader that has stopped reading is waited for no longer. */
const longestFlushMs = 500

const { version } = createRequire(import.meta.url)('flotsam/package.json') as { version: string }

const closeListeners = new Set<() => void>()
let hasLostOutput = false

/** The command that `session` runs writes to the same pipes. */
const isShared = process.argv[2] === sessionName
const stderr = openOutput('stderr', noteLostOutput, isShared)
const stdout = openOutput(
  'stdout',
  (error) => {
    noteLostOutput(error)
    for (const listener of closeListeners) listener()
  },
  isShared,
)

/** A full disk is no reason to leave containers behind quietly, nor to show a trace. */
function noteLostOutput(error: Error | undefined): void {
  if (!error) return
  hasLostOutput = true
  stderr.write(`error: cannot write output: ${error.message}\n`)
}

const signals = new Signals({
  listen: (signal, listener) => {
    process.on(signal, listener)
    return () => process.off(signal, listener)
  },
  setTimeout,
  onUnhandled: dieBy,
  onOverdue: (signal) => void exitWith(exitFailed, signal),
})

const world: CliWorld = {
  stdout,
  stderr,
  env: process.env,
  version,
  clock: { setTimeout, clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout) },
  createReconciler,
  onSignal: (listener) => signals.onEnd(listener),
  onReload: (listener) => signals.onReload(listener),
  takeSignals: (listener) => signals.take(listener),
  onOutputClosed(listener) {
    closeListeners.add(listener)
    return () => closeListeners.delete(listener)
  },
}

/** Writes what is left. After a signal a reader that does not read is not waited for. */
async function flush(): Promise<void> {
  const written = Promise.all([stdout.flushed(), stderr.flushed()]).then(() => true)
  const late = signals.first.then(() => sleep(longestFlushMs)).then(() => false)
  if (!(await Promise.race([written, late]))) noteLostOutput(new Error('it is not read'))
}

// The library's timers do not keep the process alive; a command that waits for them must.
setInterval(() => {}, 2 ** 30)
const code = await runCli(process.argv.slice(2), world)
await flush()
// An engine that never answers must not keep the process: its sockets would.
await exitWith(hasLostOutput && code === exitDone ? exitFailed : code, signals.received)
