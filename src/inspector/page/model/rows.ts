import type { Actor } from './actor.ts'
import { type Container, containerOf } from './flotsam.ts'

/** A line of the list: an actor as the list names and sorts it. */
export interface Row {
  readonly actor: Actor
  readonly container: Container | undefined
  readonly name: string
  readonly detail: string
  readonly state: string
  /** Rows are filtered by it. */
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
  /** `containers` leaves everything else out. */
  readonly kind: 'containers' | 'actors'
  /** The system whose actors count; undefined for all of them. */
  readonly rootId: string | undefined
  /** The text that a name or id holds. */
  readonly text: string
  /** Undefined for all that live. */
  readonly group: string | undefined
  readonly sorting: Sorting
}

export interface Listing {
  readonly rows: readonly Row[]
  /** All that live, whatever the filters say. */
  readonly living: number
  /** By group, in the order in which they are shown, whatever the filters say. */
  readonly groups: ReadonlyMap<string, number>
}

/** The group of those whose stories are over. */
export const endedGroup = 'ended'

/** The order in which one wants to see the states of containers. Other states follow by name. */
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

/** What the list shows. Rows are made once for each change of an actor. */
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

/** A state of the first level; a classified container is where its verdict has parked it. */
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
      // the longest time first is the earliest moment first
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

/** So that `job-10` comes after `job-9`. */
function sortable(name: string): string {
  return name.toLowerCase().replaceAll(/\d+/g, (digits) => digits.padStart(12, '0'))
}
