import type Docker from 'dockerode'
import { pino } from 'pino'
import { afterEach, beforeEach } from 'vitest'
import {
  createReconciler,
  type EventName,
  type EventOf,
  type FlotsamEvent,
  type Reconciler,
  type PartialOptions,
  type ReconcilerOptions,
} from '../../src/index.ts'
import type { EngineChoice, EngineUnderTest } from './engine-matrix.ts'
import { until } from './engine-process.ts'
import { describeOnEngine, type RealEngine } from './real-engine.ts'

const ownerLabel = 'com.example.agent'

/** The labels that make a container the property of the agent that `Bench.watch` speaks for. */
export const owned = { [ownerLabel]: 'agent-7' } as const
export const owner = { label: ownerLabel, value: 'agent-7' } as const

/** Short enough for real time; long enough that a busy machine's hiccups are no stalls. */
export const graces = {
  period: '5m',
  creationGrace: '2s',
  allowShortGrace: true,
  restoreGrace: '0s',
  releaseGrace: '1s',
  backoff: { min: '200ms', max: '1s' },
} as const satisfies PartialOptions

/** After these a test fails; no test asserts that something was faster. */
const eventDeadlineMs = 60_000
const emptyDeadlineMs = 90_000

/** One line of the log, as a reader of the NDJSON sees it. */
export interface ReadLine {
  readonly about?: string
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'
  readonly event: string
  /** Of a failure. */
  readonly kind?: string
  readonly msg: string
}

/** A reconciler in real time, with everything that it emitted and logged. */
export interface Watch {
  readonly reconciler: Reconciler
  /** What the agent knows, unless the options brought another tracker. */
  readonly tracked: Set<string>
  readonly lines: readonly ReadLine[]
  /** The lines that an operator would read. */
  complaints(): readonly ReadLine[]
  of<TName extends EventName>(name: TName): readonly EventOf<TName>[]
  /** The first event of that sort that fits, whether it has come already or not. Rejects at its deadline. */
  once<TName extends EventName>(
    name: TName,
    fits?: (event: EventOf<TName>) => boolean,
    deadlineMs?: number,
  ): Promise<EventOf<TName>>
  /** Waits until that container was removed by us. */
  removal(id: string, deadlineMs?: number): Promise<EventOf<'removed'>>
  /** A scan of its own: `verdict: reason` of each container. */
  verdicts(): Promise<Readonly<Record<string, string>>>
  /** How long the process was stalled, and for how long that prevented removals: a slow machine is no slow reconciler. */
  stalledMs(): number
}

/** What one test works with: an engine that was empty before it, and reconcilers that end with it. */
export class Bench {
  readonly engine: RealEngine
  readonly #watches: Watch[] = []
  readonly #undoings: (() => unknown)[] = []

  constructor(engine: RealEngine) {
    this.engine = engine
  }

  /** A reconciler for the owner of `owned`, not yet started. */
  make(options: PartialOptions = {}): Watch {
    const watch = watchWith({ owner, engine: this.engine.address, ...graces, ...options })
    this.#watches.push(watch)
    return watch
  }

  /** The same, started. */
  watch(options: PartialOptions = {}): Watch {
    const watch = this.make(options)
    watch.reconciler.start()
    return watch
  }

  /** Runs an untracked container. */
  leak(name?: string): Promise<string> {
    return this.engine.run({ labels: owned, ...(name === undefined ? {} : { name }) })
  }

  /** A container that has ended by itself, and is listed so. */
  async ended(request: Parameters<RealEngine['run']>[0] = {}): Promise<string> {
    const id = await this.engine.run({ cmd: ['true'], ...request })
    await this.engine.docker.getContainer(id).wait()
    await this.engine.settled(id, 'exited')
    return id
  }

  /** The names of the engine's volumes. */
  async volumes(): Promise<readonly string[]> {
    const { Volumes } = await this.engine.docker.listVolumes()
    return (Volumes ?? []).map(({ Name }) => Name).toSorted()
  }

  /**
   * When the engine did that to the container of that id or name, after `sinceMs`, in milliseconds of its own clock; waits
   * until it has.
   */
  async moment(id: string, action: string, sinceMs = 0): Promise<number> {
    const filters = { container: [id], event: [action] }
    const abort = AbortSignal.timeout(eventDeadlineMs)
    const stream = await this.engine.docker.getEvents({
      since: sinceMs / 1000,
      filters,
      abortSignal: abort,
    } as object)
    for await (const chunk of stream) {
      const [line = ''] = String(chunk).split('\n')
      return (JSON.parse(line) as { timeNano: number }).timeNano / 1e6
    }
    throw new Error(`the engine reports no ${action} of ${id}`)
  }

  /** Done when the test is over, before the engine is emptied: what would keep a container from going has to be undone. */
  afterwards(undo: () => unknown): void {
    this.#undoings.push(undo)
  }

  async clear(): Promise<void> {
    for (const undo of this.#undoings) await undo()
    if (isRunning(this.engine)) this.engine.thaw()
    else await this.engine.restart()
    await Promise.all(this.#watches.map(({ reconciler }) => reconciler.stop()))
    await removeEverything(this.engine)
    for (const name of await this.volumes()) await this.engine.docker.getVolume(name).remove()
  }
}

/** A suite on private engines; each of its tests has a bench of its own, and leaves the engine empty. */
export function describeOnBench(
  choice: EngineChoice,
  title: string,
  define: (bench: () => Bench, about: EngineUnderTest) => void,
): void {
  describeOnEngine(choice, title, (engine, about) => {
    let bench: Bench | undefined
    beforeEach(() => {
      bench = new Bench(engine())
    })
    afterEach(() => bench?.clear())
    define(() => {
      if (bench === undefined) throw new Error('the bench exists only while a test runs')
      return bench
    }, about)
  })
}

/** Lets real time pass, where its passing is what the test is about. */
export function elapse(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs))
}

/** A promise that the test settles: for a pending hook. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open: () => open() }
}

function watchWith(options: PartialOptions): Watch {
  const tracked = new Set<string>()
  const lines: ReadLine[] = []
  const events: FlotsamEvent[] = []
  const listeners = new Set<() => void>()
  const level = { formatters: { level: (label: string) => ({ level: label }) }, level: 'debug' }
  const logger = pino(level, { write: (line: string) => lines.push(JSON.parse(line) as ReadLine) })
  const reconciler = createReconciler({ tracked, logger, ...options } as ReconcilerOptions)
  reconciler.on('*', (event) => {
    events.push(event)
    for (const listener of listeners) listener()
  })
  const of: Watch['of'] = (name) =>
    events.filter((event): event is EventOf<typeof name> & FlotsamEvent => event.type === name)

  const once: Watch['once'] = (name, fits = () => true, deadlineMs = eventDeadlineMs) =>
    new Promise((resolve, reject) => {
      const end = (): void => {
        listeners.delete(scan)
        clearTimeout(timer)
      }
      const scan = (): void => {
        const found = of(name).find(fits)
        if (found === undefined) return
        end()
        resolve(found)
      }
      const timer = setTimeout(() => {
        end()
        const story = events.map(({ type }) => type).join(', ')
        reject(new Error(`no fitting "${name}" within ${deadlineMs} ms; there came: ${story}`))
      }, deadlineMs)
      listeners.add(scan)
      scan()
    })

  return {
    reconciler,
    tracked,
    lines,
    of,
    once,
    // These tests are about an agent that loses everything that it creates.
    complaints: () =>
      lines.filter(
        ({ level: severity, about }) => ['warn', 'error', 'fatal'].includes(severity) && about !== 'tracking',
      ),
    removal: (id, deadlineMs) => once('removed', (event) => event.id === id, deadlineMs),
    verdicts: async () => {
      const { containers } = await reconciler.scan()
      return Object.fromEntries(containers.map(({ id, verdict, reason }) => [id, `${verdict}: ${reason}`]))
    },
    stalledMs: () =>
      of('stalled').reduce((sum, { stalledMs, recoveryMs }) => sum + stalledMs + recoveryMs, 0),
  }
}

function isRunning(engine: RealEngine): boolean {
  try {
    process.kill(engine.pid, 0)
    return true
  } catch {
    return false
  }
}

/** Guests before their holders: some engines refuse it the other way round. */
async function removeEverything({ docker }: RealEngine): Promise<void> {
  const isEmpty = async (): Promise<boolean> => {
    const rows = await docker.listContainers({ all: true })
    for (const { Id } of rows) await removeQuietly(docker, Id)
    return rows.length === 0
  }
  await until(isEmpty, emptyDeadlineMs, 'an empty engine')
}

async function removeQuietly(docker: Docker, id: string): Promise<void> {
  // what is refused now is listed again, and is gone once its guest is
  await docker
    .getContainer(id)
    .remove({ force: true, v: true })
    .catch(() => undefined)
}
