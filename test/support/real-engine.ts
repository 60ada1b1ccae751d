import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs'
import { Agent } from 'node:http'
import { join } from 'node:path'
import { inspect } from 'node:util'
import Docker from 'dockerode'
import { afterAll, beforeAll, describe } from 'vitest'
import {
  engineAvailability,
  engineIsRequired,
  engineTestsAreOff,
  findStaticBusybox,
  type EngineKind,
} from './engine-availability.ts'
import { EngineContainers, type ContainerRequest } from './engine-containers.ts'
import { Daemon, makeGuardedDirectory, until, type GuardedDirectory } from './engine-process.ts'
import { dockerdRecipe, podmanRecipe, type Recipe } from './engine-recipes.ts'

const readyDeadlineMs = 60_000
const busyboxCommands = ['sh', 'sleep', 'true', 'false', 'cat', 'echo', 'ls', 'touch', 'mkdir', 'rm']

/** An engine of its own for one test file: own socket, own storage, no network, no image but a busybox. */
export interface RealEngine {
  readonly kind: EngineKind
  readonly socketPath: string
  /** For the option `engine` and for `--host`. */
  readonly address: string
  /** A client that keeps no connection open, so that it survives restarts of the engine. */
  readonly docker: Docker
  /** The name of the image of a static busybox that every engine is born with. */
  readonly image: string
  /** What every container needs here, for a test that creates its own with `docker`. */
  readonly hostConfig: Docker.HostConfig
  /** The daemon's process id, for measuring it. */
  readonly pid: number
  /** Creates a container and gives its full id. */
  create(request?: ContainerRequest): Promise<string>
  /** Creates a container, starts it and gives its full id. */
  run(request?: ContainerRequest): Promise<string>
  /** Makes an image that carries labels, from the same busybox, and gives its name. */
  labelledImage(labels: Readonly<Record<string, string>>): Promise<string>
  exists(id: string): Promise<boolean>
  /** The state word of the engine (`running`, `exited`, …); undefined where it does not know the container. */
  state(id: string): Promise<string | undefined>
  /** SIGSTOP: from then on it accepts connections and answers nothing. containerd and the containers go on. */
  freeze(): Promise<void>
  /** SIGCONT; nothing happens to an engine that is not frozen. */
  thaw(): void
  /**
   * SIGKILL. dockerd takes its containerd with it. Containers survive the crash, as they do in production; a dockerd
   * that comes back without live-restore ends them, Podman finds them running.
   */
  kill(): Promise<void>
  /** Starts it again on the same storage and socket; a running one is first asked to end, which ends dockerd's containers. */
  restart(): Promise<void>
  /** Ends it with everything it started and removes every trace. A second call does nothing. */
  stop(): Promise<void>
}

/** Starts a private dockerd. Takes a second or two; needs what `engineAvailability('dockerd')` asks for. */
export function startDockerd(): Promise<RealEngine> {
  return startEngine('dockerd', dockerdRecipe)
}

/** Starts a private Podman that serves the Docker API. */
export function startPodman(): Promise<RealEngine> {
  return startEngine('podman', podmanRecipe)
}

/**
 * A `describe` that has a private engine from before its first test until after its last. Where that engine cannot be
 * started the tests are skipped, and `engine-global-setup.ts` says so once; with FLOTSAM_REQUIRE_ENGINE=1 they fail.
 */
export function describeOnEngine(
  kind: EngineKind,
  title: string,
  define: (engine: () => RealEngine) => void,
): void {
  const isLeftOut = engineTestsAreOff() || (!engineIsRequired() && !engineAvailability(kind).available)
  describe.skipIf(isLeftOut)(`${title} [${kind}]`, () => {
    let engine: RealEngine | undefined
    beforeAll(async () => {
      engine = await (kind === 'dockerd' ? startDockerd() : startPodman())
    })
    afterAll(async () => {
      await engine?.stop()
    })
    define(() => {
      if (engine === undefined) throw new Error('the engine exists only while tests run')
      return engine
    })
  })
}

async function startEngine(kind: EngineKind, recipeFor: (directory: string) => Recipe): Promise<RealEngine> {
  const { missing } = engineAvailability(kind)
  if (missing.length > 0) throw new Error(`a private ${kind} needs ${missing.join(', ')}`)
  const directory = makeGuardedDirectory()
  try {
    const engine = new PrivateEngine(kind, directory, recipeFor(directory.path))
    await engine.ready()
    await importBusybox(engine.docker, engine.image, engine.imageArchive)
    return engine
  } catch (cause) {
    await directory.end()
    throw cause
  }
}

class PrivateEngine implements RealEngine {
  readonly kind: EngineKind
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

  constructor(kind: EngineKind, directory: GuardedDirectory, recipe: Recipe) {
    this.kind = kind
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

  async restart(): Promise<void> {
    if (this.#daemon.isRunning) {
      this.#daemon.signal('SIGCONT')
      this.#daemon.signal('SIGTERM')
      await this.#daemon.exit()
    }
    this.#daemon = this.#spawn()
    await this.ready()
  }

  async stop(): Promise<void> {
    await this.#directory.end()
  }

  /** Ready is an engine that lists; a ping proves nothing. */
  async ready(): Promise<void> {
    await until(
      async () => {
        if (!this.#daemon.isRunning) throw new Error(`${this.kind} ended early:\n${this.#daemon.logTail()}`)
        return this.docker.listContainers({ all: true, abortSignal: AbortSignal.timeout(2_000) }).then(
          () => true,
          () => false,
        )
      },
      readyDeadlineMs,
      `a listing from ${this.kind}`,
    ).catch((cause: unknown) => {
      throw new Error(`${this.kind} did not come up:\n${this.#daemon.logTail()}`, { cause })
    })
  }

  #spawn(): Daemon {
    const { command, args, env } = this.#recipe
    return new Daemon(command, args, env, join(this.#directory.path, 'daemon.log'))
  }
}

/** DOCKER_HOST and its relatives are overruled: they must not lead a test to somebody's own engine. */
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

function packBusybox(directory: string): string {
  const root = join(directory, 'image')
  const archive = join(directory, 'image.tar')
  mkdirSync(join(root, 'bin'), { recursive: true })
  copyFileSync(findStaticBusybox() ?? 'busybox', join(root, 'bin/busybox'))
  for (const name of busyboxCommands) symlinkSync('busybox', join(root, 'bin', name))
  execFileSync('tar', ['-C', root, '-cf', archive, '.'])
  return archive
}

async function importBusybox(
  docker: Docker,
  name: string,
  archive: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<void> {
  const changes = Object.entries(labels).map(([key, value]) => `LABEL ${key}=${value}`)
  const [repo, tag] = name.split(':')
  const answer = await docker.importImage(archive, { repo, tag, changes })
  let said = ''
  for await (const chunk of answer) said += String(chunk)
  // an import that fails half-way still answers with 200, and the error is a line of the body
  if (said.includes('"error"')) throw new Error(`could not import ${name}: ${said}`)
  await docker.getImage(name).inspect()
}
