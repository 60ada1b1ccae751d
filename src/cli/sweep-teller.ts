import type { LookReport, ReportedContainer } from '../index.ts'
import type { SweepEnd, SweepListener } from './settle.ts'
import type { HeardEvent, Settlement } from './settlement.ts'
import type { SweepReport } from './sweep-report.ts'
import { printable, shortId } from './text.ts'
import { isTrackerTrouble } from './tracked/choose.ts'
import type { CliWorld } from './world.ts'

/** Who is quick needs no progress. */
const progressAfterMs = 1000
const barWidth = 30

const earlyEnds: Readonly<Record<Exclude<SweepEnd, 'settled'>, string>> = {
  'engine-down': 'the engine does not answer any more',
  'no-news': 'nothing has come of the last requests for too long',
  'too-long': 'it took too long as a whole',
  interrupted: 'it was interrupted',
  crashed: 'a fault inside ended it',
}

/** Tells people, or programs, what a sweep does and did. */
export class SweepTeller implements SweepListener {
  readonly #world: CliWorld
  readonly #isJson: boolean
  #timer: unknown
  #isProgressShown = false

  constructor(world: CliWorld, isJson: boolean) {
    this.#world = world
    this.#isJson = isJson
  }

  begin(settlement: Settlement): void {
    const { stderr, clock } = this.#world
    if (!stderr.isTerminal) return
    this.#timer = clock.setTimeout(() => {
      this.#isProgressShown = true
      this.#showProgress(settlement)
    }, progressAfterMs)
  }

  heard(event: HeardEvent, settlement: Settlement): void {
    if (event.type === 'removed') this.#say(`removed ${called(event)}`)
    if (this.#isProgressShown) this.#showProgress(settlement)
  }

  over(): void {
    this.#world.clock.clearTimeout(this.#timer)
    this.#clearProgress()
    this.#isProgressShown = false
  }

  tellEarlyEnd(end: SweepEnd): void {
    if (end !== 'settled') this.#world.stderr.write(`error: the sweep ended early: ${earlyEnds[end]}\n`)
  }

  tellResult(report: SweepReport, { containers }: LookReport): void {
    if (this.#isJson) {
      this.#world.stdout.write(`${JSON.stringify(report)}\n`)
      return
    }
    const byId = new Map(containers.map((container) => [container.id, container]))
    const each = (what: string, id: string, why = '') =>
      this.#say(`${what} ${called(byId.get(id) ?? { id })}${why}`)
    for (const id of report.wouldRemove) each('would remove', id)
    for (const id of report.vanished) each('vanished', id)
    for (const { id, error } of report.failed) each('failed', id, `: ${printable(error)}`)
    for (const id of report.unknown) each('unknown', id, ': whether it was removed could not be found out')
    this.#say(summaryOf(report))
  }

  /** Whether the tracker answered for every container; tells where it did not. */
  tellTrackerTrouble({ spared }: SweepReport, flag: string): boolean {
    const trouble = spared.find(({ reason }) => isTrackerTrouble(reason))
    if (trouble) this.#world.stderr.write(`error: ${flag}: what is tracked is unknown: ${trouble.reason}\n`)
    return trouble === undefined
  }

  #say(line: string): void {
    if (this.#isJson) return
    this.#clearProgress()
    this.#world.stdout.write(`${line}\n`)
  }

  #showProgress({ settledCount, total }: Settlement): void {
    const filled = Math.round((settledCount / total) * barWidth)
    const bar = `${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}`
    this.#world.stderr.write(`\r\u001b[2Ksweeping [${bar}] ${settledCount}/${total}`)
  }

  #clearProgress(): void {
    if (this.#isProgressShown) this.#world.stderr.write('\r\u001b[2K')
  }
}

function called({
  id,
  name = '',
  image = '',
}: Pick<ReportedContainer, 'id'> & Partial<ReportedContainer>): string {
  return [shortId(id), printable(name), printable(image)].filter((part) => part !== '').join(' ')
}

function summaryOf({ removed, vanished, failed, unknown, spared, wouldRemove }: SweepReport): string {
  const done = `${removed.length} removed, ${vanished.length} vanished, ${failed.length} failed, ${unknown.length} unknown`
  const planned = wouldRemove.length > 0 ? `would remove ${wouldRemove.length}, ` : ''
  return `${planned}${done}, ${spared.length} spared`
}
