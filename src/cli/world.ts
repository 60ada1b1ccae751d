import type { Reconciler, ReconcilerOptions } from '../index.ts'

/** Somewhere to write. */
export interface Output {
  readonly isTerminal: boolean
  /** How much waits for a slow reader, where that is known. */
  readonly waitingLength?: number
  write(text: string): void
}

/** The time that a command waits by. */
export interface CommandClock {
  setTimeout(run: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
}

/** All that a command has to do with outside itself; tests hand in their own. */
export interface CliWorld {
  readonly stdout: Output
  readonly stderr: Output
  readonly env: Readonly<Record<string, string | undefined>>
  readonly version: string
  readonly clock: CommandClock
  readonly createReconciler: (options: ReconcilerOptions) => Reconciler
  /**
   * Calls back when a signal asks the command to end, and once more when a second one asks it to end at once. Without a
   * listener the process ends by the signal. Returns a function that unsubscribes.
   */
  onSignal(listener: () => void): () => void
  /** Calls back at SIGHUP, which then does not ask the command to end. Returns a function that unsubscribes. */
  onReload(listener: () => void): () => void
  /**
   * Hands over every signal that a process can pass on to its child. Meanwhile none of them ends or reloads this process.
   * Returns a function that unsubscribes.
   */
  takeSignals(listener: (signal: NodeJS.Signals) => void): () => void
  /** Calls back when the output is closed; returns a function that unsubscribes. */
  onOutputClosed(listener: () => void): () => void
}

/** What a command ends with: one of those below, or what the command of `session` ended with. */
export type ExitCode = number

export const exitDone = 0
export const exitFailed = 1
export const exitWrongUsage = 2
