import type { InspectionEvent } from 'xstate'
import { createReconciler, type Reconciler } from '../../../../src/index.ts'
import { createInspector, type Inspector } from '../../../../src/inspector/index.ts'
import type { ReconcilerOptions } from '../../../../src/options/types.ts'
import {
  type ContainerSpec,
  createEmbeddedEngine,
  type EmbeddedEngine,
} from '../../../../src/testing/index.ts'
import type { ShownRow } from './viewer.ts'

/** A reconciler on an embedded engine, with an inspector, and a witness of its own of what its actors are. */
export interface WatchedWorld {
  readonly engine: EmbeddedEngine
  readonly tracked: Set<string>
  readonly reconciler: Reconciler
  readonly inspector: Inspector
  /** What the list must show, without asking the inspector: the actors' own snapshots. */
  truth(): ShownRow[]
  close(): Promise<void>
}

const ownerLabel = 'flotsam.page.test'

export async function openWatchedWorld(options: Partial<ReconcilerOptions> = {}): Promise<WatchedWorld> {
  const engine = createEmbeddedEngine({ seed: 5 })
  const address = await engine.listen()
  const inspector = await createInspector()
  const tracked = new Set<string>()
  const actors = new Map<string, { getSnapshot(): unknown }>()
  const reconciler = createReconciler({
    owner: { label: ownerLabel, value: 'a' },
    tracked,
    engine: address,
    allowShortGrace: true,
    creationGrace: '1h',
    restoreGrace: 0,
    releaseGrace: 500,
    recoveryGrace: 1000,
    period: '1m',
    backoff: { min: 100, max: 200 },
    inspect: (event: InspectionEvent) => {
      inspector.inspect(event)
      if (event.type === '@xstate.actor') actors.set(event.actorRef.sessionId, event.actorRef)
    },
    ...options,
  })
  return {
    engine,
    tracked,
    reconciler,
    inspector,
    truth: () => [...actors.values()].flatMap((actor) => lineOf(actor.getSnapshot()) ?? []),
    async close() {
      await reconciler.stop()
      await inspector.stop()
      await engine.close()
    },
  }
}

/** Puts containers of the owner into the engine; returns their ids. */
export function addContainers(
  engine: EmbeddedEngine,
  names: readonly string[],
  more: Omit<ContainerSpec, 'name'> = {},
): string[] {
  return names.map((name) =>
    engine.containers.create({ ...more, name, labels: { [ownerLabel]: 'a', ...more.labels } }),
  )
}

function lineOf(snapshot: unknown): ShownRow | undefined {
  const { status, value, context } = snapshot as {
    readonly status: string
    readonly value?: unknown
    readonly context?: {
      readonly id: string
      readonly listed: { readonly name: string }
      readonly verdict?: { readonly verdict: string; readonly reason: string }
    }
  }
  const verdict = context?.verdict
  if (status !== 'active' || verdict === undefined || !context) return undefined
  return {
    id: context.id,
    name: context.listed.name,
    state: leavesOf(value).join(' · '),
    verdict: verdict.verdict,
    reason: verdict.reason,
  }
}

function leavesOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return Object.entries(value as object).flatMap(([key, inner]) =>
    leavesOf(inner).map((leaf) => `${key}.${leaf}`),
  )
}
