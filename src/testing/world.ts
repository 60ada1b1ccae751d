import type { Clock } from '../domain/clock.ts'
import type { Containers } from './containers.ts'
import type { Dialect } from './dialect.ts'
import type { EventLog } from './events.ts'
import type { Faults } from './faults.ts'
import type { Images } from './images.ts'
import type { EngineVersion } from './model.ts'
import type { IdSource } from './random.ts'
import type { Volumes } from './volumes.ts'
/** The state of one engine, as the routes see it. */
export interface World {
  readonly id: string
  readonly ids: IdSource
  readonly clock: Clock
  /** The engine's wall clock. */
  readonly now: () => number
  readonly version: EngineVersion
  readonly dialect: Dialect
  readonly containers: Containers
  readonly images: Images
  readonly volumes: Volumes
  readonly events: EventLog
  readonly faults: Faults
}
