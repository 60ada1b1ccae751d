import type { Fleet } from '../containers/fleet.ts'
import { isStoppedByUs } from '../containers/known-container.ts'
import { EngineError } from '../domain/errors.ts'
import type { Evidence } from '../policy/judge.ts'
import type { SelfTest } from '../self/self-test.ts'
import type { Inspections } from './inspections.ts'
import type { Confirmed } from './scan-context.ts'

interface DryRunOptions {
  readonly fleet: Fleet
  readonly inspections: Inspections
  readonly self: SelfTest
  readonly signal: AbortSignal
}

/**
 * A dry run has no removals, which would inspect each candidate first; the scan inspects them instead, so that it reports
 * exactly what would be removed. A confirmed container is inspected again when its listing changes.
 */
export function confirmInHistory({ fleet, inspections, self, signal }: DryRunOptions) {
  return async (evidence: Evidence): Promise<Confirmed> => {
    const { container } = evidence
    const known = fleet.get(container.id)
    if (!known || known.confirmedAs === container) return { evidence, failure: undefined }
    try {
      await inspections.confirm(known.id, self, signal, container)
    } catch (thrown) {
      if (!(thrown instanceof EngineError)) throw thrown
      // The next scan determines whether it is gone.
      if (thrown.kind === 'gone') return { evidence, failure: undefined }
      inspections.noteFailed(known.id)
      const failure = { about: 'inspection', kind: thrown.kind, message: thrown.message }
      return { evidence: withRecord(evidence, fleet), failure }
    }
    return { evidence: withRecord(evidence, fleet), failure: undefined }
  }
}

function withRecord(evidence: Evidence, fleet: Fleet): Evidence {
  const known = fleet.get(evidence.container.id)
  if (!known) return evidence
  const { creationGraceEndsMs, objection } = known
  return {
    ...evidence,
    objection: objection?.reason as Evidence['objection'],
    stoppedByUs: isStoppedByUs(known),
    graceEnds: { ...evidence.graceEnds, creationMs: creationGraceEndsMs },
  }
}
