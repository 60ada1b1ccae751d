import type Dockerode from 'dockerode'
import type { Logger } from 'pino'
import type { InspectionEvent, Observer } from 'xstate'
import * as z from 'zod'

import { formatDuration, parseDuration } from './duration.ts'
import { OptionError } from './errors.ts'
import type { BeforeRemove } from './hook.ts'
import { nomadAllocationLabel, type OwnerLabel, ownedByLabel, ownedByNomad, type Ownership } from './owner.ts'
import type { Tracked } from './tracker.ts'

/** A duration as Go and Nomad write it (`90s`, `5m`, `1h30m`), or a number of milliseconds. */
export type Duration = string | number

/** The states that a container can be removed in. */
export const coverableStates = ['created', 'running', 'paused', 'restarting', 'exited', 'dead'] as const
export type CoverableState = (typeof coverableStates)[number]

/** What `createReconciler` takes. Only `tracked` and one of `owner` and `preset` are required. */
export interface ReconcilerOptions {
  /**
   * The label that marks the agent's containers, with the exact value that this agent puts there. Another agent on the
   * same engine must use another value. `anyValue: true` has to be said to own the label with whatever value.
   */
  readonly owner?: OwnerLabel
  /** `nomad`: the containers of a Nomad client. With it, `owner` is a further label that they must bear too. */
  readonly preset?: 'nomad'
  /** What the agent knows: anything with `has(id)`, such as a `Map` or a `Set` of full container ids. */
  readonly tracked: Tracked
  /**
   * A Dockerode instance, or an address: `unix:///…`, `tcp://…`, `ssh://…`, `npipe:…`.
   * Default: `DOCKER_HOST`, else the current docker context, else the platform's socket.
   */
  readonly engine?: Dockerode | string
  /** `false`: `start()` does nothing. Default `true`. */
  readonly enabled?: boolean
  /** Judges and tells, and has nothing in it that could remove. Default `false`. */
  readonly dryRun?: boolean
  /** How often the engine is looked at when nothing asks for an earlier look; `1s` at least. Default `5m`. */
  readonly period?: Duration
  /** How long a new container may live unregistered. Default `5m`; under `10s` only with `allowShortGrace`. */
  readonly creationGrace?: Duration
  /** How long after `start()` nothing is removed, so that a restarted agent can restore its tasks. Default `5m`. */
  readonly restoreGrace?: Duration
  /** How long the agent may take to remove a container itself after it let go of it. Default `30s`. */
  readonly releaseGrace?: Duration
  /** How long nothing is removed after an outage of the engine or a stall of this process; never more than `creationGrace`. Default `30s`; under `10s` only with `allowShortGrace`. */
  readonly recoveryGrace?: Duration
  /** For tests and demonstrations: allows a `creationGrace` and a `recoveryGrace` under 10 s. Default `false`. */
  readonly allowShortGrace?: boolean
  /** Containers in other states are spared. Default `running`, `paused`, `restarting`, `dead`. */
  readonly states?: readonly CoverableState[]
  /** A container with this label, and any value but `false`, is never removed. Default `flotsam.keep`. */
  readonly keepLabel?: string
  /** Lets the engine filter listings by the owner label, for hosts with many foreign containers. Default `false`. */
  readonly filterListing?: boolean
  /** The id, an id prefix of at least 12 digits, or the name of the container that the agent runs in. Default: found out. */
  readonly self?: string
  /** The pause between tries while the engine is down: doubled from `min`, `100ms` at least, up to `max`, with jitter. Default `1s` and `60s`. */
  readonly backoff?: { readonly min?: Duration; readonly max?: Duration }
  /** Whether a container's anonymous volumes go with it; named ones never do. Default `true`. */
  readonly removeVolumes?: boolean
  /** How long a container may take to end after SIGTERM; `0s` kills at once; `24h` at most. Default `0s`. */
  readonly stopTimeout?: Duration
  /** Removals at the same time, 1 to 20. Default 2. */
  readonly maxConcurrentRemovals?: number
  /** Removals that one look may lead to; the next look follows at once. Default 50. */
  readonly maxRemovalsPerLook?: number
  /** Removes nothing while more than this share of the owned containers dangles: above 0, up to 1. Default: no limit. */
  readonly maxDanglingShare?: number | undefined
  /** Asked before each removal; `false`, a throw, or no answer within a minute spares the container. */
  readonly beforeRemove?: BeforeRemove
  /** A pino logger. Default: silent. */
  readonly logger?: Logger
  /** XState's inspection callback or observer. */
  readonly inspect?: Observer<InspectionEvent> | ((event: InspectionEvent) => void)
}

const shortestSafeGraceMs = 10_000
const yearMs = parseDuration('8760h') as number
const dayMs = parseDuration('24h') as number

const durationForms = 'a duration such as "90s", "5m" or "1h30m", or a number of milliseconds'

/** One duration option: its default, where it may be zero, and its limits. */
function duration(fallback: string, { mayBeZero = false, leastMs = 0, mostMs = yearMs } = {}) {
  return z
    .union([z.string(), z.number()])
    .transform((value, issues) => {
      const durationMs = typeof value === 'string' ? parseDuration(value) : value
      const refuse = (message: string) => issues.addIssue({ code: 'custom', message, input: value })
      if (durationMs === undefined || !Number.isFinite(durationMs) || durationMs < 0) {
        refuse(`it must be ${durationForms}`)
      } else if (durationMs === 0 && !mayBeZero) refuse('it must be longer than zero')
      else if (durationMs < leastMs) refuse(`it must be at least ${formatDuration(leastMs)}`)
      else if (durationMs > mostMs) {
        refuse(`it must be at most ${mostMs === yearMs ? 'a year, 8760h' : formatDuration(mostMs)}`)
      }
      return durationMs ?? 0
    })
    .prefault(fallback)
}

const wholeNumber = (least: number, most: number, fallback: number) =>
  z.number().int().min(least).max(most).default(fallback)

/** A shorter period, or pause between probes, keeps an engine busy with nothing but listings. */
const shortestPeriodMs = 1000
const shortestBackoffMs = 100

const labelForm = 'it must be a label name: not empty, without spaces and "="'
const labelName = z.string().regex(/^[^\s=]+$/, labelForm)

const ownerLabel = z.union([
  z.strictObject({ label: labelName, value: z.string().min(1), anyValue: z.literal(false).optional() }),
  z.strictObject({ label: labelName, anyValue: z.literal(true) }),
])

/** The options that are plain data, as a configuration can give them. */
export const dataOptions = z.strictObject({
  owner: ownerLabel.optional(),
  preset: z.literal('nomad').optional(),
  enabled: z.boolean().default(true),
  dryRun: z.boolean().default(false),
  period: duration('5m', { leastMs: shortestPeriodMs }),
  creationGrace: duration('5m'),
  restoreGrace: duration('5m', { mayBeZero: true }),
  releaseGrace: duration('30s', { mayBeZero: true }),
  recoveryGrace: duration('30s'),
  allowShortGrace: z.boolean().default(false),
  states: z.array(z.enum(coverableStates)).min(1).default(['running', 'paused', 'restarting', 'dead']),
  keepLabel: labelName.default('flotsam.keep'),
  filterListing: z.boolean().default(false),
  self: z
    .string()
    .regex(/^\/?[a-zA-Z0-9][\w.-]*$/, 'it must be a container id of at least 12 digits, or a container name')
    .optional(),
  backoff: z.strictObject({ min: duration('1s', { leastMs: shortestBackoffMs }), max: duration('60s') }).prefault({}),
  removeVolumes: z.boolean().default(true),
  // Timers take no more than 24 days, and the engine's own deadline comes on top.
  stopTimeout: duration('0s', { mayBeZero: true, mostMs: dayMs }),
  maxConcurrentRemovals: wholeNumber(1, 20, 2),
  maxRemovalsPerLook: wholeNumber(1, 10_000, 50),
  maxDanglingShare: z.number().gt(0).max(1).optional(),
})

type Data = z.output<typeof dataOptions>

/** The options, checked, with every default in its place and every duration in milliseconds. */
export interface Settings {
  readonly ownership: Ownership
  readonly isEnabled: boolean
  readonly dryRun: boolean
  readonly periodMs: number
  readonly creationGraceMs: number
  readonly restoreGraceMs: number
  readonly releaseGraceMs: number
  readonly recoveryGraceMs: number
  readonly states: ReadonlySet<string>
  readonly keepLabel: string
  readonly filter: string | undefined
  readonly self: string | undefined
  readonly backoffMinMs: number
  readonly backoffMaxMs: number
  readonly removeVolumes: boolean
  readonly stopTimeoutMs: number
  readonly maxConcurrentRemovals: number
  readonly maxRemovalsPerLook: number
  readonly maxDanglingShare: number | undefined
  readonly tracked: Tracked
  readonly engine: Dockerode | string | undefined
  readonly beforeRemove: BeforeRemove | undefined
  readonly logger: Logger | undefined
  readonly inspect: ReconcilerOptions['inspect']
}

/**
 * Checks the options.
 *
 * @throws OptionError that names the first option that cannot be used, its value and what is allowed
 */
export function readOptions(options: ReconcilerOptions): Settings {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError('options', `the options are ${show(options)}; they must be an object`)
  }
  const { tracked, engine, beforeRemove, logger, inspect, ...rest } = options
  const data = readData(rest)
  checkTogether(data)
  checkThings({ tracked, engine, beforeRemove, logger, inspect })
  return {
    ownership: ownershipOf(data),
    isEnabled: data.enabled,
    dryRun: data.dryRun,
    periodMs: data.period,
    creationGraceMs: data.creationGrace,
    restoreGraceMs: data.restoreGrace,
    releaseGraceMs: data.releaseGrace,
    recoveryGraceMs: Math.min(data.recoveryGrace, data.creationGrace),
    states: new Set(data.states),
    keepLabel: data.keepLabel,
    filter: data.filterListing ? ownershipOf(data).filter : undefined,
    self: data.self,
    backoffMinMs: data.backoff.min,
    backoffMaxMs: data.backoff.max,
    removeVolumes: data.removeVolumes,
    stopTimeoutMs: data.stopTimeout,
    maxConcurrentRemovals: data.maxConcurrentRemovals,
    maxRemovalsPerLook: data.maxRemovalsPerLook,
    maxDanglingShare: data.maxDanglingShare,
    tracked,
    engine,
    beforeRemove,
    logger,
    inspect,
  }
}

function readData(input: object): Data {
  const known = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
  const read = dataOptions.safeParse(known, { reportInput: true })
  if (read.success) return read.data
  throw optionErrorOf(known, read.error.issues[0] as z.core.$ZodIssue)
}

function optionErrorOf(input: Record<string, unknown>, issue: z.core.$ZodIssue): OptionError {
  const [first = '', second = ''] = issue.path
  const isOwnersOwn = first === 'owner' && issue.code === 'unrecognized_keys' && issue.keys[0] === 'value'
  if (isOwnersOwn) return ownerError(input['owner'])
  if (issue.code === 'unrecognized_keys') {
    const name = [...issue.path, issue.keys[0]].join('.')
    return new OptionError(name, `unknown option ${name}; allowed: ${namesIn(first).join(', ')}`)
  }
  if (first === 'owner') return ownerError(input['owner'])
  const name = issue.path.join('.')
  const value = issue.path.reduce<unknown>((part, key) => (part as Record<PropertyKey, unknown> | undefined)?.[key], input)
  const allowed = issue.code === 'custom' || issue.code === 'invalid_format' ? issue.message : allowedBy(issue, first, second)
  return new OptionError(name, `option ${name}: ${show(value)} is not allowed; ${allowed}`)
}

/** The options that there are, or the parts of one. */
function namesIn(option: PropertyKey): readonly string[] {
  if (option === 'owner') return ['owner.label', 'owner.value', 'owner.anyValue']
  if (option === 'backoff') return ['backoff.min', 'backoff.max']
  return [...Object.keys(dataOptions.shape), 'tracked', 'engine', 'beforeRemove', 'logger', 'inspect']
}

function allowedBy(issue: z.core.$ZodIssue, option: PropertyKey, part: PropertyKey): string {
  if (option === 'states') {
    return `it must be ${part === '' ? 'a list of one or more' : 'one'} of ${coverableStates.join(', ')}`
  }
  if (option === 'maxDanglingShare') return 'it must be a number above 0 and up to 1'
  if (issue.code === 'invalid_union') return `it must be ${durationForms}`
  if (issue.code === 'too_small') return `it must be at least ${issue.minimum}`
  if (issue.code === 'too_big') return `it must be at most ${issue.maximum}`
  if (issue.code === 'invalid_value') return `it must be ${issue.values.map(show).join(' or ')}`
  if (option === 'backoff') return 'it must be an object { min, max } of durations'
  if (issue.code === 'invalid_type') return `it must be ${issue.expected === 'int' ? 'a whole number' : `a ${issue.expected}`}`
  return issue.message
}

function ownerError(owner: unknown): OptionError {
  const { label, value, anyValue } = (typeof owner === 'object' && owner !== null ? owner : {}) as Record<string, unknown>
  const form = "owner must be { label, value } with this agent's own value, or { label, anyValue: true }"
  if (typeof owner !== 'object' || owner === null || Array.isArray(owner)) {
    return new OptionError('owner', `option owner: ${show(owner)} is not allowed; ${form}`)
  }
  if (typeof label !== 'string' || !labelName.safeParse(label).success) {
    return new OptionError('owner.label', `option owner.label: ${show(label)} is not allowed; ${labelForm}`)
  }
  if (value === undefined && anyValue !== true) {
    return new OptionError('owner.value', `option owner.value is missing for the label ${label}; ${form}`)
  }
  if (value === '') return new OptionError('owner.value', `option owner.value: "" is not allowed for the label ${label}; ${form}`)
  return new OptionError('owner', `option owner: ${show(owner)} is not allowed; ${form}`)
}

/** What each option allows by itself and another one forbids. */
function checkTogether(data: Data): void {
  if (!data.owner && !data.preset) {
    throw new OptionError('owner', 'option owner is missing; give { label, value }, or a preset')
  }
  if (data.owner?.label === data.keepLabel) {
    throw new OptionError('keepLabel', `option keepLabel: "${data.keepLabel}" is the owner label too; then nothing could ever be removed`)
  }
  if (data.preset === 'nomad' && data.keepLabel === nomadAllocationLabel) {
    throw new OptionError('keepLabel', `option keepLabel: "${data.keepLabel}" marks all that preset "nomad" owns; then nothing could ever be removed`)
  }
  if (data.creationGrace < shortestSafeGraceMs && !data.allowShortGrace) {
    throw new OptionError(
      'creationGrace',
      `option creationGrace: ${formatDuration(data.creationGrace)} is not allowed; it must be at least 10s, or allowShortGrace must be true (for tests and demonstrations)`,
    )
  }
  if (data.recoveryGrace < shortestSafeGraceMs && !data.allowShortGrace) {
    throw new OptionError(
      'recoveryGrace',
      `option recoveryGrace: ${formatDuration(data.recoveryGrace)} is not allowed; it must be at least 10s, or allowShortGrace must be true (for tests and demonstrations)`,
    )
  }
  if (data.backoff.min > data.backoff.max) {
    throw new OptionError(
      'backoff',
      `option backoff: min ${formatDuration(data.backoff.min)} is longer than max ${formatDuration(data.backoff.max)}`,
    )
  }
  if (data.filterListing && ownershipOf(data).filter === undefined) {
    throw new OptionError('filterListing', 'option filterListing: true is not allowed with preset "nomad" alone; there is no one label to filter by, unless owner narrows it')
  }
  if (data.self !== undefined && /^[0-9a-f]+$/.test(data.self) && data.self.length < 12) {
    throw new OptionError('self', `option self: ${show(data.self)} is not allowed; it must be a container id of at least 12 digits, or a container name`)
  }
}

type Things = Pick<ReconcilerOptions, 'tracked' | 'engine' | 'beforeRemove' | 'logger' | 'inspect'>

function checkThings({ tracked, beforeRemove, logger, inspect, engine }: { [TKey in keyof Things]: Things[TKey] | undefined }): void {
  if (typeof tracked?.has !== 'function') {
    throw new OptionError('tracked', `option tracked: ${show(tracked)} is not allowed; it must have a method has(id), as a Map or a Set does`)
  }
  const { ready } = tracked as { readonly ready?: unknown }
  if (ready !== undefined && typeof ready !== 'function') {
    throw new OptionError('tracked.ready', `option tracked.ready: ${show(ready)} is not allowed; it must be a method`)
  }
  if (beforeRemove !== undefined && typeof beforeRemove !== 'function') {
    throw new OptionError('beforeRemove', `option beforeRemove: ${show(beforeRemove)} is not allowed; it must be a function`)
  }
  if (logger !== undefined && !isPino(logger)) {
    throw new OptionError('logger', `option logger: ${show(logger)} is not allowed; it must be a pino logger`)
  }
  if (inspect !== undefined && typeof inspect !== 'function' && typeof inspect?.next !== 'function') {
    throw new OptionError('inspect', `option inspect: ${show(inspect)} is not allowed; it must be a function or an observer`)
  }
  if (engine !== undefined && typeof engine !== 'string' && typeof (engine as { modem?: { dial?: unknown } } | null)?.modem?.dial !== 'function') {
    throw new OptionError('engine', `option engine: ${kindOf(engine)} is not allowed; it must be an address or a Dockerode instance`)
  }
}

function ownershipOf({ owner, preset }: Data): Ownership {
  return preset === 'nomad' ? ownedByNomad(owner) : ownedByLabel(owner as OwnerLabel)
}

function isPino(logger: unknown): boolean {
  const methods = ['debug', 'info', 'warn', 'error', 'child', 'isLevelEnabled'] as const
  return typeof logger === 'object' && logger !== null && methods.every((name) => typeof (logger as Record<string, unknown>)[name] === 'function')
}

const longestShown = 100

/** A value for a message: on one line, and never the whole of a long one. */
function show(value: unknown): string {
  const text = wordsOf(value)
  return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text
}

function wordsOf(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'symbol' || value === undefined) return String(value)
  if (typeof value === 'bigint') return `${value}n`
  try {
    return JSON.stringify(value) ?? kindOf(value)
  } catch {
    return kindOf(value)
  }
}

/** For values that are not to be shown, since they may hold credentials, or that cannot be. */
function kindOf(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  return typeof value === 'object' && value !== null ? 'an object' : show(value)
}
