import { useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { Actor } from '../model/actor.ts'
import type { Happened } from '../model/actors.ts'
import { rowOf } from '../model/rows.ts'
import { triggerText } from '../model/transitions.ts'
import type { Store } from '../store.ts'
import { useVirtualRows } from './virtual-rows.ts'

type Tab = 'events' | 'snapshot'

const rowHeightPx = 22

/** The list of events, or the complete snapshot of the shown actor. */
export function BottomPanel({ store }: { readonly store: Store }) {
  const tab = useSignal<Tab>('events')
  const isOfShownOnly = useSignal(false)
  const shown = store.shown.value
  const events = store.events.value
  const filtered = isOfShownOnly.value
    ? events.filter(({ targetId }) => targetId === shown?.sessionId)
    : events
  return (
    <section class="panel bottom" aria-label="Events and snapshot">
      <div class="bar">
        <div class="segments" role="group" aria-label="Shown in this panel">
          <button type="button" aria-pressed={tab.value === 'events'} onClick={() => (tab.value = 'events')}>
            Events
          </button>
          <button
            type="button"
            aria-pressed={tab.value === 'snapshot'}
            onClick={() => (tab.value = 'snapshot')}
          >
            Snapshot
          </button>
        </div>
        {tab.value === 'events' ? (
          <label class="check">
            <input
              type="checkbox"
              checked={isOfShownOnly.value}
              onChange={(event) => (isOfShownOnly.value = event.currentTarget.checked)}
            />
            only to {shown ? rowOf(shown).name : 'the shown actor'}
          </label>
        ) : (
          <span class="quiet">{shown ? `of ${rowOf(shown).name}` : ''}</span>
        )}
      </div>
      {tab.value === 'events' ? <Events events={filtered} /> : <Snapshot actor={shown} />}
    </section>
  )
}

function Events({ events }: { readonly events: readonly Happened[] }) {
  const scroller = useRef<HTMLDivElement>(null)
  const openNumber = useSignal<number | undefined>(undefined)
  const { items, heightPx } = useVirtualRows(events.length, rowHeightPx, scroller)
  useHeldPlace(scroller, events)
  const open = events.find(({ number }) => number === openNumber.value)
  return (
    <>
      <div
        ref={scroller}
        class="rows events"
        role="log"
        aria-live="off"
        aria-label="Events, newest first"
        tabIndex={0}
      >
        {events.length === 0 && <p class="empty">No events yet.</p>}
        <div class="rows-height" style={{ height: `${heightPx}px` }}>
          {items.map(({ index, start }) => {
            const happened = events[index]
            return (
              happened && (
                <div
                  key={happened.number}
                  class="event"
                  data-number={happened.number}
                  data-open={happened.number === openNumber.value}
                  style={{ transform: `translateY(${start}px)` }}
                  onClick={() =>
                    (openNumber.value = openNumber.value === happened.number ? undefined : happened.number)
                  }
                >
                  <EventLine happened={happened} />
                </div>
              )
            )
          })}
        </div>
      </div>
      {open && <pre class="payload">{JSON.stringify(open.event, undefined, 2)}</pre>}
    </>
  )
}

/** Keeps the scroll position of a user who has scrolled while new events are added at the top. */
function useHeldPlace(scroller: { readonly current: HTMLElement | null }, events: readonly Happened[]): void {
  const newest = useRef<number>(-1)
  useLayoutEffect(() => {
    const element = scroller.current
    const first = events[0]?.number ?? -1
    const before = newest.current
    newest.current = first
    if (!element || before < 0 || first <= before || element.scrollTop === 0) return
    const added = events.findIndex(({ number }) => number <= before)
    if (added > 0) element.scrollTop += added * rowHeightPx
  }, [scroller, events])
}

function EventLine({ happened }: { readonly happened: Happened }) {
  const { createdAt, event, sourceName, targetName, ledTo } = happened
  return (
    <>
      <time class="quiet">{clockText(createdAt)}</time>
      <span class="route" title={sourceName === undefined ? targetName : `${sourceName} → ${targetName}`}>
        {sourceName !== undefined && <span class="quiet">{short(sourceName)} → </span>}
        {short(targetName)}
      </span>
      <span class="event-type" title={event.type}>
        {triggerText(event.type)}
      </span>
      <span class="led-to" title={ledTo}>
        {ledTo === undefined ? '' : `→ ${ledTo}`}
      </span>
    </>
  )
}

function Snapshot({ actor }: { readonly actor: Actor | undefined }) {
  if (!actor) return <p class="empty">No actor is selected.</p>
  const { value, context, output, error, status } = actor.snapshot
  return (
    <pre class="payload whole" tabIndex={0}>
      {JSON.stringify({ status, value, context, output, error }, undefined, 2)}
    </pre>
  )
}

/** Shortens an actor's name that is a container id. */
function short(name: string): string {
  return /^[0-9a-f]{64}$/.test(name) ? name.slice(0, 12) : name
}

function clockText(createdAt: number): string {
  const date = new Date(createdAt)
  const two = (number: number) => String(number).padStart(2, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`
}
