import * as z from 'zod/mini'
import { ArgumentError } from '../domain/errors.ts'
import { options } from '../options/schema.ts'
import type { PartialOptions } from '../options/types.ts'
import type { OptionName } from '../options/values.ts'
import { moreCareful } from './more-careful.ts'
import type { Status } from './status.ts'

/** Options whose value may be a function or an instance, which cannot be persisted. */
const things = (Object.keys(options) as OptionName[]).filter(
  (name) => name === 'engine' || name === 'owner' || !('parse' in options[name].kind),
)
/** Options of these that must be provided again before anything is removed. */
const neededThings = ['owner', 'tracked', 'beforeRemove', 'engine'] as const
type NeededThing = (typeof neededThings)[number]

/** The state that another process needs to continue at least as carefully. */
export interface Origin {
  /** The options from the input that can be persisted. */
  readonly input: PartialOptions
  /** The names of required options from the input that cannot be persisted. */
  readonly needed: readonly NeededThing[]
  readonly isEnabled: boolean
  /** `stop` has been requested. */
  readonly isStopping: boolean
}

const name = z.string()
const count = z.int().check(z.minimum(0))
const time = z.number()

const status = z.strictObject({
  state: z.enum(['new', 'disabled', 'running', 'stopping', 'stopped']),
  dryRun: z.boolean(),
  engine: z.strictObject({
    address: z.string(),
    health: z.enum(['unknown', 'up', 'down']),
    failedScans: count,
    followsEvents: z.boolean(),
    failure: z.nullable(z.strictObject({ kind: z.string(), message: z.string() })),
  }),
  lastScan: z.nullable(
    z.strictObject({ beganAt: time, endedAt: time, durationMs: time, listed: count, owned: count }),
  ),
  containers: z.strictObject({
    total: count,
    byVerdict: z.strictObject({ tracked: count, graced: count, dangling: count, spared: count }),
    byState: z.record(name, count),
  }),
  removals: z.strictObject({
    queued: count,
    underWay: z.array(z.strictObject({ id: z.string(), forMs: z.number() })),
  }),
  sessions: z.nullable(z.strictObject({ alive: count, ended: count, unknown: count })),
  stuck: z.array(z.strictObject({ id: z.string(), name })),
})

/** Grows with any change of the shape. */
const version = 3

const persisted = z.discriminatedUnion('status', [
  z.strictObject({
    status: z.enum(['active', 'done', 'stopped']),
    context: status,
    flotsam: z.strictObject({
      version: z.literal(version),
      input: z.record(z.string(), z.json()),
      needed: z.array(z.enum(neededThings)),
      isEnabled: z.boolean(),
      isStopping: z.boolean(),
    }),
  }),
  z.strictObject({ status: z.literal('error'), message: z.string() }),
])

export type Persisted = z.output<typeof persisted>

/** The JSON value of an option that is set to `undefined`, as distinct from a missing option. */
const given = null

export function originOf(input: PartialOptions, isEnabled: boolean): Origin {
  const data: Record<string, unknown> = { ...input }
  const { engine, owner } = input
  const isData = (thing: OptionName) =>
    thing === 'engine'
      ? engine === undefined || typeof engine === 'string'
      : thing === 'owner' && !(owner?.session ?? owner?.leases)
  for (const thing of things) if (!isData(thing)) delete data[thing]
  const needed = neededThings.filter((thing) => input[thing] !== undefined && !(thing in data))
  return { input: data, needed, isEnabled, isStopping: false }
}

export function persist(
  state: 'active' | 'done' | 'stopped',
  context: Status,
  { input, ...origin }: Origin,
): Persisted {
  const data = Object.fromEntries(Object.entries(input).map(([key, value]) => [key, value ?? given]))
  const plain = structuredClone({ version, ...origin, input: data }) as never
  return { status: state, context: structuredClone(context) as never, flotsam: plain }
}

/**
 * Parses a persisted snapshot.
 *
 * @throws ArgumentError if the snapshot is invalid
 */
export function readPersisted(value: unknown): Persisted {
  const read = persisted.safeParse(value, { error: z.locales.en().localeError })
  if (!read.success) {
    const { message, path } = read.error.issues[0] as z.core.$ZodIssue
    throw new ArgumentError(
      `this snapshot of a reconciler cannot be restored: ${path.map(String).join('.') || 'all of it'}: ${message}`,
    )
  }
  return read.data
}

/** Combines persisted and current options; the more careful value wins. A dry run stays one; disabled stays disabled. */
export function restoredOptions(
  { context, flotsam }: Extract<Persisted, { flotsam: unknown }>,
  options: PartialOptions,
): { readonly options: PartialOptions; readonly missing: readonly string[] } {
  const input = Object.fromEntries(
    Object.entries(flotsam.input).map(([key, value]) => [key, value === given ? undefined : value]),
  )
  const merged = moreCareful(options, input)
  return {
    options: {
      ...merged,
      ...(context.dryRun ? { dryRun: true } : {}),
      ...(flotsam.isEnabled ? {} : { enabled: false }),
    },
    missing: flotsam.needed.filter((thing) => options[thing] === undefined),
  }
}
