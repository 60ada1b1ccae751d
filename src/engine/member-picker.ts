import { AnswerError } from './failure.ts'
import { deepestNesting, longestParsedBytes } from './limits.ts'

/** The members to read of an object: `true` for the whole value, or which members of that again. */
export interface Wanted {
  readonly [name: string]: true | Wanted
}

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a]
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d]

/** No name that is wanted is longer, however its characters are escaped. */
const longestNameBytes = 256

type Place = 'start' | 'members' | 'name' | 'colon' | 'value' | 'within' | 'end'

/**
 * Reads some members of a JSON object, in whatever pieces it comes, and keeps nothing else. What it passes over may be of any
 * size, and is followed only by its brackets and quotes.
 */
export class MemberPicker {
  #place: Place = 'start'
  /** The objects that are open, with what is wanted of each. */
  readonly #open: Wanted[] = []
  readonly #root: Wanted
  readonly #kept: Uint8Array[] = []
  #keptBytes = 0
  #needsComma = false
  #name: number[] = []
  #isKept = false
  #depth = 0
  #inString = false
  #isEscaped = false

  constructor(wanted: Wanted) {
    this.#root = wanted
  }

  /** Throws an `AnswerError` where it is no object, or more is wanted than may be parsed. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at = this.#step(bytes, at)
  }

  /** Returns JSON text of an object with nothing but the wanted members. */
  end(): string {
    if (this.#place !== 'end') throw notJson()
    return Buffer.concat(this.#kept).toString()
  }

  #step(bytes: Uint8Array, at: number): number {
    const byte = bytes[at] as number
    if (this.#place === 'within') return this.#passValue(bytes, at)
    if (this.#place === 'name') this.#readName(byte)
    else if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return at + 1
    else if (this.#place === 'start' && byte === openBrace) this.#enter(this.#root)
    else if (this.#place === 'members') this.#readMember(byte)
    else if (this.#place === 'colon' && byte === colon) this.#place = 'value'
    else if (this.#place === 'value') return this.#beginValue(byte, at)
    else throw notJson()
    return at + 1
  }

  #enter(wanted: Wanted): void {
    this.#open.push(wanted)
    this.#keep('{')
    this.#needsComma = false
    this.#place = 'members'
  }

  #readMember(byte: number): void {
    if (byte === comma) return
    if (byte === quote) {
      this.#name = [quote]
      this.#place = 'name'
    } else if (byte === closeBrace) {
      this.#open.pop()
      this.#keep('}')
      this.#needsComma = true
      this.#place = this.#open.length === 0 ? 'end' : 'members'
    } else throw notJson()
  }

  #readName(byte: number): void {
    if (this.#name.length <= longestNameBytes) this.#name.push(byte)
    if (this.#isEscaped) this.#isEscaped = false
    else if (byte === backslash) this.#isEscaped = true
    else if (byte === quote) this.#place = 'colon'
  }

  #beginValue(byte: number, at: number): number {
    const wanted = this.#wantedHere()
    this.#isKept = wanted !== undefined
    if (wanted !== undefined) {
      if (this.#needsComma) this.#keep(',')
      this.#needsComma = true
      this.#keep(Buffer.from(this.#name))
      this.#keep(':')
    }
    if (typeof wanted === 'object' && byte === openBrace) {
      this.#enter(wanted)
      return at + 1
    }
    this.#place = 'within'
    return at
  }

  #wantedHere(): true | Wanted | undefined {
    if (this.#name.length > longestNameBytes) return undefined
    const wanted = this.#open.at(-1) ?? {}
    const name = nameIn(this.#name)
    return Object.hasOwn(wanted, name) ? wanted[name] : undefined
  }

  /** Follows a value up to the `,` or `}` behind it. */
  #passValue(bytes: Uint8Array, from: number): number {
    let at = from
    for (; at < bytes.length; at++) {
      const byte = bytes[at]
      if (this.#inString) {
        if (this.#isEscaped) this.#isEscaped = false
        else if (byte === backslash) this.#isEscaped = true
        else if (byte === quote) this.#inString = false
      } else if (byte === quote) this.#inString = true
      else if (byte === openBrace || byte === openBracket) {
        this.#depth++
        if (this.#isKept && this.#open.length + this.#depth > deepestNesting) throw tooDeep()
      } else if (this.#depth === 0 && (byte === comma || byte === closeBrace)) {
        this.#place = 'members'
        break
      } else if (byte === closeBrace || byte === closeBracket) this.#depth--
    }
    if (this.#isKept) this.#keep(bytes.subarray(from, at))
    return at
  }

  #keep(part: string | Uint8Array): void {
    // a copy, so that the rest of the bytes can be forgotten
    const kept = Buffer.from(part as Uint8Array)
    this.#keptBytes += kept.length
    if (this.#keptBytes > longestParsedBytes) throw tooLong()
    this.#kept.push(kept)
  }
}

function nameIn(bytes: readonly number[]): string {
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as string
  } catch {
    throw notJson()
  }
}

/** Throws where brackets are nested so deep that parsing would take long. */
export function checkNesting(bytes: Uint8Array): void {
  let depth = 0
  let inString = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (inString) {
      if (byte === backslash) at++
      else if (byte === quote) inString = false
    } else if (byte === quote) inString = true
    else if (byte === openBrace || byte === openBracket) {
      if (++depth > deepestNesting) throw tooDeep()
    } else if (byte === closeBrace || byte === closeBracket) depth--
  }
}

function notJson(): AnswerError {
  return new AnswerError('the answer is not JSON')
}

function tooDeep(): AnswerError {
  return new AnswerError(`the answer is nested more than ${deepestNesting} deep`)
}

export function tooLong(): AnswerError {
  return new AnswerError(`what is needed of the answer is longer than ${longestParsedBytes} bytes`)
}
