import { Agent, request } from 'node:http'

const requestDeadlineMs = 60_000

/** The least that a program can do to talk to an engine: one kept connection for each place, and no questions asked. */
export class BareClient {
  #agent
  #socketPath

  constructor(socketPath, connections) {
    this.#socketPath = socketPath
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
  }

  /** All containers, parsed and otherwise untouched. */
  async list() {
    return JSON.parse(await this.#ask('GET', '/containers/json?all=1', 200))
  }

  /** Removes them in order, so many at a time. */
  async removeAll(ids, atOnce) {
    const waiting = [...ids]
    const removeSome = async () => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
        await this.#ask('DELETE', `/containers/${id}?force=1&v=1`, 204)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, removeSome))
  }

  close() {
    this.#agent.destroy()
  }

  #ask(method, path, wanted) {
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(requestDeadlineMs)
      const sent = request(
        { socketPath: this.#socketPath, agent: this.#agent, method, path, signal },
        (answer) => {
          const chunks = []
          answer.on('data', (chunk) => chunks.push(chunk))
          answer.on('error', reject)
          answer.on('end', () => {
            const text = Buffer.concat(chunks).toString()
            if (answer.statusCode === wanted) resolve(text)
            else reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`))
          })
        },
      )
      sent.on('error', reject)
      sent.end()
    })
  }
}
