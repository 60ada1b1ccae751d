import { AnswerError } from './failure.ts'
import { type Expectation, Follower, type Stretch } from './follower.ts'
import { deepestNesting, longestEntryBytes } from './limits.ts'

/** What becomes of the elements of an array, in their order. */
export interface Elements {
  readonly expected: Expectation | undefined
  /** The next element is the expected one, whatever its unused text is. Its bytes have arrived. */
  again(stretch: Stretch): void
  /** The next element is another one. */
  changed(value: unknown, stretch: Stretch): void
  /** The next element is over a limit, and was not parsed: how it begins, and which limit it is over. */
  tooLarge(head: Uint8Array, why: string): void
}

/** Finds the elements of one JSON array in its bytes, wherever those are cut. */
export interface ArrayScanner {
  /** Throws an `AnswerError` as soon as the bytes cannot be an array any more. */
  push(bytes: Uint8Array): void
  /** Says that there are no more bytes. Throws an `AnswerError` where the array is not closed. */
  end(): void
}

/** Kept of an element over a limit: more than its first field. */
const headBytes = 1024

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d]

export function createArrayScanner(elements: Elements): ArrayScanner {
  let place: 'before' | 'within' | 'after' = 'before'
  let depth = 0
  let inString = false
  let escaped = false
  let count = 0
  /** What came earlier of an element that is not whole yet; of one over a limit, how it begins. */
  let parts: Uint8Array[] = []
  let partBytes = 0
  let deepest = 0
  let isTooLong = false
  const follower = new Follower()
  /** While all of the element that came is what was expected. */
  let isFollowing = false

  function keep(part: Uint8Array): void {
    if (isTooLong) return
    partBytes += part.length
    parts.push(part)
    isTooLong = partBytes > longestEntryBytes
    if (!isTooLong) return
    if (isFollowing) stopFollowing()
    parts = [copyOf(Buffer.concat(parts).subarray(0, headBytes))]
  }

  /** Another element than the expected one is coming. */
  function stopFollowing(): void {
    isFollowing = false
    // depth and quotes as they are after what has been compared up to now
    for (const part of parts) findEnd(part, 0)
  }

  /** The whole element, of which these are the last bytes; of one over a limit, how it begins. */
  function take(bytes: Uint8Array, from: number, end: number): Stretch {
    let whole: Stretch = { bytes, start: from, end }
    if (parts.length > 0 || end - from > longestEntryBytes) {
      keep(bytes.subarray(from, end))
      const joined = Buffer.concat(parts)
      whole = { bytes: joined, start: 0, end: joined.length }
    }
    parts = []
    partBytes = 0
    return whole
  }

  /**
   * Where the expected element ends in these bytes: its bytes and a `,` or `]` after them are the same element. Undefined
   * where another element is coming, and the bytes' length where they are too few to know.
   */
  function findExpected(bytes: Uint8Array, from: number): number | undefined {
    if (!isFollowing) {
      const expected = partBytes > 0 ? undefined : elements.expected
      if (expected === undefined) return undefined
      follower.begin(expected)
      isFollowing = true
    }
    const end = follower.follow(bytes, from)
    if (end === undefined) stopFollowing()
    return end
  }

  /** Finds the end of the element that the bytes from `at` go on with: the index of its `,` or `]`, or their length. */
  function findEnd(bytes: Uint8Array, at: number): number {
    while (at < bytes.length) {
      if (inString) {
        at = skipString(bytes, at)
        continue
      }
      const byte = bytes[at]
      if (byte === quote) inString = true
      else if (byte === openBrace || byte === openBracket) {
        depth += 1
        if (depth > deepest) deepest = depth
      } else if (byte === comma && depth === 0) return at
      else if (byte === closeBrace || byte === closeBracket) {
        // whether it is the right one of the two is for JSON.parse to say
        if (depth === 0) return at
        depth -= 1
      }
      at++
    }
    return at
  }

  /** Most bytes are in strings: this loop has no variable of the scanner's. */
  function skipString(bytes: Uint8Array, from: number): number {
    let isEscaped = escaped
    let at = from
    while (at < bytes.length && (isEscaped || bytes[at] !== quote)) {
      isEscaped = !isEscaped && bytes[at] === backslash
      at++
    }
    escaped = isEscaped
    inString = at === bytes.length
    return inString ? at : at + 1
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
    if (closes && bytes[end] !== closeBracket) throw notJson('unexpected closing bracket')
    if (closes) place = 'after'
    const limit = isTooLong ? overBytes : deepest > deepestNesting ? overDepth : undefined
    deepest = 0
    isTooLong = false
    isFollowing = false
    if (limit !== undefined) {
      elements.tooLarge(stretch.bytes.subarray(stretch.start, stretch.end), limit)
    } else if (expectedEnd !== undefined) {
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
        if (place === 'after') throw notJson('unexpected data after the end')
        if (byte !== openBracket) throw notAnArray(bytes.subarray(at - 1))
        place = 'within'
      }
    },
    end() {
      if (place === 'before') throw new AnswerError('the answer is empty')
      if (place === 'within') throw notJson('unexpected end')
    },
  }
}

const overBytes = `it is larger than ${longestEntryBytes} bytes`
const overDepth = `it is nested more than ${deepestNesting} deep`

/** Keeps nothing else of the buffer alive. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes)
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
