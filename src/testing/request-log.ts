/** A request that the engine received, and its result. */
export interface LoggedRequest {
  /** Counts from 1, in the order of arrival. */
  readonly number: number
  readonly method: string
  /** The path without the API version and the query. */
  readonly path: string
  readonly query: string
  /** The full id of the container in the path, if there is one. */
  readonly containerId: string | undefined
  /** When it arrived, and when its answer was complete, in monotonic milliseconds of the clock. */
  readonly atMs: number
  readonly endedAtMs: number | undefined
  /** Undefined before the answer begins. */
  readonly status: number | undefined
  /** The number of bytes of the body that were sent. */
  readonly bytes: number
  /** The connection was closed before the answer was complete, by either side. */
  readonly closedEarly: boolean
  /** The kinds of the faults that applied to it. */
  readonly faults: readonly string[]
}

export type MutableLoggedRequest = { -readonly [Key in keyof LoggedRequest]: LoggedRequest[Key] }

/** Selects requests. An omitted property matches every request. */
export interface RequestMatch {
  readonly method?: string
  readonly path?: string | RegExp
  readonly containerId?: string
}

/** The requests that the engine received. Keeps the latest ones. */
export class RequestLog implements Iterable<LoggedRequest> {
  readonly #limit: number
  readonly #now: () => number
  #kept: MutableLoggedRequest[] = []
  #total = 0

  constructor(limit: number, now: () => number) {
    this.#limit = limit
    this.#now = now
  }

  /** The number of requests since the start or the last `clear()`, including those no longer kept. */
  get total(): number {
    return this.#total
  }

  [Symbol.iterator](): Iterator<LoggedRequest> {
    return this.#latest()[Symbol.iterator]()
  }

  /**
   * Returns the kept requests that match, oldest first.
   *
   * @example
   * const deletes = engine.requests.matching({ method: 'DELETE', containerId: id })
   */
  matching({ method, path, containerId }: RequestMatch = {}): LoggedRequest[] {
    return this.#latest().filter(
      (one) =>
        (method === undefined || one.method === method) &&
        (path === undefined || (typeof path === 'string' ? one.path === path : one.path.search(path) >= 0)) &&
        (containerId === undefined || one.containerId === containerId),
    )
  }

  /** Deletes all entries. Requests in progress are not counted again. */
  clear(): void {
    this.#kept = []
    this.#total = 0
  }

  begin(method: string, path: string, query: string): MutableLoggedRequest {
    this.#total += 1
    const entry: MutableLoggedRequest = {
      number: this.#total,
      method,
      path,
      query,
      containerId: undefined,
      atMs: this.#now(),
      endedAtMs: undefined,
      status: undefined,
      bytes: 0,
      closedEarly: false,
      faults: [],
    }
    if (this.#kept.length >= 2 * this.#limit) this.#kept = this.#latest()
    this.#kept.push(entry)
    return entry
  }

  #latest(): MutableLoggedRequest[] {
    return this.#kept.slice(-this.#limit)
  }
}
