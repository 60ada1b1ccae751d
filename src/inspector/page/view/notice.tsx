import { useComputed } from '@preact/signals'
import type { LossReason } from '../model/link.ts'
import type { Store } from '../store.ts'

const words: Readonly<Record<LossReason, string>> = {
  broken: 'The connection to the agent was lost. The page shows the last data that it received.',
  refused:
    'The address of this page is out of date. Open the complete address that the agent printed, with its ?token=…; the token changes at each start.',
  unreachable: 'The agent does not respond. It may have exited or stopped its inspector.',
}

/** Explains why the page is not connected, and when it retries. */
export function Notice({ store }: { readonly store: Store }) {
  const link = store.link.value
  const seconds = useComputed(() => {
    const state = store.link.value
    return state.is === 'lost' ? Math.max(0, Math.ceil((state.retryAt - store.pageNow.value) / 1000)) : 0
  })
  const why = link.is === 'lost' ? link.why : link.is === 'connecting' ? link.after : undefined
  if (why === undefined) return null
  return (
    <div class="notice" role="alert">
      <span>{words[why]}</span>
      <span class="spacer" />
      <span aria-hidden="true">Retrying in {seconds} s</span>
      <button type="button" onClick={() => store.retryNow()}>
        Retry now
      </button>
    </div>
  )
}
