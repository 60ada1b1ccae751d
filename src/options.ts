import type Dockerode from 'dockerode'
import type { Logger } from 'pino'
import type { InspectionEvent, Observer } from 'xstate'
import type * as z from 'zod'

import { type CoverableState, type Data, dataOptions } from './data-options.ts'
import { formatDuration } from './duration.ts'
import { OptionError } from './errors.ts'
import type { BeforeRemove } from './hook.ts'
import { complaintAbout } from './option-complaint.ts'
import { nomadAllocationLabel, type OwnerLabel, ownedByLabel, ownedByNomad, type Ownership } from './owner.ts'
import { kindOf, show } from './show.ts'
import type { Tracked } from './tracker.ts'

/** A duration as Go and Nomad write it (`90s`, `5m`, `1h30m`), or a number of milliseconds. */
export type Duration = string | number

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
  /** Whether the engine's events ask for early looks. Only hints are taken from them: without them all happens at the next look. Default `true`. */
  readonly events?: boolean
  /** The id, an id prefix of at least 12 digits, or the name of the container that the agent runs in. Default: found out. */
  readonly self?: string
  /** The pause between tries while the engine is down: doubled from `min`, `100ms` at least, up to `max`, with jitter. Default `1s` and `60s`. */
  readonly backoff?: { readonly min?: Duration; readonly max?: Duration }
  /** Whether a container's anonymous volumes go with it; named ones never do. Default `true`. */
  readonly removeVolumes?: boolean
  /** How long a container may take to end after SIGTERM; `0s` kills at once; `24h` at most. Default `0s`. */
  readonly stopTimeout?: Duration
  /** Removals at the same time, 1 to 20. Each further one slows down the host's own work with the engine. Default 2, by measurement: docs/performance.md. */
  readonly maxConcurrentRemovals?: number
  /** Removals that one look may lead to; the next look begins when a quarter of them is left. Default 50. */
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
  readonly hearsEvents: boolean
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
    hearsEvents: data.events,
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
  const read = dataOptions.safeParse(known)
  if (read.success) return read.data
  throw complaintAbout(known, read.error.issues[0] as z.core.$ZodIssue)
}

/** What each option allows by itself and another one forbids. */
function checkTogether(data: Data): void {
  if (!data.owner && !data.preset) {
    throw new OptionError('owner', 'option owner is missing; give { label, value }, or a preset')
  }
  if (data.owner?.label === data.keepLabel) {
    throw new OptionError(
      'keepLabel',
      `option keepLabel: "${data.keepLabel}" is the owner label too; then nothing could ever be removed`,
    )
  }
  if (data.preset === 'nomad' && data.keepLabel === nomadAllocationLabel) {
    throw new OptionError(
      'keepLabel',
      `option keepLabel: "${data.keepLabel}" marks all that preset "nomad" owns; then nothing could ever be removed`,
    )
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
    throw new OptionError(
      'filterListing',
      'option filterListing: true is not allowed with preset "nomad" alone; there is no one label to filter by, unless owner narrows it',
    )
  }
  if (data.self !== undefined && /^[0-9a-f]+$/.test(data.self) && data.self.length < 12) {
    throw new OptionError(
      'self',
      `option self: ${show(data.self)} is not allowed; it must be a container id of at least 12 digits, or a container name`,
    )
  }
}

type Things = Pick<ReconcilerOptions, 'tracked' | 'engine' | 'beforeRemove' | 'logger' | 'inspect'>

function checkThings({
  tracked,
  beforeRemove,
  logger,
  inspect,
  engine,
}: { [TKey in keyof Things]: Things[TKey] | undefined }): void {
  if (typeof tracked?.has !== 'function') {
    throw new OptionError(
      'tracked',
      `option tracked: ${show(tracked)} is not allowed; it must have a method has(id), as a Map or a Set does`,
    )
  }
  const { ready } = tracked as { readonly ready?: unknown }
  if (ready !== undefined && typeof ready !== 'function') {
    throw new OptionError(
      'tracked.ready',
      `option tracked.ready: ${show(ready)} is not allowed; it must be a method`,
    )
  }
  if (beforeRemove !== undefined && typeof beforeRemove !== 'function') {
    throw new OptionError(
      'beforeRemove',
      `option beforeRemove: ${show(beforeRemove)} is not allowed; it must be a function`,
    )
  }
  if (logger !== undefined && !isPino(logger)) {
    throw new OptionError('logger', `option logger: ${show(logger)} is not allowed; it must be a pino logger`)
  }
  if (inspect !== undefined && typeof inspect !== 'function' && typeof inspect?.next !== 'function') {
    throw new OptionError(
      'inspect',
      `option inspect: ${show(inspect)} is not allowed; it must be a function or an observer`,
    )
  }
  if (
    engine !== undefined &&
    typeof engine !== 'string' &&
    typeof (engine as { modem?: { dial?: unknown } } | null)?.modem?.dial !== 'function'
  ) {
    throw new OptionError(
      'engine',
      `option engine: ${kindOf(engine)} is not allowed; it must be an address or a Dockerode instance`,
    )
  }
}

function ownershipOf({ owner, preset }: Data): Ownership {
  return preset === 'nomad' ? ownedByNomad(owner) : ownedByLabel(owner as OwnerLabel)
}

function isPino(logger: unknown): boolean {
  const methods = ['debug', 'info', 'warn', 'error', 'child', 'isLevelEnabled'] as const
  return methods.every((name) => typeof (logger as Record<string, unknown> | null)?.[name] === 'function')
}
