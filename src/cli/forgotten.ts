import type { ScanReport } from '../index.ts'
import type { CliWorld } from './world.ts'

/** Reports containers that are only graced because the engine's memory of its events is too short. */
export function reportForgotten({ unpausesForgotten }: ScanReport, { stderr }: CliWorld): void {
  const count = unpausesForgotten?.length ?? 0
  if (count === 0) return
  const those = count === 1 ? 'a running container is' : `${count} running containers are`
  stderr.write(
    `hint: the engine no longer remembers what was unpaused within the creation grace, so ${those} graced; a shorter --creation-grace needs less of its memory, and flotsam run none of it\n`,
  )
}
