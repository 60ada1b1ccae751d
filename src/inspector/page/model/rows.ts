import type { Actor } from './actor.ts'
import { type Container, containerOf } from './flotsam.ts'

/** A row of the list. */
export interface Row {
  readonly actor: Actor
  readonly container: Container | undefined
  readonly name: string
  readonly detail: string
  readonly state: string
  /** The group that the filter chips select by. */
  readonly group: string
  readonly enteredAt: number
  readonly sortName: string
}

export type SortKey = 'name' | 'state' | 'time'

export interface Sorting {
  readonly key: SortKey
  readonly isDescending: boolean
}

export interface Choice {
  /** `containers` omits all other actors. */
  readonly kind: 'containers' | 'actors'
  /** The system whose actors are listed; undefined for all systems. */
  readonly rootId: string | undefined
  /** A part of a name or a reason, or the beginning of an id. */
  readonly text: string
  /** Undefined for all running actors. */
  readonly group: string | undefined
  readonly sorting: Sorting
}

export interface Listing {
  readonly rows: readonly Row[]
  /** The number of all running actors, unfiltered. */
  readonly living: number
  /** The unfiltered number of actors by group, in the order in which groups are shown. */
  readonly groups: ReadonlyMap<string, number>
}

/** The group of ended actors. */
export const endedGroup = 'ended'

/** The most interesting states of containers first. Other states follow by name. */
const groupOrder = [
  'removing',
  'queued',
  'queuedAgain',
  'withheld',
  'graced',
  'discovered',
  'spared',
  'tracked',
]

const rowsByActor = new WeakMap<Actor, Row>()

/** Filters, sorts and counts the rows. Rows are cached until their actor changes. */
export function listingOf(actors: Iterable<Actor>, choice: Choice): Listing {
  const text = choice.text.trim().toLowerCase()
  const counts = new Map<string, number>()
  const rows: Row[] = []
  let living = 0
  for (const actor of actors) {
    if (choice.rootId !== undefined && actor.rootId !== choice.rootId) continue
    const row = rowOf(actor)
    if (choice.kind === 'containers' && !row.container) continue
    counts.set(row.group, (counts.get(row.group) ?? 0) + 1)
    const isLiving = row.group !== endedGroup
    if (isLiving) living += 1
    const isInGroup = choice.group === undefined ? isLiving : row.group === choice.group
    if (isInGroup && holds(row, text)) rows.push(row)
  }
  rows.sort(comparing(choice.sorting))
  return { rows, living, groups: new Map([...counts].sort(([one], [other]) => compareGroups(one, other))) }
}

export function rowOf(actor: Actor): Row {
  const known = rowsByActor.get(actor)
  if (known) return known
  const container = containerOf(actor)
  const name = container?.name ?? actor.name
  const row: Row = {
    actor,
    container,
    name,
    detail: container ? container.id.slice(0, 12) : actor.sessionId,
    state: stateOf(actor, container),
    group: groupOf(actor, container),
    enteredAt: actor.enteredAt,
    sortName: sortable(name),
  }
  rowsByActor.set(actor, row)
  return row
}

function stateOf({ snapshot, state }: Actor, container: Container | undefined): string {
  if (container?.outcome !== undefined) return container.outcome
  if (state === '') return snapshot.status
  return snapshot.status === 'active' ? state : `${state} (${snapshot.status})`
}

/** The state of the first level; for a classified container, the state for its verdict. */
function groupOf({ snapshot, state }: Actor, container: Container | undefined): string {
  if (snapshot.status !== 'active' || container?.outcome !== undefined) return endedGroup
  if (state === '') return snapshot.status
  const [first = '', second] = (state.split(' · ')[0] ?? '').split('.')
  return container && first === 'classified' && second !== undefined ? second : first
}

function holds({ name, actor, container }: Row, text: string): boolean {
  if (text === '') return true
  return (
    name.toLowerCase().includes(text) ||
    (container?.id ?? actor.sessionId).toLowerCase().startsWith(text) ||
    (container?.reason.includes(text) ?? false)
  )
}

function comparing({ key, isDescending }: Sorting): (one: Row, other: Row) => number {
  const sign = isDescending ? -1 : 1
  const byName = (one: Row, other: Row) =>
    one.sortName < other.sortName
      ? -1
      : one.sortName > other.sortName
        ? 1
        : one.actor.sessionId < other.actor.sessionId
          ? -1
          : 1
  switch (key) {
    case 'name':
      return (one, other) => sign * byName(one, other)
    case 'state':
      return (one, other) =>
        sign * (compareGroups(one.group, other.group) || compare(one.state, other.state)) ||
        byName(one, other)
    case 'time':
      // the longest duration first is the earliest time first
      return (one, other) => sign * (other.enteredAt - one.enteredAt) || byName(one, other)
  }
}

function compareGroups(one: string, other: string): number {
  return rank(one) - rank(other) || compare(one, other)
}

function rank(group: string): number {
  if (group === endedGroup) return groupOrder.length + 1
  const at = groupOrder.indexOf(group)
  return at < 0 ? groupOrder.length : at
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}

/** Pads numbers, so that `job-10` comes after `job-9`. */
function sortable(name: string): string {
  return name.toLowerCase().replaceAll(/\d+/g, (digits) => digits.padStart(12, '0'))
}
