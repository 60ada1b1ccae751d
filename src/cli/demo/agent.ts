import type Dockerode from 'dockerode'
import { within } from './connection.ts'
import type { Stage } from './stage.ts'

type Labels = Readonly<Record<string, string>>

const quietDeadlineMs = 10_000

/** A typical agent: it starts containers, keeps a list of them, and loses track of some. */
export class Agent {
  /** Its tasks by container id. This is the tracker that Flotsam asks. */
  readonly tasks = new Map<string, string>()
  readonly #docker: Dockerode
  readonly #stage: Stage
  readonly #labels: Labels
  readonly #timeoutMs: number
  #isAlive = false

  constructor(docker: Dockerode, stage: Stage, labels: Labels, extendedDeadlineMs: number) {
    this.#docker = docker
    this.#stage = stage
    this.#labels = labels
    this.#timeoutMs = extendedDeadlineMs
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  boot(): void {
    this.#isAlive = true
  }

  /** Ends its process: all of its tasks are forgotten. */
  crash(): void {
    this.#isAlive = false
    this.tasks.clear()
  }

  /** Starts a container without registering it. */
  async start(name: string, labels: Labels = this.#labels): Promise<string> {
    const container = await this.#create(name, labels, quietDeadlineMs)
    await within(quietDeadlineMs, (abortSignal) => container.start({ abortSignal }))
    return container.id
  }

  register(id: string, name: string): void {
    this.tasks.set(id, name)
  }

  /** Starts a container and registers it. */
  async run(name: string): Promise<string> {
    const id = await this.start(name)
    this.register(id, name)
    return id
  }

  /** Creates a container. Resolves to `true` if the request timed out. */
  async tryToCreate(name: string): Promise<boolean> {
    return this.#givesUp(this.#create(name, this.#labels, this.#timeoutMs))
  }

  /** Creates and starts a container. Resolves to `true` if the start request timed out. */
  async tryToRun(name: string): Promise<boolean> {
    const container = await this.#create(name, this.#labels, quietDeadlineMs)
    this.#stage.loseAnswer('start')
    return this.#givesUp(within(this.#timeoutMs, (abortSignal) => container.start({ abortSignal })))
  }

  #create(name: string, labels: Labels, limitMs: number): Promise<Dockerode.Container> {
    return within(limitMs, (abortSignal) =>
      this.#docker.createContainer({
        name: this.#stage.namePrefix + name,
        Image: this.#stage.image,
        Cmd: ['sleep', '3600'],
        Labels: { ...labels, ...this.#stage.runLabels },
        HostConfig: { NetworkMode: 'none' },
        abortSignal,
      }),
    )
  }

  async #givesUp(call: Promise<unknown>): Promise<boolean> {
    return call.then(
      () => false,
      () => true,
    )
  }
}
