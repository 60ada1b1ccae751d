const longestShown = 100
const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i

/** Formats a value for a message: on one line, long values truncated, URLs without secrets. */
export function show(value: unknown): string {
  const text = wordsOf(typeof value === 'string' && withScheme.test(value) ? withoutSecrets(value) : value)
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

/** Describes a value that cannot be shown, or must not be because it may contain credentials. */
export function kindOf(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  return typeof value === 'object' && value !== null ? 'an object' : show(value)
}

/** Returns an address or URL without user name, password and query. */
export function withoutSecrets(text: string): string {
  const bare = text.replace(/[?#].*$/s, '')
  // ssh takes no password from an address, and its user is no secret
  if (/^ssh:\/\/[^:@/]+@[^@]*$/i.test(bare)) return bare
  return bare.replace(/^([a-z][a-z0-9+.-]*:\/\/)?(?!\/).*@/is, '$1***@')
}

/**
 * Characters that a terminal interprets or that end a line: C0 and C1 controls, Unicode separators and bidirectional
 * marks.
 */
// oxlint-disable-next-line no-control-regex -- control characters are what it matches
const controls = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** Makes foreign text safe for a terminal and a log line: it cannot move the cursor, start a line or hide text. */
export function printable(text: string): string {
  return text.replaceAll(controls, '?')
}
