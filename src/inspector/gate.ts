import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** What was refused, and what would help. */
export interface Refusal {
  readonly status: 400 | 403 | 404 | 405
  readonly help: string
}

const here = new Set(['127.0.0.1', 'localhost'])

export function newToken(): string {
  return randomBytes(16).toString('base64url')
}

/**
 * Decides which clients may connect to the inspector: those on this machine, or at the other end of a tunnel to it, that have
 * the address.
 */
export class Gate {
  readonly #digest: Buffer

  constructor(token: string) {
    this.#digest = digestOf(token)
  }

  /** What every request must have, for whatever it asks. */
  refuse({ method, headers }: IncomingMessage): Refusal | undefined {
    if (method !== 'GET' && method !== 'HEAD') return { status: 405, help: 'Only GET is served here.' }
    // A name that leads to 127.0.0.1 is how a foreign page would get here.
    if (hostnameOf(headers.host) === undefined) {
      return { status: 403, help: 'Open it as http://127.0.0.1:PORT/…, and under no other name.' }
    }
    return undefined
  }

  /** Browsers say which page opens a WebSocket; no page but our own may. */
  refuseUpgrade(request: IncomingMessage): Refusal | undefined {
    const { host, origin } = request.headers
    const refusal = this.refuse(request)
    if (refusal) return refusal
    if (origin !== undefined && origin !== `http://${host}`) {
      return { status: 403, help: `No page of ${origin.slice(0, 100)} may look on.` }
    }
    const target = targetOf(request)
    if (!target) return { status: 400, help: 'That is no address.' }
    const stranger = this.refuseStranger(target.searchParams.get('token'))
    if (stranger) return stranger
    return target.pathname === '/ws' ? undefined : { status: 404, help: 'The WebSocket is at /ws.' }
  }

  refuseStranger(token: string | null | undefined): Refusal | undefined {
    if (typeof token === 'string' && timingSafeEqual(digestOf(token), this.#digest)) return undefined
    return {
      status: 403,
      help: 'Open the whole address that the agent printed, with its ?token=…; it changes at each start.',
    }
  }
}

/** Undefined for what Node's parser lets pass and is no address, such as `//`. */
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
