import { fork } from 'node:child_process'
import { join } from 'node:path'
import { talk } from './rpc.mjs'
import { within } from './statistics.mjs'

/** A separate process that answers requests, and may itself call the functions in `answers`. */
export function startChild(file, { args = [], answers = {}, execArgv = [] } = {}) {
  const child = fork(join(import.meta.dirname, file), args, { execArgv })
  const peer = talk(child, answers)
  child.once('error', (error) => peer.fail(error))
  child.once('exit', (code, signal) => peer.fail(new Error(`${file} ended with ${code ?? signal}`)))
  return {
    ask: peer.ask,
    /** Lets it clean up what it created. */
    end: () => child.connected && child.disconnect(),
    kill: () => child.kill('SIGKILL'),
  }
}

/**
 * Runs `subjects/NAME.mjs` in a process that does nothing else, with its settings and the engine's verbs. Returns the
 * measurements.
 */
export async function measureIn(name, settings, { answers, deadlineMs = 300_000, execArgv = [] }) {
  const child = startChild('subject.mjs', { args: [name], answers, execArgv: ['--expose-gc', ...execArgv] })
  try {
    return await within(deadlineMs, child.ask('measure', settings), `measuring ${name}`)
  } finally {
    child.kill()
  }
}
