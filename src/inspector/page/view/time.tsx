import { useComputed, useSignal } from '@preact/signals'
import { durationText } from '../model/duration.ts'
import type { Store } from '../store.ts'

/** How long ago a moment of the sender's is. It ticks by itself: only its text changes, and nothing is rendered. */
export function Ago({ store, since }: { readonly store: Store; readonly since: number }) {
  const moment = useSignal(since)
  if (moment.peek() !== since) moment.value = since
  const text = useComputed(() => durationText(store.now.value - moment.value))
  return <span class="time">{text}</span>
}
