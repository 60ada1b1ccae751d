import type { LookReport, ReconcilerOptions } from '../index.ts'
import { diagnosticLog } from './diagnostics.ts'
import { type Flags, optionsFrom } from './options.ts'
import { Settlement } from './settlement.ts'
import { SweepTeller } from './sweep-teller.ts'
import { requireTracked } from './tracked/choose.ts'
import { settle } from './settle.ts'
import { withSpinner } from './spinner.ts'
import { sweepReport } from './sweep-report.ts'
import { type CliWorld, exitDone, exitFailed, type ExitCode } from './world.ts'

/**
 * Removes exactly what one look calls dangling, and tells what became of each. In a dry run nothing in it is able to
 * remove.
 */
export async function sweep(flags: Flags, world: CliWorld): Promise<ExitCode> {
  const source = requireTracked(flags)
  const options = { ...optionsFrom(flags), ...diagnosticLog(flags, world), tracked: source.tracked }
  const onlooker = world.createReconciler({ ...options, dryRun: true })
  await source.check()
  const look = await withSpinner('looking', world, onlooker.look())
  const settlement = new Settlement(flags.dryRun ? [] : danglingIn(look))
  const teller = new SweepTeller(world, flags.json === true)
  const isWhole = settlement.total === 0 || (await removeAll(options, settlement, teller, world))
  const report = sweepReport(look, settlement, flags.dryRun === true)
  teller.tellResult(report, look)
  const isTrackerKnown = teller.tellTrackerTrouble(report, source.flag)
  const isDone = isWhole && isTrackerKnown && report.failed.length === 0 && report.unknown.length === 0
  return isDone ? exitDone : exitFailed
}

function danglingIn({ containers }: LookReport): LookReport['containers'] {
  return containers.filter(({ verdict }) => verdict === 'dangling')
}

/** Whether it came to its own end. */
async function removeAll(
  options: ReconcilerOptions,
  settlement: Settlement,
  teller: SweepTeller,
  world: CliWorld,
): Promise<boolean> {
  const reconciler = world.createReconciler({
    ...options,
    // A sweep has no past that an agent could restore anything from, and somebody waits for it.
    restoreGrace: 0,
    events: false,
    beforeRemove: ({ id }) => settlement.covers(id),
  })
  const ended = await settle(reconciler, settlement, world, teller)
  teller.tellEarlyEnd(ended)
  return ended === 'settled'
}
