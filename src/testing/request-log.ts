/** One request that the engine has heard, and what became of it. */
export interface LoggedRequest {
  /** Counts from 1, in the order of arrival. */
  readonly number: number
  readonly method: string
  /** Without the API's version and without the query. */
  readonly path: string
  readonly query: string
  /** The full id of the container that the path names, where there is one. */
  readonly containerId: string | undefined
  /** When it arrived and when its answer was whole, by the clock's monotonic milliseconds. */
  readonly atMs: number
  readonly endedAtMs: number | undefined
  /** Undefined while nothing has been answered. */
  readonly status: number | undefined
  /** Bytes of the body that were sent. */
  readonly bytes: number
  /** The connection was gone before the answer was whole, whoever closed it. */
  readonly closedEarly: boolean
  /** The kinds of the faults that struck it. */
  readonly faults: readonly string[]
}

export type MutableLoggedRequest = { -readonly [Key in keyof LoggedRequest]: LoggedRequest[Key] }

/** Which requests are meant; what is left out is not asked about. */
export interface RequestMatch {
  readonly method?: string
  readonly path?: string | RegExp
  readonly containerId?: string
}

/** What the engine was asked: the account that others' accounts are checked against. Keeps the latest ones. */
export class RequestLog implements Iterable<LoggedRequest> {
  readonly #limit: number
  readonly #now: () => number
  #kept: MutableLoggedRequest[] = []
  #total = 0

  constructor(limit: number, now: () => number) {
    this.#limit = limit
    this.#now = now
  }

  /** How many there were since the start or the last `clear()`, also those that are no longer kept. */
  get total(): number {
    return this.#total
  }

  [Symbol.iterator](): Iterator<LoggedRequest> {
    return this.#latest()[Symbol.iterator]()
  }

  /**
   * The kept requests that match, oldest first.
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

  /** Forgets all of them. Those under way are not counted again. */
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
