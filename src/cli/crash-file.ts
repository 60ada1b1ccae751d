import { writeFile } from 'node:fs/promises'
import type { Reconciler } from '../index.ts'
import type { Header } from '../recording/header.ts'
import { ownFileMode } from './own-file.ts'
import { jsonLine } from './text.ts'

/** `--crash-file`: leaves the supervisor and its containers as they were, and replaces an older crash snapshot. */
export async function leaveCrashFile(path: string, header: Header, { actor }: Reconciler): Promise<void> {
  const persisted = actor.getPersistedSnapshot()
  const { crashedActors } = await import('../recording/crash.ts')
  const lines = [header, ...crashedActors(persisted)].map(jsonLine)
  await writeFile(path, lines.join(''), { mode: ownFileMode })
}
