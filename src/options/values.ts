import type { Kind } from './kinds.ts'
import type { options } from './schema.ts'

type Options = typeof options

export type OptionName = keyof Options

/** The value that an option is read as. */
export type ValueOf<TOption> = TOption extends { readonly kind: Kind<infer TValue, '' | 'Ms'> }
  ? TValue
  : never
type Settled<TOption> =
  | ValueOf<TOption>
  | (TOption extends { readonly default: unknown } | { readonly isRequired: true } ? never : undefined)

/** Every option with its value or its default; durations are milliseconds, and their names say so. */
export type OptionValues = {
  readonly [TName in OptionName as `${TName}${Options[TName]['kind']['unit']}`]: Settled<Options[TName]>
}
