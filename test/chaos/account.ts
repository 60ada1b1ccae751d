import type { Conviction, Ledger, Made } from './ledger.ts'
import type { Passage } from './proxy.ts'
import { isConfirmed } from './truth.ts'
import { harmIn } from './wire.ts'
import type { Row } from './witness.ts'

export const fates = [
  'tracked and alive',
  'removed by Flotsam: it dangled',
  'removed by who made it',
  'removed itself',
  'removed by one of several that could have',
  'foreign and untouched',
  'protected and untouched',
  'never came to be',
] as const
export type Fate = (typeof fates)[number]

export interface Evidence {
  readonly ledger: Ledger
  /** What the engine holds in the end. */
  readonly rows: readonly Row[]
  readonly passages: readonly Passage[]
}

export interface Account {
  readonly made: number
  readonly counts: Readonly<Record<Fate, number>>
  readonly convictions: readonly Conviction[]
}

/** The end of every container, each in exactly one place; what fits nowhere convicts. */
export function accountOf(evidence: Evidence): Account {
  const { ledger, rows } = evidence
  const counts = Object.fromEntries(fates.map((fate) => [fate, 0])) as Record<Fate, number>
  const convictions = [...ledger.convictions]
  const convict = (charge: string, about?: string) => convictions.push({ charge, about })
  const rowsById = new Map(rows.map((row) => [row.id, row]))
  const arrivals = arrivalsIn(evidence.passages)
  for (const made of ledger.all) {
    const row = made.id === undefined ? undefined : rowsById.get(made.id)
    const fate = fateOf(made, row, evidence, arrivals)
    if ('charge' in fate) convict(fate.charge, made.name)
    else counts[fate.fate]++
  }
  for (const { id, name } of rows) {
    if (!ledger.byId(id)) convict(`unaccounted for: the engine holds ${name}, which nobody made`, name)
  }
  for (const [id, departures] of ledger.strangers) {
    convict(`unaccounted for: ${departures.length} requests left for ${id}, which nobody made`)
  }
  convictions.push(...convictArrivals(arrivals, ledger))
  return { made: ledger.all.length, counts, convictions }
}

/** The requests that would harm each container, as they came to the proxy. */
type Arrivals = ReadonlyMap<string, readonly (Passage & { readonly verb: string })[]>

function arrivalsIn(passages: readonly Passage[]): Arrivals {
  const arrivals = new Map<string, (Passage & { readonly verb: string })[]>()
  for (const passage of passages) {
    const harm = harmIn(passage.method, passage.path)
    if (!harm) continue
    const before = arrivals.get(harm.target)
    if (before) before.push({ ...passage, verb: harm.verb })
    else arrivals.set(harm.target, [{ ...passage, verb: harm.verb }])
  }
  return arrivals
}

type Found = { readonly fate: Fate } | { readonly charge: string }

function fateOf(made: Made, row: Row | undefined, evidence: Evidence, arrivals: Arrivals): Found {
  if (made.kind !== 'ours' && made.departures.length > 0)
    return { charge: `wrong removal: ${made.name} is ${made.kind}, and Flotsam sent something at it` }
  if (row) return fateOfListed(made, row, evidence)
  return fateOfGone(made, arrivals)
}

function fateOfListed(made: Made, { state }: Row, { ledger, rows }: Evidence): Found {
  if (made.kind === 'kept' || made.kind === 'label-from-image') return { fate: 'protected and untouched' }
  if (made.kind !== 'ours') return { fate: 'foreign and untouched' }
  if (ledger.isTracked(made)) {
    const isAlive = ['running', 'paused', 'restarting'].includes(state)
    return isAlive ? { fate: 'tracked and alive' } : { charge: `${made.name} is tracked, and ${state}` }
  }
  return isHolderOfCaredFor(made, ledger, rows)
    ? { fate: 'protected and untouched' }
    : { charge: `a leak left: ${made.name} is ${state}, and nobody knows it` }
}

/** Nobody who is there and cared for may lose the network that it lives on. */
export function isHolderOfCaredFor(made: Made, ledger: Ledger, rows: readonly Row[]): boolean {
  return ledger.all.some(
    (guest) =>
      guest.holder === made &&
      rows.some(({ id }) => id === guest.id) &&
      (guest.kind !== 'ours' || ledger.isTracked(guest)),
  )
}

function fateOfGone(made: Made, arrivals: Arrivals): Found {
  if (made.id === undefined) {
    return made.answeredMs === undefined
      ? { fate: 'never came to be' }
      : { charge: `unaccounted for: ${made.name}` }
  }
  const reached = (arrivals.get(made.id) ?? []).filter(
    ({ verb, passedMs }) => verb === 'remove' && passedMs !== undefined,
  )
  const { removedByMaker } = made
  const suspects: readonly Suspect[] = [
    {
      fate: 'removed by Flotsam: it dangled',
      couldHave: reached.length > 0,
      isSure: reached.some(isConfirmed),
    },
    {
      fate: 'removed by who made it',
      couldHave: removedByMaker !== undefined,
      isSure: removedByMaker !== undefined && isConfirmed(removedByMaker),
    },
    { fate: 'removed itself', couldHave: made.removesItself, isSure: false },
  ]
  return (
    soleFate(suspects.filter(({ isSure }) => isSure)) ??
    soleFate(suspects.filter(({ couldHave }) => couldHave)) ?? {
      charge: `unaccounted for: ${made.name} is gone, and nobody removed it`,
    }
  )
}

interface Suspect {
  readonly fate: Fate
  readonly couldHave: boolean
  /** The engine said that it did so for it. */
  readonly isSure: boolean
}

function soleFate(suspects: readonly Suspect[]): Found | undefined {
  if (suspects.length > 1) return { fate: 'removed by one of several that could have' }
  return suspects[0] && { fate: suspects[0].fate }
}

/** What the proxy saw arrive must be what was seen to leave, request for request. */
function convictArrivals(arrivals: Arrivals, ledger: Ledger): readonly Conviction[] {
  return [...arrivals].flatMap(([target, { length }]) => {
    const made = ledger.byId(target)
    const left = made?.departures.length ?? ledger.strangers.get(target)?.length ?? 0
    const charge = `${length} requests for ${target} arrived, ${left} were seen to leave`
    return length <= left ? [] : [{ charge, about: made?.name }]
  })
}
