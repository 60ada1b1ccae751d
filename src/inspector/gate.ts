import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Why a request is refused, and how to fix it. */
export interface Refusal {
  readonly status: 400 | 403 | 404 | 405
  readonly help: string
}

const here = new Set(['127.0.0.1', 'localhost'])

export function newToken(): string {
  return randomBytes(16).toString('base64url')
}

/**
 * Decides which clients may connect to the inspector: those that have its address with the token, and are on this
 * machine or at the other end of a tunnel.
 */
export class Gate {
  readonly #digest: Buffer

  constructor(token: string) {
    this.#digest = digestOf(token)
  }

  /** Checks the method and the host, for every request. */
  refuse({ method, headers }: IncomingMessage): Refusal | undefined {
    if (method !== 'GET' && method !== 'HEAD') return { status: 405, help: 'Only GET is served here.' }
    // DNS rebinding: a foreign page can reach 127.0.0.1 under a name of its own.
    if (hostnameOf(headers.host) === undefined) {
      return { status: 403, help: 'Open it as http://127.0.0.1:PORT/…; other host names are refused.' }
    }
    return undefined
  }

  /** Checks a WebSocket. Browsers send the origin of the page that opens it, which must be our own. */
  refuseUpgrade(request: IncomingMessage): Refusal | undefined {
    const { host, origin } = request.headers
    const refusal = this.refuse(request)
    if (refusal) return refusal
    if (origin !== undefined && origin !== `http://${host}`) {
      return { status: 403, help: `Pages of ${origin.slice(0, 100)} are not allowed to connect.` }
    }
    const target = targetOf(request)
    if (!target) return { status: 400, help: 'The address is invalid.' }
    const stranger = this.refuseStranger(target.searchParams.get('token'))
    if (stranger) return stranger
    return target.pathname === '/ws' ? undefined : { status: 404, help: 'The WebSocket is at /ws.' }
  }

  refuseStranger(token: string | null | undefined): Refusal | undefined {
    if (typeof token === 'string' && timingSafeEqual(digestOf(token), this.#digest)) return undefined
    return {
      status: 403,
      help: 'Open the complete address that the agent printed, with its ?token=…; the token changes at each start.',
    }
  }
}

/** Undefined for invalid addresses that Node's parser accepts, such as `//`. */
function targetOf({ url = '' }: IncomingMessage): URL | undefined {
  const base = 'http://localhost'
  return URL.canParse(url, base) ? new URL(url, base) : undefined
}

function hostnameOf(host: string | undefined): string | undefined {
  const hostname = /^([^:/@\s]+)(?::\d{1,5})?$/.exec(host ?? '')?.[1]
  return hostname !== undefined && here.has(hostname) ? hostname : undefined
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
