import type { ContainerSummary } from '../domain/container.ts'

/** A container that is listed as being removed, and that the engine refuses to inspect. */
export interface HalfRemoved {
  readonly listed: Pick<ContainerSummary, 'names' | 'state'>
  /** Whether a removal of ours reached the engine, or may have, and was not refused. */
  readonly wasRemovalSent?: boolean | undefined
}

/**
 * positive-evidence: whether we began the removal that was interrupted. The engine lists the container as being removed, in
 * the scan that nominated it, and has just refused to inspect it. A removal that another client began is left to that client.
 */
export function isOursToFinish({ listed, wasRemovalSent }: HalfRemoved): boolean {
  // A tracker may use the name as a key, and no inspection supplies one that the listing omits.
  return wasRemovalSent === true && listed.state === 'removing' && listed.names.length > 0
}
