/** Limits of a copy. Data beyond them is left out, which the copy shows. */
export interface CopyLimits {
  readonly deepest: number
  readonly mostEntries: number
  readonly longestText: number
  readonly mostText: number
  /** What stands for `undefined`, which JSON leaves out. */
  readonly missing: null | undefined
}

/** The limits of one message of the inspector. */
const messageLimits: CopyLimits = {
  deepest: 6,
  mostEntries: 50,
  longestText: 500,
  mostText: 20_000,
  missing: undefined,
}
/** What each value is counted for in addition to its text: brackets, commas, a number. */
const leastText = 8

const withheld = '(withheld)'
const unreadable = '(unreadable)'
const cutOff = '…'

/** Values with these names are never shown. */
const neverShown = /^(?:labels?|env|environ|environment|auth|headers)$/i
/** Values with these names are shown only if they are numbers or booleans. */
const secretive =
  /passw|passphrase|secret|token|credential|authori[sz]ation|cookie|api_?-?key|private_?-?key|connection_?-?string/i

/** Private keys are never shown, whatever their name. */
const privateKey = /-----BEGIN [A-Z ]*PRIVATE KEY/
/** The user name and password in a URL. */
const userInfo = /(:\/\/)[^\s/@]*@/g

/**
 * Returns a copy that can be shown: plain JSON of bounded size, without values named like secrets. Errors become
 * `{ name, message }`, and actors become their ids. Never throws.
 */
export function plainOf(value: unknown, limits: CopyLimits = messageLimits): unknown {
  return new Copier(limits).copy(value, 0)
}

/** An error without its stack trace, which reveals paths of the host. */
export function plainError(thrown: unknown): { readonly name: string; readonly message: string } {
  try {
    if (!(thrown instanceof Error)) return { name: 'Error', message: shorten(String(thrown)) }
    const { name, message }: { readonly name: unknown; readonly message: unknown } = thrown
    return { name: shorten(String(name)), message: shorten(String(message)) }
  } catch {
    return { name: 'Error', message: unreadable }
  }
}

class Copier {
  readonly #limits: CopyLimits
  #textLeft: number
  readonly #above = new Set<object>()

  constructor(limits: CopyLimits) {
    this.#limits = limits
    this.#textLeft = limits.mostText
  }

  copy(value: unknown, depth: number): unknown {
    this.#spend('')
    switch (typeof value) {
      case 'string':
        return this.#spend(this.#shorten(value))
      case 'number':
        return Number.isFinite(value) ? value : String(value)
      case 'boolean':
        return value
      case 'undefined':
        return this.#limits.missing
      case 'bigint':
        return this.#spend(this.#shorten(`${value}n`))
      case 'symbol':
        return this.#spend(this.#shorten(String(value)))
      case 'function':
        return { type: this.#spend(this.#shorten(nameOf(value))) }
      case 'object':
        return value === null ? null : this.#object(value, depth)
    }
  }

  /** The text, while there is room for it. */
  #spend(text: string): string {
    this.#textLeft -= text.length + leastText
    return this.#isSpent ? cutOff : text
  }

  #shorten(text: string): string {
    return shorten(text, this.#limits.longestText)
  }

  get #isSpent(): boolean {
    return this.#textLeft < 0
  }

  #object(value: object, depth: number): unknown {
    if (this.#above.has(value)) return '(circular)'
    if (depth >= this.#limits.deepest || this.#isSpent) return cutOff
    this.#above.add(value)
    try {
      return this.#contents(value, depth + 1)
    } catch {
      return unreadable
    } finally {
      this.#above.delete(value)
    }
  }

  #contents(value: object, depth: number): unknown {
    if (value instanceof Error) return this.#ofError(value)
    if (isActor(value)) return { xstate$$type: 1, id: this.#spend(this.#shorten(String(value.id))) }
    if (value instanceof Date) return Number.isNaN(value.valueOf()) ? 'Invalid Date' : value.toISOString()
    if (value instanceof URL) return this.#spend(this.#shorten(`${value.origin}${value.pathname}`))
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `(${value.byteLength} bytes)`
    if (Array.isArray(value)) return this.#items(value, value.length, depth)
    if (value instanceof Set) return this.#items(value, value.size, depth)
    if (value instanceof Map) return this.#entries(value, depth)
    return this.#entries(ownEntries(value), depth)
  }

  #ofError(error: Error): unknown {
    const { name, message } = plainError(error)
    return { name: this.#spend(name), message: this.#spend(message) }
  }

  #items(items: Iterable<unknown>, size: number, depth: number): unknown[] {
    const shown: unknown[] = []
    for (const item of items) {
      if (shown.length >= this.#limits.mostEntries || this.#isSpent) {
        shown.push(`${cutOff} ${size - shown.length} more`)
        break
      }
      shown.push(this.copy(item, depth) ?? null)
    }
    return shown
  }

  #entries(entries: Iterable<readonly [unknown, unknown]>, depth: number): Record<string, unknown> {
    const shown = Object.create(null) as Record<string, unknown>
    let count = 0
    for (const [key, item] of entries) {
      if (count++ >= this.#limits.mostEntries || this.#isSpent) {
        shown[cutOff] = 'more'
        break
      }
      const name =
        typeof key === 'string' ? this.#shorten(key) : (JSON.stringify(this.copy(key, depth)) ?? 'undefined')
      this.#spend(name)
      shown[name] = isWithheld(name, item) ? withheld : this.copy(item, depth)
    }
    return shown
  }
}

function nameOf(anyFunction: object): string {
  const { name } = anyFunction as { readonly name: unknown }
  return typeof name === 'string' ? name : ''
}

function* ownEntries(value: object): Generator<readonly [string, unknown]> {
  for (const key in value) {
    if (!Object.hasOwn(value, key)) continue
    yield [key, readSafely(value, key)]
  }
}

function readSafely(value: object, key: string): unknown {
  try {
    return (value as Record<string, unknown>)[key]
  } catch {
    return unreadable
  }
}

function isWithheld(name: string, item: unknown): boolean {
  if (item === undefined || item === null) return false
  if (neverShown.test(name)) return true
  return typeof item !== 'number' && typeof item !== 'boolean' && secretive.test(name)
}

function isActor(value: object): value is { readonly id: unknown } {
  return 'sessionId' in value && 'getSnapshot' in value && typeof value.getSnapshot === 'function'
}

function shorten(text: string, longestText = messageLimits.longestText): string {
  const isLong = text.length > longestText
  const start = isLong ? text.slice(0, longestText) : text
  if (privateKey.test(start)) return withheld
  return start.replace(userInfo, '$1') + (isLong ? cutOff : '')
}
