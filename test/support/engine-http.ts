import { request, type IncomingHttpHeaders } from 'node:http'
import type Docker from 'dockerode'

/** What came over the wire, for what dockerode keeps to itself: the status of a success and the headers. */
export interface PlainAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** One HTTP request to wherever that client points, with nothing in between. */
export function plainRequest(
  docker: Docker,
  method: string,
  path: string,
  body?: unknown,
): Promise<PlainAnswer> {
  const { socketPath, host, port } = addressOf(docker)
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        method,
        path,
        agent: false,
        headers: { 'content-type': 'application/json' },
        ...(socketPath === undefined ? { host, port } : { socketPath }),
        signal: AbortSignal.timeout(60_000),
      },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (chunk: string) => (text += chunk))
        answer.once('error', reject)
        answer.once('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }),
        )
      },
    )
    outgoing.once('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

interface ModemAddress {
  readonly socketPath: string | undefined
  readonly host: string | undefined
  readonly port: string | number | undefined
}

function addressOf(docker: Docker): ModemAddress {
  // what the client was built with, which its types leave out
  return docker.modem as unknown as ModemAddress
}
