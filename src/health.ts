import type { SnapshotFrom } from 'xstate'

import type { supervisorMachine } from '../machines/supervisor.machine.ts'

/** What is believed of the engine. */
export type EngineHealth = 'unknown' | 'up' | 'down'

interface Believed {
  readonly health: EngineHealth
  /** Its events are followed now. */
  readonly followsEvents: boolean
}

/** Reads the state of a supervisor that runs; undefined of one that does not. */
export function healthIn({
  value,
}: Pick<SnapshotFrom<typeof supervisorMachine>, 'value'>): Believed | undefined {
  if (typeof value === 'string' || !('running' in value)) return undefined
  const { health } = value['running'] as {
    readonly health: 'unknown' | 'down' | { readonly up: string }
  }
  if (typeof health === 'string') return { health, followsEvents: false }
  return { health: 'up', followsEvents: health.up === 'listening' }
}
