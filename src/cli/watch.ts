import type { Logger } from 'pino'
import type { InspectionEvent } from 'xstate'
import { messageOf } from '../domain/errors.ts'
import type { EventOf } from '../domain/events.ts'
import type { Reconciler, Tracked } from '../index.ts'
import { nameOfOwner } from '../options/owner-label.ts'
import { type FileKind, formatVersion, type Header } from '../recording/header.ts'
import { settingsInForce } from './config.ts'
import { leaveCrashFile } from './crash-file.ts'
import { type Flags, optionsFrom } from './flags.ts'
import type { GivenSettings } from './given.ts'
import { createLog } from './log.ts'
import { checkOwnFile } from './own-file.ts'
import { prepareRecording, type Recording } from './recording.ts'
import type { OpenStore } from './session/open-store.ts'
import { openStore } from './session/store.ts'
import { wantsColor } from './text.ts'
import { requireTracked } from './tracked/choose.ts'
import type { CliWorld } from './world.ts'

/** A configuration as a command line, an environment and a file give it. */
export interface Configuration {
  readonly flags: Flags
  readonly given: GivenSettings
}

export interface WatchMeans {
  readonly world: CliWorld
  readonly inspect: Observe | undefined
}

type Observe = (event: InspectionEvent) => void

interface WatchParts {
  readonly logger: Logger
  readonly version: string
  readonly reconciler: Reconciler
  readonly recording: Recording | undefined
  readonly store: OpenStore | undefined
}

/** One configuration, the reconciler that works by it, and its recording. */
export class Watch {
  readonly configuration: Configuration
  readonly logger: Logger
  readonly #version: string
  readonly #reconciler: Reconciler
  readonly #recording: Recording | undefined
  readonly #store: OpenStore | undefined

  private constructor(
    configuration: Configuration,
    { logger, version, reconciler, recording, store }: WatchParts,
  ) {
    this.configuration = configuration
    this.logger = logger
    this.#version = version
    this.#reconciler = reconciler
    this.#recording = recording
    this.#store = store
  }

  /**
   * Checks everything. Starts nothing and writes nothing.
   *
   * @throws UsageError or OptionError for a configuration that cannot be used
   */
  static async prepare(configuration: Configuration, { world, inspect }: WatchMeans): Promise<Watch> {
    const { flags } = configuration
    const { tracked } = await requireTracked(flags, world.clock)
    const store = flags.sessions && (await openStore(flags.sessions, world.clock))
    try {
      return await Watch.#prepareWith(tracked, store, configuration, { world, inspect })
    } catch (error) {
      store?.close()
      throw error
    }
  }

  static async #prepareWith(
    tracked: Tracked,
    store: OpenStore | undefined,
    configuration: Configuration,
    { world, inspect }: WatchMeans,
  ): Promise<Watch> {
    const { flags } = configuration
    const { crashFile, record } = flags
    const logger = createRunLog(flags, world)
    const recording = await prepareRecording(record, world.clock, (reason) =>
      logger.warn({ event: 'recordingEnded', file: record }, `the recording ends here: ${reason}`),
    )
    const reconciler = world.createReconciler({
      ...optionsFrom(flags, tracked, store?.leases),
      logger,
      ...inspectedBy(inspect, recording?.inspect),
    })
    if (record !== undefined) await checkOwnFile('record', record, 'recording')
    if (crashFile !== undefined) await checkOwnFile('crashFile', crashFile, 'crash')
    return new Watch(configuration, { logger, version: world.version, reconciler, recording, store })
  }

  /** @throws OptionError or FileError where a file cannot be used, also one that is named for two purposes */
  async openFiles(): Promise<void> {
    const { crashFile } = this.configuration.flags
    if (!this.#recording) return
    await this.#recording.begin(this.#header('recording'))
    if (crashFile !== undefined) await checkOwnFile('crashFile', crashFile, 'crash')
  }

  /** `onCrash` is called if the supervisor fails; what it left for that case is then written when the promise resolves. */
  start(onCrash: (written: Promise<void>) => void): void {
    this.#reconciler.on('crashed', (event) => onCrash(this.#leaveCrash(event)))
    this.#reconciler.start()
  }

  /** Removals under way get a bounded time. Idempotent. */
  async stop(): Promise<void> {
    await this.#reconciler.stop()
    this.#store?.close()
  }

  /** Returns whether everything was recorded. Idempotent. */
  endRecording(): Promise<boolean> {
    return this.#recording?.end() ?? Promise.resolve(true)
  }

  async #leaveCrash({ message }: EventOf<'crashed'>): Promise<void> {
    const { crashFile } = this.configuration.flags
    const { logger } = this
    this.#recording?.settle()
    if (crashFile === undefined) return
    try {
      await leaveCrashFile(crashFile, { ...this.#header('crash'), message }, this.#reconciler)
      logger.info({ event: 'crashFileWritten', file: crashFile }, 'left a crash snapshot')
    } catch (error) {
      const words = `cannot leave a crash snapshot: ${messageOf(error)}`
      logger.error({ event: 'crashFileFailed', file: crashFile }, words)
    }
  }

  #header(flotsam: FileKind): Header {
    const { flags, given } = this.configuration
    return {
      flotsam,
      version: formatVersion,
      by: this.#version,
      time: new Date().toISOString(),
      engine: this.#reconciler.status().engine.address,
      owner: nameOfOwner(flags.owner, flags.preset),
      options: Object.fromEntries(settingsInForce(given).map(({ key, value }) => [key, value])),
    }
  }
}

function createRunLog({ logLevel = 'info', json }: Flags, { stdout, env }: CliWorld): Logger {
  const isPretty = stdout.isTerminal && !json
  return createLog({ level: logLevel, output: stdout, isPretty, hasColor: wantsColor(stdout, env) })
}

/** XState takes one observer. */
function inspectedBy(...all: readonly (Observe | undefined)[]): { readonly inspect?: Observe } {
  const observers = all.filter((one) => one !== undefined)
  if (observers.length === 0) return {}
  return { inspect: (event) => observers.forEach((observe) => observe(event)) }
}
