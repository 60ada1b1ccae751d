import type { Span, Stretch } from './follower.ts'

const [quote, backslash, colon] = [0x22, 0x5c, 0x3a]
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d]
const name = Buffer.from('Status')

/**
 * Returns where the string of the `Status` field is in an entry of a listing, without its quotes. It changes with time, as in
 * `Up 5 minutes`, and is ignored. Only a field of the entry itself counts, not a label of that name. Undefined if there is
 * none, if it contains an escape, or if the field begins after `upTo`.
 *
 * @param entry - the bytes of a complete and valid JSON value
 * @param upTo - the index of one of them
 */
export function findStatusText({ bytes, start }: Stretch, upTo: number): Span | undefined {
  let depth = 0
  for (let at = start; at <= upTo; at++) {
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

/** Returns the index of the closing quote of the string that begins here. */
function endOfText(bytes: Uint8Array, at: number): number {
  while (bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1
  return at
}

function isStatus(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === name.length && name.equals(bytes.subarray(start, end))
}

/** Returns where the value of a field begins; undefined if no colon follows. */
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
