import type { RefObject } from 'preact'
import { useRef } from 'preact/hooks'
import type { Row, SortKey } from '../model/rows.ts'
import type { Store } from '../store.ts'
import { Ago } from './time.tsx'
import { useVirtualRows } from './virtual-rows.ts'

const rowHeightPx = 26

/** The list of containers, or of all actors, with its filters. */
export function ListPanel({
  store,
  filter,
}: {
  readonly store: Store
  readonly filter: RefObject<HTMLInputElement | null>
}) {
  const { rows } = store.listing.value
  const scroller = useRef<HTMLDivElement>(null)
  return (
    <section class="panel list" aria-label={isOfContainers(store) ? 'Containers' : 'Actors'}>
      <div class="bar">
        {store.isFlotsam.value ? <KindChoice store={store} /> : <h2>Actors</h2>}
        <input
          ref={filter}
          type="search"
          class="filter"
          placeholder={`${filterWords(store)}   /`}
          aria-label={filterWords(store)}
          value={store.text.value}
          onInput={(event) => (store.text.value = event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'ArrowDown' && event.key !== 'Enter') return
            event.preventDefault()
            scroller.current?.focus()
            if (!store.picked.value) store.choose(rows[0]?.actor)
          }}
        />
      </div>
      <Chips store={store} />
      <Grid store={store} rows={rows} scroller={scroller} />
    </section>
  )
}

function filterWords(store: Store): string {
  return isOfContainers(store) ? 'Filter by name, id or reason' : 'Filter by name or id'
}

function isOfContainers(store: Store): boolean {
  return store.isFlotsam.value && !store.isOfActors.value
}

function KindChoice({ store }: { readonly store: Store }) {
  const isOfActors = store.isOfActors.value
  return (
    <div class="segments" role="group" aria-label="Listed actors">
      <button type="button" aria-pressed={!isOfActors} onClick={() => store.showActors(false)}>
        Containers
      </button>
      <button type="button" aria-pressed={isOfActors} onClick={() => store.showActors(true)}>
        All actors
      </button>
    </div>
  )
}

function Chips({ store }: { readonly store: Store }) {
  const { groups, living } = store.listing.value
  const chosen = store.group.value
  // the selected group stays visible even if empty, so that it can be deselected
  const names = chosen === undefined || groups.has(chosen) ? [...groups.keys()] : [...groups.keys(), chosen]
  return (
    <div class="chips" role="group" aria-label="Filter by state">
      <Chip name="all" count={living} isChosen={chosen === undefined} onChoose={() => choose(undefined)} />
      {names.map((name) => (
        <Chip
          key={name}
          name={name}
          count={groups.get(name) ?? 0}
          isChosen={chosen === name}
          onChoose={() => choose(chosen === name ? undefined : name)}
        />
      ))}
    </div>
  )

  function choose(group: string | undefined): void {
    store.group.value = group
  }
}

interface ChipProps {
  readonly name: string
  readonly count: number
  readonly isChosen: boolean
  readonly onChoose: () => void
}

function Chip({ name, count, isChosen, onChoose }: ChipProps) {
  return (
    <button type="button" class="chip" data-group={name} aria-pressed={isChosen} onClick={onChoose}>
      {name} <span class="chip-count">{count}</span>
    </button>
  )
}

interface GridProps {
  readonly store: Store
  readonly rows: readonly Row[]
  readonly scroller: RefObject<HTMLDivElement | null>
}

function Grid({ store, rows, scroller }: GridProps) {
  const { items, heightPx, scrollTo } = useVirtualRows(rows.length, rowHeightPx, scroller)
  const pickedId = store.picked.value?.sessionId
  const at = pickedId === undefined ? -1 : rows.findIndex(({ actor }) => actor.sessionId === pickedId)
  const isInSight = items.some(({ index }) => index === at)
  const withVerdicts = isOfContainers(store)

  function onKeyDown(event: KeyboardEvent): void {
    const next = placeAfter(event.key, at, rows.length, scroller.current)
    if (next === undefined || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    store.choose(rows[next]?.actor)
    scrollTo(next)
  }

  return (
    <div
      class="grid"
      role="grid"
      aria-label={withVerdicts ? 'Containers' : 'Actors'}
      aria-rowcount={rows.length + 1}
      data-verdicts={withVerdicts}
    >
      <Heads store={store} withVerdicts={withVerdicts} />
      <div
        ref={scroller}
        class="rows"
        role="rowgroup"
        tabIndex={0}
        aria-activedescendant={isInSight ? rowDomId(at) : undefined}
        onKeyDown={onKeyDown}
      >
        {rows.length === 0 && <p class="empty">{emptyText(store)}</p>}
        <div class="rows-height" role="presentation" style={{ height: `${heightPx}px` }}>
          {items.map(({ index, start }) => {
            const row = rows[index]
            return (
              row && (
                <RowLine
                  key={row.actor.sessionId}
                  store={store}
                  row={row}
                  index={index}
                  topPx={start}
                  isPicked={index === at}
                  withVerdicts={withVerdicts}
                />
              )
            )
          })}
        </div>
      </div>
    </div>
  )
}

/** The row that a key moves to; undefined for other keys. */
function placeAfter(
  key: string,
  at: number,
  count: number,
  scroller: HTMLElement | null,
): number | undefined {
  if (count === 0) return undefined
  const page = Math.max(1, Math.floor((scroller?.clientHeight ?? 0) / rowHeightPx) - 1)
  const next = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + page,
    PageUp: at - page,
    Home: 0,
    End: count - 1,
    Enter: at,
  }[key]
  return next === undefined ? undefined : Math.min(count - 1, Math.max(0, next))
}

const rowDomId = (index: number) => `row-${index}`

function emptyText(store: Store): string {
  if (store.link.value.is === 'connecting') return 'Connecting…'
  const isFiltered = store.text.value !== '' || store.group.value !== undefined
  if (isFiltered) return 'Nothing matches the filters.'
  return isOfContainers(store) ? 'No container is watched.' : 'No actor yet.'
}

function Heads({ store, withVerdicts }: { readonly store: Store; readonly withVerdicts: boolean }) {
  return (
    <div class="row heads" role="row" aria-rowindex={1}>
      <Head store={store} name="Name" sortKey="name" />
      <Head store={store} name="State" sortKey="state" />
      {withVerdicts && <Head store={store} name="Verdict" />}
      {withVerdicts && <Head store={store} name="Reason" />}
      <Head store={store} name="In state" sortKey="time" />
    </div>
  )
}

interface HeadProps {
  readonly store: Store
  readonly name: string
  readonly sortKey?: SortKey
}

function Head({ store, name, sortKey }: HeadProps) {
  const { key, isDescending } = store.sorting.value
  if (sortKey === undefined) {
    return (
      <span class="cell" role="columnheader">
        {name}
      </span>
    )
  }
  const order = key === sortKey ? (isDescending ? 'descending' : 'ascending') : 'none'
  return (
    <span class="cell" role="columnheader" aria-sort={order} data-column={sortKey}>
      <button type="button" onClick={() => store.sortBy(sortKey)}>
        {name}
        <span class="sort-mark" aria-hidden="true">
          {order === 'none' ? '' : isDescending ? '▾' : '▴'}
        </span>
      </button>
    </span>
  )
}

interface RowLineProps {
  readonly store: Store
  readonly row: Row
  readonly index: number
  readonly topPx: number
  readonly isPicked: boolean
  readonly withVerdicts: boolean
}

function RowLine({ store, row, index, topPx, isPicked, withVerdicts }: RowLineProps) {
  const { actor, container, name, detail, state, group, enteredAt } = row
  return (
    <div
      id={rowDomId(index)}
      class="row"
      role="row"
      aria-rowindex={index + 2}
      aria-selected={isPicked}
      data-session={actor.sessionId}
      data-container={container?.id}
      data-group={group}
      style={{ transform: `translateY(${topPx}px)` }}
      onClick={() => store.choose(actor)}
    >
      <span class="cell name" role="gridcell" title={container?.id ?? actor.sessionId}>
        {name} <small>{detail}</small>
      </span>
      <span class="cell" role="gridcell" data-cell="state" title={state}>
        <i class="dot" data-group={group} aria-hidden="true" />
        {state}
      </span>
      {withVerdicts && (
        <span class="cell" role="gridcell" data-cell="verdict">
          {container?.verdict}
        </span>
      )}
      {withVerdicts && (
        <span class="cell" role="gridcell" data-cell="reason" title={container?.reason}>
          {container?.reason}
        </span>
      )}
      <span class="cell" role="gridcell" data-cell="time">
        <Ago store={store} since={enteredAt} />
      </span>
    </div>
  )
}
