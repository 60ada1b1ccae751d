import type Docker from 'dockerode'
import { until } from './engine-process.ts'

const settleDeadlineMs = 30_000

/** The options of a test's container. By default it sleeps for a day. */
export interface ContainerRequest {
  readonly name?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly image?: string
  readonly cmd?: readonly string[]
  /** 'none' by default: a private engine has no bridge. */
  readonly networkMode?: string
  /** `/data` creates an anonymous volume there, `name:/data` a named one. */
  readonly volumes?: readonly string[]
  /** How long the engine waits after SIGTERM when it stops this container gracefully; 0 by default. */
  readonly stopTimeoutSeconds?: number
  readonly hostConfig?: Docker.HostConfig
}

/** Helpers for containers, on any engine that a dockerode client can reach. */
export class EngineContainers {
  readonly #docker: Docker
  readonly #image: string
  readonly #hostConfig: Docker.HostConfig

  constructor(docker: Docker, image: string, hostConfig: Docker.HostConfig = {}) {
    this.#docker = docker
    this.#image = image
    this.#hostConfig = hostConfig
  }

  /** Creates a container and returns its full id. */
  async create(request: ContainerRequest = {}): Promise<string> {
    const container = await this.#docker.createContainer(this.#body(request))
    return container.id
  }

  /** Creates and starts a container, and returns its full id. */
  async run(request: ContainerRequest = {}): Promise<string> {
    const container = await this.#docker.createContainer(this.#body(request))
    await start(container)
    return container.id
  }

  async exists(id: string): Promise<boolean> {
    return (await this.state(id)) !== undefined
  }

  /** The inspected state (`running`, `exited`, …); undefined if the container does not exist. */
  async state(id: string): Promise<string | undefined> {
    try {
      return (await this.#docker.getContainer(id).inspect()).State.Status
    } catch (error) {
      if (statusOf(error) === 404) return undefined
      throw error
    }
  }

  /** The listed state; undefined if the listing omits the container. */
  async listedState(id: string): Promise<string | undefined> {
    const rows = await this.#docker.listContainers({ all: true })
    return rows.find((row) => row.Id === id)?.State
  }

  /**
   * Waits until listing and inspection agree on that state. From dockerd 26 and Podman 5 on both may lag behind: for a third
   * of a second after the answer to a wait, a stop or a kill they still show `running` or `stopped`.
   */
  async settled(id: string, state: string): Promise<void> {
    const agree = async () => (await this.listedState(id)) === state && (await this.state(id)) === state
    await until(agree, settleDeadlineMs, `${state} in listing and inspection`)
  }

  #body(request: ContainerRequest): Docker.ContainerCreateOptions {
    const volumes = request.volumes ?? []
    return {
      ...(request.name === undefined ? {} : { name: request.name }),
      Image: request.image ?? this.#image,
      Cmd: [...(request.cmd ?? ['sleep', '86400'])],
      Labels: { ...request.labels },
      StopTimeout: request.stopTimeoutSeconds ?? 0,
      Volumes: Object.fromEntries(
        volumes.filter((volume) => volume.startsWith('/')).map((path) => [path, {}]),
      ),
      HostConfig: {
        ...this.#hostConfig,
        NetworkMode: request.networkMode ?? 'none',
        Binds: volumes.filter((volume) => !volume.startsWith('/')),
        ...request.hostConfig,
      },
    }
  }
}

/**
 * On a busy machine runc loses its first process now and then, before anything of the container has run. Podman leaves
 * such a container created and dockerd too, so a second start is the first one of the container. Nothing else is tried again.
 */
async function start(container: Docker.Container): Promise<void> {
  try {
    await container.start()
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes('read init-p: connection reset by peer'))
      throw error
    process.stderr.write(`started again, since runc had lost its first process: ${error.message}\n`)
    await container.start()
  }
}

/** The HTTP status of a dockerode error. */
export function statusOf(error: unknown): number | undefined {
  const status: unknown = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  return typeof status === 'number' ? status : undefined
}
