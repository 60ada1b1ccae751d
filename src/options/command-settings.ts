import type { TextKind } from './kinds.ts'
import type { Refusal } from './refusal.ts'
import { commandOptions, options } from './schema.ts'
import type { OptionName } from './values.ts'

type Options = typeof options
type CommandOptions = typeof commandOptions

/** An option of the command. */
export interface Setting {
  /** Its name in the library, if the library has it. */
  readonly name: string
  /** Its key in a configuration file. */
  readonly key: string
  readonly flag: string
  readonly variable: string
  readonly kind: TextKind<unknown, '' | 'Ms'>
  readonly description: string
  /** As in a configuration file; undefined if there is no default. */
  readonly default: string | number | boolean | undefined
  /** The default in words, if it is not a value. */
  readonly without: string | undefined
  /** The only commands that act on it; undefined where all do. */
  readonly commands: readonly string[] | undefined
}

type SharedName = {
  [TName in OptionName]: Options[TName] extends { kind: { parse: unknown } }
    ? Options[TName] extends { flag: false }
      ? never
      : TName
    : never
}[OptionName]

/** The value that the text of an option is read as. */
type TextOf<TOption> = TOption extends {
  readonly kind: { readonly parse: (text: string) => infer TValue }
}
  ? Exclude<TValue, Refusal>
  : never

/** The options read from the command line, the environment and the configuration file. */
export type CommandValues = {
  readonly [TName in SharedName]?: TextOf<Options[TName]>
} & { readonly [TName in keyof CommandOptions]?: TextOf<CommandOptions[TName]> }

interface AnyOption {
  readonly kind: TextKind<unknown, '' | 'Ms'>
  readonly description: string
  readonly default?: unknown
  readonly without?: string
  readonly flag?: string | false
  readonly commands?: readonly string[]
}

const shared = (Object.entries(options) as [string, AnyOption][]).filter(
  ([, { kind, flag }]) => 'parse' in kind && flag !== false,
)

/** The names of those that the library has too. */
export const sharedNames: ReadonlySet<string> = new Set(shared.map(([name]) => name))

/** As it would be given on the command line. */
function plainDefault(value: unknown): Setting['default'] {
  if (Array.isArray(value)) return value.join(',')
  if (typeof value === 'object' && value !== null) return Object.values(value).join('..')
  return value as Setting['default']
}

/** Every option that a flag, a variable and a configuration file can give. */
export const settings: readonly Setting[] = [...shared, ...Object.entries<AnyOption>(commandOptions)].map(
  ([name, option]) => {
    const { kind, description, without, commands } = option
    const key = option.flag || name
    const value = plainDefault(option.default)
    const words = key.replaceAll(/[A-Z]/g, (letter) => `-${letter}`).toLowerCase()
    return {
      name,
      key,
      // What is on by default can only be turned off.
      flag: value === true ? `--no-${words}` : `--${words}`,
      variable: `FLOTSAM_${words.replaceAll('-', '_').toUpperCase()}`,
      kind,
      description,
      default: value,
      without,
      commands,
    }
  },
)
