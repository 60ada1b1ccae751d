import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'

/** The environment that determines the engine's address. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Undefined if the user has none, such as a uid without a passwd entry. */
  readonly homeDir: string | undefined
  readonly platform: NodeJS.Platform
  /** Throws as `readFileSync` does. */
  readonly readFile: (path: string) => Buffer
  readonly exists: (path: string) => boolean
}

export function machineSurroundings(findHome: () => string = homedir): Surroundings {
  return {
    env: process.env,
    homeDir: orUndefined(findHome),
    platform: process.platform,
    readFile: (path) => readFileSync(path),
    exists: existsSync,
  }
}

function orUndefined(find: () => string): string | undefined {
  try {
    return find()
  } catch {
    return undefined
  }
}
