import type { Span, Stretch } from './follower.ts'

const [quote, backslash, colon] = [0x22, 0x5c, 0x3a]
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d]
const name = Buffer.from('Status')

/**
 * Where an entry of a listing has its `Status`: what stands between the quotes of that text. An engine puts there in
 * words what passes by itself, as `Up 5 minutes`, and nothing is read from it. Only a field of the entry itself is meant,
 * never a label of that name; undefined where there is none, or where it needs an escape.
 *
 * @param entry the bytes of a whole and valid JSON value
 */
export function findStatusText({ bytes, start, end }: Stretch): Span | undefined {
  let depth = 0
  for (let at = start; at < end; at++) {
    const byte = bytes[at]
    if (byte === openBrace || byte === openBracket) depth++
    else if (byte === closeBrace || byte === closeBracket) depth--
    else if (byte === quote) {
      const closes = endOfText(bytes, at + 1)
      const value = depth === 1 && isStatus(bytes, at + 1, closes) ? valueAfter(bytes, closes + 1) : undefined
      if (value !== undefined) return textAt(bytes, value)
      at = closes
    }
  }
  return undefined
}

/** Where the text ends that begins here: the index of its closing quote. */
function endOfText(bytes: Uint8Array, at: number): number {
  while (bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1
  return at
}

function isStatus(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === name.length && name.equals(bytes.subarray(start, end))
}

/** Where the value of a field begins; undefined where no colon says that there is one. */
function valueAfter(bytes: Uint8Array, at: number): number | undefined {
  const colonAt = skipSpace(bytes, at)
  return bytes[colonAt] === colon ? skipSpace(bytes, colonAt + 1) : undefined
}

function skipSpace(bytes: Uint8Array, at: number): number {
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++
  return at
}

function textAt(bytes: Uint8Array, at: number): Span | undefined {
  if (bytes[at] !== quote) return undefined
  const end = endOfText(bytes, at + 1)
  return bytes.subarray(at + 1, end).includes(backslash) ? undefined : { start: at + 1, end }
}
