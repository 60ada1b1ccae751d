import { type Setting, settings } from '../../../src/options/command-settings.ts'
import { commandOptions, options } from '../../../src/options/schema.ts'

interface AnyOption {
  readonly kind: { readonly type: string; readonly limits: string }
  readonly description: string
  readonly default?: unknown
  readonly without?: string
  readonly isRequired?: true
}

const all = Object.entries(options) as [string, AnyOption][]

/** A value as TypeScript writes it. */
function literal(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  const parts = Object.entries(value).map(([key, part]) => `${key}: ${literal(part)}`)
  return `{ ${parts.join(', ')} }`
}

const sentences = (...parts: readonly string[]) => parts.filter((part) => part !== '').join(' ')

/** The middle part of a generated page or file: everything between two lines that say so stays ours. */
export function replaceBetween(text: string, name: string, middle: string): string {
  const [from, to] = [`${name}: generated`, `${name}: end`]
  const lines = text.split('\n')
  const [first, last] = [from, to].map((mark) => lines.findIndex((line) => line.includes(mark)))
  if (first === undefined || last === undefined || first < 0 || last < first) {
    throw new Error(`there is no "${from}" and "${to}"`)
  }
  return [...lines.slice(0, first + 1), middle, ...lines.slice(last)].join('\n')
}

/** src/options/types.ts: the interface that the documentation is drawn from. */
export function members(): string {
  return all
    .filter(([name]) => name !== 'owner' && name !== 'preset')
    .map(([name, option]) => member(name, option))
    .join('\n')
}

export function ownership(): string {
  const [owner, preset] = ['owner', 'preset'].map(
    (name) => [name, Object(options)[name] as AnyOption] as const,
  )
  const one = ([name, option]: readonly [string, AnyOption], isRequired: boolean) =>
    member(name, isRequired ? { ...option, isRequired } : option)
  if (!owner || !preset) throw new Error('an owner is either named or preset')
  return [
    'export interface OwnedByLabel {',
    one(owner, true),
    '  readonly preset?: undefined',
    '}',
    '',
    'export interface OwnedByPreset {',
    one(preset, true),
    one(owner, false),
    '}',
  ].join('\n')
}

function member(name: string, option: AnyOption): string {
  const { description, kind, isRequired } = option
  const comment = sentences(description, kind.limits, fallbackOf(option))
  const type = isRequired ? kind.type : `${kind.type} | undefined`
  return `  /** ${comment} */\n  readonly ${name}${isRequired ? '' : '?'}: ${type}`
}

function fallbackOf({ default: value, without }: AnyOption): string {
  if (value !== undefined) return `Default: \`${literal(value)}\`.`
  return without === undefined ? '' : `Default: ${without}.`
}

/** docs/guide.md, "Every option". */
export function optionTable(): string {
  return tableOf(all)
}

/** docs/guide.md, "Configuration": what only the command has. */
export function commandTable(): string {
  return tableOf(Object.entries<AnyOption>(commandOptions))
}

function tableOf(entries: readonly (readonly [string, AnyOption])[]): string {
  const rows = entries.map(([name, option]) => {
    const { isRequired, default: value, without = 'none', description, kind } = option
    const fallback = isRequired ? 'required' : value === undefined ? without : `\`${literal(value)}\``
    return `| \`${name}\` | ${fallback} | ${sentences(description, kind.limits)} |`
  })
  return ['| option | default | meaning |', '| --- | --- | --- |', ...rows].join('\n')
}

/** docs/guide.md, "Configuration". */
export function settingTable(): string {
  const rows = settings.map(({ key, flag, variable, kind, default: value, without }) => {
    const words =
      flag.startsWith('--no-') || kind.placeholder === undefined ? flag : `${flag} ${kind.placeholder}`
    const fallback = value === undefined ? (without ?? 'none') : `\`${value}\``
    return `| \`${words.replace('|', '\\|')}\` | \`${variable}\` | \`${key}\` | ${fallback} |`
  })
  return ['| flag | variable | key in the file | default |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

/** flotsam.schema.json. */
export function configurationSchema(): object {
  const property = ({ key, kind, description, default: value }: Setting) => {
    const text = sentences(description, kind.limits).replaceAll('`', '')
    return [
      key,
      { ...kind.schema, description: text, ...(value !== undefined && { default: value }) },
    ] as const
  }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Flotsam configuration',
    description:
      'Settings of the flotsam command. Flags win over the environment, and the environment over this file.',
    type: 'object',
    additionalProperties: false,
    properties: { $schema: { type: 'string' }, ...Object.fromEntries(settings.map(property)) },
  }
}
