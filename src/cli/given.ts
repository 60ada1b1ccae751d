import type { Setting } from '../options/command-settings.ts'

/** One setting that was given. */
export interface Given {
  readonly setting: Setting
  readonly value: unknown
  /** As it was written. */
  readonly raw: unknown
  /** Where it was given: `--period`, `FLOTSAM_PERIOD` or `flotsam.yaml:3`. */
  readonly place: string
  /** The same for a message, which names the key of a file as well: `flotsam.yaml:3: period`. */
  readonly source: string
}

/** Settings by their names in the schema. */
export type GivenSettings = ReadonlyMap<string, Given>
