import { stringify } from 'yaml'
import { withoutSecrets } from '../domain/show.ts'
import { settings } from '../options/command-settings.ts'
import type { Given, GivenSettings } from './given.ts'
import { jsonLine } from './text.ts'
import { type CliWorld, exitDone, type ExitCode } from './world.ts'

/** A setting as a configuration file would have it. */
export interface SettingInForce {
  readonly key: string
  readonly value: unknown
  /** Where it was given. */
  readonly source: string
}

/** Every setting that was given or has a default, without secrets. */
export function settingsInForce(all: GivenSettings): readonly SettingInForce[] {
  return settings
    .map(({ name, key, default: fallback }) => {
      const given = all.get(name)
      const value = given ? plainOf(given) : fallback
      return { key, value, source: given?.place ?? 'default' }
    })
    .filter(({ value }) => value !== undefined)
}

/** `flotsam config`: every setting in force, and where it was given, in the form of a configuration file. */
export function config(asJson: boolean, all: GivenSettings, { stdout }: CliWorld): ExitCode {
  const rows = settingsInForce(all)
  if (asJson) {
    stdout.write(jsonLine(Object.fromEntries(rows.map(({ key, ...row }) => [key, row]))))
    return exitDone
  }
  for (const { key, value, source } of rows) {
    stdout.write(`${stringify({ [key]: value }, { lineWidth: 0 }).trimEnd()}  # ${source}\n`)
  }
  return exitDone
}

/** As it was given, on one line, without secrets. */
function plainOf({ raw, setting, value }: Given): unknown {
  if (typeof value === 'boolean' || (typeof value === 'number' && setting.kind.unit === '')) return value
  const text: unknown = Array.isArray(raw) ? raw.join(',') : raw
  return typeof text === 'string' && text.includes('://') ? withoutSecrets(text) : text
}
