import { Agent } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import Dockerode from 'dockerode'
import type { EngineAddress, HttpAddress, Surroundings } from './address.ts'
import type { Modem } from './exchange.ts'
import { guardModem } from './modem.ts'
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
 * A connection that is never used again cannot be stale, and what an engine sends too much of after one answer is never
 * taken for the next one's.
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

/** The modem mixes DOCKER_HOST and its certificates into whatever it is told, so it must not see them. */
function makeModem(options: Connection): Modem {
  const dockerHost = process.env['DOCKER_HOST']
  delete process.env['DOCKER_HOST']
  try {
    return new Dockerode(Object.assign({ protocol: 'http' as const }, options)).modem
  } finally {
    if (dockerHost !== undefined) process.env['DOCKER_HOST'] = dockerHost
  }
}
