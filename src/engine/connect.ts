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
      return makeModem({ socketPath: address.socketPath, agent: new Agent(kept) })
    case 'http':
      return makeModem({ host: address.host, port: address.port, ...connectHttp(address) })
    case 'ssh':
      return makeModem({ host: 'localhost', agent: createSshAgent(address, env) })
  }
}

/**
 * A connection is used again only while requests follow each other closely, as those of many removals do: one that has
 * been idle for longer may be stale, which its next request would find out.
 */
const kept = { keepAlive: true, timeout: 100 } as const

function connectHttp({ tls }: HttpAddress): Connection {
  if (tls === undefined) return { agent: new Agent(kept) }
  const { ca, cert, key, verify } = tls
  return {
    protocol: 'https',
    agent: new TlsAgent({ ...kept, ca, cert, key, rejectUnauthorized: verify }),
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
