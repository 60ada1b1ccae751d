import type { LeaseStore } from '../domain/session.ts'
import type { GraceReason, ScanReport, ReconcilerOptions } from '../index.ts'
import { readOptions } from '../options/read.ts'
import { longestTurnMs } from '../scanning/sessions.ts'
import { diagnosticLog } from './diagnostics.ts'
import { type Flags, optionsFrom } from './flags.ts'
import { reportForgotten } from './forgotten.ts'
import { writeHints } from './hints.ts'
import { withStore } from './session/store.ts'
import { settle } from './settle.ts'
import { Settlement } from './settlement.ts'
import { withSpinner } from './spinner.ts'
import { type SweepReport, type SweepSettings, sweepReport } from './sweep-report.ts'
import { SweepReporter } from './sweep-reporter.ts'
import { requireTracked } from './tracked/choose.ts'
import { Unknowns } from './unknowns.ts'
import { type CliWorld, exitDone, exitFailed, type ExitCode } from './world.ts'

/**
 * Removes exactly what one scan calls dangling, and reports the outcome of each. In a dry run nothing in it is able to
 * remove.
 */
export function sweep(flags: Flags, world: CliWorld): Promise<ExitCode> {
  return withStore(flags, world.clock, (leases, settlingMs) =>
    sweepWith({ leases, settlingMs }, flags, world),
  )
}

interface Store {
  readonly leases: LeaseStore | undefined
  readonly settlingMs: number | undefined
}

async function sweepWith(store: Store, flags: Flags, world: CliWorld): Promise<ExitCode> {
  const source = await requireTracked(flags, world.clock)
  const options = { ...optionsFrom(flags, source.tracked, store.leases), ...diagnosticLog(flags, world) }
  if (store.settlingMs) await untilSessionsAreKnown(options, store.settlingMs, world)
  const viewer = world.createReconciler({ ...options, dryRun: true })
  const unknowns = new Unknowns()
  viewer.on('degraded', unknowns.receive)
  await source.check()
  const scan = await withSpinner('scanning', world, viewer.scan())
  reportForgotten(scan, world)
  const settlement = new Settlement(flags.dryRun ? [] : candidatesIn(scan))
  const sweepReporter = new SweepReporter(world, flags.json === true)
  const isWhole =
    settlement.total === 0 || (await removeAll(options, settlement, { sweepReporter, unknowns, world }))
  const report = sweepReport(scan, settlement, {
    isDryRun: flags.dryRun === true,
    graceMs: gracesIn(options),
  })
  sweepReporter.reportResult(report, scan)
  // truthful: what is left because something is unknown is reported, and is not success
  const left = unknowns.among([...report.spared, ...report.graced])
  sweepReporter.reportUnknowns(left, scan, source.flag)
  writeHints(decidedAmong(report, scan), world)
  const { unread } = unknowns
  if (unread !== undefined) sweepReporter.reportUnread(unread)
  const isKnown = left.length === 0 && report.unknown.length === 0 && unread === undefined
  const isDone = isWhole && isKnown && report.failed.length === 0
  return isDone ? exitDone : exitFailed
}

/** eventually-removed: a sweep has no history, and such a store says only after a while that a session has ended. */
async function untilSessionsAreKnown(
  options: ReconcilerOptions,
  settlingMs: number,
  world: CliWorld,
): Promise<void> {
  const { containers } = await world.createReconciler({ ...options, dryRun: true }).scan()
  if (!containers.some(({ reason }) => reason === 'session-unknown')) return
  const settled = new Promise<void>((resolve) => world.clock.setTimeout(resolve, settlingMs))
  await withSpinner('waiting for the store of leases', world, settled)
}

/** Those that were left by a decision; the causes of the others are reported with them. */
function decidedAmong({ spared }: SweepReport, { containers }: ScanReport) {
  const names = new Map(containers.map(({ id, name }) => [id, name]))
  const decided = spared.filter(({ reason }) => reason !== 'image-unknown')
  return decided.map(({ id, reason }) => ({ id, name: names.get(id) ?? '', reason }))
}

/** live-session: one whose session has ended is waited for, since that takes two readings a session grace apart. */
function candidatesIn({ containers }: ScanReport): ScanReport['containers'] {
  return containers.filter(({ verdict, reason }) => verdict === 'dangling' || reason === 'session-grace')
}

function gracesIn(options: ReconcilerOptions): SweepSettings['graceMs'] {
  const { creationGraceMs, releaseGraceMs, sessionGraceMs } = readOptions(options)
  const known: Partial<Record<GraceReason, number>> = {
    'creation-grace': creationGraceMs,
    'session-grace': sessionGraceMs,
  }
  return (reason) => known[reason] ?? releaseGraceMs
}

/** Sessions that ended together have two graces, and the reconcilers of living ones come first. */
export function longestSessionGraceMs(options: ReconcilerOptions): number {
  return 2 * readOptions(options).sessionGraceMs + longestTurnMs
}

interface Surroundings {
  readonly sweepReporter: SweepReporter
  readonly unknowns: Unknowns
  readonly world: CliWorld
}

/** Whether it came to its own end. */
async function removeAll(
  options: ReconcilerOptions,
  settlement: Settlement,
  { sweepReporter, unknowns, world }: Surroundings,
): Promise<boolean> {
  const reconciler = world.createReconciler({
    ...options,
    // A sweep has no history to restore, and its user waits for it.
    restoreGrace: 0,
    events: false,
    beforeRemove: ({ id }) => settlement.mayBegin(id),
  })
  reconciler.on('degraded', unknowns.receive)
  const graceMs = settlement.waitsForSessions ? longestSessionGraceMs(options) : 0
  const ended = await settle(reconciler, settlement, world, { listener: sweepReporter, graceMs })
  sweepReporter.reportEarlyEnd(ended)
  return ended === 'settled'
}
