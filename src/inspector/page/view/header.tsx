import { useComputed } from '@preact/signals'
import type { Store } from '../store.ts'

/** The selection of a system, the state of the connection, and the pause button. */
export function Header({ store }: { readonly store: Store }) {
  const isPaused = store.isPaused.value
  return (
    <header class="header">
      <h1>Flotsam inspector</h1>
      <LinkLamp store={store} />
      <SystemChoice store={store} />
      <span class="spacer" />
      <Counters store={store} />
      <button
        type="button"
        class="pause"
        aria-pressed={isPaused}
        title="Pause or resume (p, or the space bar)"
        onClick={() => store.togglePause()}
      >
        {isPaused ? 'Resume' : 'Pause'}
        <kbd>p</kbd>
      </button>
    </header>
  )
}

function LinkLamp({ store }: { readonly store: Store }) {
  const { is } = store.link.value
  const words = { connecting: 'connecting', open: 'live', lost: 'not connected' } as const
  const isPaused = is === 'open' && store.isPaused.value
  return (
    <span class="lamp" data-is={isPaused ? 'paused' : is} role="status">
      {isPaused ? 'paused' : words[is]}
    </span>
  )
}

function SystemChoice({ store }: { readonly store: Store }) {
  const systems = store.systems.value
  if (systems.length < 2) return null
  return (
    <label class="system">
      System
      <select
        value={store.system.value?.root.sessionId ?? ''}
        onChange={(event) => store.chooseSystem(event.currentTarget.value)}
      >
        {systems.map(({ root }) => (
          <option key={root.sessionId} value={root.sessionId}>
            {root.name === root.sessionId ? root.name : `${root.name} (${root.sessionId})`}
          </option>
        ))}
      </select>
    </label>
  )
}

function Counters({ store }: { readonly store: Store }) {
  const text = useComputed(() => {
    const { skipped, unread, messages } = store.picture.value
    const waiting = store.isPaused.value ? store.messages.value - store.pausedAtMessage.value : 0
    const parts = [`${messages.toLocaleString('en')} messages`]
    if (waiting > 0) parts.push(`${waiting.toLocaleString('en')} more while paused`)
    if (skipped > 0) parts.push(`${skipped.toLocaleString('en')} skipped: the tab was too slow`)
    if (unread > 0) parts.push(`${unread.toLocaleString('en')} not understood`)
    return parts.join(' · ')
  })
  return <span class="counters">{text}</span>
}
