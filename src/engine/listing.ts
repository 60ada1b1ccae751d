import type { ContainerSummary } from './port.ts'
import { AnswerError } from './failure.ts'
import { toSummary } from './summary.ts'

// under a millisecond of scanning and parsing
const sliceBytes = 32 * 1024
/** A body up to this long is parsed as a whole: that takes about as long as one slice of a long one. */
const smallBytes = 256 * 1024
const longestElementBytes = 16 * 1024 * 1024

/**
 * Reads the body of a listing as it arrives, in slices with a breath between, so that neither its size nor its speed
 * blocks the event loop. Rejects with an `AnswerError` for everything but one whole and valid array of containers.
 */
export async function readListing(
  body: AsyncIterable<Uint8Array>,
  breathe: () => Promise<void>,
): Promise<{ readonly containers: readonly ContainerSummary[]; readonly bytes: number }> {
  const { begin, rest } = await readBeginning(body)
  const small = rest === undefined ? parseWhole(begin) : undefined
  if (small) return { containers: small.map(toSummary), bytes: begin.length }
  const scanner = createArrayScanner()
  const containers: ContainerSummary[] = []
  let bytes = 0
  let sinceBreath = 0
  for await (const chunk of join(begin, rest)) {
    for (let from = 0; from < chunk.length; from += sliceBytes) {
      const slice = chunk.subarray(from, from + sliceBytes)
      for (const element of scanner.push(slice)) containers.push(toSummary(element))
      bytes += slice.length
      sinceBreath += slice.length
      if (sinceBreath >= sliceBytes) {
        sinceBreath = 0
        await breathe()
      }
    }
  }
  scanner.end()
  return { containers, bytes }
}

interface Beginning {
  readonly begin: Buffer
  /** What comes after it; undefined where that is all. */
  readonly rest: AsyncIterator<Uint8Array> | undefined
}

async function readBeginning(body: AsyncIterable<Uint8Array>): Promise<Beginning> {
  const rest = body[Symbol.asyncIterator]()
  const chunks: Uint8Array[] = []
  let bytes = 0
  while (bytes <= smallBytes) {
    const { done, value } = await rest.next()
    if (done) return { begin: Buffer.concat(chunks), rest: undefined }
    chunks.push(value)
    bytes += value.length
  }
  return { begin: Buffer.concat(chunks), rest }
}

/** The elements of a whole array; undefined for anything else, which the scanner then says what is wrong with. */
function parseWhole(body: Buffer): readonly unknown[] | undefined {
  try {
    const parsed: unknown = JSON.parse(body.toString())
    return Array.isArray(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

async function* join(
  begin: Uint8Array,
  rest: AsyncIterator<Uint8Array> | undefined,
): AsyncGenerator<Uint8Array> {
  yield begin
  if (rest) yield* { [Symbol.asyncIterator]: () => rest }
}

/** Turns the bytes of one JSON array into its elements, wherever the bytes are cut. */
export interface ArrayScanner {
  /** The elements that these bytes complete. Throws an `AnswerError` as soon as they cannot be an array any more. */
  push(bytes: Uint8Array): unknown[]
  /** Says that there are no more bytes. Throws an `AnswerError` where the array is not closed. */
  end(): void
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d]

export function createArrayScanner(): ArrayScanner {
  let place: 'before' | 'within' | 'after' = 'before'
  let depth = 0
  let inString = false
  let escaped = false
  let count = 0
  let parts: Uint8Array[] = []
  let partBytes = 0

  function keep(part: Uint8Array): void {
    partBytes += part.length
    if (partBytes > longestElementBytes) throw new AnswerError('the answer has an entry of over 16 MiB')
    parts.push(part)
  }

  function takeText(lastPart: Uint8Array): string {
    keep(lastPart)
    const text = Buffer.concat(parts, partBytes).toString()
    parts = []
    partBytes = 0
    return text
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

  function pushWithin(bytes: Uint8Array, from: number, elements: unknown[]): number {
    const end = findEnd(bytes, from)
    if (end === bytes.length) {
      keep(bytes.subarray(from))
      return end
    }
    const text = takeText(bytes.subarray(from, end))
    const closes = bytes[end] !== comma
    if (closes && bytes[end] !== closeBracket) throw notJson('it closes what is not open')
    if (closes) place = 'after'
    if (closes && count === 0 && isBlank(text)) return end + 1
    elements.push(parseElement(text))
    count += 1
    return end + 1
  }

  return {
    push(bytes) {
      const elements: unknown[] = []
      let at = 0
      while (at < bytes.length) {
        if (place === 'within') {
          at = pushWithin(bytes, at, elements)
          continue
        }
        const byte = bytes[at++]
        if (isSpace(byte)) continue
        if (place === 'after') throw notJson('something follows its end')
        if (byte !== openBracket) throw notAnArray(bytes.subarray(at - 1))
        place = 'within'
      }
      return elements
    },
    end() {
      if (place === 'before') throw new AnswerError('the answer is empty')
      if (place === 'within') throw notJson('it ends too early')
    },
  }
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
