import { AnswerError } from './failure.ts'

/** From `start` on, up to but not including `end`. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** Some bytes of a buffer. */
export interface Stretch extends Span {
  readonly bytes: Uint8Array
}

/** The bytes that the next element may be made of, as those of an element that was whole and valid JSON. */
export interface Expectation extends Stretch {
  /** What stands between the quotes of a text in it that nobody reads, so that it may be any other text. */
  unread(): Span | undefined
}

/** What becomes of the elements of an array, in their order. */
export interface Elements {
  readonly expected: Expectation | undefined
  /** The next element is the expected one, whatever it has in the text that nobody reads. Its bytes are here now. */
  again(stretch: Stretch): void
  /** The next element is another one. */
  changed(value: unknown, stretch: Stretch): void
}

/** Finds the elements of one JSON array in its bytes, wherever those are cut. */
export interface ArrayScanner {
  /** Throws an `AnswerError` as soon as the bytes cannot be an array any more. */
  push(bytes: Uint8Array): void
  /** Says that there are no more bytes. Throws an `AnswerError` where the array is not closed. */
  end(): void
}

const longestElementBytes = 16 * 1024 * 1024

const [quote, backslash, comma, firstPrintable] = [0x22, 0x5c, 0x2c, 0x20]
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d]

export function createArrayScanner(elements: Elements): ArrayScanner {
  let place: 'before' | 'within' | 'after' = 'before'
  let depth = 0
  let inString = false
  let escaped = false
  let count = 0
  /** What came earlier of an element that is not whole yet. */
  let parts: Uint8Array[] = []
  let partBytes = 0
  /** While all of the element that came is what was expected. */
  let follower: Follower | undefined

  function keep(part: Uint8Array): void {
    partBytes += part.length
    if (partBytes > longestElementBytes) throw new AnswerError('the answer has an entry of over 16 MiB')
    parts.push(part)
  }

  /** The whole element, of which these are the last bytes. */
  function take(bytes: Uint8Array, from: number, end: number): Stretch {
    if (parts.length === 0) return { bytes, start: from, end }
    keep(bytes.subarray(from, end))
    const whole = { bytes: Buffer.concat(parts, partBytes), start: 0, end: partBytes }
    parts = []
    partBytes = 0
    return whole
  }

  /**
   * Where the expected element ends in these bytes: its bytes and a `,` or `]` after them are the same element. Undefined
   * where another element is coming, and the bytes' length where they are too few to know.
   */
  function findExpected(bytes: Uint8Array, from: number): number | undefined {
    if (follower === undefined) {
      const expected = partBytes > 0 ? undefined : elements.expected
      if (expected === undefined) return undefined
      follower = new Follower(expected)
    }
    const end = follower.follow(bytes, from)
    if (end !== undefined) return end
    follower = undefined
    // depth and quotes as they are after what has been compared up to now
    for (const part of parts) findEnd(part, 0)
    return undefined
  }

  /** Finds the end of the element that the bytes from `at` go on with: the index of its `,` or `]`, or their length. */
  function findEnd(bytes: Uint8Array, at: number): number {
    for (; at < bytes.length; at++) {
      const byte = bytes[at]
      if (inString) {
        if (escaped) escaped = false
        else if (byte === backslash) escaped = true
        else if (byte === quote) inString = false
      } else if (byte === quote) inString = true
      else if (byte === openBrace || byte === openBracket) depth += 1
      else if (byte === comma && depth === 0) return at
      else if (byte === closeBrace || byte === closeBracket) {
        // whether it is the right one of the two is for JSON.parse to say
        if (depth === 0) return at
        depth -= 1
      }
    }
    return at
  }

  function pushWithin(bytes: Uint8Array, from: number): number {
    const expectedEnd = findExpected(bytes, from)
    const end = expectedEnd ?? findEnd(bytes, from)
    if (end === bytes.length) {
      keep(bytes.subarray(from))
      return end
    }
    const stretch = take(bytes, from, end)
    const closes = bytes[end] !== comma
    if (closes && bytes[end] !== closeBracket) throw notJson('it closes what is not open')
    if (closes) place = 'after'
    if (expectedEnd !== undefined) {
      follower = undefined
      elements.again(stretch)
    } else {
      const text = textOf(stretch)
      if (closes && count === 0 && isBlank(text)) return end + 1
      elements.changed(parseElement(text), stretch)
    }
    count += 1
    return end + 1
  }

  return {
    push(bytes) {
      let at = 0
      while (at < bytes.length) {
        if (place === 'within') {
          at = pushWithin(bytes, at)
          continue
        }
        const byte = bytes[at++]
        if (isSpace(byte)) continue
        if (place === 'after') throw notJson('something follows its end')
        if (byte !== openBracket) throw notAnArray(bytes.subarray(at - 1))
        place = 'within'
      }
    },
    end() {
      if (place === 'before') throw new AnswerError('the answer is empty')
      if (place === 'within') throw notJson('it ends too early')
    },
  }
}

/** Compares the bytes that come with those of an expected element. */
class Follower {
  readonly #expected: Expectation
  /** The expected byte that is to come next. */
  #at: number
  /** Once a difference made it worth while to look for it: the text that nobody reads. */
  #unread: Span | undefined
  #isWithinUnread = false

  constructor(expected: Expectation) {
    this.#expected = expected
    this.#at = expected.start
  }

  /** Where the element ends in these bytes; their length where they are too few to know; undefined where it is another. */
  follow(bytes: Uint8Array, from: number): number | undefined {
    const { end } = this.#expected
    let here = from
    while (here < bytes.length && this.#at < end) {
      const next = this.#isWithinUnread ? this.#skip(bytes, here) : this.#compare(bytes, here)
      if (next === undefined) return undefined
      here = next
    }
    const isOpen = here === bytes.length
    return isOpen || bytes[here] === comma || bytes[here] === closeBracket ? here : undefined
  }

  #compare(bytes: Uint8Array, here: number): number | undefined {
    const { end } = this.#expected
    const pauseAt = this.#unread !== undefined && this.#at < this.#unread.start ? this.#unread.start : end
    const length = Math.min(pauseAt - this.#at, bytes.length - here)
    if (areSame(this.#expected.bytes, this.#at, bytes, here, length)) {
      this.#at += length
      this.#isWithinUnread = this.#at === this.#unread?.start
      return here + length
    }
    if (this.#unread !== undefined) return undefined
    this.#unread = this.#expected.unread()
    if (this.#unread === undefined || this.#at > this.#unread.end) return undefined
    // what is before it is compared anew; of the text itself only a beginning can have come, and no quote
    this.#isWithinUnread = this.#at >= this.#unread.start
    return here
  }

  /** Passes over the text that nobody reads, up to its closing quote. */
  #skip(bytes: Uint8Array, here: number): number | undefined {
    for (; here < bytes.length; here++) {
      const byte = bytes[here] as number
      if (byte === quote) {
        this.#isWithinUnread = false
        this.#at = (this.#unread as Span).end
        return here
      }
      if (byte === backslash || byte < firstPrintable) return undefined
    }
    return here
  }
}

function areSame(
  one: Uint8Array,
  oneStart: number,
  other: Uint8Array,
  otherStart: number,
  length: number,
): boolean {
  return (
    Buffer.prototype.compare.call(
      one,
      other,
      otherStart,
      otherStart + length,
      oneStart,
      oneStart + length,
    ) === 0
  )
}

function textOf({ bytes, start, end }: Stretch): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString()
}

function parseElement(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // its message quotes the text, which may hold anything
    throw notJson('an entry is malformed')
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function isBlank(text: string): boolean {
  return /^[ \n\r\t]*$/.test(text)
}

function notJson(why: string): AnswerError {
  return new AnswerError(`the answer is not JSON: ${why}`)
}

function notAnArray(start: Uint8Array): AnswerError {
  const isPage = start[0] === 0x3c
  return new AnswerError(
    `the answer is ${isPage ? 'a web page' : 'no array'} instead of a list of containers`,
  )
}
