import { settings } from '../options/command-settings.ts'
import { withDefaults } from '../options/read.ts'
import type { GivenSettings } from './given.ts'
import type { Configuration } from './watch.ts'

/** The keys of the settings whose values differ. */
export function changedSettings(before: GivenSettings, after: GivenSettings): readonly string[] {
  return settings
    .filter(({ name, kind, default: fallback }) => {
      const valueIn = (all: GivenSettings) =>
        JSON.stringify(
          all.get(name)?.value ?? (fallback === undefined ? undefined : kind.readPlain(fallback)),
        )
      return valueIn(before) !== valueIn(after)
    })
    .map(({ key }) => key)
}

/**
 * The new configuration, with a restore grace that outlasts every grace of both. What it starts is as new as a new process: it
 * knows neither when the agent let go of a container, nor when one was started again, nor of an outage just before.
 */
export function carefulAfter(before: GivenSettings, { given, flags }: Configuration): Configuration {
  const restoreGrace = Math.max(longestGraceMs(before), longestGraceMs(given))
  return { given, flags: { ...flags, restoreGrace } }
}

function longestGraceMs(given: GivenSettings): number {
  const { creationGraceMs, restoreGraceMs, releaseGraceMs, recoveryGraceMs } = withDefaults(
    new Map([...given].map(([name, { value }]) => [name, value])),
  )
  return Math.max(creationGraceMs, restoreGraceMs, releaseGraceMs, recoveryGraceMs)
}
