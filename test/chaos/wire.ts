/** The head of one HTTP request, and how many bytes the whole request has. */
export interface RequestHead {
  readonly method: string
  /** Without the version that clients put before it, and without the query. */
  readonly path: string
  readonly query: string
  readonly length: number
  /** Which life of Flotsam sent it; undefined where its agent did. */
  readonly life: number | undefined
}

/** What a life of Flotsam puts into each of its requests. */
export const lifeHeader = 'x-chaos-life'
const lifeLine = new RegExp(`^${lifeHeader}: *(\\d+)`, 'im')

/** Undefined until the head is whole. */
export function readHead(bytes: Buffer): RequestHead | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = bytes.toString('latin1', 0, end)
  const [, method = '', target = ''] = /^(\S+) (\S+) HTTP\/1\.1/.exec(head) ?? []
  const bodyBytes = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
  const life = lifeLine.exec(head)?.[1]
  const [path = '', query = ''] = target.replace(/^\/v\d[\d.]*(?=\/)/, '').split('?')
  return {
    method,
    path,
    query,
    length: end + 4 + bodyBytes,
    life: life === undefined ? undefined : Number(life),
  }
}

/** The status that an answer begins with. */
export function statusIn(chunk: Buffer): number | undefined {
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(chunk.toString('latin1', 0, 16))?.[1]
  return status === undefined ? undefined : Number(status)
}

/** What a request would do to which container; undefined where it harms none. */
export interface Harm {
  readonly verb: 'remove' | 'stop' | 'unpause'
  readonly target: string
}

/** Reads a request that would remove, stop or change one container, by whatever name it calls it. */
export function harmIn(method: string, path: string): Harm | undefined {
  const removed = method === 'DELETE' ? /^(?:\/libpod)?\/containers\/([^/]*)$/.exec(path)?.[1] : undefined
  if (removed !== undefined) return { verb: 'remove', target: decodeURIComponent(removed) }
  const [, target, verb] =
    method === 'POST' ? (/^(?:\/libpod)?\/containers\/([^/]+)\/(\w+)$/.exec(path) ?? []) : []
  if (target === undefined || verb === undefined) return undefined
  const word = verb === 'kill' || verb === 'restart' || verb === 'pause' ? 'stop' : verb
  return word === 'stop' || word === 'unpause' ? { verb: word, target } : undefined
}

/** The container that a request inspects, in either API; undefined where it does something else. */
export function inspectedIn(method: string, path: string): string | undefined {
  if (method !== 'GET') return undefined
  const id = /^(?:\/libpod)?\/containers\/([^/]+)\/json$/.exec(path)?.[1]
  return id === undefined ? undefined : decodeURIComponent(id)
}

/** The id of what a request asks about, a container or an image; undefined where it does something else. */
export function questionIn(method: string, path: string): string | undefined {
  if (method !== 'GET') return undefined
  const asked = /^(?:\/libpod)?\/(?:containers|images)\/(.+)\/json$/.exec(path)?.[1]
  return asked === undefined ? undefined : decodeURIComponent(asked)
}

/** Whether a request changes nothing, whatever its path. */
export function onlyReads(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

/** The name that a request to create a container asks for. */
export function nameIn(query: string): string | undefined {
  return new URLSearchParams(query).get('name') ?? undefined
}
