import type { Tracked } from '../index.ts'
import { diagnosticLog } from './diagnostics.ts'
import { type Flags, optionsFrom } from './options.ts'
import { withSpinner } from './spinner.ts'
import { renderLook } from './table.ts'
import { wantsColor } from './text.ts'
import { chooseTracked, isTrackerTrouble, trackerForms } from './tracked/choose.ts'
import { type CliWorld, exitDone, exitFailed, type ExitCode } from './world.ts'

const nothingSaid: Tracked = { has: () => undefined }

/** One look, told as a table or as JSON. Nothing in it is able to remove. */
export async function scan(flags: Flags, world: CliWorld): Promise<ExitCode> {
  const { stdout, stderr, env } = world
  const source = chooseTracked(flags)
  const reconciler = world.createReconciler({
    ...optionsFrom(flags),
    ...diagnosticLog(flags, world),
    dryRun: true,
    tracked: source?.tracked ?? nothingSaid,
  })
  await source?.check()
  const report = await withSpinner('looking', world, reconciler.look())
  stdout.write(flags.json ? `${JSON.stringify(report)}\n` : renderLook(report, wantsColor(stdout, env)))
  if (!source) {
    stderr.write(
      `hint: it is not said what is tracked, so nothing is called dangling; give ${trackerForms}\n`,
    )
    return exitDone
  }
  const trouble = report.containers.find(({ reason }) => isTrackerTrouble(reason))
  if (!trouble) return exitDone
  stderr.write(`error: ${source.flag}: what is tracked is unknown: ${trouble.reason}\n`)
  return exitFailed
}
