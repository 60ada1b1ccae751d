import { type LevelWithSilent, type Logger, pino } from 'pino'
import { prettyFactory } from 'pino-pretty'
import { printable } from '../domain/show.ts'
import { escaped } from './text.ts'
import type { Output } from './world.ts'

export interface LogOptions {
  readonly level: LevelWithSilent
  readonly output: Output
  /** For people instead of for machines. */
  readonly isPretty: boolean
  readonly hasColor: boolean
}

/** So much waits for a reader that has stopped reading. */
const mostWaiting = 8 * 1024 * 1024

/** One JSON object a line, or the same for people. Lines beyond a limit are dropped while the output is not read. */
export function createLog({ level, output, isPretty, hasColor }: LogOptions): Logger {
  const writeLine = isPretty ? prettyWriter(output, hasColor) : (line: string) => output.write(escaped(line))
  let dropped = 0
  const write = (line: string) => {
    if ((output.waitingLength ?? 0) > mostWaiting) return void dropped++
    if (dropped > 0) {
      const count = dropped
      dropped = 0
      logger.warn(
        { event: 'logLinesDropped', count },
        `${count} lines were dropped, since the log was not read`,
      )
    }
    writeLine(line)
  }
  const logger = pino(
    { level, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    { write },
  )
  return logger
}

function prettyWriter(output: Output, colorize: boolean): (line: string) => void {
  const prettify = prettyFactory({ colorize, ignore: 'pid,hostname,event,engine,owner', singleLine: true })
  return (line) => output.write(prettify(JSON.parse(line, harmless) as object))
}

/** Names and messages come from the engine. A stack trace keeps its lines. */
function harmless(key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value
  return key === 'stack' ? value.split('\n').map(printable).join('\n') : printable(value)
}
