import { useEffect, useRef } from 'preact/hooks'
import type { Store } from '../store.ts'
import { BottomPanel } from './bottom-panel.tsx'
import { ChartPanel } from './chart-panel.tsx'
import { Header } from './header.tsx'
import { HealthPanel } from './health-panel.tsx'
import { ListPanel } from './list-panel.tsx'
import { Notice } from './notice.tsx'

export function App({ store }: { readonly store: Store }) {
  const filter = useRef<HTMLInputElement>(null)
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => handleKey(event, store, filter.current)
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [store])
  const isLive = store.link.value.is === 'open'
  return (
    <div class="app" data-live={isLive} data-renewals={store.renewals} data-messages={store.messages}>
      <Header store={store} />
      <Notice store={store} />
      {store.isFlotsam.value && <HealthPanel store={store} />}
      <main class="panels">
        <div class="column">
          <ListPanel store={store} filter={filter} />
          <BottomPanel store={store} />
        </div>
        <ChartPanel store={store} />
      </main>
    </div>
  )
}

/** Keyboard shortcuts of the whole page. They do not apply while typing or on a focused button. */
function handleKey(event: KeyboardEvent, store: Store, filter: HTMLInputElement | null): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
  const target = event.target as HTMLElement
  const isTyping = target.matches('input, select, textarea')
  if (event.key === 'Escape') {
    if (target === filter && store.text.value !== '') store.text.value = ''
    else if (isTyping) target.blur()
    else store.choose(undefined)
  } else if (isTyping) return
  else if (event.key === '/') filter?.focus()
  else if (event.key === 'p' || (event.key === ' ' && !target.matches('button, summary, a')))
    store.togglePause()
  else return
  event.preventDefault()
}
