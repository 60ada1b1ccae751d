import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { codeOf, messageOf } from '../../domain/errors.ts'
import { printable, show } from '../../domain/show.ts'
import type { CliWorld } from '../world.ts'
import { hasReachedAll } from './foreground.ts'

/** As shells and `env` say it. */
const exitNotFound = 127
const exitNotExecutable = 126
const exitBySignal = 128

/**
 * Runs a command with this process's own input, output and terminal, in its process group. Signals are passed on to it.
 * Resolves with its exit code, or with 128 and the number of the signal that ended it.
 */
export function runChild(
  [file = '', ...args]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  { stderr, takeSignals }: Pick<CliWorld, 'stderr' | 'takeSignals'>,
): Promise<number> {
  const say = (what: string, why: string) => stderr.write(`error: cannot ${what}: ${printable(why)}\n`)
  return new Promise((resolve) => {
    const refuse = (error: unknown) => {
      const isMissing = file === '' || codeOf(error) === 'ENOENT'
      const why = isMissing
        ? 'not found'
        : codeOf(error) === 'EACCES'
          ? 'permission denied'
          : messageOf(error)
      say(`run ${show(file)}`, why)
      resolve(isMissing ? exitNotFound : exitNotExecutable)
    }
    try {
      const child = spawn(file, args, { env, stdio: 'inherit' })
      const forget = takeSignals((signal) => {
        if (!hasReachedAll(signal)) child.kill(signal)
      })
      child.on('error', (error) => {
        // of a command that has started: a signal that it does not accept from this user
        if (child.pid !== undefined) return say('pass a signal on', messageOf(error))
        forget()
        refuse(error)
      })
      child.once('exit', (code, signal) => {
        forget()
        resolve(signal === null ? (code ?? exitNotExecutable) : exitBySignal + constants.signals[signal])
      })
    } catch (error) {
      refuse(error)
    }
  })
}
