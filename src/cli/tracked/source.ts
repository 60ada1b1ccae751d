import type { Tracked } from '../../index.ts'

/** Where the command line learns what the agent knows. */
export interface TrackedSource {
  /** The flag that named it. */
  readonly flag: string
  readonly tracked: Tracked
  /**
   * Asks once whether it can be read at all.
   *
   * @throws TrackerTroubleError
   */
  check(): Promise<void>
}
