import type { SupervisorContext } from '../machines/supervisor.machine.ts'
import type { EngineHealth } from './health.ts'
import type { VerdictName } from './judge.ts'
import type { Known } from './supervision/known.ts'
import type { Removals } from './supervision/removals.ts'

/** Where a reconciler stands, as plain JSON. Times are milliseconds since 1970. */
export interface Status {
  /** `new` until `start()`, `disabled` where the option says so. */
  readonly state: 'new' | 'disabled' | 'running' | 'stopping' | 'stopped'
  readonly dryRun: boolean
  readonly engine: {
    readonly address: string
    readonly health: EngineHealth
    /** Looks that failed one after the other. */
    readonly failedLooks: number
    /** Its events are followed now, and ask for early looks. */
    readonly followsEvents: boolean
    readonly failure: { readonly kind: string; readonly message: string } | null
  }
  readonly lastLook: {
    readonly beganAt: number
    readonly endedAt: number
    readonly durationMs: number
    readonly listed: number
    readonly owned: number
  } | null
  readonly containers: {
    readonly total: number
    readonly byVerdict: Readonly<Record<VerdictName, number>>
    /** By the engine's own word for their state: `running`, `exited`, … */
    readonly byState: Readonly<Record<string, number>>
  }
  readonly removals: {
    readonly queued: number
    readonly underWay: readonly { readonly id: string; readonly forMs: number }[]
  }
  readonly stuck: readonly { readonly id: string; readonly name: string }[]
}

export interface StatusSources {
  readonly value: Status['state']
  readonly health: EngineHealth
  readonly followsEvents: boolean
  readonly context: SupervisorContext
  readonly address: string
  readonly dryRun: boolean
  readonly memory: ReadonlyMap<string, Known>
  readonly removals: Removals
}

export function statusOf({
  value,
  health,
  followsEvents,
  context,
  address,
  dryRun,
  memory,
  removals,
}: StatusSources): Status {
  const byVerdict = { tracked: 0, graced: 0, dangling: 0, spared: 0 }
  // A map, since the words are the engine's: an object knows some that nobody counted, such as `constructor`.
  const byState = new Map<string, number>()
  const stuck: { id: string; name: string }[] = []
  for (const { id, summary, verdict, isStuck } of memory.values()) {
    if (verdict) byVerdict[verdict.verdict]++
    const state = summary.state || 'unknown'
    byState.set(state, (byState.get(state) ?? 0) + 1)
    if (isStuck) stuck.push({ id, name: summary.name })
  }
  const { lastLook, engineFailure, failedLooks } = context
  return {
    state: value,
    dryRun,
    engine: {
      address,
      health,
      failedLooks,
      followsEvents,
      failure: engineFailure ? { ...engineFailure } : null,
    },
    lastLook: lastLook
      ? {
          beganAt: lastLook.beganAt,
          endedAt: lastLook.endedAt,
          durationMs: lastLook.durationMs,
          listed: lastLook.listed,
          owned: lastLook.owned,
        }
      : null,
    containers: { total: memory.size, byVerdict, byState: Object.fromEntries(byState) },
    removals: {
      queued: removals.queued,
      underWay: removals.underWay().map(({ id, forMs }) => ({ id, forMs })),
    },
    stuck,
  }
}
