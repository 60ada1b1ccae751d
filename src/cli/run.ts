import prettyMs from 'pretty-ms'
import { OptionError } from '../domain/errors.ts'
import type { Inspector } from '../inspector/index.ts'
import { openInspector } from './inspect.ts'
import { within } from './process/deadline.ts'
import { EndRequests } from './process/end-requests.ts'
import { carefulAfter, changedSettings } from './reload.ts'
import { messageWithCause } from './text.ts'
import { atItsSource } from './usage.ts'
import { type Configuration, Watch, type WatchMeans } from './watch.ts'
import { type CliWorld, exitDone, exitFailed, type ExitCode } from './world.ts'

/** The library gives removals under way five seconds; this is for what it does not expect itself. */
const longestStopMs = 7000
/** Of all that a new configuration names: its own file, the tracked file, a recording. */
const longestReadMs = 5000

/** Reads the configuration file again; undefined where there is none. */
export type ReadAgain = (() => Promise<Configuration>) | undefined

/**
 * Keeps reconciling until a signal, until its output is closed, or until it cannot continue. An engine or a
 * tracker that is not there yet is waited for. SIGHUP reads the configuration file again.
 */
export async function run(
  configuration: Configuration,
  world: CliWorld,
  readAgain: ReadAgain,
): Promise<ExitCode> {
  const requests = new EndRequests(world)
  const watching = new Run(world, requests, readAgain)
  const subscriptions = [
    requests.forget,
    world.onOutputClosed(() => requests.ask()),
    ...(readAgain ? [world.onReload(() => watching.askReload())] : []),
  ]
  try {
    return await watching.whole(configuration)
  } finally {
    for (const unsubscribe of subscriptions) unsubscribe()
  }
}

class Run {
  readonly #world: CliWorld
  readonly #requests: EndRequests
  readonly #readAgain: ReadAgain
  /** Resolves if the supervisor fails, with what is still to be written then. */
  readonly #crashed: Promise<{ readonly written: Promise<void> }>
  #noteCrash: (written: Promise<void>) => void = () => {}
  #means: WatchMeans | undefined
  #watch: Watch | undefined
  #isEnding = false
  /** Whether every recording until now is complete. */
  #isRecorded = true
  #isReloadAsked = false
  #isReading = false
  #reload: Promise<void> | undefined

  constructor(world: CliWorld, requests: EndRequests, readAgain: ReadAgain) {
    this.#world = world
    this.#requests = requests
    this.#readAgain = readAgain
    this.#crashed = new Promise((resolve) => (this.#noteCrash = (written) => resolve({ written })))
  }

  async whole(configuration: Configuration): Promise<ExitCode> {
    const opening = this.#open(configuration)
    const opened = await Promise.race([opening, this.#requests.first])
    if (!opened) {
      // Nothing is being watched yet, and what is still being opened may hang.
      opening.then(({ inspector }) => inspector?.stop()).catch(() => {})
      return exitDone
    }
    const { inspector, watch } = opened
    try {
      this.#begin(watch)
      return await this.#untilEnd()
    } finally {
      await inspector?.stop()
    }
  }

  /** Called at SIGHUP. While a reload is under way, one more follows it. */
  askReload(): void {
    this.#isReloadAsked = true
    this.#continueReload()
  }

  async #open(
    configuration: Configuration,
  ): Promise<{ readonly watch: Watch; readonly inspector: Inspector | undefined }> {
    const world = this.#world
    const inspector = await openInspector(configuration.flags.inspect, world)
    try {
      this.#means = { world, inspect: inspector?.inspect }
      const watch = await Watch.prepare(configuration, this.#means)
      await watch.openFiles()
      return { watch, inspector }
    } catch (error) {
      await inspector?.stop()
      throw error
    }
  }

  #begin(watch: Watch): void {
    this.#watch = watch
    watch.start(this.#noteCrash)
    this.#continueReload()
  }

  async #untilEnd(): Promise<ExitCode> {
    const crash = await Promise.race([this.#crashed, this.#requests.first])
    this.#isEnding = true
    // Asked a second time: whatever is left is not waited for.
    const impatience = crash ? this.#requests.first : this.#requests.second
    const stopped = Promise.all([this.#watch?.stop(), crash?.written]).catch(() => {})
    await within(Promise.race([stopped, impatience]), longestStopMs, () => undefined, this.#world.clock)
    const isRecorded = await this.#endRecording()
    return isRecorded && !crash ? exitDone : exitFailed
  }

  async #endRecording(): Promise<boolean> {
    this.#isRecorded = ((await this.#watch?.endRecording()) ?? true) && this.#isRecorded
    return this.#isRecorded
  }

  #continueReload(): void {
    if (!this.#isReloadAsked || !this.#watch || this.#reload || this.#isEnding) return
    this.#isReloadAsked = false
    this.#reload = this.#reloadOnce(this.#watch).finally(() => {
      this.#reload = undefined
      this.#continueReload()
    })
  }

  /** Everything of the new configuration is checked before anything of the old one ends. */
  async #reloadOnce(old: Watch): Promise<void> {
    try {
      const next = await within(this.#prepareNext(old), longestReadMs, refuseLate, this.#world.clock)
      if (this.#isEnding) return
      if (next) await this.#replace(old, next)
      else old.logger.info({ event: 'configUnchanged' }, 'the configuration is unchanged')
    } catch (error) {
      const words = `the configuration is not reloaded, and the old one stays in force: ${messageWithCause(error)}`
      old.logger.error({ event: 'configRefused' }, words)
    }
  }

  async #prepareNext(old: Watch): Promise<Next | undefined> {
    // Each reading of a file system that does not answer would take one more of Node's few threads.
    if (this.#isReading) throw new Error('an earlier reading has not ended')
    this.#isReading = true
    try {
      return await this.#readNext(old)
    } finally {
      this.#isReading = false
    }
  }

  async #readNext(old: Watch): Promise<Next | undefined> {
    const { given: before } = old.configuration
    const configuration = await (this.#readAgain as NonNullable<ReadAgain>)()
    const changed = changedSettings(before, configuration.given)
    if (changed.length === 0) return undefined
    try {
      const watch = await Watch.prepare(carefulAfter(before, configuration), this.#means as WatchMeans)
      return { watch, changed }
    } catch (error) {
      throw error instanceof OptionError ? atItsSource(error, configuration.given) : error
    }
  }

  async #replace(old: Watch, { watch, changed }: Next): Promise<void> {
    await old.stop()
    await this.#endRecording()
    if (this.#isEnding) return
    this.#watch = watch
    await watch.openFiles().catch((error: unknown) => {
      this.#isRecorded = false
      watch.logger.error(
        { event: 'recordingFailed' },
        `the run cannot be recorded: ${messageWithCause(error)}`,
      )
    })
    if (this.#isEnding) return
    const { restoreGrace } = watch.configuration.flags
    watch.logger.info(
      { event: 'configReloaded', changed },
      `the configuration is reloaded: ${changed.join(', ')}; nothing is removed for ${prettyMs(Number(restoreGrace))}`,
    )
    watch.start(this.#noteCrash)
  }
}

interface Next {
  readonly watch: Watch
  readonly changed: readonly string[]
}

function refuseLate(): never {
  throw new Error(`it could not be read within ${longestReadMs / 1000} s`)
}
