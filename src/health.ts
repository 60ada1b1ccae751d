import type { SnapshotFrom } from 'xstate'

import type { supervisorMachine } from '../machines/supervisor.machine.ts'

/** What is believed of the engine. */
export type EngineHealth = 'unknown' | 'up' | 'down'

/** What a supervisor that runs believes; undefined of one that does not run. */
export function healthIn({
  value,
}: Pick<SnapshotFrom<typeof supervisorMachine>, 'value'>): EngineHealth | undefined {
  if (typeof value === 'string' || !('running' in value)) return undefined
  const { health } = value['running'] as { readonly health: 'unknown' | 'down' | { readonly up: string } }
  return typeof health === 'string' ? health : 'up'
}
