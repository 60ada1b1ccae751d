import { ask, type Answer } from './client.ts'
import type { Made } from './ledger.ts'

/** What the agent does to its engine with its own hands, around the proxy. */
export class Hands {
  readonly #socketPath: string

  constructor(socketPath: string) {
    this.#socketPath = socketPath
  }

  /** The ids of all that the engine has; undefined where it does not say. */
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
  async post({ id }: Made, verb: 'kill' | 'pause' | 'start' | 'unpause'): Promise<boolean> {
    const { status } = await this.#ask('POST', `/containers/${id}/${verb}`)
    return status > 0 && status < 400
  }

  /** What the engine answered; undefined where it did not. */
  async remove({ id }: Made): Promise<number | undefined> {
    const { status } = await this.#ask('DELETE', `/containers/${id}?force=true&v=true`)
    return status === 0 ? undefined : status
  }

  /** Status 0 where no answer came. */
  #ask(method: string, path: string): Promise<Answer> {
    return ask(this.#socketPath, method, path).catch((error: unknown) => ({
      status: 0,
      body: String(error),
    }))
  }
}
