import type { IncomingMessage, ServerResponse } from 'node:http'
import { Answer, plainShaping, type Shaping } from './answer.ts'
import { readBody, type Call, type Route } from './call.ts'
import { isBelow } from './dialect.ts'
import type { CallFault } from './fault.ts'
import type { Gate } from './gate.ts'
import type { Container } from './model.ts'
import { Refusal } from './refusal.ts'
import type { RequestLog } from './request-log.ts'
import { containerRoutes } from './routes/containers.ts'
import { imageRoutes } from './routes/images.ts'
import { systemRoutes } from './routes/system.ts'
import { volumeRoutes } from './routes/volumes.ts'
import { type World } from './world.ts'

const routes: readonly Route[] = [...containerRoutes, ...systemRoutes, ...imageRoutes, ...volumeRoutes]

/** Before this version of the API, errors were plain text. */
const firstJsonErrors = '1.24'

const page =
  '<!DOCTYPE html><html><head><title>Request denied</title></head><body><h1>Request denied</h1></body></html>\n'

/** Handles each request from its arrival to its answer: logs it, applies faults, routes and answers it. */
export class Dispatcher {
  readonly #world: World
  readonly #gate: Gate
  readonly #log: RequestLog

  constructor(world: World, gate: Gate, log: RequestLog) {
    this.#world = world
    this.#gate = gate
    this.#log = log
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { clock, version, now } = this.#world
    const { apiVersion, path, query } = readTarget(request.url ?? '/')
    const method = request.method ?? 'GET'
    const entry = this.#log.begin(method, path, query.toString())
    response.once('close', () => {
      entry.endedAtMs = clock.now()
      entry.closedEarly = !response.writableFinished
    })
    // a client that disconnects is handled by 'close'
    response.on('error', () => {})
    this.#setHeaders(response)
    const answer = new Answer(response, this.#gate, entry, now)
    try {
      const body = await readBody(request)
      await this.#gate.pass()
      const { route, reference } = findRoute(method, path)
      const container = route?.namesContainer === true ? this.#peek(reference) : undefined
      entry.containerId = container?.id
      const named = route?.namesContainer === true ? reference : undefined
      const struck = this.#world.faults.strikeCall({ method, path, reference: named, container })
      entry.faults = struck.map(({ kind }) => kind)
      if (await this.#isEndedBy(path, struck, answer, container)) return
      answer.shaping = shapingOf(struck)
      const call = { world: this.#world, method, path, query, body, answer, reference }
      await this.#route(route, { ...call, apiVersion: apiVersion ?? version.api })
    } catch (thrown) {
      await this.#refuse(answer, thrown)
    }
  }

  async #route(route: Route | undefined, call: Call): Promise<void> {
    const { version, dialect } = this.#world
    // a client that requests Podman's own API concludes from this that it is another engine
    if (call.path.startsWith('/libpod/') && !dialect.isPodman) throw new Refusal(404, 'page not found')
    // not 404, which would mean 'no such container'
    if (!route) throw new Refusal(501, `the embedded engine does not know ${call.method} ${call.path}`)
    if (dialect.isPodman) return route.run(call)
    const { api, minApi } = version
    if (isBelow(call.apiVersion, minApi)) {
      const advice = 'please upgrade your client to a newer version'
      const message = `client version ${call.apiVersion} is too old. Minimum supported API version is ${minApi}, ${advice}`
      if (!isBelow(call.apiVersion, firstJsonErrors)) throw new Refusal(400, message)
      return call.answer.text(400, `${message}\n`, 'text/plain; charset=utf-8')
    }
    if (isBelow(api, call.apiVersion)) {
      throw new Refusal(
        400,
        `client version ${call.apiVersion} is too new. Maximum supported API version is ${api}`,
      )
    }
    await route.run(call)
  }

  async #refuse(answer: Answer, thrown: unknown): Promise<void> {
    if (answer.hasBegun) return answer.cut()
    const refusal = thrown instanceof Refusal ? thrown : new Refusal(500, String(thrown))
    await answer.json(refusal.status, this.#world.dialect.errorShape(refusal))
  }

  /** Applies the faults that precede the call. Resolves to true if the call is not carried out. */
  async #isEndedBy(
    path: string,
    struck: readonly CallFault[],
    answer: Answer,
    container: Container | undefined,
  ): Promise<boolean> {
    const { clock, containers, faults } = this.#world
    const { life } = this.#gate
    const startingMs = isAnsweredAtOnce(path) ? 0 : faults.startingMs
    if (startingMs > 0) await new Promise<void>((over) => clock.setTimeout(over, startingMs))
    for (const fault of struck) {
      if (fault.kind === 'latency') await new Promise<void>((over) => clock.setTimeout(over, fault.delayMs))
    }
    if (this.#gate.life !== life) return true
    for (const fault of struck) {
      if (fault.kind === 'hang') return true
      if (fault.kind === 'close' && fault.early === true) {
        answer.cut()
        return true
      }
      if (fault.kind === 'html') {
        await answer.text(fault.status ?? 200, page, 'text/html; charset=utf-8')
        return true
      }
      if (fault.kind === 'body') {
        await answer.text(200, fault.body ?? 'null', 'application/json')
        return true
      }
      if (fault.kind === 'error') {
        if (fault.leaves === 'dead' && container) containers.removals.fail(container)
        throw new Refusal(fault.status, fault.message)
      }
    }
    return false
  }

  #peek(reference: string): Container | undefined {
    const found = this.#world.containers.store.find(reference)
    return found === 'ambiguous' ? undefined : found
  }

  #setHeaders(response: ServerResponse): void {
    response.sendDate = false
    for (const [name, value] of Object.entries(this.#world.dialect.headers)) response.setHeader(name, value)
  }
}

/** Whether the path is answered immediately even while the engine is starting. */
function isAnsweredAtOnce(path: string): boolean {
  return path === '/events' || path === '/_ping'
}

function readTarget(target: string): {
  apiVersion: string | undefined
  path: string
  query: URLSearchParams
} {
  const at = target.indexOf('?')
  const [whole, query] = at < 0 ? [target, ''] : [target.slice(0, at), target.slice(at + 1)]
  const versioned = /^\/v(\d+\.\d+)(?:\.\d+)?(\/.*)$/.exec(whole)
  return { apiVersion: versioned?.[1], path: versioned?.[2] ?? whole, query: new URLSearchParams(query) }
}

function findRoute(method: string, path: string): { route: Route | undefined; reference: string } {
  for (const route of routes) {
    const match = route.method === method ? route.pattern.exec(path) : null
    if (match) return { route, reference: decode(match[1] ?? '') }
  }
  return { route: undefined, reference: '' }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function shapingOf(struck: readonly CallFault[]): Shaping {
  const close = struck.find((fault) => fault.kind === 'close')
  return {
    ...plainShaping,
    isMute: struck.some(({ kind }) => kind === 'no-answer'),
    isCut: struck.some(({ kind }) => kind === 'cut-json'),
    closeAfterBytes: close ? (close.afterBytes ?? 'half') : undefined,
  }
}
