import type { LeaseStore } from '../domain/session.ts'
import { isTrackerFailure } from '../domain/verdict.ts'
import type { Tracked } from '../index.ts'
import { diagnosticLog } from './diagnostics.ts'
import { type Flags, optionsFrom } from './flags.ts'
import { reportForgotten } from './forgotten.ts'
import { writeHints } from './hints.ts'
import { withStore } from './session/store.ts'
import { withSpinner } from './spinner.ts'
import { renderScan } from './table.ts'
import { jsonLine, wantsColor } from './text.ts'
import { chooseTracked, trackerForms } from './tracked/choose.ts'
import { type CliWorld, exitDone, exitFailed, type ExitCode } from './world.ts'

const nothingSaid: Tracked = { has: () => undefined }

/** One scan, printed as a table or as JSON. Cannot remove. */
export function scan(flags: Flags, world: CliWorld): Promise<ExitCode> {
  return withStore(flags, world.clock, (leases) => scanWith(leases, flags, world))
}

async function scanWith(leases: LeaseStore | undefined, flags: Flags, world: CliWorld): Promise<ExitCode> {
  const { stdout, stderr, env } = world
  const source = await chooseTracked(flags, world.clock)
  const reconciler = world.createReconciler({
    ...optionsFrom(flags, source?.tracked ?? nothingSaid, leases),
    ...diagnosticLog(flags, world),
    dryRun: true,
  })
  await source?.check()
  const report = await withSpinner('scanning', world, reconciler.scan())
  stdout.write(flags.json ? jsonLine(report) : renderScan(report, wantsColor(stdout, env)))
  reportForgotten(report, world)
  writeHints(report.containers, world)
  if (!source) {
    stderr.write(`hint: no tracker given, so no container is reported as dangling; give ${trackerForms}\n`)
    return exitDone
  }
  const failure = report.containers.find(({ reason }) => isTrackerFailure(reason))
  if (!failure) return exitDone
  stderr.write(`error: ${source.flag}: what is tracked is unknown: ${failure.reason}\n`)
  return exitFailed
}
