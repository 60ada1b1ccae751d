import { useComputed, useSignal } from '@preact/signals'
import { durationText } from '../model/duration.ts'
import type { Store } from '../store.ts'

/** The age of a time of the sender's clock. A signal updates its text, without a rendering. */
export function Ago({ store, since }: { readonly store: Store; readonly since: number }) {
  const moment = useSignal(since)
  if (moment.peek() !== since) moment.value = since
  const text = useComputed(() => durationText(store.now.value - moment.value))
  return <span class="time">{text}</span>
}
