import type { IncomingMessage } from 'node:http'

/** The format that HTTP requires, such as `Thu, 15 Jan 2026 12:00:07 GMT`; `Date.parse` accepts many others. */
const httpDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/** The engine's time at the response, in whole seconds; undefined if the response has no valid Date header. */
export function readDate({ headers }: IncomingMessage): number | undefined {
  const dateMs = httpDate.test(headers.date ?? '') ? Date.parse(headers.date ?? '') : Number.NaN
  return Number.isNaN(dateMs) ? undefined : dateMs
}
