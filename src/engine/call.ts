import type { Clock } from '../domain/clock.ts'
import { EngineError } from '../domain/errors.ts'
import { describeCall, toEngineError, type FailureContext } from './failure.ts'
import type { CallOptions } from './port.ts'

/** Without a deadline, a call ends when its signal is aborted or the engine ends it. */
export type Limits = Omit<CallOptions, 'deadlineMs'> & { readonly deadlineMs?: number | undefined }

const longestDelayMs = 2 ** 31 - 1

/**
 * Runs one call to the engine. It settles at its deadline, or when the outer signal is aborted, even if `work` never
 * settles. If it fails, the signal passed to `work` is aborted, so that no socket is leaked. `isOver` returns whether the
 * call has settled, and ends it if its deadline passed while the process was busy. Rejects with an `EngineError` only.
 */
export function callEngine<T>(
  clock: Clock,
  context: FailureContext,
  { deadlineMs, signal }: Limits,
  work: (signal: AbortSignal, isOver: () => boolean) => Promise<T>,
): Promise<T> {
  const abort = new AbortController()
  const endsAtMs = clock.now() + (deadlineMs ?? Number.POSITIVE_INFINITY)
  return new Promise<T>((resolve, reject) => {
    const fail = (thrown: unknown) => {
      settle()
      reject(toEngineError(thrown, context))
      abort.abort()
    }
    const expire = () =>
      fail(timedOut(context, `no complete answer within ${deadlineMs} ms${queueAdvice(context)}`))
    const giveUp = () => fail(timedOut(context, 'aborted before it was answered'))
    const timer =
      deadlineMs === undefined ? undefined : clock.setTimeout(expire, Math.min(deadlineMs, longestDelayMs))
    let hasSettled = false
    const settle = () => {
      hasSettled = true
      if (timer !== undefined) clock.clearTimeout(timer)
      if (signal !== undefined) forget(signal, giveUp)
    }
    if (signal?.aborted) return giveUp()
    if (signal !== undefined) remember(signal, giveUp)
    const succeed = (value: T) => {
      settle()
      resolve(value)
    }
    const isOver = () => {
      if (!hasSettled && clock.now() >= endsAtMs) expire()
      return hasSettled
    }
    void (async () => work(abort.signal, isOver))().then(succeed, fail)
  })
}

function timedOut(context: FailureContext, why: string): EngineError {
  return new EngineError('timed-out', `${describeCall(context)}: ${why}`)
}

/** A response may also be late because its request is still queued for a socket. */
function queueAdvice({ sockets }: FailureContext): string {
  if (sockets === undefined) return ''
  const requests = sockets === 1 ? 'one request' : `${sockets} requests`
  return `; its agent lets ${requests} through at a time (maxSockets), and following the events takes one for good`
}

interface Listeners {
  readonly all: Set<() => void>
  readonly notify: () => void
}

// one listener for each signal: Node warns about a leak if more than ten calls in progress share a signal
const listenersBySignal = new WeakMap<AbortSignal, Listeners>()

function remember(signal: AbortSignal, listener: () => void): void {
  const known = listenersBySignal.get(signal)
  if (known !== undefined) {
    known.all.add(listener)
    return
  }
  const all = new Set([listener])
  const notify = () => [...all].forEach((receive) => receive())
  listenersBySignal.set(signal, { all, notify })
  signal.addEventListener('abort', notify)
}

function forget(signal: AbortSignal, listener: () => void): void {
  const known = listenersBySignal.get(signal)
  if (known === undefined || !known.all.delete(listener) || known.all.size > 0) return
  listenersBySignal.delete(signal)
  signal.removeEventListener('abort', known.notify)
}
