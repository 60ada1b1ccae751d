import type { CliWorld, Output } from './world.ts'

// oxlint-disable-next-line no-control-regex -- what a terminal would obey is what is looked for
const controls = /[\u0000-\u001f\u007f-\u009f]/g

/** Text from elsewhere, fit for a terminal: nothing in it can move a cursor or start a line. */
export function printable(text: string): string {
  return text.replaceAll(controls, '?')
}

const longestShown = 100

/** A value as a message shows it: in quotes, on one line, and never the whole of a long one. */
export function quoted(value: string): string {
  const text = JSON.stringify(value)
  return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text
}

/** The twelve digits that people know an id by. */
export function shortId(id: string): string {
  return id.slice(0, 12)
}

/** The message of anything that was thrown, with that of its cause, on one line. */
export function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  const cause = thrown.cause instanceof Error ? `: ${messageOf(thrown.cause)}` : ''
  return `${thrown.message || thrown.name}${cause}`.replaceAll(/\s+/g, ' ').trim()
}

/** Whether an output gets colours: a terminal does, unless the environment says otherwise. */
export function wantsColor({ isTerminal }: Output, env: CliWorld['env']): boolean {
  const forced = env['FORCE_COLOR']
  if (env['NO_COLOR'] || forced === '0' || forced === 'false') return false
  if (forced !== undefined) return true
  return isTerminal && env['TERM'] !== 'dumb'
}
