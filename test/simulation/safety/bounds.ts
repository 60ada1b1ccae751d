import type { Call, Verb } from '../engine/wire.ts'
import { isOwned, type Life, type Scene } from './life.ts'

const placeMs = 5000
export const mostHung = 20
/** A tracker may take so long over the guests before it is asked about the container itself. */
const askingGuestsMs = 2000
const minuteMs = 60_000
/** Two a second for hints, as many for graces, retries and requests, and twice that if each scan takes two listings. */
const mostListingsAMinute = 300

/** Work on the container starts: it takes a slot, unless it has one already. */
export function takeSlot(life: Life, id: string, turn: number, verb?: Verb): void {
  const failedInTurn = life.failedInTurn.get(id)
  // An unpause is never the first attempt.
  const isNext = failedInTurn === undefined || failedInTurn === turn || verb === 'unpause'
  const goesOn = life.underWay.has(id) && isNext
  life.failedInTurn.delete(id)
  if (goesOn) return
  life.scan?.acted.add(id)
  // It had its slot before the last question was asked.
  life.underWay.set(
    id,
    Math.min(life.process.now(), life.askedAtMs.get(id) ?? Infinity, life.inspectedAtMs.get(id) ?? Infinity),
  )
}

/** bounded-removal, at the moment when something is done about the container. */
export function checkBounds({ life, setting, violate }: Scene, id: string): void {
  const { scan, process, underWay } = life
  const busy = new Set([...removalsOut(life).map((call) => call.id ?? ''), ...life.consulting])
  const keptPlaceMs = placeMs - 10 - (setting.tracker === 'later' ? askingGuestsMs : 0)
  const young = [...busy].filter((one) => process.now() - (underWay.get(one) ?? 0) < keptPlaceMs).length
  if (young > setting.maxConcurrent)
    violate('bounded-removal', id, `${young} removals at once, not ${setting.maxConcurrent}`)
  if (!scan) return
  if (scan.acted.size > setting.maxPerScan)
    violate('bounded-removal', id, `${scan.acted.size} removals by one scan, not ${setting.maxPerScan}`)
  if (setting.maxShare === undefined) return
  const { containers } = scan.listing
  const owned = new Set(containers.filter((one) => isOwned(one, setting)).map((one) => one.id))
  const share = scan.acted.size / owned.size
  if (share > setting.maxShare) violate('bounded-removal', id, `a share of ${share.toFixed(2)} is removed`)
}

/** What holds at every moment, whatever is or is not sent. */
export function checkOpen({ life, violate }: Scene): void {
  const { length } = removalsOut(life)
  if (length > mostHung) violate('bounded-removal', '', `${length} requests are out`)
}

/** A listing leaves: there are never so many that they are a load by themselves, whatever requests them. */
export function checkPace({ life, nowMs, violate }: Scene): void {
  const { listedAtMs } = life
  listedAtMs.push(nowMs)
  while (nowMs - (listedAtMs[0] ?? nowMs) > minuteMs) listedAtMs.shift()
  if (listedAtMs.length > mostListingsAMinute)
    violate('bounded-removal', '', `${listedAtMs.length} listings within a minute`, true)
}

const removalDeadlinesMs = [30_000, 120_000] as const
const otherDeadlinesMs = [1000, 120_000] as const

/** every-call-ends: each call leaves with a deadline that is neither hasty nor endless. */
export function checkDeadline({ violate }: Scene, { verb, id = '', deadlineMs }: Call): void {
  const [leastMs, mostMs] = verb === 'remove' ? removalDeadlinesMs : otherDeadlinesMs
  if (deadlineMs >= leastMs && deadlineMs <= mostMs) return
  violate('every-call-ends', id, `${verb} has a deadline of ${deadlineMs} ms`)
}

function removalsOut({ open }: Life): readonly Call[] {
  return [...open].filter(({ verb }) => verb === 'remove' || verb === 'stop')
}
