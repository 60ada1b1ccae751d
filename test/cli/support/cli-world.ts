import { runCli } from '../../../src/cli/program.ts'
import type { CliWorld, CommandClock, ExitCode } from '../../../src/cli/world.ts'
import { createReconciler, type Reconciler, type ReconcilerOptions } from '../../../src/index.ts'

/** A command line without a process: what it writes is kept, and signals come when the test says so. */
export interface TestWorld extends CliWorld {
  readonly out: string
  readonly err: string
  /** How often a reconciler was made. */
  readonly made: readonly ReconcilerOptions[]
  readonly listenerCount: number
  signal(): void
  /** SIGHUP: reloads where a command can, and otherwise ends it. */
  hangUp(): void
  closeOutput(): void
}

export interface TestWorldOptions {
  readonly env?: Record<string, string>
  readonly isTerminal?: boolean
  readonly clock?: CommandClock
  readonly createReconciler?: (options: ReconcilerOptions) => Reconciler
}

export function createTestWorld(options: TestWorldOptions = {}): TestWorld {
  const { env = {}, isTerminal = false, createReconciler: make = createReconciler } = options
  const clock = options.clock ?? {
    setTimeout,
    clearTimeout: (timer: unknown) => clearTimeout(timer as NodeJS.Timeout),
  }
  let out = ''
  let err = ''
  const made: ReconcilerOptions[] = []
  const signalListeners = new Set<() => void>()
  const closeListeners = new Set<() => void>()
  const reloadListeners = new Set<() => void>()
  const listenTo = (listeners: Set<() => void>) => (listener: () => void) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
  return {
    stdout: { isTerminal, waitingLength: 0, write: (text) => void (out += text) },
    stderr: { isTerminal, waitingLength: 0, write: (text) => void (err += text) },
    env,
    version: '9.8.7',
    clock,
    createReconciler: (given) => {
      made.push(given)
      return make(given)
    },
    onSignal: listenTo(signalListeners),
    onReload: listenTo(reloadListeners),
    takeSignals: () => () => {},
    onOutputClosed: listenTo(closeListeners),
    get out() {
      return out
    },
    get err() {
      return err
    },
    made,
    get listenerCount() {
      return signalListeners.size + closeListeners.size + reloadListeners.size
    },
    signal: () => [...signalListeners].forEach((listener) => listener()),
    hangUp: () =>
      [...(reloadListeners.size > 0 ? reloadListeners : signalListeners)].forEach((listener) => listener()),
    closeOutput: () => [...closeListeners].forEach((listener) => listener()),
  }
}

export interface Ran {
  readonly code: ExitCode
  readonly out: string
  readonly err: string
}

/** One command line, from its words to its end. */
export async function ranCli(line: string | readonly string[], world = createTestWorld()): Promise<Ran> {
  const args = typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line
  const code = await runCli(args, world)
  return { code, out: world.out, err: world.err }
}
