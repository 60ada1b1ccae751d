import { Refusal } from '../options/refusal.ts'
import { options as schema } from '../options/schema.ts'
import type { PartialOptions } from '../options/types.ts'
import type { OptionName, ValueOf } from '../options/values.ts'

const either = (one: boolean, other: boolean) => one || other
const both = (one: boolean, other: boolean) => one && other
const larger = (one: number, other: number) => Math.max(one, other)
const smaller = (one: number, other: number) => Math.min(one, other)

type Value<TName extends OptionName> = ValueOf<(typeof schema)[TName]>
type Picker<TValue> = (one: TValue, other: TValue) => TValue

/** Picks the more careful of two values: the one that removes less, later or more gently. */
const rules: { readonly [TName in OptionName]?: Picker<Value<TName>> } = {
  dryRun: either,
  enabled: both,
  orchestrated: both,
  removeVolumes: both,
  creationGrace: larger,
  restoreGrace: larger,
  releaseGrace: larger,
  recoveryGrace: larger,
  sessionGrace: larger,
  stopTimeout: larger,
  maxConcurrentRemovals: smaller,
  maxRemovalsPerScan: smaller,
  maxDanglingShare: smaller,
  states: (one, other) => one.filter((state) => other.includes(state)),
}

/**
 * Merges `others` over `options`. If both set an option whose values can be compared, the more careful value wins.
 * `undefined` in `others` means the default. Invalid values are kept; validation rejects them later. Pure.
 */
export function moreCareful(options: PartialOptions, others: PartialOptions): PartialOptions {
  const merged: Record<string, unknown> = { ...options, ...others }
  for (const [name, pick] of Object.entries(rules) as [OptionName, Picker<unknown>][]) {
    if (options[name] === undefined || !Object.hasOwn(others, name)) continue
    const [one, other] = [valueOf(name, options[name]), valueOf(name, others[name])]
    if (one instanceof Refusal) merged[name] = options[name]
    else if (!(other instanceof Refusal)) {
      const picked = pick(one, other)
      // Keeps the value as it was written.
      merged[name] = picked === other ? others[name] : picked === one ? options[name] : picked
    }
  }
  return merged
}

function valueOf(name: OptionName, value: unknown): unknown {
  const option = schema[name]
  const fallback = 'default' in option ? option.default : noDefault.get(name)
  return option.kind.read(value === undefined ? fallback : value)
}

/** Effective values of options that have no default. */
const noDefault: ReadonlyMap<OptionName, unknown> = new Map([['maxDanglingShare', 1]])
