import { Agent } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import DockerModem from 'docker-modem'
import type { EngineAddress, HttpAddress } from './address.ts'
import { guardModem, type Modem } from './modem.ts'
import { createSshAgent } from './ssh.ts'
import type { Surroundings } from './surroundings.ts'

interface Connection {
  readonly agent: Agent
  readonly protocol?: 'https'
  readonly host?: string
  readonly port?: number
  readonly socketPath?: string
}

/** Creates the transport for calls to an engine. Sends nothing. */
export function connect(address: EngineAddress, env: Surroundings['env']): Modem {
  return guardModem(modemFor(address, env))
}

function modemFor(address: EngineAddress, env: Surroundings['env']): Modem {
  switch (address.kind) {
    case 'instance':
      return address.dockerode.modem
    case 'socket':
      return makeModem({ socketPath: address.socketPath, agent: new Agent(once) })
    case 'http':
      return makeModem({ host: address.host, port: address.port, ...connectHttp(address) })
    case 'ssh':
      return makeModem({ host: 'localhost', agent: createSshAgent(address, env) })
  }
}

/**
 * Connections are not reused: so none is stale, and extra bytes after one response are never read as part of the next.
 */
const once = { keepAlive: false } as const

function connectHttp({ tls }: HttpAddress): Connection {
  if (tls === undefined) return { agent: new Agent(once) }
  const { ca, cert, key, verify } = tls
  return {
    protocol: 'https',
    agent: new TlsAgent({ ...once, ca, cert, key, rejectUnauthorized: verify }),
  }
}

/** Hides DOCKER_HOST and its certificates from the modem, which would merge them into the options it is given. */
function makeModem(options: Connection): Modem {
  const dockerHost = process.env['DOCKER_HOST']
  delete process.env['DOCKER_HOST']
  try {
    return new DockerModem({ protocol: 'http', ...options })
  } finally {
    if (dockerHost !== undefined) process.env['DOCKER_HOST'] = dockerHost
  }
}
