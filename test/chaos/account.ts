import type { Conviction, Ledger, Made } from './ledger.ts'
import type { Passage } from './proxy.ts'
import { isConfirmed } from './truth.ts'
import { harmIn } from './wire.ts'
import { hasEnded, type Row } from './witness.ts'

export const fates = [
  'tracked and alive',
  'removed by Flotsam: it dangled',
  'removed by who made it',
  'removed itself',
  'removed by one of several that could have',
  'foreign and untouched',
  'protected and untouched',
  'ended by itself, which is not covered',
  'refused by the engine to every client',
  'never came to be',
] as const
export type Fate = (typeof fates)[number]

export interface Evidence {
  readonly ledger: Ledger
  /** What the engine has at the end. */
  readonly rows: readonly Row[]
  readonly passages: readonly Passage[]
}

export interface Account {
  readonly made: number
  readonly counts: Readonly<Record<Fate, number>>
  readonly convictions: readonly Conviction[]
}

/** The fate of every container, exactly one each; a container with none convicts. */
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
    if (!ledger.byId(id)) convict(`unaccounted for: the engine holds ${name}, which no agent created`, name)
  }
  for (const [id, departures] of ledger.strangers) {
    convict(`unaccounted for: ${departures.length} requests left for ${id}, which no agent created`)
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
  if (made.isRefused) return { fate: 'refused by the engine to every client' }
  if (isLeftAsEnded(made, state, ledger)) return { fate: 'ended by itself, which is not covered' }
  return isHolderOfCaredFor(made, ledger, rows)
    ? { fate: 'protected and untouched' }
    : { charge: `a leak left: ${made.name} is ${state}, and untracked` }
}

/** If ended containers are not covered one may remain for ever, unless a request of ours may have ended it. */
export function isLeftAsEnded({ departures }: Made, state: string, { coversEnded, life }: Ledger): boolean {
  return !coversEnded && hasEnded(state) && !departures.some((one) => one.life === life)
}

/** No present container that an agent wants may lose the namespace that it uses. */
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
      charge: `unaccounted for: ${made.name} is gone, but was never removed`,
    }
  )
}

interface Suspect {
  readonly fate: Fate
  readonly couldHave: boolean
  /** The engine confirmed it. */
  readonly isSure: boolean
}

function soleFate(suspects: readonly Suspect[]): Found | undefined {
  if (suspects.length > 1) return { fate: 'removed by one of several that could have' }
  return suspects[0] && { fate: suspects[0].fate }
}

/** The requests that arrived at the proxy must be those that were recorded as leaving. */
function convictArrivals(arrivals: Arrivals, ledger: Ledger): readonly Conviction[] {
  return [...arrivals].flatMap(([target, { length }]) => {
    const made = ledger.byId(target)
    const left = made?.departures.length ?? ledger.strangers.get(target)?.length ?? 0
    const charge = `${length} requests for ${target} arrived, ${left} were seen to leave`
    return length <= left ? [] : [{ charge, about: made?.name }]
  })
}
