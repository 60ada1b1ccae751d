import { type Agent, type ClientRequest, globalAgent, type IncomingMessage } from 'node:http'
import { globalAgent as tlsGlobalAgent } from 'node:https'
import { inspect } from 'node:util'
import type { Modem } from './exchange.ts'

interface RequestOptions {
  agent?: Agent | undefined
  readonly method?: string | undefined
  readonly path?: string | undefined
}

/** What of docker-modem its types leave out. */
interface Builder {
  readonly protocol?: unknown
  readonly buildRequest?: (options: RequestOptions, ...rest: unknown[]) => unknown
}

/** The same modem, which follows no redirect and spells no request out. */
export function guardModem(modem: Modem): Modem {
  const { buildRequest } = modem as Builder
  if (typeof buildRequest !== 'function') return modem
  const own: Builder = {
    buildRequest(this: Builder, options, ...rest) {
      guardAgent(options, this.protocol === 'https' ? tlsGlobalAgent : globalAgent)
      keepShort(options)
      return buildRequest.call(this, options, ...rest)
    },
  }
  return Object.assign(Object.create(modem) as Modem, own)
}

/**
 * The modem spells out every request for a debug log, written or not, with all that can be reached from it: its agent and
 * all sockets of that. It took longer than the whole request, and with a hundred of them seconds.
 */
function keepShort(options: RequestOptions): void {
  const value = () => `${options.method} ${options.path}`
  Object.defineProperty(options, inspect.custom, { value, configurable: true })
}

/**
 * No redirect is followed. By itself the modem asks again wherever an answer points, which may be any machine, and throws whatever goes wrong there
 * at the whole process. No engine redirects, so such an answer loses its address before the modem reads it, and counts as
 * what it is: not what was asked for. That is so whichever agent comes to carry the request: over ssh the modem puts one
 * of its own there.
 */
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
