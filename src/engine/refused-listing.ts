import type { IncomingMessage } from 'node:http'
import { shortId } from '../domain/ids.ts'
import type { Ask, Question } from './exchange.ts'
import { StatusError } from './failure.ts'
import { inDockersForm } from './podman-listing.ts'
import type { Listing } from './port.ts'

/** Reads an answer as a listing, after its body was put into the form of the Docker Engine API. */
export type ReadAnswer = (
  answer: IncomingMessage,
  inForm?: (body: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>,
) => Promise<Listing>

/** The request for a listing of all containers, or of those that pass the filters. */
export function listingBy(path: string, filters: Filters): Question {
  const isFiltered = Object.keys(filters).length > 0
  return { method: 'GET', path, query: { all: true, ...(isFiltered ? { filters } : {}) } }
}

type Filters = Readonly<Record<string, readonly string[]>>

export interface Otherwise {
  /** Of the Podman that refuses; undefined if another engine does. */
  readonly version: string | undefined
  readonly filters: Filters
  readonly ask: Ask
  readonly read: ReadAnswer
}

/**
 * One container whose removal was interrupted makes Podman refuse its listing until that container is removed. Then Podman's own
 * API is asked, whose listing is as complete; where that is denied, for all states but those in which such a container is.
 * Any other error is thrown again.
 */
export async function listOtherwise(
  refusal: unknown,
  { version, filters, ask, read }: Otherwise,
): Promise<Listing> {
  const isRefusal = refusal instanceof StatusError && refusal.statusCode === 500 && refusal.isOfEngine
  if (!isRefusal || version === undefined) throw refusal
  const own = await ask(listingBy(`/v${version}/libpod/containers/json`, filters))
  if (own.statusCode === 200) {
    const listing = await read(own, inDockersForm)
    return { ...listing, refusal: explained(refusal, listing) }
  }
  own.destroy()
  const rest = await ask(listingBy('/containers/json', { ...filters, status: statesThatAreShown }))
  if (rest.statusCode !== 200) {
    rest.destroy()
    throw refusal
  }
  const listing = await read(rest)
  const { count, first } = listing.unidentified ?? { count: 0, first: withoutPodmansOwn(refusal) }
  return { ...listing, unidentified: { count: count + 1, first } }
}

/** By which Podman can filter. No filter finds a container that is `stopping`. */
const statesThatAreShown = ['created', 'initialized', 'running', 'paused', 'exited', 'stopped', 'unknown']

/** More are rarely the cause, and each is found once those are gone. */
const namedAtMost = 3

function explained(refusal: StatusError, { containers }: Listing): string {
  const causes = containers.filter(({ id, state }) => state === 'removing' || refusal.detail.includes(id))
  const named = causes.slice(0, namedAtMost)
  if (named.length === 0) return refusal.message
  const names = named.map(({ id, name }) => (name === '' ? shortId(id) : `${name} (${shortId(id)})`))
  const rest = causes.length > named.length ? ` and ${causes.length - named.length} more` : ''
  const ids = named.map(({ id }) => shortId(id)).join(' ')
  return `${refusal.message}; it has lost the storage of ${names.join(', ')}${rest}, whose removal was probably interrupted; "podman rm -f ${ids}" finishes it`
}

function withoutPodmansOwn(refusal: StatusError): string {
  return `the engine cannot list containers in the states removing and stopping: ${refusal.message}; the removal of one was probably interrupted; "podman ps --all --filter status=removing" shows it, and "podman rm -f ID" finishes it`
}
