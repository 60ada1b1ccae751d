import type { Reason } from '../index.ts'
import { adviceOn, type Advised } from '../policy/advice.ts'
import type { CliWorld } from './world.ts'

/** For each reason that leaves something that only a person can do, one line with the command. */
export function writeHints(
  left: readonly (Advised & { readonly reason: Reason })[],
  { stderr }: CliWorld,
): void {
  for (const reason of new Set(left.map((one) => one.reason))) {
    const advice = adviceOn(
      reason,
      left.filter((one) => one.reason === reason),
    )
    if (advice !== undefined) stderr.write(`hint: ${reason}: ${advice}\n`)
  }
}
