import type { Clock } from '../domain/clock.ts'
import { answerMs } from './timing.ts'

/** The result of a question, or undefined after 2 s. Its signal is aborted then. */
export function withDeadline<T>(
  clock: Clock,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const deadline = new AbortController()
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => {
      deadline.abort()
      resolve(undefined)
    }, answerMs)
    ask(deadline.signal)
      .then(resolve, reject)
      .finally(() => clock.clearTimeout(timer))
  })
}
