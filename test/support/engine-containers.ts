import type Docker from 'dockerode'

/** What a test says of a container; all of it can be left out. The default container sleeps for a day. */
export interface ContainerRequest {
  readonly name?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly image?: string
  readonly cmd?: readonly string[]
  /** 'none' by default: a private engine has no bridge. */
  readonly networkMode?: string
  /** `/data` makes an anonymous volume there, `name:/data` a named one. */
  readonly volumes?: readonly string[]
  /** How long the engine waits after SIGTERM where it stops this container politely; 0 by default. */
  readonly stopTimeoutSeconds?: number
  readonly hostConfig?: Docker.HostConfig
}

/** Short words for what tests do with containers, on any engine that a dockerode client can talk to. */
export class EngineContainers {
  readonly #docker: Docker
  readonly #image: string
  readonly #hostConfig: Docker.HostConfig

  constructor(docker: Docker, image: string, hostConfig: Docker.HostConfig = {}) {
    this.#docker = docker
    this.#image = image
    this.#hostConfig = hostConfig
  }

  /** Creates a container and gives its full id. */
  async create(request: ContainerRequest = {}): Promise<string> {
    const container = await this.#docker.createContainer(this.#body(request))
    return container.id
  }

  /** Creates a container, starts it and gives its full id. */
  async run(request: ContainerRequest = {}): Promise<string> {
    const container = await this.#docker.createContainer(this.#body(request))
    await container.start()
    return container.id
  }

  async exists(id: string): Promise<boolean> {
    return (await this.state(id)) !== undefined
  }

  /** The state word of the engine (`running`, `exited`, …); undefined where it does not know the container. */
  async state(id: string): Promise<string | undefined> {
    try {
      return (await this.#docker.getContainer(id).inspect()).State.Status
    } catch (error) {
      if (statusOf(error) === 404) return undefined
      throw error
    }
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

/** The HTTP status that a dockerode error carries. */
export function statusOf(error: unknown): number | undefined {
  const status: unknown = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  return typeof status === 'number' ? status : undefined
}
