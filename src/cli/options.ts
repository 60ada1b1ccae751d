import { type Command, Option } from 'commander'
import type { CoverableState, OwnerLabel, ReconcilerOptions } from '../index.ts'
import type { InspectFlag } from './inspect.ts'
import { quoted } from './text.ts'
import { UsageError } from './usage.ts'

/** The flags that all commands share, as they were given. */
export interface Flags {
  readonly host?: string
  readonly owner?: OwnerLabel
  readonly preset?: 'nomad'
  readonly tracked?: string
  readonly trackedUrl?: URL
  readonly nothingTracked?: true
  readonly period?: string
  readonly creationGrace?: string
  readonly restoreGrace?: string
  readonly releaseGrace?: string
  readonly allowShortGrace?: true
  readonly includeStopped?: true
  readonly filterListing?: true
  readonly events?: boolean
  readonly dryRun?: true
  readonly json?: true
  readonly logLevel?: LogLevel
  /** Of `run` alone. */
  readonly inspect?: InspectFlag
}

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** Everything that `--include-stopped` covers: the library's own choice, with created and exited ones. */
const allStates: readonly CoverableState[] = ['created', 'running', 'paused', 'restarting', 'exited', 'dead']

export function addSharedOptions(command: Command): Command {
  const where = valued(
    'host',
    'URL',
    'the engine: unix:///path, tcp://host:port, ssh://user@host, npipe:////./pipe/name (default: DOCKER_HOST, else the current docker context, else the local socket)',
  )
  const owner = valued(
    'owner',
    'KEY=VALUE',
    "the label that marks the agent's containers; KEY=* takes any value",
    readOwner,
  )
  const preset = new Option(
    '--preset <NAME>',
    'nomad: the containers of a Nomad client; --owner then narrows them',
  ).choices(['nomad'])
  const trackers = [
    valued(
      'tracked',
      'FILE',
      'full ids that the agent knows, one a line, read anew each time; while it cannot be read or holds anything else, nothing is removed; an empty file says that nothing is tracked; to change it, write a new file and rename it',
    ),
    valued(
      'tracked-url',
      'URL',
      'the same as a JSON array of full ids from an HTTP endpoint',
      readTrackedUrl,
    ),
    new Option('--nothing-tracked', 'the agent knows none: every owned container is forgotten'),
  ] as const
  trackers[0].conflicts(['trackedUrl', 'nothingTracked'])
  trackers[1].conflicts('nothingTracked')
  const rest = [
    valued('period', 'DURATION', 'how often to look when nothing asks for an earlier look (default: 5m)'),
    valued('creation-grace', 'DURATION', 'how long a new container may live unregistered (default: 5m)'),
    valued('restore-grace', 'DURATION', 'how long after the start nothing is removed (default: 5m)'),
    valued(
      'release-grace',
      'DURATION',
      'how long the agent may take to remove what it let go of (default: 30s)',
    ),
    new Option('--allow-short-grace', 'allow a creation grace under 10s, for tests and demonstrations'),
    new Option('--include-stopped', 'also remove containers that were never started or have exited'),
    new Option('--filter-listing', 'let the engine filter by label, for hosts with many foreign containers'),
    new Option('--no-events', "do not follow the engine's events, which only ask for early looks"),
    new Option('--dry-run', 'remove nothing, and say what would be removed'),
    new Option('--json', 'one JSON object on stdout and nothing else; for run, JSON logs also on a terminal'),
    new Option('--log-level <LEVEL>', 'how much to log (default: info; scan and sweep: nothing)').choices(
      logLevels,
    ),
  ]
  const file = valued('config', 'FILE', 'settings from a JSON or YAML file')
  for (const option of [where, owner, preset, ...trackers, ...rest, file]) command.addOption(option)
  return command
}

/** What the flags say to the library. What was not given is left to it. */
export function optionsFrom(flags: Flags): Omit<ReconcilerOptions, 'tracked'> {
  if (!flags.owner && !flags.preset) {
    throw new UsageError('--owner is missing; give --owner KEY=VALUE, or --preset nomad')
  }
  const { host, owner, preset, period, creationGrace, restoreGrace, releaseGrace } = flags
  return {
    ...(owner && { owner }),
    ...(preset && { preset }),
    ...(host !== undefined && { engine: host }),
    ...(period !== undefined && { period }),
    ...(creationGrace !== undefined && { creationGrace }),
    ...(restoreGrace !== undefined && { restoreGrace }),
    ...(releaseGrace !== undefined && { releaseGrace }),
    ...(flags.allowShortGrace && { allowShortGrace: true }),
    ...(flags.includeStopped && { states: allStates }),
    ...(flags.filterListing && { filterListing: true }),
    ...(flags.events === false && { events: false }),
    ...(flags.dryRun && { dryRun: true }),
  }
}

/** A flag with a value, which can be given once: of two trackers one would silently be ignored. */
function valued(
  name: string,
  value: string,
  description: string,
  read: (text: string) => unknown = (text) => text,
): Option {
  return new Option(`--${name} <${value}>`, description).argParser((text: string, previous: unknown) => {
    if (previous !== undefined)
      throw new UsageError(`--${name}: ${quoted(text)} is one too many; give it once`)
    if (text === '') throw new UsageError(`--${name}: "" is not allowed; it must be ${value}`)
    return read(text)
  })
}

const ownerForm =
  'it must be KEY=VALUE, or KEY=* for any value; neither part may be empty, nor KEY have spaces'

function readOwner(text: string): OwnerLabel {
  const [, label, value] = /^([^\s=]+)=(.+)$/s.exec(text) ?? []
  if (label === undefined || value === undefined) {
    throw new UsageError(`--owner: ${quoted(text)} is not allowed; ${ownerForm}`)
  }
  return value === '*' ? { label, anyValue: true } : { label, value }
}

function readTrackedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new UsageError(`--tracked-url: ${quoted(text)} is not allowed; it must be http://… or https://…`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new UsageError('--tracked-url: a user or password in it is not allowed; it would not be used')
  }
  return url
}
