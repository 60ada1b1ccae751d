import { type Agent, type ClientRequest, globalAgent, type IncomingMessage } from 'node:http'
import { globalAgent as tlsGlobalAgent } from 'node:https'
import { inspect } from 'node:util'
import type { HeldRequest } from './held-request.ts'

/** The transport for requests to an engine: docker-modem's `dial`. */
export interface Modem {
  dial(options: ModemRequest, callback: (error: Error | null, answer: unknown) => void): void
}

/** One request, in the form that docker-modem accepts. */
export interface ModemRequest {
  readonly path: string
  readonly method: string
  readonly options: { readonly _query: object; readonly _body: object }
  readonly isStream: boolean
  readonly statusCodes: Readonly<Record<number, boolean>>
  readonly abortSignal: AbortSignal
  readonly headers?: Record<string, string>
}

/** Key of the held among the options of a request that changes something. */
export const heldKey = Symbol('held')

interface RequestOptions {
  agent?: Agent | false | undefined
  readonly method?: string | undefined
  readonly path?: string | undefined
}

/** Members of docker-modem that its types omit. */
interface Builder {
  readonly protocol?: unknown
  readonly buildRequest?: Build
}

type Build = (this: Builder, options: RequestOptions, asked: Asked | undefined, ...rest: unknown[]) => unknown

interface Asked {
  readonly [heldKey]?: HeldRequest | undefined
}

const guardedModems = new WeakSet<object>()
/** The original `buildRequest` of each instance on which the guard was installed. */
const replacedBuilders = new WeakMap<object, Build>()

/** Whether the modem holds requests that have a held. */
export function holdsBack(modem: object): boolean {
  return guardedModems.has(modem)
}

/** Wraps the modem, so that it follows no redirects, skips its debug output, and holds requests that have a held. */
export function guardModem(modem: Modem): Modem {
  const buildRequest = replacedBuilders.get(modem) ?? (modem as Builder).buildRequest
  if (typeof buildRequest !== 'function') return modem
  const guard: Build = function (this: Builder, options, asked, ...rest) {
    const held = asked?.[heldKey]
    guardAgent(options, this.protocol === 'https' ? tlsGlobalAgent : globalAgent, held)
    keepShort(options)
    held?.expect()
    return buildRequest.call(this, options, asked, ...rest)
  }
  const guarded = Object.assign(Object.create(modem) as Modem, { buildRequest: guard })
  guardedModems.add(guarded)
  if (Object.hasOwn(modem, 'dial')) lend(guard, buildRequest, modem)
  return guarded
}

/** The same transport without the API version of a Dockerode instance, so that the engine answers in its newest. */
export function withoutVersion(modem: Modem): Modem {
  const { version } = modem as { readonly version?: unknown }
  return version ? Object.assign(Object.create(modem) as Modem, { version: undefined }) : modem
}

/**
 * A `dial` that a program has set on its own instance is probably bound to that instance. So the guard is installed there
 * too, and ignores requests that are not ours.
 */
function lend(guard: Build, buildRequest: Build, modem: object): void {
  const value: Build = function (this: Builder, options, asked, ...rest) {
    const build = asked?.[heldKey] === undefined ? buildRequest : guard
    return build.call(this, options, asked, ...rest)
  }
  if (replacedBuilders.has(modem)) return
  if (Reflect.defineProperty(modem, 'buildRequest', { value, writable: true, configurable: true }))
    replacedBuilders.set(modem, buildRequest)
}

/**
 * The modem formats every request for a debug log, even if that is off, with its agent and all of the agent's sockets. This
 * took longer than the request itself, and seconds with a hundred requests.
 */
function keepShort(options: RequestOptions): void {
  const value = () => `${options.method} ${options.path}`
  Object.defineProperty(options, inspect.custom, { value, configurable: true })
}

/**
 * Prevents redirects. The modem would follow one to any host, and throw a failure there as an uncaught exception. No engine
 * redirects, so the `Location` header is deleted before the modem reads it, and the response fails by its status. This
 * applies to every agent: over ssh the modem sets its own.
 */
function guardAgent(options: RequestOptions, fallback: Agent, held: HeldRequest | undefined): void {
  // without an agent, Node would create a connection that bypasses the guard
  let agent = guarded(options.agent || fallback, held)
  Object.defineProperty(options, 'agent', {
    enumerable: true,
    get: () => agent,
    set: (given: Agent | false | undefined) => {
      agent = guarded(given || fallback, held)
    },
  })
}

/** Wraps an agent, to intercept each request before it is sent and its response before any other listener. */
function guarded(agent: Agent, held: HeldRequest | undefined): Agent {
  const { addRequest } = agent as { addRequest?: (request: ClientRequest, ...rest: unknown[]) => unknown }
  if (typeof addRequest !== 'function') return agent
  return Object.assign(Object.create(agent) as Agent, {
    addRequest(request: ClientRequest, ...rest: unknown[]) {
      request.prependListener('response', forgetLocation)
      held?.hold(request)
      return addRequest.call(agent, request, ...rest)
    },
  })
}

function forgetLocation({ headers }: IncomingMessage): void {
  delete headers.location
}
