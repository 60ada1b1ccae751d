import { type Logger, pino } from 'pino'
import { prettyFactory } from 'pino-pretty'
import type { LogLevel } from './options.ts'
import type { Output } from './world.ts'

export interface LogOptions {
  readonly level: LogLevel
  readonly output: Output
  /** For people instead of for machines. */
  readonly isPretty: boolean
  readonly hasColor: boolean
}

/** One JSON object a line, or the same for people. */
export function createLog({ level, output, isPretty, hasColor }: LogOptions): Logger {
  const write = isPretty ? prettyWriter(output, hasColor) : (line: string) => output.write(line)
  return pino(
    { level, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    { write },
  )
}

function prettyWriter(output: Output, colorize: boolean): (line: string) => void {
  const prettify = prettyFactory({ colorize, ignore: 'pid,hostname,event', singleLine: true })
  return (line) =>
    output.write(prettify(JSON.parse(line, (_key, value: unknown) => harmless(value)) as object))
}

// oxlint-disable-next-line no-control-regex -- what a terminal would obey is what is looked for
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

/** Names and messages come from the engine; line ends are left, since traces have them. */
function harmless(value: unknown): unknown {
  return typeof value === 'string' ? value.replaceAll(controls, '?') : value
}
