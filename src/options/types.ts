import type { EngineClient } from '../domain/engine-client.ts'
import type { BeforeRemove } from '../domain/hook.ts'
import type { Logger } from '../domain/logger.ts'
import type { Tracked } from '../domain/tracked.ts'
import type { Duration } from './duration.ts'
import type { Inspect } from './objects.ts'
import type { OwnerLabel } from './owner-label.ts'
import type { CoverableState } from './schema.ts'

/**
 * The options of `createReconciler`. `tracked` is required, and so is `owner` or `preset`: see `OwnedByLabel` and
 * `OwnedByPreset`.
 */
export type ReconcilerOptions = CommonOptions & (OwnedByLabel | OwnedByPreset)

/** Some of the options; the rest is given elsewhere. */
export type PartialOptions = {
  readonly [TName in keyof CommonOptions | keyof OwnedByPreset]?:
    | (CommonOptions & OwnedByPreset)[TName]
    | undefined
}

// `npm run options` generates the lines between the marks from schema.ts.
// ownership: generated
export interface OwnedByLabel {
  /** The label that marks the agent's containers, with this agent's own value. Each agent on an engine needs a different value: a fixed one, or that of a `session`. `anyValue: true`, or `KEY=*`, accepts any value. With `--sessions` it is `KEY` alone. Required without `preset`. */
  readonly owner: OwnerLabel
  readonly preset?: undefined
}

export interface OwnedByPreset {
  /** `nomad`: the containers of a Nomad client. `owner` is then an additional label that they must have. */
  readonly preset: 'nomad'
  /** The label that marks the agent's containers, with this agent's own value. Each agent on an engine needs a different value: a fixed one, or that of a `session`. `anyValue: true`, or `KEY=*`, accepts any value. With `--sessions` it is `KEY` alone. Required without `preset`. */
  readonly owner?: OwnerLabel | undefined
}
// ownership: end

/** All options except `owner` and `preset`. */
export interface CommonOptions {
  // options: generated
  /** The containers that the agent tracks: a `Map` or a `Set` with full container ids as keys, or an object with `has(id)` and optionally `ready()`. */
  readonly tracked: Tracked
  /** The engine: `unix:///path`, `tcp://host:port`, `ssh://user@host` or `npipe:////./pipe/name`; in the library also a Dockerode instance. Default: `DOCKER_HOST`, else the current docker context, else the local socket. */
  readonly engine?: EngineClient | string | undefined
  /** With `false`, `start()` does nothing. Default: `true`. */
  readonly enabled?: boolean | undefined
  /** Evaluates and reports; cannot remove. Default: `false`. */
  readonly dryRun?: boolean | undefined
  /** The time between two scans when nothing triggers an earlier one. It varies: each period is up to a tenth shorter, so that several reconcilers do not scan at the same time. At least `100ms`. Default: `'5m'`. */
  readonly period?: Duration | undefined
  /** How long a new container may stay unregistered. Under `10s` only with `allowShortGrace`. Default: `'5m'`. */
  readonly creationGrace?: Duration | undefined
  /** How long after the start nothing is removed, so that a restarted agent can restore its tasks. Default: `'5m'`. */
  readonly restoreGrace?: Duration | undefined
  /** How long the agent may take to remove a container itself after it stopped tracking it. Default: `'30s'`. */
  readonly releaseGrace?: Duration | undefined
  /** How long nothing is removed after an outage of the engine or a stall of this process. At most `creationGrace`. Under `10s` only with `allowShortGrace`. Default: `'30s'`. */
  readonly recoveryGrace?: Duration | undefined
  /** How long the lease of another session must have been gone before its containers are removed. Only for an owner with `session` or `leases`. Default: `'1m'`. */
  readonly sessionGrace?: Duration | undefined
  /** Allows a `creationGrace` and a `recoveryGrace` under `10s`, for tests and demonstrations. Default: `false`. */
  readonly allowShortGrace?: boolean | undefined
  /** The states in which a container may be removed. Containers in other states are spared. Any of `created`, `running`, `paused`, `restarting`, `exited`, `dead`. Default: `['created', 'running', 'paused', 'restarting', 'dead']`. */
  readonly states?: readonly CoverableState[] | undefined
  /** Also removes containers that an orchestrator manages: Swarm, Kubernetes, systemd units of Podman. Default: `false`. */
  readonly orchestrated?: boolean | undefined
  /** A container with this label is never removed, unless the value is `false`. Default: `'flotsam.keep'`. */
  readonly keepLabel?: string | undefined
  /** Follows the engine's events. They only trigger earlier scans; without them changes are found at the next scan. Default: `true`. */
  readonly events?: boolean | undefined
  /** Lets the engine filter listings by the owner's label, for hosts with very many foreign containers. Filtered scans only find candidates; removals need an unfiltered scan. Default: `false`. */
  readonly filterListing?: boolean | undefined
  /** The container that the agent runs in, which is never removed: its name, its id, or at least the first 12 digits of its id. Default: detected. */
  readonly self?: string | undefined
  /** The delay between attempts while the engine is down: doubled from `min` up to `max`, with jitter. At least `100ms`. Default: `{ min: '1s', max: '60s' }`. */
  readonly backoff?: { readonly min?: Duration | undefined; readonly max?: Duration | undefined } | undefined
  /** Removes a container's anonymous volumes with it. Named volumes are never removed. On Podman anonymous volumes are removed only if all of them were created with the container. Default: `true`. */
  readonly removeVolumes?: boolean | undefined
  /** How long a container may take to exit after SIGTERM. With `0s` it is killed at once. At most `24h`. Default: `'0s'`. */
  readonly stopTimeout?: Duration | undefined
  /** How many removals may run at the same time. Each one more slows down the host's own use of the engine; more than 4 gain nothing. From 1 to 20. Default: `2`. */
  readonly maxConcurrentRemovals?: number | undefined
  /** How many removals one scan may cause. The next scan begins when a quarter of them is left. From 1 to 10000. Default: `50`. */
  readonly maxRemovalsPerScan?: number | undefined
  /** Removes nothing while more than this share of the owned containers is dangling. Above 0, up to 1. Default: no limit. */
  readonly maxDanglingShare?: number | undefined
  /** Called before each removal. `false`, a throw, or no answer within a minute spares the container. */
  readonly beforeRemove?: BeforeRemove | undefined
  /** Receives the log lines: a pino logger, or an object with its methods `debug`, `info`, `warn` and `error`, called as `(fields, message)`. Default: silent. */
  readonly logger?: Logger | undefined
  /** XState's inspection callback or observer. */
  readonly inspect?: Inspect | undefined
  // options: end
}
