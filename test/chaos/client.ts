import { request } from 'node:http'

export interface Answer {
  readonly status: number
  readonly body: string
}

/**
 * Far longer than any engine here takes. An agent that gave up earlier would come with the next request while the engine still
 * works at the last one: what a busy machine cannot carry would heap up in the engine until it carries nothing at all.
 */
const deadlineMs = 300_000

/** One request on a connection of its own. Rejects where no whole answer came. */
export function ask(socketPath: string, method: string, path: string, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        socketPath,
        method,
        path,
        agent: false,
        headers: { 'content-type': 'application/json' },
        signal: AbortSignal.timeout(deadlineMs),
      },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (chunk: string) => (text += chunk))
        answer.once('error', reject)
        answer.once('end', () => resolve({ status: answer.statusCode ?? 0, body: text }))
      },
    )
    outgoing.once('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/** The requests of one agent, and how many of them its engine works at. */
export class Requests {
  #underWay = 0

  /** Those that change something. */
  get underWay(): number {
    return this.#underWay
  }

  async ask(socketPath: string, method: string, path: string, body?: unknown): Promise<Answer> {
    if (method === 'GET') return ask(socketPath, method, path)
    this.#underWay++
    try {
      return await ask(socketPath, method, path, body)
    } finally {
      this.#underWay--
    }
  }
}
