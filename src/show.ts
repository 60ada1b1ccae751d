const longestShown = 100

/** A value for a message: on one line, and never the whole of a long one. */
export function show(value: unknown): string {
  const text = wordsOf(value)
  return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text
}

function wordsOf(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'symbol' || value === undefined) return String(value)
  if (typeof value === 'bigint') return `${value}n`
  try {
    return JSON.stringify(value) ?? kindOf(value)
  } catch {
    return kindOf(value)
  }
}

/** For values that are not to be shown, since they may hold credentials, or that cannot be. */
export function kindOf(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  return typeof value === 'object' && value !== null ? 'an object' : show(value)
}
