type Unit = 'ns' | 'us' | 'µs' | 'μs' | 'ms' | 's' | 'm' | 'h'
type Part = `${number}${Unit}`

/** A duration as Go and Nomad write it (`90s`, `5m`, `1h30m`, `1.5h`), or a number of milliseconds. */
export type Duration = number | Part | `${Part}${Part}` | `${Part}${Part}${Part}`

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5, the micro sign
  μs: 1e-3, // U+03BC, the Greek letter
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

const wholeText = /^(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/
const onePart = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g

/**
 * Reads a duration as Go and Nomad write it (`90s`, `1h30m`, `1.5h`, `250ms`) and returns milliseconds.
 * A unit is required and there is no sign; anything else is undefined.
 */
export function parseDuration(text: string): number | undefined {
  if (!wholeText.test(text)) return undefined
  let totalMs = 0
  for (const [, amount, unit] of text.matchAll(onePart)) {
    totalMs += Number(amount) * (unitMs[unit as string] as number)
  }
  return Number.isFinite(totalMs) ? totalMs : undefined
}

/** Milliseconds in the same notation, for people: `5m`, `1h30m`, `1.5s`, `250ms`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1000) return `${Math.min(999, Math.round(durationMs))}ms`
  const hours = Math.floor(durationMs / 3_600_000)
  const minutes = Math.floor((durationMs % 3_600_000) / 60_000)
  const seconds = (durationMs % 60_000) / 1000
  const shownSeconds = hours + minutes > 0 ? Math.floor(seconds) : Math.floor(seconds * 10) / 10
  return [
    hours > 0 ? `${hours}h` : '',
    minutes > 0 ? `${minutes}m` : '',
    shownSeconds > 0 ? `${shownSeconds}s` : '',
  ].join('')
}
