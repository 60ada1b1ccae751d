import { shortId } from '../domain/ids.ts'
import { printable } from '../domain/show.ts'
import { isTrackerFailure } from '../domain/verdict.ts'
import type { ScanReport, ReportedContainer } from '../index.ts'
import type { SweepEnd, SweepListener } from './settle.ts'
import type { SettlementEvent, Settlement } from './settlement.ts'
import type { SweepReport } from './sweep-report.ts'
import { jsonLine } from './text.ts'
import type { Left, LeftUnknown } from './unknowns.ts'
import type { CliWorld } from './world.ts'

/** Who is quick needs no progress. */
const progressAfterMs = 1000
const barWidth = 30

export const earlyEnds: Readonly<Record<Exclude<SweepEnd, 'settled'>, string>> = {
  'engine-down': 'the engine no longer answers',
  'no-news': 'the last requests have had no result for too long',
  'too-long': 'it took too long in total',
  interrupted: 'it was interrupted',
  crashed: 'an internal error ended it',
}

/** Prints what a sweep does and did, as text or as JSON. */
export class SweepReporter implements SweepListener {
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

  received(event: SettlementEvent, settlement: Settlement): void {
    if (event.type === 'removed') this.#say(`removed ${called(event)}`)
    if (this.#isProgressShown) this.#showProgress(settlement)
  }

  over(): void {
    this.#world.clock.clearTimeout(this.#timer)
    this.#clearProgress()
    this.#isProgressShown = false
  }

  reportEarlyEnd(end: SweepEnd): void {
    if (end !== 'settled') this.#world.stderr.write(`error: the sweep ended early: ${earlyEnds[end]}\n`)
  }

  reportResult(report: SweepReport, scan: ScanReport): void {
    if (this.#isJson) {
      this.#world.stdout.write(jsonLine(report))
      return
    }
    const find = finderIn(scan)
    const each = (what: string, id: string, why = '') => this.#say(`${what} ${called(find(id))}${why}`)
    for (const id of report.wouldRemove) each('would remove', id)
    for (const id of report.vanished) each('vanished', id)
    for (const { id, error } of report.failed) each('failed', id, `: ${printable(error)}`)
    for (const id of report.unknown) each('unknown', id, ': whether it was removed is unknown')
    for (const { id, reason } of inOrder(report.spared, find)) each('spared', id, `: ${reason}`)
    for (const { id, reason, until } of inOrder(report.graced, find))
      each('graced', id, `: ${reason}${until === undefined ? '' : ` until ${timeOf(until)}`}`)
    this.#say(summaryOf(report))
  }

  /** Whether such an entry is of a container that should have been removed is unknown. */
  reportUnread(why: string): void {
    this.#world.stderr.write(`error: a container may be left: ${printable(why)}\n`)
  }

  /** One line for each reason. */
  reportUnknowns(left: readonly LeftUnknown[], scan: ScanReport, flag: string): void {
    const find = finderIn(scan)
    for (const { reason, count, example, why } of left) {
      const what = isTrackerFailure(reason) ? `${flag}: what is tracked is unknown: ${reason}` : reason
      const those = count === 1 ? `1 container is left` : `${count} containers are left`
      const one = `${count === 1 ? '' : 'for example '}${called(find(example))}`
      this.#world.stderr.write(`error: ${what}: ${those}, ${one}: ${printable(why)}\n`)
    }
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

type Reported = Pick<ReportedContainer, 'id'> & Partial<ReportedContainer>

function finderIn({ containers }: ScanReport): (id: string) => Reported {
  const byId = new Map(containers.map((container) => [container.id, container]))
  return (id) => byId.get(id) ?? { id }
}

/** By reason, and then by name. */
function inOrder<T extends Left>(left: readonly T[], find: (id: string) => Reported): readonly T[] {
  const keyed = left.map((one) => ({ one, key: `${one.reason}\0${find(one.id).name ?? ''}\0${one.id}` }))
  return keyed.toSorted((a, b) => (a.key < b.key ? -1 : 1)).map(({ one }) => one)
}

function called({ id, name = '', image = '' }: Reported): string {
  return [shortId(id), printable(name), printable(image)].filter((part) => part !== '').join(' ')
}

/** In whole seconds, rounded up: at that time the grace has ended. */
function timeOf(atMs: number): string {
  return new Date(Math.ceil(atMs / 1000) * 1000).toISOString().replace('.000Z', 'Z')
}

function summaryOf({ removed, vanished, failed, unknown, spared, graced, wouldRemove }: SweepReport): string {
  const done = `${removed.length} removed, ${vanished.length} vanished, ${failed.length} failed, ${unknown.length} unknown`
  const planned = wouldRemove.length > 0 ? `would remove ${wouldRemove.length}, ` : ''
  const waiting = graced.length > 0 ? `, ${graced.length} graced` : ''
  return `${planned}${done}, ${spared.length} spared${waiting}`
}
