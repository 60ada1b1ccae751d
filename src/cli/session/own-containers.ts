import { shortId } from '../../domain/ids.ts'
import { printable } from '../../domain/show.ts'
import { nothingTracked, type ReconcilerOptions, type ReportedContainer } from '../../index.ts'
import { settle, type SweepListener } from '../settle.ts'
import { Settlement } from '../settlement.ts'
import { earlyEnds } from '../sweep-reporter.ts'
import { Unknowns } from '../unknowns.ts'
import type { CliWorld } from '../world.ts'

/** Nothing can register a container of an ended command any more. */
const noGraces = {
  creationGrace: '1ms',
  recoveryGrace: '1ms',
  restoreGrace: 0,
  releaseGrace: 0,
  allowShortGrace: true,
  // all of them are to go
  maxDanglingShare: undefined,
} as const

/** Engines report whole seconds, so that a new container may have a grace left for a moment. */
const pauseMs = 250
const mostPauses = 20

const silent: SweepListener = { received: () => {}, begin: () => {}, over: () => {} }

/**
 * Removes every container of a session whose command has ended, until a scan shows none that can be removed. The returned
 * lines say what is left because something failed or is unknown.
 */
export async function removeOwn(
  given: ReconcilerOptions,
  owner: { readonly label: string; readonly value: string },
  world: CliWorld,
): Promise<readonly string[]> {
  const options: ReconcilerOptions = {
    ...given,
    ...noGraces,
    preset: undefined,
    owner,
    tracked: nothingTracked,
  }
  const unknowns = new Unknowns()
  const viewer = world.createReconciler({ ...options, dryRun: true })
  viewer.on('degraded', unknowns.receive)
  for (let pauses = 0; ;) {
    const { containers } = await viewer.scan()
    const dangling = containers.filter(({ verdict }) => verdict === 'dangling')
    const isGraced = containers.some(({ verdict }) => verdict === 'graced')
    if (options.dryRun || (dangling.length === 0 && (!isGraced || pauses === mostPauses))) {
      return linesOn(containers, unknowns)
    }
    if (dangling.length > 0) {
      const { failures, hasRemoved } = await removeThese(dangling, options, world)
      if (failures.length > 0 || !hasRemoved) return failures
    } else {
      pauses += 1
      await new Promise<void>((resolve) => world.clock.setTimeout(resolve, pauseMs))
    }
  }
}

async function removeThese(
  dangling: readonly ReportedContainer[],
  options: ReconcilerOptions,
  world: CliWorld,
): Promise<{ readonly failures: readonly string[]; readonly hasRemoved: boolean }> {
  const settlement = new Settlement(dangling)
  const beforeRemove = ({ id }: { readonly id: string }) => settlement.mayBegin(id)
  const reconciler = world.createReconciler({ ...options, events: false, beforeRemove })
  const ended = await settle(reconciler, settlement, world, { listener: silent, graceMs: 0 })
  const why = ended === 'settled' ? 'no result' : earlyEnds[ended]
  const outcomes = [...settlement.outcomes()]
  return {
    failures: outcomes.flatMap(([container, settled]) => {
      if (settled === undefined) return [lineOn(container, why)]
      return settled.as === 'failed' ? [lineOn(container, settled.error)] : []
    }),
    hasRemoved: outcomes.some(([, settled]) => settled?.as === 'removed' || settled?.as === 'vanished'),
  }
}

function linesOn(containers: readonly ReportedContainer[], unknowns: Unknowns): readonly string[] {
  const left = containers.filter((one) => one.verdict === 'spared' || one.verdict === 'graced')
  const causes = new Map(unknowns.among(left).map(({ reason, why }) => [reason, `${reason}: ${why}`]))
  return left.flatMap((one) => {
    const why = causes.get(one.reason) ?? (one.verdict === 'graced' ? one.reason : undefined)
    return why === undefined ? [] : [lineOn(one, why)]
  })
}

/** What is reported of a container that is left. */
export function lineOn({ id, name }: { readonly id: string; readonly name: string }, why: string): string {
  return `container ${shortId(id)} ${printable(name)} is left: ${printable(why)}`
}
