import { randomBytes } from 'node:crypto'
import type { Clock } from '../domain/clock.ts'
import { SessionError } from '../domain/errors.ts'
import type { Lease } from '../domain/session.ts'
import { Commands, type CommandsOptions } from './redis-commands.ts'
import { releaseScript, takeScript } from './redis-scripts.ts'

export interface RedisLeaseOptions extends Omit<CommandsOptions, 'mostUnanswered'> {
  readonly id: string
  readonly epochKey: string
  readonly leaseKey: string
  readonly ttlMs: number
}

/** A lease in Redis. It is renewed until it is released, also after it may have been lost. */
export class RedisLease implements Lease {
  readonly #options: RedisLeaseOptions
  readonly #clock: Clock
  readonly #commands: Commands
  /** The value of the key, by which the holder recognizes its own. */
  readonly #secret = randomBytes(16).toString('hex')
  readonly #lost = new AbortController()
  #renewTimer: unknown
  #lossTimer: unknown
  /** When the last successful renewal was sent, by the wall clock. */
  #renewedWallMs = 0
  #renewal: Promise<void> = Promise.resolve()
  #release: Promise<void> | undefined

  /** Rejects if the lease is held already, or if the store does not answer in time. */
  static async take(options: RedisLeaseOptions): Promise<RedisLease> {
    const lease = new RedisLease(options)
    await lease.#take()
    return lease
  }

  private constructor(options: RedisLeaseOptions) {
    this.#options = options
    this.#clock = options.clock
    this.#commands = new Commands({ ...options, mostUnanswered: 3 })
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  release(): Promise<void> {
    this.#clock.clearTimeout(this.#renewTimer)
    this.#clock.clearTimeout(this.#lossTimer)
    this.#release ??= this.#end().catch((error: unknown) => {
      // a second call makes a second attempt
      this.#release = undefined
      throw error
    })
    return this.#release
  }

  async #take(): Promise<void> {
    // what is set too late is not left behind
    const onLate = () => void this.#delete().catch(() => {})
    const nowWallMs = this.#clock.wallNow()
    const { value, sentMs } = await this.#send('taking a lease', takeScript, onLate)
    if (value !== 'made') throw new SessionError(`redis: session ${this.#options.id} is held already`)
    this.#note(sentMs, nowWallMs)
    this.#renewAt(sentMs + this.#options.ttlMs / 3)
  }

  #renewAt(dueMs: number): void {
    this.#renewTimer = this.#clock.setTimeout(
      () => {
        const { ttlMs } = this.#options
        const nowMs = this.#clock.now()
        this.#renewal = this.#renew().then((isRenewed) => {
          // a failed one is repeated soon
          if (this.#release === undefined) this.#renewAt(nowMs + (isRenewed ? ttlMs / 3 : ttlMs / 12))
        })
      },
      Math.max(0, dueMs - this.#clock.now()),
    )
  }

  async #renew(): Promise<boolean> {
    const nowWallMs = this.#clock.wallNow()
    try {
      const { value, sentMs } = await this.#send('renewing a lease', takeScript)
      if (value !== 'renewed' && value !== 'made') {
        if (value === 'other') this.#lose('another process holds it')
        return false
      }
      const wasSuspended = nowWallMs - this.#renewedWallMs >= this.#options.ttlMs
      if (value === 'made' && wasSuspended) this.#lose('it expired while this machine was suspended')
      this.#note(sentMs, nowWallMs)
      return true
    } catch {
      return false
    }
  }

  #note(sentMs: number, wallMs: number): void {
    this.#renewedWallMs = wallMs
    this.#clock.clearTimeout(this.#lossTimer)
    if (this.#release !== undefined || this.#lost.signal.aborted) return
    const { ttlMs } = this.#options
    this.#lossTimer = this.#clock.setTimeout(
      () => this.#lose(`it could not be renewed for ${ttlMs} ms`),
      Math.max(0, sentMs + ttlMs - this.#clock.now()),
    )
  }

  #lose(why: string): void {
    this.#clock.clearTimeout(this.#lossTimer)
    if (this.#release !== undefined || this.#lost.signal.aborted) return
    const { id } = this.#options
    this.#lost.abort(new SessionError(`redis: the lease of session ${id} may have been lost: ${why}`))
  }

  async #end(): Promise<void> {
    // A renewal that overtook the deletion would set the lease again.
    await this.#renewal
    await this.#delete()
  }

  #delete() {
    return this.#send('releasing a lease', releaseScript)
  }

  #send(what: string, script: string, onLate?: () => void) {
    const { epochKey, leaseKey, ttlMs } = this.#options
    return this.#commands.send({
      what,
      script,
      keys: [epochKey, leaseKey],
      args: [randomBytes(16).toString('hex'), String(ttlMs), this.#secret],
      ...(onLate && { onLate }),
    })
  }
}
