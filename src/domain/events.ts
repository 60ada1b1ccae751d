import type { FailureKind } from './errors.ts'
import type { SpareReason, VerdictReason } from './verdict.ts'

/** The container's properties in every event about it: its full id, its name without a leading slash, and its image. */
export interface AboutContainer {
  readonly id: string
  readonly name: string
  readonly image: string
}

/** The number of owned containers per verdict. */
export interface VerdictCounts {
  readonly tracked: number
  readonly graced: number
  readonly dangling: number
  readonly spared: number
}

/** The subject of consecutive failures. */
export type DegradedSubject =
  | 'tracker'
  | 'hook'
  | 'image'
  | 'namespaces'
  | 'listing'
  | 'half-removed'
  | 'sessions'
  | 'inspection'
  | 'self'
  | 'events'
  | 'identity'
  | 'removal'
  | 'recreation'
  | 'tracking'
  | 'fault'

/** The payload of each event, besides `type`, `at`, `engine` and `owner`. Names in `Ms` are in milliseconds. */
export interface EventPayloads {
  /** An owned container was seen for the first time. */
  discovered: AboutContainer & { readonly state: string }
  /** A container's verdict or its reason changed. `verdict` narrows `reason`. */
  classified: AboutContainer & VerdictReason & { readonly dryRun: boolean }
  /** A container is now spared: owned and untracked, but must not be removed. */
  spared: AboutContainer & { readonly reason: SpareReason }
  /** The engine confirmed our removal: by its response, or by a later scan if there was no response. */
  removed: AboutContainer & {
    readonly confirmedBy: 'answer' | 'scan'
    readonly failures: number
    /** Whether the agent had tracked it at some point since Flotsam started. */
    readonly wasTracked: boolean
  }
  /** An attempt to remove it failed and will be retried. */
  removeFailed: AboutContainer & {
    readonly kind: FailureKind
    readonly message: string
    readonly failures: number
    readonly retryInMs: number
  }
  /** The engine did not remove it after repeated attempts. Emitted once; retried with increasing backoff. */
  stuck: AboutContainer & { readonly kind: FailureKind; readonly message: string; readonly failures: number }
  /** It no longer exists, and none of our removals was confirmed. */
  vanished: AboutContainer
  /** It still exists but is no longer owned. */
  released: AboutContainer
  /** The agent tracks it, but it is no longer running. Emitted once, and again if it has run in the meantime. */
  lost: AboutContainer & { readonly how: 'exited' | 'vanished' }
  /** A scan completed and was judged. */
  scanned: VerdictCounts & {
    readonly beganAt: number
    readonly endedAt: number
    readonly durationMs: number
    readonly listed: number
    readonly owned: number
  }
  /**
   * The number of spared containers, and how many of them for which reason. Emitted after the first scan if there are any,
   * and after each scan that changed it.
   */
  sparedTotals: { readonly spared: number; readonly reasons: Readonly<Partial<Record<SpareReason, number>>> }
  /** A scan returned no complete listing. `failures` counts consecutive failed scans. */
  scanFailed: {
    readonly kind: FailureKind
    readonly message: string
    readonly failures: number
    readonly durationMs: number
  }
  /** The first failed scan after a successful one. */
  engineDown: { readonly kind: FailureKind; readonly message: string }
  /** The engine is still down; emitted after 1, 2, 4, 8… minutes. */
  engineStillDown: {
    readonly kind: FailureKind
    readonly message: string
    readonly failures: number
    readonly downForMs: number
  }
  /** The engine is up again. */
  engineUp: { readonly failures: number; readonly downForMs: number }
  /** A subject other than the engine started to fail. */
  degraded: { readonly about: DegradedSubject; readonly kind: string; readonly message: string }
  /** The subject is still failing; emitted after 1, 2, 4, 8… minutes. */
  stillDegraded: {
    readonly about: DegradedSubject
    readonly kind: string
    readonly message: string
    readonly count: number
    readonly lastedMs: number
  }
  /** The subject has recovered. */
  recovered: {
    readonly about: DegradedSubject
    readonly kind: string
    readonly count: number
    readonly lastedMs: number
  }
  /** The process or its machine was suspended or blocked; graces did not count during that time. */
  stalled: {
    readonly stalledMs: number
    readonly recoveryMs: number
    /** Whether another stall was logged within the last hour. */
    readonly isRepeat: boolean
  }
  /** `start()` was called and Flotsam is enabled. */
  started: { readonly engine: string; readonly dryRun: boolean }
  /** Everything has ended; `underWay` counts removals that were left unsettled. */
  stopped: { readonly underWay: number }
  /** An internal error stopped the supervisor: nothing is scanned or removed any more. */
  crashed: { readonly message: string }
}

/** The names of all events, in the order of the reference. */
export const eventNames = [
  'discovered',
  'classified',
  'spared',
  'removed',
  'removeFailed',
  'stuck',
  'vanished',
  'released',
  'lost',
  'scanned',
  'sparedTotals',
  'scanFailed',
  'engineDown',
  'engineStillDown',
  'engineUp',
  'degraded',
  'stillDegraded',
  'recovered',
  'stalled',
  'started',
  'stopped',
  'crashed',
] as const satisfies readonly (keyof EventPayloads)[]

/** The name of an event, as passed to `on` and found in an event's `type`. */
export type EventName = keyof EventPayloads

/** The reconciler that emitted an event, to distinguish several of them. */
export interface EventOrigin {
  /** The engine's address, as in `status().engine.address`. */
  readonly engine: string
  /** `KEY=VALUE`, `KEY=*` for any value, `KEY` with leases alone, or the name of the preset. With a session the value is its id. */
  readonly owner: string
}

/**
 * The event passed to a listener. For a union of names it is a union narrowed by `type`. `at` is the time of the event, in
 * milliseconds since the Unix epoch by this machine's clock.
 */
export type EventOf<TName extends EventName> = TName extends EventName
  ? { readonly type: TName; readonly at: number } & EventOrigin & EventPayloads[TName]
  : never

/** Any event; its `type` narrows it. */
export type FlotsamEvent = EventOf<EventName>

/** An event without its timestamp and its origin. */
export type UnstampedEvent = {
  [TName in EventName]: { readonly type: TName } & EventPayloads[TName]
}[EventName]

/** Emits an event. Never throws. */
export type Emit = (event: UnstampedEvent) => void
