import { parseContainerId } from '../../domain/ids.ts'
import { TrackerError } from '../../index.ts'
import { messageWithCause } from '../text.ts'
import { fullIdForm } from './content.ts'
import { FreshAnswers, type Ids } from './fresh-answers.ts'
import { faultOf } from './response-head.ts'
import type { TrackedSource } from './source.ts'

/** Shorter than the library's two seconds for a tracker, so that our own reason is reported. */
const deadlineMs = 1500
const mostBytes = 16 * 1024 * 1024

/**
 * A JSON array of full ids from an HTTP endpoint: status 200, no redirects, at most 16 MiB. The URL is asked as it was given:
 * nothing is added to its query, which may be signed.
 */
export function trackedUrl(url: URL): TrackedSource {
  const answers = new FreshAnswers({
    read: (signal) => fetchIds(url, signal),
    deadlineMs,
    late: () => failed(url, `no complete answer within ${deadlineMs / 1000} s`),
  })
  return {
    flag: '--tracked-url',
    tracked: { has: async (id) => (await answers.ask()).has(id) },
    check: async () => void (await answers.ask()),
  }
}

async function fetchIds(url: URL, signal: AbortSignal): Promise<Ids> {
  return readIds(await fetchBody(url, signal), url)
}

const headers = { accept: 'application/json', 'cache-control': 'no-cache, no-store', pragma: 'no-cache' }

async function fetchBody(url: URL, signal: AbortSignal): Promise<Uint8Array> {
  try {
    const askedAtMs = Date.now()
    const response = await fetch(url, { headers, redirect: 'manual', signal })
    if (response.status !== 200) {
      await response.body?.cancel()
      throw failed(url, `the status is ${response.status} instead of 200`)
    }
    const fault = faultOf(response.headers, askedAtMs)
    if (fault !== undefined) {
      await response.body?.cancel()
      throw invalid(url, fault)
    }
    return await readBody(response, url)
  } catch (error) {
    if (error instanceof TrackerError) throw error
    throw failed(url, messageWithCause(error), error)
  }
}

/** Counted as it comes in: an endless answer must not fill the memory. */
async function readBody({ body }: Response, url: URL): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of body ?? []) {
    bytes += part.byteLength
    if (bytes > mostBytes) throw invalid(url, `the answer is larger than ${mostBytes} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}

function readIds(body: Uint8Array, url: URL): Ids {
  const ids = parseJson(body, url)
  if (!Array.isArray(ids)) throw invalid(url, 'the answer is not a JSON array')
  const wrong = ids.findIndex((id) => !parseContainerId(id))
  if (wrong >= 0) throw invalid(url, `element ${wrong} is not ${fullIdForm}`)
  return new Set(ids as string[])
}

function parseJson(body: Uint8Array, url: URL): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'))
  } catch (error) {
    throw invalid(url, 'the answer is not JSON', error)
  }
}

/** A query may hold a secret, so messages leave it out. */
function shown({ origin, pathname }: URL): string {
  return `${origin}${pathname}`
}

function failed(url: URL, why: string, cause?: unknown): TrackerError {
  return new TrackerError('tracked-url-failed', `${shown(url)} cannot be read: ${why}`, { cause })
}

function invalid(url: URL, why: string, cause?: unknown): TrackerError {
  return new TrackerError('tracked-url-invalid', `${shown(url)} is invalid: ${why}`, { cause })
}
