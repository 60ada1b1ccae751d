import type { InspectionEvent } from 'xstate'
import { createReconciler, type OwnerLabel, type Reconciler } from '../../index.ts'
import type { Agent } from './agent.ts'
import type { Ledger } from './ledger.ts'
import type { Pace } from './pace.ts'
import type { Stage } from './stage.ts'

export interface WatchOptions {
  readonly stage: Stage
  readonly owner: OwnerLabel
  readonly agent: Agent
  readonly inspect: (event: InspectionEvent) => void
  readonly ledger: Ledger
  readonly pace: Pace
  /** Whether the agent has tasks to restore. */
  readonly isRestart: boolean
}

/** Starts Flotsam as an agent embeds it, with short graces. */
export function startWatch({
  stage,
  owner,
  agent,
  inspect,
  ledger,
  pace,
  isRestart,
}: WatchOptions): Reconciler {
  const reconciler = createReconciler({
    owner,
    tracked: agent.tasks,
    engine: `unix://${stage.socketPath}`,
    allowShortGrace: true,
    period: pace.periodMs,
    creationGrace: pace.creationGraceMs,
    restoreGrace: isRestart ? pace.restoreGraceMs : 0,
    releaseGrace: pace.releaseGraceMs,
    recoveryGrace: pace.recoveryGraceMs,
    backoff: { min: pace.backoffMinMs, max: pace.backoffMaxMs },
    logger: ledger.logger,
    inspect,
  })
  ledger.follow(reconciler)
  reconciler.start()
  return reconciler
}
