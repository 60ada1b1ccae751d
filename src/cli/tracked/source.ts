/** Everything here goes by the id alone. */
export interface TrackedIds {
  has(id: string): boolean | Promise<boolean>
}

/** Where the command line learns what the agent knows. */
export interface TrackedSource {
  /** The flag that named it. */
  readonly flag: string
  readonly tracked: TrackedIds
  /**
   * Asks once whether it can be read at all.
   *
   * @throws TrackerError
   */
  check(): Promise<void>
}
