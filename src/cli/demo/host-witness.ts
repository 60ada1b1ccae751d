import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type Dockerode from 'dockerode'
import { within } from './connection.ts'
import { type Evidence, runLabel } from './stage.ts'

/** The event of a removal on Docker, and on some other servers of its API. */
const removalActions: ReadonlySet<string> = new Set(['destroy', 'remove'])
const callLimitMs = 30_000
const quietMs = 250
const lastEventLimitMs = 5000

interface EngineEvent {
  readonly Action?: string
  readonly Actor?: { readonly ID?: string; readonly Attributes?: Readonly<Record<string, string>> }
}

/** Collects evidence from an engine without a request log: listings before and after, and events in between. */
export class HostWitness {
  readonly #docker: Dockerode
  readonly #run: string
  readonly #bystanders: ReadonlySet<string>
  readonly #events: Readable
  readonly #destroyed: string[] = []
  #rest = ''

  private constructor(docker: Dockerode, run: string, bystanders: ReadonlySet<string>, events: Readable) {
    this.#docker = docker
    this.#run = run
    this.#bystanders = bystanders
    this.#events = events
    events.on('data', (chunk: Buffer) => this.#read(chunk.toString()))
    // If the engine is gone, the last listing fails.
    events.on('error', () => {})
  }

  static async open(docker: Dockerode, run: string): Promise<HostWitness> {
    const before = await listIds(docker)
    const label = [`${runLabel}=${run}`]
    const events = await within(callLimitMs, () =>
      docker.getEvents({ filters: { type: ['container'], label } }),
    )
    return new HostWitness(docker, run, before, events as Readable)
  }

  async evidence(): Promise<Evidence> {
    await this.#lastEvents()
    const living = await listIds(this.#docker, this.#run)
    return {
      source: "the engine's listings and events",
      removed: [...this.#destroyed],
      requested: new Set(this.#destroyed),
      living,
      bystanders: this.#bystanders,
    }
  }

  close(): void {
    this.#events.destroy()
  }

  /** Waits a little, since events arrive after the answers to their requests. */
  async #lastEvents(): Promise<void> {
    const untilMs = performance.now() + lastEventLimitMs
    let count: number
    do {
      count = this.#destroyed.length
      await sleep(quietMs)
    } while (count !== this.#destroyed.length && performance.now() < untilMs)
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines.filter((one) => one.trim() !== '')) {
      const { Action = '', Actor } = JSON.parse(line) as EngineEvent
      const isOurs = Actor?.Attributes?.[runLabel] === this.#run
      if (isOurs && removalActions.has(Action) && Actor.ID !== undefined) this.#destroyed.push(Actor.ID)
    }
  }
}

async function listIds(docker: Dockerode, run?: string): Promise<ReadonlySet<string>> {
  const listed = await within(callLimitMs, (abortSignal) => docker.listContainers({ all: true, abortSignal }))
  return new Set(
    listed.filter(({ Labels }) => run === undefined || Labels[runLabel] === run).map(({ Id }) => Id),
  )
}
