import type { SnapshotFrom } from 'xstate'
import type { SupervisorContext, supervisorMachine } from '../../machines/supervisor.machine.ts'
import type { Fleet } from '../containers/fleet.ts'
import type { RemovalQueue } from '../containers/removal-queue.ts'
import type { VerdictName } from '../domain/verdict.ts'
import type { SessionCounts } from '../scanning/sessions.ts'

/** The engine's health, based on the last listing. */
export type EngineHealth = 'unknown' | 'up' | 'down'

/** The state of a reconciler, as plain JSON. Times are milliseconds since the Unix epoch; names in `Ms` are durations. */
export interface Status {
  /** `new` until `start()`; `disabled` if disabled by the options. */
  readonly state: 'new' | 'disabled' | 'running' | 'stopping' | 'stopped'
  readonly dryRun: boolean
  readonly engine: {
    /** The same address as in each event's `engine`. Contains no secrets. */
    readonly address: string
    readonly health: EngineHealth
    /** Consecutive failed scans. */
    readonly failedScans: number
    /** Whether the engine's events are followed; they request early scans. */
    readonly followsEvents: boolean
    /** The failure of the last scan while the engine is down; otherwise null. */
    readonly failure: { readonly kind: string; readonly message: string } | null
  }
  /** The last scan that was judged; null before the first. */
  readonly lastScan: {
    readonly beganAt: number
    readonly endedAt: number
    readonly durationMs: number
    readonly listed: number
    readonly owned: number
  } | null
  /** The owned containers. */
  readonly containers: {
    readonly total: number
    readonly byVerdict: Readonly<Record<VerdictName, number>>
    /** Counts by container state as reported by the engine: `running`, `exited`, … */
    readonly byState: Readonly<Record<string, number>>
  }
  readonly removals: {
    /** Containers waiting for a slot. */
    readonly queued: number
    readonly underWay: readonly { readonly id: string; readonly forMs: number }[]
  }
  /** Other sessions with containers, by the last scan; null if the owner has no sessions. */
  readonly sessions: { readonly alive: number; readonly ended: number; readonly unknown: number } | null
  /** Containers that the engine did not remove after repeated attempts. */
  readonly stuck: readonly { readonly id: string; readonly name: string }[]
}

export interface StatusSources {
  readonly value: Status['state']
  readonly health: EngineHealth
  readonly followsEvents: boolean
  readonly context: SupervisorContext
  readonly address: string
  readonly dryRun: boolean
  readonly fleet: Fleet
  readonly queue: RemovalQueue
  readonly sessions: SessionCounts | undefined
}

export function statusOf({
  value,
  health,
  followsEvents,
  context,
  address,
  dryRun,
  fleet,
  queue,
  sessions,
}: StatusSources): Status {
  const byVerdict = { tracked: 0, graced: 0, dangling: 0, spared: 0 }
  // A map, because the engine chooses the keys: an object would inherit some, such as `constructor`.
  const byState = new Map<string, number>()
  const stuck: { id: string; name: string }[] = []
  for (const { id, listed, verdict, isStuck } of fleet.all()) {
    if (verdict) byVerdict[verdict.verdict]++
    const state = listed.state || 'unknown'
    byState.set(state, (byState.get(state) ?? 0) + 1)
    if (isStuck) stuck.push({ id, name: listed.name })
  }
  const { lastScan, engineFailure, failedScans } = context
  return {
    state: value,
    dryRun,
    engine: {
      address,
      health,
      failedScans,
      followsEvents,
      failure: engineFailure ? { ...engineFailure } : null,
    },
    lastScan: lastScan
      ? {
          beganAt: lastScan.beganAt,
          endedAt: lastScan.endedAt,
          durationMs: lastScan.durationMs,
          listed: lastScan.listed,
          owned: lastScan.owned,
        }
      : null,
    containers: { total: fleet.size, byVerdict, byState: Object.fromEntries(byState) },
    removals: {
      queued: queue.queued,
      underWay: queue.inFlight().map(({ id, forMs }) => ({ id, forMs })),
    },
    sessions: sessions ? { ...sessions } : null,
    stuck,
  }
}

/** The engine's health as a running supervisor sees it; undefined if the supervisor is not running. */
export function healthIn({
  value,
}: Pick<SnapshotFrom<typeof supervisorMachine>, 'value'>): EngineHealth | undefined {
  if (typeof value === 'string' || !('running' in value)) return undefined
  const { engine } = value['running'] as { readonly engine: 'unknown' | 'down' | { readonly up: unknown } }
  return typeof engine === 'string' ? engine : 'up'
}

/** Whether the supervisor is following the engine's events. */
export function followsEvents(snapshot: SnapshotFrom<typeof supervisorMachine>): boolean {
  return snapshot.matches({ running: { engine: { up: { following: 'open' } } } })
}
