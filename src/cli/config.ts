import type { Command } from 'commander'
import { stringify } from 'yaml'
import type { OwnerLabel } from '../index.ts'
import { isSwitch, settingsOf, type Sources } from './layers.ts'
import { type CliWorld, exitDone, type ExitCode } from './world.ts'

/** What holds where nobody says otherwise: the library's defaults, as a person would write them. */
export const defaults: Readonly<Record<string, string | boolean>> = {
  period: '5m',
  creationGrace: '5m',
  restoreGrace: '5m',
  releaseGrace: '30s',
  allowShortGrace: false,
  includeStopped: false,
  filterListing: false,
  events: true,
  dryRun: false,
  logLevel: 'info',
}

/** `flotsam config`: every setting in force, and where it was given, in the form of a configuration file. */
export function config(command: Command, sources: Sources, { stdout }: CliWorld): ExitCode {
  const opts = command.opts<Record<string, unknown>>()
  const rows = settingsOf(command)
    .map((option) => option.attributeName())
    .map((name) => ({
      name,
      value: plainOf(opts[name]) ?? (sources.has(name) ? false : defaults[name]),
      source: sources.get(name)?.replace(/: \w+$/, '') ?? 'default',
    }))
    .filter(({ value }) => value !== undefined)
  if (opts['json']) {
    stdout.write(`${JSON.stringify(Object.fromEntries(rows.map(({ name, ...row }) => [name, row])))}\n`)
    return exitDone
  }
  for (const { name, value, source } of rows) {
    stdout.write(`${stringify({ [name]: value }, { lineWidth: 0 }).trimEnd()}  # ${source}\n`)
  }
  return exitDone
}

/** A value as somebody would have written it. */
function plainOf(value: unknown): string | boolean | undefined {
  if (value instanceof URL) return `${value.origin}${value.pathname}`
  if (typeof value === 'object' && value !== null) {
    const owner = value as OwnerLabel
    return `${owner.label}=${owner.value ?? '*'}`
  }
  return value as string | boolean | undefined
}

/** The JSON Schema of a configuration file, for editors. */
export function configurationSchema(command: Command): object {
  const properties = settingsOf(command).map((option) => {
    const type = isSwitch(option) ? { type: 'boolean' } : { type: 'string', minLength: 1 }
    const choices = option.argChoices ? { enum: option.argChoices } : {}
    return [
      option.attributeName(),
      {
        ...type,
        ...choices,
        description: option.negate ? `false: ${option.description}` : option.description,
      },
    ] as const
  })
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Flotsam configuration',
    description:
      'Settings of the flotsam command. Flags win over the environment, and the environment over this file.',
    type: 'object',
    additionalProperties: false,
    properties: { $schema: { type: 'string' }, ...Object.fromEntries(properties) },
  }
}
