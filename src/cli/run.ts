import type { Reconciler } from '../index.ts'
import { openInspector } from './inspect.ts'
import { createLog } from './log.ts'
import { type Flags, optionsFrom } from './options.ts'
import { wantsColor } from './text.ts'
import { requireTracked } from './tracked/choose.ts'
import { type CliWorld, exitDone, exitFailed, type ExitCode } from './world.ts'

/** The library gives removals under way five seconds; this is for what it does not expect itself. */
const longestStopMs = 8000

/**
 * Keeps reconciling until a signal, until its output is closed, or until it cannot continue. An engine or a
 * tracker that is not there yet is waited for.
 */
export async function run(flags: Flags, world: CliWorld): Promise<ExitCode> {
  const { stdout, env } = world
  const { tracked } = await requireTracked(flags)
  const isPretty = stdout.isTerminal && !flags.json
  const level = flags.logLevel ?? 'info'
  const logger = createLog({ level, output: stdout, isPretty, hasColor: wantsColor(stdout, env) })
  const options = { ...optionsFrom(flags, tracked), logger }
  const inspector = await openInspector(flags.inspect, world)
  try {
    const reconciler = world.createReconciler({
      ...options,
      ...(inspector && { inspect: inspector.inspect }),
    })
    return await watch(reconciler, world)
  } finally {
    await inspector?.stop()
  }
}

function watch(reconciler: Reconciler, world: CliWorld): Promise<ExitCode> {
  const { clock } = world
  return new Promise<ExitCode>((resolve) => {
    let code: ExitCode | undefined
    let timer: unknown
    const finish = () => {
      clock.clearTimeout(timer)
      for (const forget of listening) forget()
      resolve(code ?? exitDone)
    }
    const end = (because: ExitCode) => {
      // Asked a second time: whatever is left is not waited for.
      if (code !== undefined) return finish()
      code = because
      timer = clock.setTimeout(finish, longestStopMs)
      reconciler.stop().then(finish, finish)
    }
    const crashes = reconciler.on('crashed', () => end(exitFailed))
    const listening = [
      world.onSignal(() => end(exitDone)),
      world.onOutputClosed(() => end(exitDone)),
      () => crashes.unsubscribe(),
    ]
    reconciler.start()
  })
}
