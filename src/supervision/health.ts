import type { SnapshotFrom } from 'xstate'
import type { supervisorMachine } from '../../machines/supervisor.machine.ts'

/** The engine's health, based on the last listing. */
export type EngineHealth = 'unknown' | 'up' | 'down'

/** The engine's health as a running supervisor sees it; undefined if the supervisor is not running. */
export function healthIn({
  value,
}: Pick<SnapshotFrom<typeof supervisorMachine>, 'value'>): EngineHealth | undefined {
  if (typeof value === 'string' || !('running' in value)) return undefined
  const { engine } = value['running'] as { readonly engine: 'unknown' | 'down' | { readonly up: unknown } }
  return typeof engine === 'string' ? engine : 'up'
}

/** Whether the supervisor is following the engine's events. */
export function followsEvents(snapshot: SnapshotFrom<typeof supervisorMachine>): boolean {
  return snapshot.matches({ running: { engine: { up: { following: 'open' } } } })
}
