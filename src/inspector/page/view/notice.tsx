import { useComputed } from '@preact/signals'
import type { LossReason } from '../model/link.ts'
import type { Store } from '../store.ts'

const words: Readonly<Record<LossReason, string>> = {
  broken: 'The connection to the agent broke. What is shown is the last that came.',
  refused:
    'The agent refuses this page: its address is out of date. Open the whole address that the agent printed, with its ?token=…; it is a new one at each start.',
  unreachable: 'The agent does not answer. It may have ended, or has stopped its inspector.',
}

/** Says why nothing moves, and when the page tries again. */
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
      <span aria-hidden="true">Trying again in {seconds} s</span>
      <button type="button" onClick={() => store.retryNow()}>
        Try now
      </button>
    </div>
  )
}
