import type { Answer, Requests } from './client.ts'
import type { Made } from './ledger.ts'

type Verb = 'kill' | 'pause' | 'restart' | 'start' | 'unpause'

/** What the agent does to its engine directly, bypassing the proxy. */
export class Hands {
  readonly #socketPath: string
  readonly #requests: Requests

  constructor(socketPath: string, requests: Requests) {
    this.#socketPath = socketPath
    this.#requests = requests
  }

  /** The ids of all containers of the engine; undefined without an answer. */
  async listed(): Promise<ReadonlySet<string> | undefined> {
    const { status, body } = await this.#ask('GET', '/containers/json?all=true')
    if (status !== 200) return undefined
    return new Set((JSON.parse(body) as { Id: string }[]).map(({ Id }) => Id))
  }

  async isThere({ id }: Made): Promise<boolean> {
    const { status } = await this.#ask('GET', `/containers/${id}/json`)
    return status === 200
  }

  async isAlive({ id }: Made): Promise<boolean> {
    const { status, body } = await this.#ask('GET', `/containers/${id}/json`)
    if (status !== 200) return false
    const { State } = JSON.parse(body) as { State: { Running: boolean; Paused: boolean } }
    return State.Running || State.Paused
  }

  /** Whether the engine says that it did so. */
  async post({ id }: Made, verb: Verb): Promise<boolean> {
    const query = verb === 'restart' ? '?t=0' : ''
    const { status } = await this.#ask('POST', `/containers/${id}/${verb}${query}`)
    // a 304 says that it was so before
    return status === 200 || status === 204
  }

  /** As the engine calls it now. */
  async nameOf({ id }: Made): Promise<string | undefined> {
    const { status, body } = await this.#ask('GET', `/containers/${id}/json`)
    return status === 200 ? (JSON.parse(body) as { Name: string }).Name.replace(/^\//, '') : undefined
  }

  async rename({ id }: Made, name: string): Promise<boolean> {
    const { status } = await this.#ask('POST', `/containers/${id}/rename?name=${name}`)
    return status === 204
  }

  /** What the engine answered; undefined where it did not. */
  async remove({ id }: Made): Promise<number | undefined> {
    const { status } = await this.#ask('DELETE', `/containers/${id}?force=true&v=true`)
    return status === 0 ? undefined : status
  }

  /** Status 0 where no answer came. */
  #ask(method: string, path: string): Promise<Answer> {
    return this.#requests.ask(this.#socketPath, method, path).catch((error: unknown) => ({
      status: 0,
      body: String(error),
    }))
  }
}
