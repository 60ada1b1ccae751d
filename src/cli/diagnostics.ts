import type { Logger } from 'pino'
import type { Flags } from './flags.ts'
import { createLog } from './log.ts'
import { wantsColor } from './text.ts'
import type { CliWorld } from './world.ts'

/** A command whose output is its result logs beside it, and only when asked to. */
export function diagnosticLog(
  { logLevel, json }: Flags,
  { stderr, env }: CliWorld,
): { readonly logger?: Logger } {
  if (logLevel === undefined) return {}
  const isPretty = stderr.isTerminal && !json
  return {
    logger: createLog({ level: logLevel, output: stderr, isPretty, hasColor: wantsColor(stderr, env) }),
  }
}
