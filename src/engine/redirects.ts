import { type Agent, type ClientRequest, globalAgent, type IncomingMessage } from 'node:http'
import { globalAgent as tlsGlobalAgent } from 'node:https'
import type { Modem } from './exchange.ts'

interface RequestOptions {
  agent?: Agent | undefined
}

/** What of docker-modem its types leave out. */
interface Builder {
  readonly protocol?: unknown
  readonly buildRequest?: (options: RequestOptions, ...rest: unknown[]) => unknown
}

/**
 * The same modem, following no redirect. By itself it asks again wherever an answer points, which may be any machine, and
 * throws whatever goes wrong there at the whole process. No engine redirects, so such an answer loses its address before
 * the modem reads it, and counts as what it is: not what was asked for.
 */
export function withoutRedirects(modem: Modem): Modem {
  const { buildRequest } = modem as Builder
  if (typeof buildRequest !== 'function') return modem
  const own: Builder = {
    buildRequest(this: Builder, options, ...rest) {
      guardAgent(options, this.protocol === 'https' ? tlsGlobalAgent : globalAgent)
      return buildRequest.call(this, options, ...rest)
    },
  }
  return Object.assign(Object.create(modem) as Modem, own)
}

/** Whichever agent comes to carry the request: over ssh the modem puts one of its own there. */
function guardAgent(options: RequestOptions, fallback: Agent): void {
  let agent = guarded(options.agent ?? fallback)
  Object.defineProperty(options, 'agent', {
    enumerable: true,
    get: () => agent,
    set: (given: Agent) => {
      agent = guarded(given)
    },
  })
}

/** An agent that sees each request before it is sent, and with it the answer before anybody else. */
function guarded(agent: Agent): Agent {
  const { addRequest } = agent as { addRequest?: (request: ClientRequest, ...rest: unknown[]) => unknown }
  if (typeof addRequest !== 'function') return agent
  return Object.assign(Object.create(agent) as Agent, {
    addRequest(request: ClientRequest, ...rest: unknown[]) {
      request.prependListener('response', forgetLocation)
      return addRequest.call(agent, request, ...rest)
    },
  })
}

function forgetLocation({ headers }: IncomingMessage): void {
  delete headers.location
}
