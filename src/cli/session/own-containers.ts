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
  /** What is left of those that were tried. */
  const failures = new Map<string, string>()
  for (let pauses = 0; ;) {
    const { containers } = await viewer.scan()
    if (options.dryRun) return sayWhatWouldGo(containers, world)
    const left = containers.filter(({ id }) => !failures.has(id))
    const dangling = left.filter(({ verdict }) => verdict === 'dangling')
    const isGraced = left.some(({ verdict }) => verdict === 'graced')
    if (dangling.length === 0 && (!isGraced || pauses === mostPauses))
      return [...failures.values(), ...linesOn(left, unknowns)]
    if (dangling.length > 0) {
      const outcome = await removeThese(dangling, options, world)
      // What was spared after all, such as a holder before its guest, is tried again as long as others go.
      const final = outcome.hasRemoved ? outcome.failures : [...outcome.spared, ...outcome.failures]
      for (const [id, line] of final) failures.set(id, line)
    } else {
      pauses += 1
      await new Promise<void>((resolve) => world.clock.setTimeout(resolve, pauseMs))
    }
  }
}

function sayWhatWouldGo(containers: readonly ReportedContainer[], { stderr }: CliWorld): readonly string[] {
  for (const { id, name, verdict } of containers)
    if (verdict !== 'spared') stderr.write(`would remove ${shortId(id)} ${printable(name)}\n`)
  return []
}

/** Of one attempt at several containers: what is left, by id. */
interface Outcome {
  readonly failures: ReadonlyMap<string, string>
  readonly spared: ReadonlyMap<string, string>
  readonly hasRemoved: boolean
}

async function removeThese(
  dangling: readonly ReportedContainer[],
  options: ReconcilerOptions,
  world: CliWorld,
): Promise<Outcome> {
  const settlement = new Settlement(dangling)
  const beforeRemove = ({ id }: { readonly id: string }) => settlement.mayBegin(id)
  const reconciler = world.createReconciler({ ...options, events: false, beforeRemove })
  const ended = await settle(reconciler, settlement, world, { listener: silent, graceMs: 0 })
  const why = ended === 'settled' ? 'no result' : earlyEnds[ended]
  const failures = new Map<string, string>()
  const spared = new Map<string, string>()
  let hasRemoved = false
  for (const [container, settled] of settlement.outcomes()) {
    if (settled === undefined) failures.set(container.id, lineOn(container, why))
    else if (settled.as === 'failed') failures.set(container.id, lineOn(container, settled.error))
    else if (settled.as === 'left') spared.set(container.id, lineOn(container, settled.reason))
    else hasRemoved = true
  }
  return { failures, spared, hasRemoved }
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
