import { type Command, Option } from 'commander'
import type { LeaseStore } from '../domain/session.ts'
import type { ReconcilerOptions, Tracked } from '../index.ts'
import { type CommandValues, type Setting, settings, sharedNames } from '../options/command-settings.ts'
import type { InspectFlag } from './inspect.ts'
import { sessionName } from './session/name.ts'
import { UsageError } from './usage.ts'

/** What a command works with: the options that were given anywhere, and what is asked of one call alone. */
export interface Flags extends CommandValues {
  readonly json?: true
  /** Of `run` alone. */
  readonly inspect?: InspectFlag
  /** Of `session` alone. */
  readonly sweep?: true
}

/** What only some commands act on is shown by `flotsam config` as well; a flag that does nothing is refused. */
export function addSharedOptions(command: Command): Command {
  const name = command.name()
  for (const setting of settings) {
    const { commands } = setting
    const isShared = commands === undefined || commands.includes(name) || name === 'config'
    if (isShared) command.addOption(new Option(formOf(setting), helpOf(setting)))
  }
  // the output of session is that of its command
  if (name !== sessionName)
    command.option('--json', 'Prints only one JSON object on stdout; for run, JSON logs also on a terminal.')
  return command.option('--config <FILE>', 'Settings from a JSON or YAML file.')
}

function formOf({ flag, kind }: Setting): string {
  return kind.placeholder === undefined ? flag : `${flag} <${kind.placeholder}>`
}

function helpOf({ key, flag, description, kind, default: value, without }: Setting): string {
  const turnedOff = flag.startsWith('--no-') ? `Sets ${key} to false.` : ''
  const fallback = typeof value === 'boolean' ? '' : (value ?? without)
  return [turnedOff, description, kind.limits, fallback && `(default: ${fallback})`]
    .filter((part) => part)
    .join(' ')
    .replaceAll('`', '')
}

/** Of two values one would silently be ignored. */
export function refuseRepeated(command: Command): void {
  const seen = new Set<Option>()
  for (const option of command.options) {
    command.on(`option:${option.name()}`, () => {
      if (seen.has(option)) throw new UsageError(`${option.long} may be given only once`)
      seen.add(option)
    })
  }
}

/**
 * What the flags say to the library. What was not given is left to it. `leases` is the store of `--sessions`, where that was
 * given.
 */
export function optionsFrom(flags: Flags, tracked: Tracked, leases?: LeaseStore): ReconcilerOptions {
  const shared = Object.fromEntries(Object.entries(flags).filter(([name]) => sharedNames.has(name)))
  const owner = leases && flags.owner && { owner: { label: flags.owner.label, leases } }
  return { ...shared, ...owner, tracked } as ReconcilerOptions
}
