import type { SnapshotFrom } from 'xstate'
import type { supervisorMachine } from '../../machines/supervisor.machine.ts'
import type { AwakeClock } from '../domain/awake.ts'
import type { Clock } from '../domain/clock.ts'

export interface FreshnessOptions {
  readonly clock: Clock
  readonly awake: AwakeClock
  readonly supervisor: () => SnapshotFrom<typeof supervisorMachine>
}

/**
 * Whether verdicts may lead to removals at this moment. The supervisor machine decides; expiry is also checked against the
 * clock, because its timer may be late.
 */
export class Freshness {
  readonly #options: FreshnessOptions

  constructor(options: FreshnessOptions) {
    this.#options = options
  }

  /** Whether the last scan's verdicts may lead to removals. */
  get isOpen(): boolean {
    const { awake, clock, supervisor } = this.#options
    // Reading the clock detects a stall before the decision is made.
    awake.now()
    const snapshot = supervisor()
    return (
      snapshot.status === 'active' &&
      snapshot.hasTag('mayRemove') &&
      clock.now() <= snapshot.context.verdicts.expireAtMs
    )
  }

  /** Whether a verdict of that scan may lead to a removal. */
  stands(scan: number): boolean {
    return this.isOpen && this.#options.supervisor().context.verdicts.scan === scan
  }
}
