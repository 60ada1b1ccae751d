import { complaint, type OptionError } from '../domain/errors.ts'
import { show } from '../domain/show.ts'
import { settings } from '../options/command-settings.ts'
import { findContradiction } from '../options/contradiction.ts'
import { withDefaults } from '../options/read.ts'
import type { GivenSettings } from './given.ts'
import { findSessionContradiction } from './session/contradiction.ts'

/** The command line itself cannot be used. The message is the whole line that the user sees after `error: `. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A value that cannot be used, with the place where it was given. */
export function refusal(source: string, shown: string | undefined, requirement: string): UsageError {
  return new UsageError(complaint(source, shown, requirement))
}

function flagOf(option: string): string {
  return settings.find(({ name }) => name === option)?.flag ?? `--${option}`
}

/** What the library found wrong with an option, at the place where that was given. */
export function atItsSource(error: OptionError, all?: GivenSettings): UsageError {
  const { option, source, shown, requirement } = error
  return refusal(source ?? all?.get(option)?.source ?? flagOf(option), shown, requirement)
}

/** @throws UsageError where one option forbids what another one says */
export function refuseContradictions(all: GivenSettings, hasSessions = all.has('sessions')): void {
  const values = withDefaults(new Map([...all].map(([name, { value }]) => [name, value])))
  const ofOptions = () => {
    const found = findContradiction(values)
    return found && { option: found.option, requirement: found.requirement(flagOf) }
  }
  const contradiction = findSessionContradiction(all, hasSessions) ?? ofOptions()
  if (!contradiction) return
  const { option, requirement } = contradiction
  const given = all.get(option)
  throw refusal(given?.source ?? flagOf(option), given && show(given.raw), requirement)
}
