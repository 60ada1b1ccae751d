import { Agent } from 'node:http'
import { join } from 'node:path'
import { inspect } from 'node:util'
import Docker from 'dockerode'
import { afterAll, beforeAll, describe } from 'vitest'
import { engineIsRequired, engineTestsAreOff, type EngineKind } from './engine-availability.ts'
import { EngineContainers, type ContainerRequest } from './engine-containers.ts'
import { importBusybox, packBusybox } from './engine-image.ts'
import {
  askedEngines,
  chosenEngines,
  type EngineChoice,
  type EngineUnderTest,
  suiteTitle,
} from './engine-matrix.ts'
import { Daemon, makeGuardedDirectory, until, type GuardedDirectory } from './engine-process.ts'
import { type Recipe, recipeFor } from './engine-recipes.ts'

const readyDeadlineMs = 180_000

/** An engine of its own for one test file: own socket, own storage, no network, no image but a busybox. */
export interface RealEngine {
  readonly kind: EngineKind
  /** Its name, such as `dockerd-28-containerd`. */
  readonly name: string
  readonly socketPath: string
  /** For the option `engine` and for `--host`. */
  readonly address: string
  /** A client that keeps no connection open, so that it survives restarts of the engine. */
  readonly docker: Docker
  /** The name of the image of a static busybox that every engine starts with. */
  readonly image: string
  /** Settings that every container needs here, for a test that creates its own with `docker`. */
  readonly hostConfig: Docker.HostConfig
  /** The daemon's process id, for measurements. */
  readonly pid: number
  /** Creates a container and returns its full id. */
  create(request?: ContainerRequest): Promise<string>
  /** Creates and starts a container, and returns its full id. */
  run(request?: ContainerRequest): Promise<string>
  /** Creates an image with labels from the same busybox, and returns its name. */
  labelledImage(labels: Readonly<Record<string, string>>): Promise<string>
  exists(id: string): Promise<boolean>
  /** The inspected state (`running`, `exited`, …); undefined if the container does not exist. */
  state(id: string): Promise<string | undefined>
  /** The listed state, which Flotsam sees; undefined if the listing omits the container. */
  listedState(id: string): Promise<string | undefined>
  /** Waits until listing and inspection agree on that state: either may lag behind what the engine has answered. */
  settled(id: string, state: string): Promise<void>
  /** SIGSTOP: it then accepts connections, but answers nothing. containerd and the containers continue. */
  freeze(): Promise<void>
  /** SIGCONT; has no effect on an engine that is not frozen. */
  thaw(): void
  /**
   * SIGKILL. dockerd takes its containerd with it. Containers survive the crash, as they do in production; a dockerd
   * that comes back without live-restore ends them, Podman finds them running.
   */
  kill(): Promise<void>
  /** Starts it again on the same storage and socket; a running one is first asked to end, which ends dockerd's containers. */
  restart(options?: RestartOptions): Promise<void>
  /** Ends it with everything that it started, and removes every trace. Idempotent. */
  stop(): Promise<void>
}

export interface RestartOptions {
  /** The listing that it must answer to be ready; default: all containers. */
  readonly listing?: 'all' | 'running'
}

/**
 * A `describe` for each engine of the choice that is here. The suites of a file share a private engine, which is there from
 * before the first test that is to run on it until after the last test of the file. Where there is none the tests are
 * skipped, and `engine-global-setup.ts` says so once; with FLOTSAM_REQUIRE_ENGINE=1 they fail.
 */
export function describeOnEngine(
  choice: EngineChoice,
  title: string,
  define: (engine: () => RealEngine, about: EngineUnderTest) => void,
): void {
  const engines = engineTestsAreOff() ? [] : chosenEngines(choice)
  if (engines.length > 0) endSharedEnginesWithFile()
  for (const about of engines) {
    describe(suiteTitle(title, about.name), () => defineOn(() => sharedEngine(about), about, define))
  }
  if (engines.length > 0) return
  const isLeftOut = engineTestsAreOff() || !engineIsRequired() || askedEngines() !== undefined
  const start = () => Promise.reject(new Error('none of the engines that this suite is for is here'))
  describe.skipIf(isLeftOut)(suiteTitle(title, 'no engine'), () => defineOn(start, absentEngine, define))
}

/** A placeholder for suites that will not run. */
const absentEngine: EngineUnderTest = {
  name: 'none',
  kind: 'dockerd',
  version: '0.0.0',
  folder: undefined,
  imageStore: undefined,
}

function defineOn(
  start: () => Promise<RealEngine>,
  about: EngineUnderTest,
  define: (engine: () => RealEngine, about: EngineUnderTest) => void,
): void {
  let engine: RealEngine | undefined
  beforeAll(async () => {
    engine = await start()
  })
  define(() => {
    if (engine === undefined) throw new Error('the engine exists only while tests run')
    return engine
  }, about)
}

/**
 * The engines of this file, by name: every file has modules of its own. They end with the `describe` around the first suite, so
 * the suites of a file stand either in none or all in one.
 */
const shared = new Map<string, PrivateEngine>()
let endsWithFile = false

function endSharedEnginesWithFile(): void {
  if (endsWithFile) return
  endsWithFile = true
  afterAll(async () => {
    const endings = await Promise.allSettled([...shared.values()].map((engine) => engine.stop()))
    const reasons = endings.flatMap((ending) =>
      ending.status === 'rejected' ? [ending.reason as unknown] : [],
    )
    if (reasons.length > 0) throw new AggregateError(reasons, reasons.map(String).join('\n'))
  })
}

/** Starts an empty engine again if a test has ended it. */
async function sharedEngine(about: EngineUnderTest): Promise<RealEngine> {
  const found = shared.get(about.name)
  if (found !== undefined && !found.hasEnded) return found
  const engine = await startEngine(about)
  shared.set(about.name, engine)
  return engine
}

/** Starts that engine, private to the caller. */
export async function startEngine(about: EngineUnderTest): Promise<PrivateEngine> {
  const directory = makeGuardedDirectory()
  try {
    const engine = new PrivateEngine(about, directory, recipeFor(about, directory.path))
    await engine.ready()
    await importBusybox(engine.docker, engine.image, engine.imageArchive)
    return engine
  } catch (cause) {
    // the reason why it could not start matters more than an error while ending it
    await directory.end().catch((alsoEnding: unknown) => {
      throw new AggregateError([cause, alsoEnding], `${about.name} neither started nor ended`, { cause })
    })
    throw cause
  }
}

class PrivateEngine implements RealEngine {
  readonly kind: EngineKind
  readonly name: string
  readonly socketPath: string
  readonly address: string
  readonly docker: Docker
  readonly hostConfig: Docker.HostConfig
  readonly image = 'flotsam-busybox:latest'
  readonly imageArchive: string
  readonly #directory: GuardedDirectory
  readonly #recipe: Recipe
  readonly #containers: EngineContainers
  #daemon: Daemon
  #labelledImages = 0
  #hasEnded = false

  constructor({ kind, name }: EngineUnderTest, directory: GuardedDirectory, recipe: Recipe) {
    this.kind = kind
    this.name = name
    this.#directory = directory
    this.#recipe = recipe
    this.socketPath = recipe.socketPath
    this.address = `unix://${recipe.socketPath}`
    this.docker = new Docker(connectionTo(recipe.socketPath))
    this.hostConfig = recipe.hostConfig
    this.#containers = new EngineContainers(this.docker, this.image, recipe.hostConfig)
    this.imageArchive = packBusybox(directory.path)
    this.#daemon = this.#spawn()
  }

  get pid(): number {
    return this.#daemon.pid
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  create(request?: ContainerRequest): Promise<string> {
    return this.#containers.create(request)
  }

  run(request?: ContainerRequest): Promise<string> {
    return this.#containers.run(request)
  }

  exists(id: string): Promise<boolean> {
    return this.#containers.exists(id)
  }

  state(id: string): Promise<string | undefined> {
    return this.#containers.state(id)
  }

  listedState(id: string): Promise<string | undefined> {
    return this.#containers.listedState(id)
  }

  settled(id: string, state: string): Promise<void> {
    return this.#containers.settled(id, state)
  }

  async labelledImage(labels: Readonly<Record<string, string>>): Promise<string> {
    this.#labelledImages += 1
    const name = `flotsam-labelled-${this.#labelledImages}:latest`
    await importBusybox(this.docker, name, this.imageArchive, labels)
    return name
  }

  freeze(): Promise<void> {
    return this.#daemon.freeze()
  }

  thaw(): void {
    this.#daemon.signal('SIGCONT')
  }

  async kill(): Promise<void> {
    this.#daemon.signal('SIGKILL')
    await this.#daemon.exit()
    await this.#recipe.afterCrash()
  }

  async restart({ listing = 'all' }: RestartOptions = {}): Promise<void> {
    if (this.#daemon.isRunning) {
      this.#daemon.signal('SIGCONT')
      this.#daemon.signal('SIGTERM')
      await this.#daemon.exit()
    }
    this.#daemon = this.#spawn()
    await this.ready(readyDeadlineMs, listing)
  }

  async stop(): Promise<void> {
    this.#hasEnded = true
    await this.#directory.end()
  }

  /** Waits until the engine answers a listing; a ping is not enough. */
  async ready(deadlineMs = readyDeadlineMs, listing: 'all' | 'running' = 'all'): Promise<void> {
    let complaint: unknown
    await until(
      async () => {
        if (!this.#daemon.isRunning) throw new Error(`${this.name} ended early:\n${this.#daemon.logTail()}`)
        // on a busy machine a listing of many takes seconds
        const abortSignal = AbortSignal.timeout(10_000)
        return this.docker.listContainers({ all: listing === 'all', abortSignal }).then(
          () => true,
          (error: unknown) => {
            complaint = error
            return false
          },
        )
      },
      deadlineMs,
      `a listing from ${this.name}`,
    ).catch((cause: unknown) => {
      const last = complaint === undefined ? '' : `, and said last: ${inspect(complaint)}`
      throw new Error(`${this.name} did not come up${last}:\n${this.#daemon.logTail()}`, { cause })
    })
  }

  #spawn(): Daemon {
    const { command, args, env } = this.#recipe
    return new Daemon(command, args, env, join(this.#directory.path, 'daemon.log'))
  }
}

/** DOCKER_HOST and its relatives are overruled: they must not lead a test to a user's own engine. */
function connectionTo(socketPath: string): Docker.DockerOptions & { agent: Agent } {
  const overruled = ['host', 'port', 'ca', 'cert', 'key', 'timeout'].map((key) => [key, undefined])
  return {
    ...Object.fromEntries(overruled),
    protocol: 'http',
    socketPath,
    // the modem spells out every request with all that can be reached from it, which takes it longer than the request
    agent: Object.assign(new Agent({ keepAlive: false }), { [inspect.custom]: () => 'Agent' }),
  }
}
