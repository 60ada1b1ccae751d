import type { Clock } from '../../../src/domain/clock.ts'
import type { RedisClient } from '../../../src/sessions/redis-options.ts'
import { listScript, readScript, releaseScript, takeScript } from '../../../src/sessions/redis-scripts.ts'

interface Entry {
  readonly value: string
  readonly expiresMs: number
}

/** A client of a {@link FakeRedis}. It keeps what it cannot send, as real ones do. */
export interface FakeClient extends RedisClient {
  /** The commands it was given so far. */
  readonly sent: number
  /** Cuts its connection. */
  cut(): void
  /** Restores the connection and sends what was kept. */
  heal(): void
  /** Fails every command until it is healed. */
  refuse(): void
}

/**
 * A Redis server that does with each script what the script does there, on a clock that the test drives. The tests on a real
 * server show that the scripts do the same.
 */
export class FakeRedis {
  entries = new Map<string, Entry>()
  /** How long after a command the answer arrives. */
  latencyMs = 0
  readonly #clock: Clock
  #skewMs = Date.UTC(2026, 0, 15)
  #run = 1
  #evicted = 0
  #isFrozen = false
  #waiting: (() => void)[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  client(): FakeClient {
    let link: 'up' | 'cut' | 'refusing' = 'up'
    let kept: (() => void)[] = []
    let sent = 0
    return {
      eval: (script, { keys, arguments: args }) => {
        sent += 1
        if (link === 'refusing') return Promise.reject(new Error('Socket closed unexpectedly'))
        return new Promise((resolve, reject) => {
          const send = () => this.#receive(() => this.#evaluate(script, keys, args), resolve, reject)
          if (link === 'up') send()
          else kept.push(send)
        })
      },
      get sent() {
        return sent
      },
      cut: () => void (link = 'cut'),
      refuse: () => void (link = 'refusing'),
      heal: () => {
        link = 'up'
        const sendable = kept
        kept = []
        for (const send of sendable) send()
      },
    }
  }

  flush(): void {
    this.entries.clear()
  }

  /** Another process answers from now on, with these keys. */
  restart(entries: ReadonlyMap<string, Entry> = new Map()): void {
    this.#run += 1
    this.#evicted = 0
    this.entries = new Map(entries)
  }

  evict(key: string): void {
    if (this.entries.delete(key)) this.#evicted += 1
  }

  /** SIGSTOP: what it is sent, it executes later. */
  freeze(): void {
    this.#isFrozen = true
  }

  thaw(): void {
    this.#isFrozen = false
    const waiting = this.#waiting
    this.#waiting = []
    for (const execute of waiting) execute()
  }

  /** Sets its clock. */
  jump(ms: number): void {
    this.#skewMs += ms
  }

  get nowMs(): number {
    return this.#clock.now() + this.#skewMs
  }

  #receive(work: () => unknown, resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
    const execute = () => {
      try {
        const value = work()
        if (this.latencyMs === 0) resolve(value)
        else this.#clock.setTimeout(() => resolve(value), this.latencyMs)
      } catch (error) {
        reject(error)
      }
    }
    if (this.#isFrozen) this.#waiting.push(execute)
    else execute()
  }

  #get(key: string): Entry | undefined {
    const entry = this.entries.get(key)
    if (entry !== undefined && entry.expiresMs <= this.nowMs) this.entries.delete(key)
    return this.entries.get(key)
  }

  #set(key: string, value: string, ttlMs: number): void {
    this.entries.set(key, { value, expiresMs: this.nowMs + ttlMs })
  }

  #evaluate(script: string, keys: readonly string[], args: readonly string[]): unknown {
    const [epochKey = '', ...leases] = keys
    const [fresh = '', ttl = '', third = ''] = args
    const [word = fresh, known = '0'] = this.#get(epochKey)?.value.split(' ') ?? []
    const longest = Math.max(Number(ttl), Number(known))
    this.#set(epochKey, `${word} ${longest}`, longest)
    const [lease = ''] = leases
    const value = this.#get(lease)?.value
    switch (script) {
      case takeScript: {
        if (value !== undefined && value !== third) return 'other'
        this.#set(lease, third, Number(ttl))
        return value === undefined ? 'made' : 'renewed'
      }
      case releaseScript: {
        if (value === third) this.entries.delete(lease)
        return 'released'
      }
      case readScript: {
        const states = leases.map((key) => {
          const entry = this.#get(key)
          if (entry !== undefined && entry.expiresMs - this.nowMs > longest)
            this.#set(key, entry.value, longest)
          return entry === undefined ? 'absent' : 'held'
        })
        return [
          `run${this.#run}`,
          String(this.#evicted),
          word,
          String(longest),
          String(this.nowMs),
          ...states,
        ]
      }
      case listScript: {
        const names = [...this.entries.keys()].filter((key) => this.#get(key) !== undefined)
        const prefix = (args[3] ?? '').slice(0, -1)
        const at = Number(third)
        const next = at + 1000 < names.length ? at + 1000 : 0
        return [String(next), names.slice(at, at + 1000).filter((name) => name.startsWith(prefix))]
      }
      default:
        throw new Error('ERR unknown script')
    }
  }
}
