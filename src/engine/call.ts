import type { Clock } from '../clock.ts'
import { EngineError } from '../errors.ts'
import { describeCall, toEngineError, type FailureContext } from './failure.ts'
import type { CallOptions } from './port.ts'

/** A call without a deadline ends by its signal, or when the engine ends it. */
export type Limits = Omit<CallOptions, 'deadlineMs'> & { readonly deadlineMs?: number | undefined }

const longestDelayMs = 2 ** 31 - 1

/**
 * Runs one call to the engine. It settles by its deadline, or as soon as the outer signal gives it up, whether `work`
 * ever settles or not; whenever it fails the signal that `work` was given is aborted, so that no socket stays behind.
 * Rejects with an `EngineError` and nothing else.
 */
export function callEngine<T>(
  clock: Clock,
  context: FailureContext,
  { deadlineMs, signal }: Limits,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController()
  return new Promise<T>((resolve, reject) => {
    const fail = (thrown: unknown) => {
      settle()
      reject(toEngineError(thrown, context))
      abort.abort()
    }
    const expire = () => fail(timedOut(context, `no whole answer within ${deadlineMs} ms`))
    const giveUp = () => fail(timedOut(context, 'given up before it was answered'))
    const timer =
      deadlineMs === undefined ? undefined : clock.setTimeout(expire, Math.min(deadlineMs, longestDelayMs))
    const settle = () => {
      if (timer !== undefined) clock.clearTimeout(timer)
      if (signal !== undefined) forget(signal, giveUp)
    }
    if (signal?.aborted) return giveUp()
    if (signal !== undefined) remember(signal, giveUp)
    const succeed = (value: T) => {
      settle()
      resolve(value)
    }
    void (async () => work(abort.signal))().then(succeed, fail)
  })
}

function timedOut(context: FailureContext, why: string): EngineError {
  return new EngineError('timed-out', `${describeCall(context)}: ${why}`)
}

interface Hearers {
  readonly all: Set<() => void>
  readonly tell: () => void
}

// one listener for each signal, since Node warns of a leak where more than ten calls under way share one
const hearersBySignal = new WeakMap<AbortSignal, Hearers>()

function remember(signal: AbortSignal, hearer: () => void): void {
  const known = hearersBySignal.get(signal)
  if (known !== undefined) {
    known.all.add(hearer)
    return
  }
  const all = new Set([hearer])
  const tell = () => [...all].forEach((hear) => hear())
  hearersBySignal.set(signal, { all, tell })
  signal.addEventListener('abort', tell)
}

function forget(signal: AbortSignal, hearer: () => void): void {
  const known = hearersBySignal.get(signal)
  if (known === undefined || !known.all.delete(hearer) || known.all.size > 0) return
  hearersBySignal.delete(signal)
  signal.removeEventListener('abort', known.tell)
}
