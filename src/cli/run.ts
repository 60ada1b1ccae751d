import type { InspectionEvent } from 'xstate'
import { messageOf } from '../domain/errors.ts'
import type { EventOf } from '../domain/events.ts'
import type { Reconciler } from '../index.ts'
import { nameOfOwner } from '../options/owner-label.ts'
import { type FileKind, formatVersion, type Header } from '../recording/header.ts'
import { settingsInForce } from './config.ts'
import { leaveCrashFile } from './crash-file.ts'
import type { GivenSettings } from './given.ts'
import { openInspector } from './inspect.ts'
import { createLog } from './log.ts'
import { type Flags, optionsFrom } from './options.ts'
import { checkOwnFile } from './own-file.ts'
import { prepareRecording } from './record.ts'
import { wantsColor } from './text.ts'
import { requireTracked } from './tracked/choose.ts'
import { type CliWorld, exitDone, exitFailed, type ExitCode } from './world.ts'

/** The library gives removals under way five seconds; this is for what it does not expect itself. */
const longestStopMs = 8000

/**
 * Keeps reconciling until a signal, until its output is closed, or until it cannot continue. An engine or a
 * tracker that is not there yet is waited for.
 */
export async function run(flags: Flags, world: CliWorld, given: GivenSettings): Promise<ExitCode> {
  const { stdout, env } = world
  const { crashFile, record } = flags
  const { tracked } = await requireTracked(flags)
  const isPretty = stdout.isTerminal && !flags.json
  const level = flags.logLevel ?? 'info'
  const logger = createLog({ level, output: stdout, isPretty, hasColor: wantsColor(stdout, env) })
  const inspector = await openInspector(flags.inspect, world)
  const recording = await prepareRecording(record, world.clock, (reason) =>
    logger.warn({ event: 'recordingEnded', file: record }, `the recording ends here: ${reason}`),
  )
  try {
    const reconciler = world.createReconciler({
      ...optionsFrom(flags, tracked),
      logger,
      ...inspectedBy(inspector?.inspect, recording?.inspect),
    })
    const header = (kind: FileKind) => headerOf(kind, reconciler, flags, world, given)
    await recording?.begin(header('recording'))
    if (crashFile !== undefined) await checkOwnFile('crashFile', crashFile, 'crash')
    const code = await watch(reconciler, world, async ({ message }) => {
      recording?.settle()
      if (crashFile === undefined) return
      try {
        await leaveCrashFile(crashFile, { ...header('crash'), message }, reconciler)
        logger.info({ event: 'crashFileWritten', file: crashFile }, 'left a crash snapshot')
      } catch (error) {
        const words = `cannot leave a crash snapshot: ${messageOf(error)}`
        logger.error({ event: 'crashFileFailed', file: crashFile }, words)
      }
    })
    const isWhole = (await recording?.end()) ?? true
    return isWhole || code !== exitDone ? code : exitFailed
  } finally {
    await inspector?.stop()
    await recording?.end()
  }
}

/** XState takes one observer. */
function inspectedBy(...all: readonly (Observe | undefined)[]): { readonly inspect?: Observe } {
  const observers = all.filter((one) => one !== undefined)
  if (observers.length === 0) return {}
  return { inspect: (event) => observers.forEach((observe) => observe(event)) }
}

type Observe = (event: InspectionEvent) => void

function headerOf(
  flotsam: FileKind,
  reconciler: Reconciler,
  { owner, preset }: Flags,
  { version: by }: CliWorld,
  given: GivenSettings,
): Header {
  return {
    flotsam,
    version: formatVersion,
    by,
    time: new Date().toISOString(),
    engine: reconciler.status().engine.address,
    owner: nameOfOwner(owner, preset),
    options: Object.fromEntries(settingsInForce(given).map(({ key, value }) => [key, value])),
  }
}

function watch(
  reconciler: Reconciler,
  world: CliWorld,
  onCrash: (event: EventOf<'crashed'>) => Promise<void>,
): Promise<ExitCode> {
  const { clock } = world
  return new Promise<ExitCode>((resolve) => {
    let code: ExitCode | undefined
    let timer: unknown
    const finish = () => {
      clock.clearTimeout(timer)
      for (const forget of listening) forget()
      resolve(code ?? exitDone)
    }
    const end = (because: ExitCode, lastWords?: Promise<void>) => {
      // Asked a second time: whatever is left is not waited for.
      if (code !== undefined) return finish()
      code = because
      timer = clock.setTimeout(finish, longestStopMs)
      Promise.all([reconciler.stop(), lastWords]).then(finish, finish)
    }
    const crashes = reconciler.on('crashed', (event) => end(exitFailed, onCrash(event)))
    const listening = [
      world.onSignal(() => end(exitDone)),
      world.onOutputClosed(() => end(exitDone)),
      () => crashes.unsubscribe(),
    ]
    reconciler.start()
  })
}
