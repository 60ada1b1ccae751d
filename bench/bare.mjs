import { Agent, request } from 'node:http'

const requestDeadlineMs = 120_000

/** A minimal client: one kept-alive connection for each slot, and no checks. */
export class BareClient {
  #agent
  #socketPath

  constructor(address, connections = 1) {
    this.#socketPath = new URL(address).pathname
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
  }

  /** Lists all containers, parsed and otherwise unprocessed. */
  async list() {
    return JSON.parse(await this.#ask('GET', '/containers/json?all=1', 200, asText))
  }

  /** Reads a listing and discards it: the cost of the engine and the socket for any client. */
  async drain() {
    return this.#ask('GET', '/containers/json?all=1', 200, asLength)
  }

  /** Removes them in order, `atOnce` at a time. */
  async removeAll(ids, atOnce) {
    const waiting = [...ids]
    const removeSome = async () => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
        await this.#ask('DELETE', `/containers/${id}?force=1&v=1`, 204, asText)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, removeSome))
  }

  close() {
    this.#agent.destroy()
  }

  #ask(method, path, wanted, read) {
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(requestDeadlineMs)
      const sent = request(
        { socketPath: this.#socketPath, agent: this.#agent, method, path, signal },
        (answer) => {
          answer.on('error', reject)
          if (answer.statusCode === wanted) return read(answer, resolve)
          read = asText
          return read(answer, (text) => reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`)))
        },
      )
      sent.on('error', reject)
      sent.end()
    })
  }
}

function asText(answer, done) {
  const chunks = []
  answer.on('data', (chunk) => chunks.push(chunk))
  answer.on('end', () => done(Buffer.concat(chunks).toString()))
}

function asLength(answer, done) {
  let bytes = 0
  answer.on('data', (chunk) => (bytes += chunk.length))
  answer.on('end', () => done(bytes))
}
