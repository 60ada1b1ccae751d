import { messageOf } from '../domain/errors.ts'
import type { CliWorld, Output } from './world.ts'

/** The message of anything that was thrown, with that of its cause, on one line. */
export function messageWithCause(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : undefined
  return cause ? `${messageOf(thrown)}: ${messageWithCause(cause)}` : messageOf(thrown)
}

// Terminals and readers that split lines interpret these; JSON allows them to be escaped.
const unsafeInJson = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** JSON on one line, by whatever definition of a line. */
export function jsonLine(value: unknown): string {
  return escaped(`${JSON.stringify(value)}\n`)
}

/** The same of text that is JSON already. */
export function escaped(json: string): string {
  return json.replaceAll(unsafeInJson, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Whether an output gets colours: a terminal does, unless the environment says otherwise. */
export function wantsColor({ isTerminal }: Output, env: CliWorld['env']): boolean {
  const forced = env['FORCE_COLOR']
  if (env['NO_COLOR'] || forced === '0' || forced === 'false') return false
  if (forced !== undefined) return true
  return isTerminal && env['TERM'] !== 'dumb'
}
