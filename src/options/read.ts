import { ArgumentError, OptionError } from '../domain/errors.ts'
import { show } from '../domain/show.ts'
import { findContradiction } from './contradiction.ts'
import { nearestTo } from './nearest.ts'
import { shownOwner } from './owner-label.ts'
import { Refusal } from './refusal.ts'
import { options } from './schema.ts'
import type { ReconcilerOptions } from './types.ts'
import type { OptionName, OptionValues } from './values.ts'

type Options = typeof options
const entries = Object.entries(options) as [OptionName, Options[OptionName]][]

/**
 * Checks the options.
 *
 * @throws OptionError for the first one that cannot be used
 */
export function readOptions(given: ReconcilerOptions): OptionValues {
  if (typeof given !== 'object' || given === null) {
    throw new ArgumentError(`the options are ${show(given)}; they must be an object`)
  }
  const all = new Map(Object.entries(given).filter(([, value]) => value !== undefined))
  const read = new Map<string, unknown>()
  for (const [name, value] of all) read.set(name, valueOrThrow(name, value))
  const values = withDefaults(read)
  const contradiction = findContradiction(values)
  if (contradiction) {
    const { option, requirement } = contradiction
    throw new OptionError(
      option,
      all.get(option),
      requirement((name) => name),
      { shown: option === 'owner' ? shownOwner(all.get(option)) : undefined },
    )
  }
  for (const [name, option] of entries) {
    if ('isRequired' in option && !all.has(name)) valueOrThrow(name, undefined)
  }
  return values
}

function valueOrThrow(name: string, value: unknown): unknown {
  const known = Object.hasOwn(options, name) ? options[name as OptionName] : undefined
  const read = known ? known.kind.read(value) : unknownName(name)
  if (read instanceof Refusal) throw new OptionError(name, value, read.requirement, { shown: read.shown })
  return read
}

function unknownName(name: string): Refusal {
  return new Refusal(`there is no such option; did you mean ${nearestTo(name, Object.keys(options))}?`)
}

/** Fills in the defaults. */
export function withDefaults(read: ReadonlyMap<string, unknown>): OptionValues {
  const values = entries.map(([name, option]) => {
    const fallback = 'default' in option ? option.kind.read(option.default) : undefined
    return [`${name}${option.kind.unit}`, read.get(name) ?? fallback]
  })
  return Object.fromEntries(values) as OptionValues
}
