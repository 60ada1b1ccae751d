import { Agent } from 'node:http'
import Dockerode from 'dockerode'

/** A client of the engine at a unix socket. It ignores DOCKER_HOST and similar variables. */
export function connectTo(socketPath: string): Dockerode {
  const overruled = ['host', 'port', 'ca', 'cert', 'key', 'timeout'].map((key) => [key, undefined])
  return new Dockerode({
    ...Object.fromEntries(overruled),
    protocol: 'http',
    socketPath,
    agent: new Agent({ keepAlive: false }),
  })
}

/** Settles with the call, or rejects after the limit. What the engine does then is unknown. */
export async function within<T>(limitMs: number, call: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs)
  })
  try {
    return await Promise.race([call(abort.signal), late])
  } finally {
    clearTimeout(timer)
    abort.abort()
  }
}
