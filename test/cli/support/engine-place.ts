import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createEmbeddedEngine, type EmbeddedEngine } from '../../../src/testing/index.ts'

const labels = { 'com.example.agent': 'agent-7' }

/** A folder and an engine of one test, so that tests that start commands can run side by side. */
export interface EnginePlace {
  readonly folder: string
  readonly engine: EmbeddedEngine
  /** Until then there is no engine at the place. */
  listen(): Promise<unknown>
  /** The flags that name the engine and the owner. */
  readonly flags: readonly string[]
  /** Creates an owned container that is an hour old. */
  forget(name: string): string
}

/** Flags for removing what was forgotten at once. */
export const quick = ['--creation-grace', '1s', '--allow-short-grace', '--restore-grace', '0s'] as const

export function createEnginePlace(folder: string): EnginePlace {
  mkdirSync(folder)
  const socketPath = join(folder, 'engine.sock')
  const engine = createEmbeddedEngine()
  return {
    folder,
    engine,
    listen: () => engine.listen({ socketPath }),
    flags: ['--host', `unix://${socketPath}`, '--owner', 'com.example.agent=agent-7'],
    forget: (name) => engine.containers.create({ name, labels, createdAtMs: Date.now() - 3_600_000 }),
  }
}
