import { Agent } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import { inspect } from 'node:util'
import Dockerode from 'dockerode'
import type { EngineAddress, HttpAddress, Surroundings } from './address.ts'
import type { Modem } from './exchange.ts'
import { withoutRedirects } from './redirects.ts'
import { createSshAgent } from './ssh.ts'

interface Connection {
  readonly agent: Agent
  readonly protocol?: 'https'
  readonly host?: string
  readonly port?: number
  readonly socketPath?: string
}

/** What carries the calls to an engine. Nothing is sent by making it. */
export function connect(address: EngineAddress, env: Surroundings['env']): Modem {
  return withoutRedirects(modemFor(address, env))
}

function modemFor(address: EngineAddress, env: Surroundings['env']): Modem {
  switch (address.kind) {
    case 'instance':
      return address.dockerode.modem
    case 'socket':
      return makeModem({ socketPath: address.socketPath, agent: new Agent({ keepAlive: false }) })
    case 'http':
      return makeModem({ host: address.host, port: address.port, ...connectHttp(address) })
    case 'ssh':
      return makeModem({ host: 'localhost', agent: createSshAgent(address, env) })
  }
}

function connectHttp({ tls }: HttpAddress): Connection {
  // a connection that is never used again cannot be stale
  if (tls === undefined) return { agent: new Agent({ keepAlive: false }) }
  const { ca, cert, key, verify } = tls
  return {
    protocol: 'https',
    agent: new TlsAgent({ keepAlive: false, ca, cert, key, rejectUnauthorized: verify }),
  }
}

/**
 * The modem spells out every request in full for a debug log, written or not, and an agent reaches all of its sockets:
 * a hundred requests at once blocked the program for seconds.
 */
function unspell(agent: Agent): void {
  Object.assign(agent, { [inspect.custom]: () => 'Agent' })
}

/** The modem mixes DOCKER_HOST and its certificates into whatever it is told, so it must not see them. */
function makeModem(options: Connection): Modem {
  unspell(options.agent)
  const dockerHost = process.env['DOCKER_HOST']
  delete process.env['DOCKER_HOST']
  try {
    return new Dockerode(Object.assign({ protocol: 'http' as const }, options)).modem
  } finally {
    if (dockerHost !== undefined) process.env['DOCKER_HOST'] = dockerHost
  }
}
