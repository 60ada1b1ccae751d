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
  /** What stands between the quotes of an unused text in it, which may differ; undefined if none begins up to this byte. */
  unread(upTo: number): Span | undefined
}

const [quote, backslash, comma, closeBracket, firstPrintable] = [0x22, 0x5c, 0x2c, 0x5d, 0x20]
const noExpectation: Expectation = { bytes: new Uint8Array(), start: 0, end: 0, unread: () => undefined }

/** Compares the bytes that come, in whatever pieces, with those of an expected element; one after the other. */
export class Follower {
  #expected = noExpectation
  /** The expected byte that is to come next. */
  #at = 0
  /** The unused text; undefined until a difference made it worthwhile to search for it. */
  #unread: Span | undefined
  #isWithinUnread = false

  begin(expected: Expectation): void {
    this.#expected = expected
    this.#at = expected.start
    this.#unread = undefined
    this.#isWithinUnread = false
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
    const differsAt = firstDifference(this.#expected.bytes, this.#at, bytes, here)
    this.#unread = this.#expected.unread(differsAt)
    if (this.#unread === undefined || differsAt > this.#unread.end) return undefined
    // what is before it is compared again; of the text itself only a beginning can have come, and no quote
    this.#isWithinUnread = this.#at >= this.#unread.start
    return here
  }

  /** Passes over the unused text, up to its closing quote. */
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

/** Returns where bytes that are not the same begin to differ. */
function firstDifference(one: Uint8Array, oneStart: number, other: Uint8Array, otherStart: number): number {
  let at = oneStart
  while (one[at] === other[otherStart + at - oneStart]) at++
  return at
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
