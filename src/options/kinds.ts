import { type Duration, parseDuration } from './duration.ts'
import { Refusal } from './refusal.ts'

/** A kind of option: which values are accepted, and what they are read as. */
export interface Kind<TValue, TUnit extends '' | 'Ms' = ''> {
  /** The type of the library's values, in TypeScript. */
  readonly type: string
  /** The suffix of the setting's name. */
  readonly unit: TUnit
  /** The limits that the type does not express, for the docs; empty if there are none. */
  readonly limits: string
  /** Reads a value given to the library. A value that it returned is returned unchanged. */
  readonly read: (given: unknown) => TValue | Refusal
}

/** A kind that a flag, a variable and a configuration file can also give. `TText` is what their text can be read as. */
export interface TextKind<TValue, TUnit extends '' | 'Ms' = '', TText = TValue> extends Kind<TValue, TUnit> {
  /** The value's name in the help; undefined for a boolean, whose flag takes no value. */
  readonly placeholder: string | undefined
  readonly parse: (text: string) => TText | Refusal
  /** Reads a value from a configuration file. */
  readonly readPlain: (plain: unknown) => TText | Refusal
  /** The JSON Schema of that value. */
  readonly schema: object
}

interface Form<TValue, TText> {
  readonly type: string
  readonly limits?: string
  readonly placeholder: string
  readonly requirement: string
  /** The requirement for text, if it differs. */
  readonly textRequirement?: string
  readonly read: (given: unknown) => TValue | Refusal | undefined
  readonly parse?: (text: string) => TText | Refusal | undefined
  /** The type of the value in a configuration file, if it is not only a string. */
  readonly plain?: 'number' | 'array'
  readonly schema?: object
}

/** Builds a kind. Where `read` or `parse` returns undefined, the value is refused with the requirement. */
export function textKind<TValue, TUnit extends '' | 'Ms', TText = TValue>(
  unit: TUnit,
  form: Form<TValue, TText>,
): TextKind<TValue, TUnit, TValue | TText> {
  const { type, placeholder, limits = '', requirement, textRequirement = requirement, plain } = form
  const read = (given: unknown) => form.read(given) ?? new Refusal(requirement)
  const parse = (text: string) => (form.parse ?? form.read)(text) ?? new Refusal(textRequirement)
  return {
    type,
    unit,
    limits,
    placeholder,
    read,
    parse,
    readPlain: (value) => {
      if (plain === 'number' ? typeof value === 'number' : plain === 'array' && Array.isArray(value)) {
        return read(value)
      }
      return typeof value === 'string' && plain !== 'number' ? parse(value) : new Refusal(textRequirement)
    },
    schema: form.schema ?? { type: 'string', minLength: 1 },
  }
}

const year = '8760h'

/** A duration from `least` to `most`, both included. */
export function duration(least: Duration & string = '0s', most: Duration & string = year) {
  const [leastMs, mostMs] = [msOf(least), msOf(most)]
  const inLimits = (ms: number | undefined) =>
    ms !== undefined && ms >= leastMs && ms <= mostMs ? ms : undefined
  const requirement = `it must be a duration from ${least} to ${most}, such as "90s", "5m" or "1h30m"`
  return textKind('Ms', {
    type: 'Duration',
    placeholder: 'DURATION',
    limits: [leastMs > 1 ? `At least \`${least}\`.` : '', most === year ? '' : `At most \`${most}\`.`]
      .join(' ')
      .trim(),
    requirement: `${requirement}, or a number of milliseconds`,
    textRequirement: requirement,
    read: (given) => {
      if (typeof given === 'string') return inLimits(parseDuration(given))
      return typeof given === 'number' ? inLimits(given) : undefined
    },
  })
}

function msOf(text: string): number {
  return parseDuration(text) ?? Number.NaN
}

export function wholeNumber(least: number, most: number) {
  return textKind('', {
    type: 'number',
    placeholder: 'N',
    limits: `From ${least} to ${most}.`,
    requirement: `it must be a whole number from ${least} to ${most}`,
    read: (given) => {
      const isWhole = typeof given === 'number' && Number.isInteger(given)
      return isWhole && given >= least && given <= most ? given : undefined
    },
    parse: (text) => {
      const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
      return value >= least && value <= most ? value : undefined
    },
    plain: 'number',
    schema: { type: 'integer', minimum: least, maximum: most },
  })
}

/** A fraction above 0 and up to 1. */
export function share() {
  const inLimits = (value: number) => (value > 0 && value <= 1 ? value : undefined)
  return textKind('', {
    type: 'number',
    placeholder: 'SHARE',
    limits: 'Above 0, up to 1.',
    requirement: 'it must be a number above 0 and up to 1',
    read: (given) => (typeof given === 'number' ? inLimits(given) : undefined),
    parse: (text) => (/^(\d+(\.\d*)?|\.\d+)$/.test(text) ? inLimits(Number(text)) : undefined),
    plain: 'number',
    schema: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
  })
}

const isOn = /^(true|yes|1)$/i
const isOff = /^(false|no|0)$/i

export function onOrOff(): TextKind<boolean> {
  const refusal = new Refusal('it must be true or false')
  const read = (given: unknown) => (typeof given === 'boolean' ? given : refusal)
  return {
    type: 'boolean',
    unit: '',
    limits: '',
    placeholder: undefined,
    read,
    parse: (text) => isOn.test(text) || (isOff.test(text) ? false : refusal),
    readPlain: read,
    schema: { type: 'boolean' },
  }
}

export function choice<const TValue extends string>(placeholder: string, values: readonly TValue[]) {
  return textKind('', {
    type: values.map((value) => `'${value}'`).join(' | '),
    limits: values.length > 1 ? `One of ${values.map((value) => `\`${value}\``).join(', ')}.` : '',
    placeholder,
    requirement: `it must be ${values.length > 1 ? 'one of ' : ''}${values.join(', ')}`,
    read: (given) => values.find((value) => value === given),
    schema: { type: 'string', enum: values },
  })
}

/** A non-empty list of given words. `itemType` is the name of their type. */
export function listOf<const TValue extends string>(
  itemType: string,
  placeholder: string,
  values: readonly TValue[],
) {
  const requirement = `one or more of ${values.join(', ')}`
  const read = (given: unknown): readonly TValue[] | undefined => {
    if (!Array.isArray(given) || given.length === 0) return undefined
    return given.every((item) => values.includes(item as TValue)) ? [...(given as TValue[])] : undefined
  }
  return textKind('', {
    type: `readonly ${itemType}[]`,
    limits: `Any of ${values.map((value) => `\`${value}\``).join(', ')}.`,
    placeholder,
    requirement: `it must be a list of ${requirement}`,
    textRequirement: `it must be ${requirement}, separated by commas`,
    read,
    parse: (text) => read(text.split(',').map((item) => item.trim())),
    plain: 'array',
    schema: {
      oneOf: [
        { type: 'string', minLength: 1 },
        { type: 'array', minItems: 1, items: { enum: values } },
      ],
    },
  })
}

/** A string that passes a check. */
export function textOf(placeholder: string, requirement: string, isAllowed: (text: string) => boolean) {
  return textKind('', {
    type: 'string',
    placeholder,
    requirement,
    read: (given) => (typeof given === 'string' && isAllowed(given) ? given : undefined),
  })
}

export const isLabelName = (text: string) => /^[^\s=]+$/.test(text)

export function labelName() {
  return textOf('KEY', 'it must be a label name: not empty, without spaces or "="', isLabelName)
}

export function file() {
  return textOf('FILE', 'it must name a file', (text) => text !== '')
}

/** A URL that Flotsam requests. Credentials are refused, since they would not be sent. */
export function httpUrl() {
  return textKind('', {
    type: 'URL',
    placeholder: 'URL',
    requirement: 'it must be http://… or https://…',
    read: (given) => {
      const url = given instanceof URL ? given : urlOf(given)
      if (url && (url.username !== '' || url.password !== '')) {
        return new Refusal(
          'it must have no credentials, which would not be sent',
          'a URL with a user or password',
        )
      }
      return url?.protocol === 'http:' || url?.protocol === 'https:' ? url : undefined
    },
  })
}

function urlOf(text: unknown): URL | undefined {
  return typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined
}

export interface Backoff {
  readonly min: Duration
  readonly max: Duration
}

/** The shortest and the longest delay; either has a default. */
export function backoff(defaults: Backoff, shortest: Duration & string) {
  const delay = duration(shortest)
  const read = (given: unknown): { readonly min: number; readonly max: number } | undefined => {
    if (!isPlainObject(given)) return undefined
    const { min, max, ...others } = given
    if (Object.keys(others).length > 0) return undefined
    const [minMs, maxMs] = [delay.read(min ?? defaults.min), delay.read(max ?? defaults.max)]
    if (minMs instanceof Refusal || maxMs instanceof Refusal || minMs > maxMs) return undefined
    return { min: minMs, max: maxMs }
  }
  const limits = `durations from ${shortest} to ${year}, the first no longer than the second`
  return textKind('', {
    type: '{ readonly min?: Duration | undefined; readonly max?: Duration | undefined }',
    limits: `At least \`${shortest}\`.`,
    placeholder: 'MIN..MAX',
    requirement: `it must be { min, max }: ${limits}`,
    textRequirement: `it must be MIN..MAX: ${limits}`,
    read,
    parse: (text) => {
      const [, min, max] = /^([^.].*?)\.\.(.+)$/.exec(text) ?? []
      return min === undefined ? undefined : read({ min, max })
    },
  })
}

export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
