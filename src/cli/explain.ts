import { shortId } from '../domain/ids.ts'
import type { LeaseStore } from '../domain/session.ts'
import { printable } from '../domain/show.ts'
import type { ExplainedRule, Explanation, Tracked } from '../index.ts'
import { diagnosticLog } from './diagnostics.ts'
import { type Flags, optionsFrom } from './flags.ts'
import { withStore } from './session/store.ts'
import { withSpinner } from './spinner.ts'
import { jsonLine } from './text.ts'
import { chooseTracked } from './tracked/choose.ts'
import { type CliWorld, exitDone, type ExitCode } from './world.ts'

const nothingSaid: Tracked = { has: () => undefined }

/** The verdict of one container, rule by rule. Nothing in it is able to remove. */
export function explain(container: string, flags: Flags, world: CliWorld): Promise<ExitCode> {
  return withStore(flags, world.clock, async (leases) => {
    const explanation = await explained(container, leases, flags, world)
    world.stdout.write(flags.json ? jsonLine(explanation) : renderExplanation(explanation))
    return exitDone
  })
}

async function explained(
  container: string,
  leases: LeaseStore | undefined,
  flags: Flags,
  world: CliWorld,
): Promise<Explanation> {
  const source = await chooseTracked(flags, world.clock)
  const reconciler = world.createReconciler({
    ...optionsFrom(flags, source?.tracked ?? nothingSaid, leases),
    ...diagnosticLog(flags, world),
    dryRun: true,
  })
  return withSpinner('scanning', world, reconciler.explain(container))
}

function renderExplanation({ id, name, image, state, rules, verdict, reason, outlook }: Explanation): string {
  const width = Math.max(...rules.map(({ rule }) => rule.length))
  const decisive = decisiveAmong(rules)
  return [
    `${printable(name || '?')} (${shortId(id)}, ${printable(image)}, ${printable(state || 'state unknown')})`,
    ...rules.map((rule, at) => renderRule(rule, width, at === decisive)),
    `${verdict}: ${reason}; ${outlook}`,
    '',
  ].join('\n')
}

/** The first rule with a verdict decides, unless what is judged as a whole takes it back. */
function decisiveAmong(rules: readonly ExplainedRule[]): number {
  return rules.at(-1)?.rule === 'bounded-removal'
    ? rules.length - 1
    : rules.findIndex(({ verdict }) => verdict)
}

function renderRule({ rule, seen, verdict }: ExplainedRule, width: number, isDecisive: boolean): string {
  const says = verdict ? ` → ${verdict.verdict}: ${verdict.reason}` : ''
  return `${isDecisive ? '>' : ' '} ${rule.padEnd(width)}  ${printable(seen)}${says}`
}
